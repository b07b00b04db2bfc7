"""Read an AuthnRequest, and refuse what we must not answer (step 3; Core section 3.4.1).

Refused here: an issuer that is not registered, an address for the answer that is not registered
for that issuer, a message meant for somebody else or for another time, a wrong signature, and a
missing one where the issuer's metadata says that all are signed. Whether the same request came
before is for the store to say.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from connector.errors import RequestRefused
from connector.idp.application.metadata import is_index
from connector.idp.message.incoming import (
    SAML,
    check_destination,
    check_issued,
    check_kind,
    verify_message,
)
from connector.idp.message.wishes import read_wishes
from connector.idp.names import Binding
from connector.idp.reason import Reason
from connector.idp.xmldsig import XmlRefused, parse_xml, text_of

if TYPE_CHECKING:
    from datetime import datetime

    from lxml import etree

    from connector.idp.application.service_provider import Application, Registry
    from connector.idp.binding import BoundMessage
    from connector.idp.endpoints import IdpEndpoints


@dataclass(frozen=True, slots=True)
class AuthnRequest:
    """What a service provider asks for, checked.

    Attributes:
        request_id: Its ID, which the answer names; "" if nobody asked (the portal).
        issuer: The name by which the service provider asks; the answer is for that name.
        application: Slug of the application.
        acs_url: Where the answer goes; registered.
        relay_state: Goes back with the answer.
        force_authn: Ask for the password although there is a session.
        is_passive: Ask for nothing; without a session the answer is NoPassive.
        name_id_format: URI of the format asked for; "" if any will do.
        is_signed: Whether a signature was verified.
        unmet: Why the answer can only be an error (a word of `Reason`), or "".
        subject: NameID of the only person who may be signed in; "" for whoever it is.
        attribute_index: Which set of attributes of its metadata; None for the usual one.
        context_classes: How the person is to be authenticated; empty for any way.
        comparison: How those classes are meant.

    """

    request_id: str
    issuer: str
    application: str
    acs_url: str
    relay_state: str = ""
    force_authn: bool = False
    is_passive: bool = False
    name_id_format: str = ""
    is_signed: bool = False
    unmet: str = ""
    subject: str = ""
    attribute_index: int | None = None
    context_classes: tuple[str, ...] = ()
    comparison: str = "exact"


def parse_authn_request(
    message: BoundMessage, registry: Registry, *, now: datetime, endpoints: IdpEndpoints
) -> AuthnRequest:
    """Return the request of a message.

    Raises:
        RequestRefused: with the reason; nothing may be answered to the service provider then.

    """
    try:
        root = parse_xml(message.document)
        applications = registry.of_issuer(text_of(root.find(f"{SAML}Issuer")))
        if not applications:
            check_kind(root, "AuthnRequest", Reason.NOT_AUTHN_REQUEST)
            raise RequestRefused(
                Reason.ISSUER_UNKNOWN,
                f"no application has the entity ID {text_of(root.find(f'{SAML}Issuer'))!r}",
            )
        signed = _verify(message, root, applications)
    except XmlRefused as error:
        raise RequestRefused(error.reason, str(error)) from error
    root = root if signed is None else signed
    check_kind(root, "AuthnRequest", Reason.NOT_AUTHN_REQUEST)
    check_destination(root, endpoints.sso_url, is_required=signed is not None)
    check_issued(root, now)
    application, acs_url = _choose_acs(root, applications)
    check_validity(application, now)
    return _to_request(root, message, application, acs_url=acs_url, is_signed=signed is not None)


def _verify(
    message: BoundMessage, root: etree._Element, applications: tuple[Application, ...]
) -> etree._Element | None:
    """Return the root as it was signed, or None if the message is unsigned and may be."""
    described = [application.service_provider for application in applications]
    certificates = [each for one in described for each in one.certificates]
    signed = verify_message(message, root, certificates)
    if signed is None and any(one.signs_requests for one in described):
        raise RequestRefused(Reason.SIGNATURE_MISSING, "the metadata says requests are signed")
    return signed


def _choose_acs(
    root: etree._Element, applications: tuple[Application, ...]
) -> tuple[Application, str]:
    """Return the application that takes answers at the address asked for, and that address.

    Of several applications with one entity ID, the one whose default address it is comes first.
    """
    if root.get("ProtocolBinding", Binding.POST) != Binding.POST:
        raise RequestRefused(Reason.BINDING_UNSUPPORTED, "answers go by HTTP-POST only")
    url = root.get("AssertionConsumerServiceURL", "")
    index = root.get("AssertionConsumerServiceIndex", "")
    if index and not is_index(index):
        raise RequestRefused(Reason.ACS_UNREGISTERED, f"index {index[:20]!r}")
    found = [
        (application, acs)
        for application in applications
        if (acs := application.service_provider.find_acs(url, int(index) if index else None))
    ]
    found.sort(key=lambda pair: pair[1] != pair[0].service_provider.default_acs())
    if not found:
        raise RequestRefused(Reason.ACS_UNREGISTERED, f"asks to answer at {url or index!r}")
    return found[0][0], found[0][1].url


def unasked_request(application: Application | None, now: datetime) -> AuthnRequest:
    """Return the request that a service provider did not make (Profiles section 4.1.5).

    Raises:
        RequestRefused: if there is no such application, or its metadata has ended.

    """
    if application is None:
        raise RequestRefused(Reason.APPLICATION_UNKNOWN)
    check_validity(application, now)
    service_provider = application.service_provider
    return AuthnRequest(
        "",
        service_provider.entity_id,
        application.slug,
        application.portal_acs_url or service_provider.default_acs().url,
        application.relay_state,
    )


def check_validity(application: Application, now: datetime) -> None:
    """Accept an application whose metadata is valid, or refuse (Metadata section 2.3.1)."""
    if application.service_provider.has_ended(now):
        ended_at = application.service_provider.valid_until
        raise RequestRefused(Reason.METADATA_ENDED, f"its metadata ended at {ended_at}")


def _to_request(
    root: etree._Element,
    message: BoundMessage,
    application: Application,
    *,
    acs_url: str,
    is_signed: bool,
) -> AuthnRequest:
    wishes = read_wishes(root, application)
    return AuthnRequest(
        request_id=root.get("ID", ""),
        issuer=text_of(root.find(f"{SAML}Issuer")),
        application=application.slug,
        acs_url=acs_url,
        relay_state=message.relay_state,
        force_authn=root.get("ForceAuthn") in {"true", "1"},
        is_passive=root.get("IsPassive") in {"true", "1"},
        is_signed=is_signed,
        unmet=wishes.unmet,
        subject=wishes.subject,
        attribute_index=wishes.attribute_index,
        context_classes=wishes.context_classes,
        comparison=wishes.comparison,
        name_id_format=wishes.name_id_format,
    )


def to_json(request: AuthnRequest) -> bytes:
    """Return the request as a row keeps it."""
    return json.dumps(asdict(request)).encode()


def from_json(text: bytes) -> AuthnRequest:
    """Return the request that a row keeps."""
    values = json.loads(text)
    return AuthnRequest(**values | {"context_classes": tuple(values.get("context_classes", ()))})
