"""Read and write LogoutResponses (Core section 3.7.2, Profiles section 4.4.4.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from connector.errors import RequestRefused
from connector.idp.message.incoming import (
    SAML,
    SAMLP,
    check_destination,
    check_issued,
    check_kind,
    verify_message,
)
from connector.idp.moment import to_timestamp
from connector.idp.names import Binding
from connector.idp.reason import Reason
from connector.idp.xmldsig import Element, XmlRefused, parse_xml, text_of

if TYPE_CHECKING:
    from datetime import datetime

    from connector.idp.application.service_provider import Registry
    from connector.idp.binding import BoundMessage
    from connector.idp.endpoints import IdpEndpoints

_STATUS = "urn:oasis:names:tc:SAML:2.0:status:"
SUCCESS = f"{_STATUS}Success"
PARTIAL_LOGOUT = f"{_STATUS}PartialLogout"
REQUESTER = f"{_STATUS}Requester"
UNKNOWN_PRINCIPAL = f"{_STATUS}UnknownPrincipal"


@dataclass(frozen=True, slots=True)
class LogoutResponse:
    """What a service provider says to a request of ours, checked.

    Attributes:
        in_response_to: ID of the request.
        issuer: entity_id of the service provider.
        status: URI of the first status code; the only one that speaks of its own session.
        is_signed: Whether a signature was verified.

    """

    in_response_to: str
    issuer: str
    status: str
    is_signed: bool = False

    @property
    def is_success(self) -> bool:
        """Return whether the session there has ended."""
        return self.status == SUCCESS


def parse_logout_response(
    message: BoundMessage, registry: Registry, *, now: datetime, endpoints: IdpEndpoints
) -> LogoutResponse:
    """Return the response of a message; whether anybody waits for it is for the store to say.

    What comes through a browser must be signed if the service provider has a key. By SOAP it is
    the answer of a server that we asked ourselves, whose TLS certificate may vouch for it instead
    (Profiles section 4.4.4.2).

    Raises:
        RequestRefused: with the reason.

    """
    is_by_soap = message.binding is Binding.SOAP
    try:
        root = parse_xml(message.document)
        issuer = text_of(root.find(f"{SAML}Issuer"))
        providers = [one.service_provider for one in registry.of_issuer(issuer)]
        certificates = [each for one in providers for each in one.certificates]
        signed = verify_message(message, root, certificates)
    except XmlRefused as error:
        raise RequestRefused(error.reason, str(error)) from error
    if not providers:
        raise RequestRefused(Reason.ISSUER_UNKNOWN, f"no application has the entity ID {issuer!r}")
    if signed is None and certificates and not is_by_soap:
        raise RequestRefused(Reason.SIGNATURE_MISSING, "its metadata holds a key to sign by")
    root = root if signed is None else signed
    check_kind(root, "LogoutResponse", Reason.NOT_LOGOUT_RESPONSE)
    if not is_by_soap:  # by SOAP it says where the request came from, if anything
        check_destination(root, endpoints.slo_url, is_required=signed is not None)
    check_issued(root, now)
    code = root.find(f"{SAMLP}Status/{SAMLP}StatusCode")
    status = "" if code is None else code.get("Value", "")
    in_response_to = root.get("InResponseTo", "")
    return LogoutResponse(in_response_to, issuer, status, is_signed=signed is not None)


def build_logout_response(
    *,
    response_id: str,
    issuer: str,
    destination: str,
    in_response_to: str,
    status: tuple[str, ...],
    now: datetime,
) -> Element:
    """Return the answer to a request.

    Args:
        response_id: XML ID.
        issuer: Our entity ID.
        destination: Where it is sent; "" for the answer of a server to a server.
        in_response_to: ID of the request.
        status: URIs of the first and perhaps the second level.
        now: When.

    """
    attributes = {
        "ID": response_id,
        "InResponseTo": in_response_to,
        "IssueInstant": to_timestamp(now),
        "Version": "2.0",
    }
    if destination:
        attributes["Destination"] = destination
    inner: tuple[Element, ...] = ()
    for code in reversed(status):
        inner = (Element("samlp:StatusCode", {"Value": code}, inner),)
    children = (Element("saml:Issuer", {}, (issuer,)), Element("samlp:Status", {}, inner))
    return Element("samlp:LogoutResponse", attributes, children)
