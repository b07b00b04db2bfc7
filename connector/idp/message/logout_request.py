"""Read and write LogoutRequests (Core section 3.7.1, Profiles section 4.4.4.1).

Refused here: an issuer that is not registered, a message meant for somebody else or for another
time, a wrong signature, and a missing one where the issuer's metadata holds a key. Who has no key
can prove nothing; what such a request may lead to is for `idp.logout` to say. Whether the same
request came before is for the store to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from connector.errors import RequestRefused
from connector.idp.message.incoming import (
    SAML,
    SAMLP,
    SKEW,
    check_destination,
    check_issued,
    check_kind,
    read_moment,
    verify_message,
)
from connector.idp.message.name_id import NameId, qualified, to_element
from connector.idp.moment import to_timestamp
from connector.idp.names import UNSPECIFIED_FORMAT, Binding
from connector.idp.reason import Reason
from connector.idp.xmldsig import Element, XmlRefused, parse_xml, text_of

if TYPE_CHECKING:
    from datetime import datetime

    from lxml import etree

    from connector.idp.application.service_provider import Application, Registry
    from connector.idp.binding import BoundMessage
    from connector.idp.endpoints import IdpEndpoints
    from connector.idp.logout_transaction import Delivery

# How long somebody else may act on a request of ours.
LIFETIME = timedelta(minutes=5)
SESSION_INDEXES_AT_MOST = 32


@dataclass(frozen=True, slots=True)
class LogoutRequest:
    """What a service provider asks for, checked.

    Attributes:
        request_id: Its ID, which the answer names.
        issuer: entity_id of the service provider.
        name_id: Who is to be signed out; a format of "" is one that it does not say.
        session_indexes: Which of their sessions; none: all of them.
        binding: How it came.
        relay_state: Goes back with the answer.
        is_signed: Whether a signature was verified.

    """

    request_id: str
    issuer: str
    name_id: NameId
    session_indexes: tuple[str, ...] = ()
    binding: str = Binding.REDIRECT
    relay_state: str = ""
    is_signed: bool = False

    def means(self, name_id: str, name_format: str) -> bool:
        """Return whether it speaks of somebody whom the issuer was told under that name.

        The names must be the same to the letter (Profiles section 4.4.4.1). Many service
        providers leave the format out, or say that they do not know it.
        """
        formats = {name_format, UNSPECIFIED_FORMAT, ""}
        return self.name_id.value == name_id and self.name_id.format in formats


def parse_logout_request(
    message: BoundMessage, registry: Registry, *, now: datetime, endpoints: IdpEndpoints
) -> LogoutRequest:
    """Return the request of a message.

    Raises:
        RequestRefused: with the reason; nothing may be answered to the service provider then.

    """
    try:
        root = parse_xml(message.document)
        applications = _applications(root, registry)
        certificates = [each for one in applications for each in one.service_provider.certificates]
        signed = verify_message(message, root, certificates)
    except XmlRefused as error:
        raise RequestRefused(error.reason, str(error)) from error
    if signed is None and certificates:
        raise RequestRefused(Reason.SIGNATURE_MISSING, "its metadata holds a key to sign by")
    root = root if signed is None else signed
    check_kind(root, "LogoutRequest", Reason.NOT_LOGOUT_REQUEST)
    is_required = signed is not None and message.binding is not Binding.SOAP
    check_destination(root, endpoints.slo_url, is_required=is_required)
    _check_time(root, now)
    return LogoutRequest(
        request_id=root.get("ID", ""),
        issuer=applications[0].service_provider.entity_id,
        name_id=_read_name_id(root, applications[0], endpoints),
        session_indexes=_read_session_indexes(root),
        binding=message.binding,
        relay_state=message.relay_state,
        is_signed=signed is not None,
    )


def _applications(root: etree._Element, registry: Registry) -> tuple[Application, ...]:
    issuer = text_of(root.find(f"{SAML}Issuer"))
    applications = registry.of_issuer(issuer)
    if not applications:
        check_kind(root, "LogoutRequest", Reason.NOT_LOGOUT_REQUEST)
        message = f"no application has the entity ID {issuer!r}"
        raise RequestRefused(Reason.ISSUER_UNKNOWN, message)
    return applications


def _check_time(root: etree._Element, now: datetime) -> None:
    check_issued(root, now)
    until = read_moment(root, "NotOnOrAfter")
    if until is not None and now - SKEW >= until:
        raise RequestRefused(Reason.REQUEST_TIME, f"not to be acted on after {until.isoformat()}")


def _read_name_id(
    root: etree._Element, application: Application, endpoints: IdpEndpoints
) -> NameId:
    element = root.find(f"{SAML}NameID")
    if element is None or not text_of(element):
        # We publish no key to encrypt for, so an EncryptedID cannot be meant for us.
        raise RequestRefused(Reason.PRINCIPAL_MISSING, "names nobody by a NameID")
    ours = {"", endpoints.entity_id}
    theirs = {"", *application.service_provider.names}
    is_ours = element.get("NameQualifier", "") in ours
    if not is_ours or element.get("SPNameQualifier", "") not in theirs:
        raise RequestRefused(Reason.PRINCIPAL_UNKNOWN, "the name is qualified by somebody else")
    return NameId(text_of(element), element.get("Format", ""))


def _read_session_indexes(root: etree._Element) -> tuple[str, ...]:
    found = tuple(text_of(each) for each in root.findall(f"{SAMLP}SessionIndex"))
    if len(found) > SESSION_INDEXES_AT_MOST:
        raise RequestRefused(Reason.PRINCIPAL_UNKNOWN, f"names {len(found)} sessions")
    return tuple(each for each in found if each)


def build_logout_request(
    delivery: Delivery, *, issuer: str, destination: str, reason: str, now: datetime
) -> Element:
    """Return a request that ends somebody's session at a service provider.

    Args:
        delivery: Of whom, as that service provider was told; and the ID of the request.
        issuer: Our entity ID.
        destination: Where it is sent.
        reason: URI: by the person or by an administrator.
        now: It is good for `LIFETIME`.

    """
    attributes = {
        "Destination": destination,
        "ID": delivery.request_id,
        "IssueInstant": to_timestamp(now),
        "NotOnOrAfter": to_timestamp(now + LIFETIME),
        "Reason": reason,
        "Version": "2.0",
    }
    name_id = NameId(delivery.name_id, delivery.name_id_format)
    children = (
        Element("saml:Issuer", {}, (issuer,)),
        to_element(qualified(name_id, issuer, delivery.entity_id)),
        Element("samlp:SessionIndex", {}, (delivery.session_index,)),
    )
    return Element("samlp:LogoutRequest", attributes, children)
