"""Put a message into a SOAP 1.1 envelope, and take it out of one (Bindings section 3.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lxml import etree

from connector.errors import RequestRefused
from connector.idp.binding import BoundMessage
from connector.idp.names import Binding, MessageKind
from connector.idp.reason import Reason
from connector.idp.xmldsig import XmlRefused, parse_xml

if TYPE_CHECKING:
    from connector.idp.xmldsig import Rendered

ENVELOPE: Final = "http://schemas.xmlsoap.org/soap/envelope/"
_NAME = f"{{{ENVELOPE}}}"
MEDIA_TYPE: Final = "text/xml"


def to_envelope(document: Rendered) -> bytes:
    """Return a signed message in an envelope; its signature stays good, being exclusive."""
    return (f'<S:Envelope xmlns:S="{ENVELOPE}"><S:Body>{document}</S:Body></S:Envelope>').encode()


def read_envelope(content: bytes, kind: MessageKind) -> BoundMessage:
    """Return the one message in the body of an envelope; headers are not looked at.

    Raises:
        RequestRefused: if it is no envelope with one message, or holds what is never read.

    """
    try:
        root = parse_xml(content)
    except XmlRefused as error:
        raise RequestRefused(error.reason, str(error)) from error
    bodies = root.findall(f"{_NAME}Body")
    if root.tag != f"{_NAME}Envelope" or len(bodies) != 1 or len(bodies[0]) != 1:
        raise RequestRefused(Reason.SOAP_MALFORMED, "not one message in one SOAP body")
    # SOAP 1.1 section 4.2.3: who does not understand a header that it must may not go on.
    for header in root.findall(f"{_NAME}Header/*"):
        if header.get(f"{_NAME}mustUnderstand") in {"1", "true"}:
            raise RequestRefused(Reason.SOAP_MALFORMED, "a header that must be understood")
    document = etree.tostring(bodies[0][0], encoding="UTF-8", with_tail=False)
    return BoundMessage(Binding.SOAP, document, kind=kind)
