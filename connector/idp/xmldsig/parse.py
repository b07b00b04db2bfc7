"""Read XML of strangers: one parser, one tree, and nothing in it that honest SAML never holds.

Refused: document types and entities, processing instructions, comments (unless the caller says
they are dropped), other encodings than UTF-8, IDs used twice, and too much of anything.
"""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from connector.idp.reason import Reason

ID_NAMES = ("ID", "Id", "id", "{http://www.w3.org/XML/1998/namespace}id")


class XmlRefused(ValueError):
    """A document that is not read on.

    Attributes:
        reason: The word for the audit.

    """

    def __init__(self, reason: Reason, message: str = "") -> None:
        self.reason = reason
        super().__init__(message or reason)


@dataclass(frozen=True, slots=True)
class XmlLimits:
    """How much is read.

    Attributes:
        size_bytes: Length of the document.
        depth: Elements within elements.
        keeps_out_comments: Refuse comments; False drops them before anything is read.

    """

    size_bytes: int = 65_536
    depth: int = 24
    keeps_out_comments: bool = True


_USUAL = XmlLimits()


def parse_xml(document: bytes, limits: XmlLimits | None = None) -> etree._Element:
    """Return the root element of a document.

    Raises:
        XmlRefused: if it is not well-formed or holds what is refused.

    """
    limits = limits or _USUAL
    if len(document) > limits.size_bytes:
        raise XmlRefused(Reason.XML_TOO_LARGE, f"more than {limits.size_bytes} bytes of XML")
    _check_text(document)
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=not limits.keeps_out_comments,
    )
    try:
        root = etree.fromstring(document, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise XmlRefused(Reason.XML_MALFORMED, f"not well-formed XML: {error}") from error
    _check_tree(root, limits)
    return root


def stand_alone(element: etree._Element, limits: XmlLimits | None = None) -> etree._Element:
    """Return an element as the root of a document of its own, with what is declared around it.

    Raises:
        XmlRefused: if it holds what is refused.

    """
    return parse_xml(etree.tostring(element, encoding="UTF-8", with_tail=False), limits)


def _check_text(document: bytes) -> None:
    try:
        text = document.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise XmlRefused(Reason.XML_ENCODING, "XML that is not UTF-8") from error
    if "\0" in text:  # UTF-16 without a mark, which the parser would recognise
        raise XmlRefused(Reason.XML_ENCODING, "XML that is not UTF-8")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise XmlRefused(Reason.XML_DOCTYPE, "XML with a document type")


def _check_tree(root: etree._Element, limits: XmlLimits) -> None:
    information = root.getroottree().docinfo
    if (information.encoding or "UTF-8").upper() not in {"UTF-8", "ASCII", "US-ASCII"}:
        raise XmlRefused(Reason.XML_ENCODING, "XML that says it is not UTF-8")
    if root.getprevious() is not None or root.getnext() is not None:
        raise XmlRefused(Reason.XML_COMMENT, "XML with comments or instructions around it")
    elements = list(root.iter())
    if not all(isinstance(each.tag, str) for each in elements):
        raise XmlRefused(Reason.XML_COMMENT, "XML with comments, instructions or entities in it")
    # So few as that are not deeper, however they are nested.
    if len(elements) > limits.depth and _is_deeper(root, limits.depth):
        raise XmlRefused(Reason.XML_TOO_DEEP, f"XML deeper than {limits.depth} elements")
    ids = [value for each in elements for name in ID_NAMES if (value := each.get(name)) is not None]
    if len(ids) > len(set(ids)):
        raise XmlRefused(Reason.XML_DUPLICATE_ID, "XML with an ID used twice")


def _is_deeper(root: etree._Element, limit: int) -> bool:
    waiting = [(root, 1)]
    while waiting:
        node, depth = waiting.pop()
        if depth > limit:
            return True
        waiting.extend((child, depth + 1) for child in node)
    return False


def text_of(element: etree._Element | None) -> str:
    """Return the whole text within an element, stripped; "" if there is no element."""
    if element is None:
        return ""
    # Never .text of others: it ends at the first child, as when a comment cuts a name short.
    text = "".join(map(str, element.itertext())) if len(element) else element.text or ""
    return text.strip()
