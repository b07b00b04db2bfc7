"""What every message that comes in must stand up to, whatever it says.

A signature by a key of the sender's metadata, our own address as its destination, and a time that
is now. What is read of a signed message is read of the element that was signed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from connector.errors import RequestRefused
from connector.idp.moment import to_moment
from connector.idp.names import Binding
from connector.idp.reason import Reason
from connector.idp.xmldsig import verify_enveloped, verify_octets

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cryptography.x509 import Certificate
    from lxml import etree

    from connector.idp.binding import BoundMessage

# For clocks that differ; a message is sent at once, so older ones are not honest either.
SKEW = timedelta(minutes=5)

SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"
SAMLP = "{urn:oasis:names:tc:SAML:2.0:protocol}"
_DS_SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"


def verify_message(
    message: BoundMessage, root: etree._Element, certificates: Sequence[Certificate]
) -> etree._Element | None:
    """Return the root as it was signed; None if no signature can be checked.

    Raises:
        XmlRefused: if there is a signature and none of these keys verifies it.

    """
    if not certificates:
        # A signature without a known key proves nothing, and nothing is taken from it.
        return None
    if message.signature is not None:
        signature = message.signature
        verify_octets(signature.octets, signature.value, signature.algorithm, certificates)
        return root
    has_inner = next(root.iter(_DS_SIGNATURE), None) is not None
    # By redirect the query carries the signature, and the XML has none (Bindings section 3.4.4.1).
    if message.binding is not Binding.REDIRECT and has_inner:
        return verify_enveloped(root, certificates)
    return None


def check_kind(root: etree._Element, name: str, otherwise: Reason) -> None:
    """Accept a message of that name, of this version, with an ID; or refuse it.

    Raises:
        RequestRefused: with `otherwise` if it is something else.

    """
    if root.tag != f"{SAMLP}{name}":
        raise RequestRefused(otherwise)
    if root.get("Version") != "2.0":
        raise RequestRefused(Reason.VERSION_UNSUPPORTED)
    if not 1 <= len(root.get("ID", "")) <= 256:
        raise RequestRefused(Reason.REQUEST_ID_MISSING)


def check_destination(root: etree._Element, url: str, *, is_required: bool) -> None:
    """Accept a message that was sent to us, or refuse it.

    Args:
        root: Of the message.
        url: Where it came in.
        is_required: It must say so; a signed one that goes through a browser must (Bindings
            sections 3.4.5.2 and 3.5.5.2), or it could be taken elsewhere and sent on to us.

    Raises:
        RequestRefused: if it was meant for somebody else.

    """
    destination = root.get("Destination", "")
    if destination != url and (destination or is_required):
        raise RequestRefused(Reason.DESTINATION_WRONG, f"sent to {destination!r}")


def check_issued(root: etree._Element, now: datetime) -> None:
    """Accept a message of now, or refuse it.

    Raises:
        RequestRefused: if it says that it is of another time, or of none.

    """
    issued_at = read_moment(root, "IssueInstant")
    if issued_at is None or abs(now - issued_at) > SKEW:
        when = f"issued at {issued_at.isoformat()}" if issued_at else "no IssueInstant"
        raise RequestRefused(Reason.REQUEST_TIME, when)


def read_moment(root: etree._Element, name: str) -> datetime | None:
    """Return the moment of an attribute, or None if it is not there.

    Raises:
        RequestRefused: if it is not a moment.

    """
    text = root.get(name)
    if text is None:
        return None
    try:
        return to_moment(text)
    except ValueError as error:
        raise RequestRefused(Reason.REQUEST_TIME, f"no valid {name}") from error
