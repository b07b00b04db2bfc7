"""Write XML so that the bytes are already their own exclusive canonical form.

The form (Canonical XML 1.0 section 1.1, Exclusive XML Canonicalization 1.0): a prefix is declared
on the outermost element that uses it, declarations come first, attributes in the order of their
names, no empty-element tags, five characters escaped. A test compares with lxml's canonicaliser.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, NewType

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMESPACES = MappingProxyType(
    {
        "ds": "http://www.w3.org/2000/09/xmldsig#",
        "md": "urn:oasis:names:tc:SAML:2.0:metadata",
        "saml": "urn:oasis:names:tc:SAML:2.0:assertion",
        "samlp": "urn:oasis:names:tc:SAML:2.0:protocol",
    }
)

Rendered = NewType("Rendered", str)
"""Canonical XML of an element that declares every prefix it uses."""

_NO_ATTRIBUTES: Mapping[str, str] = MappingProxyType({})


class Raw(NamedTuple):
    """A rendered element to stand inside another one, whose prefixes it does not share."""

    xml: Rendered


class Element(NamedTuple):
    """An element to be written; a tuple, because a Response is made of fifty of them.

    Attributes:
        name: With a prefix of `NAMESPACES`, such as "saml:Issuer".
        attributes: By name without prefix; no declarations.
        children: Elements and text, in order.

    """

    name: str
    attributes: Mapping[str, str] = _NO_ATTRIBUTES
    children: tuple[Element | Raw | str, ...] = ()


def render(element: Element) -> Rendered:
    """Return the element in exclusive canonical form.

    >>> render(Element("md:X", {"B": "2", "A": '"'}, ("a & b",)))
    '<md:X xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" A="&quot;" B="2">a &amp; b</md:X>'

    """
    return Rendered(_render(element, ()))


def render_within(element: Element, *declared: str) -> str:
    """Return the element as it stands within others that declare these prefixes.

    >>> render_within(Element("md:X", {}, ("a",)), "md")
    '<md:X>a</md:X>'

    """
    return _render(element, declared)


def render_around(element: Element, position: int) -> tuple[str, str]:
    """Return the canonical form in two parts, cut before the child at `position`."""
    opening, declared = _open(element, ())
    children = [_render_child(child, declared) for child in element.children]
    before, after = "".join(children[:position]), "".join(children[position:])
    return f"{opening}{before}", f"{after}</{element.name}>"


def to_declaration(prefix: str) -> str:
    """Return the declaration of a prefix, as it stands in an opening tag.

    >>> to_declaration("saml")
    'xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"'

    """
    return f'xmlns:{prefix}="{NAMESPACES[prefix]}"'


def _render(element: Element, declared: tuple[str, ...]) -> str:
    opening, declared = _open(element, declared)
    name, _, children = element
    if len(children) == 1:
        return f"{opening}{_render_child(children[0], declared)}</{name}>"
    inner = "".join([_render_child(child, declared) for child in children])
    return f"{opening}{inner}</{name}>"


def _render_child(child: Element | Raw | str, declared: tuple[str, ...]) -> str:
    if isinstance(child, str):
        return escape_text(child)
    return child.xml if isinstance(child, Raw) else _render(child, declared)


def _open(element: Element, declared: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Return the opening tag, and the prefixes that are declared within it."""
    name, attributes, _ = element
    prefix = name.partition(":")[0]
    text = f"<{name}"
    if prefix not in declared:
        text += f" {to_declaration(prefix)}"
        declared = (*declared, prefix)
    if attributes:
        for key, value in sorted(attributes.items()):
            text += f' {key}="{escape_attribute(value)}"'
    return f"{text}>", declared


_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ODD = re.compile("[^\x20!#-%'-;=?-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_IN_TEXT = re.compile("[&<>\r]")
_IN_ATTRIBUTE = re.compile('[&<"\t\n\r]')
_ESCAPES = MappingProxyType(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        '"': "&quot;",
        "\t": "&#x9;",
        "\n": "&#xA;",
        "\r": "&#xD;",
    }
)


def escape_text(text: str) -> str:
    """Return text as it stands between tags; what XML cannot hold becomes U+FFFD."""
    return text if _ODD.search(text) is None else _escape(_IN_TEXT, text)


def escape_attribute(text: str) -> str:
    """Return text as it stands between quotes; what XML cannot hold becomes U+FFFD."""
    return text if _ODD.search(text) is None else _escape(_IN_ATTRIBUTE, text)


def _escape(special: re.Pattern[str], text: str) -> str:
    return special.sub(lambda found: _ESCAPES[found[0]], _NOT_XML.sub("\ufffd", text))
