"""The sample application's half of single logout: it is told by Redirect, and answers so.

It signs nothing, having no key. What it is told it believes only if the identity provider signed.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography.x509 import load_pem_x509_certificate

from connector.demo.sample_saml import (
    ASSERTION,
    PROTOCOL,
    IdentityProvider,
    ResponseRefused,
    parse,
    require,
    to_time,
)
from connector.errors import RequestRefused
from connector.idp.binding import DetachedSignature, read_redirect, to_redirect_url
from connector.idp.xmldsig import XmlRefused, verify_octets

if TYPE_CHECKING:
    from datetime import datetime

_SUCCESS: Final = "urn:oasis:names:tc:SAML:2.0:status:Success"


@dataclass(frozen=True, slots=True)
class Farewell:
    """Whose sessions are over.

    Attributes:
        session_indexes: As the assertions named them.
        answer_url: Where to send the browser when that is done.

    """

    session_indexes: frozenset[str]
    answer_url: str


def read_logout(query: bytes, provider: IdentityProvider, base_url: str, now: datetime) -> Farewell:
    """Return who is signed out (Profiles section 4.4).

    Args:
        query: Raw, as the browser brought it.
        provider: Whom we believe.
        base_url: Our own.
        now: The present moment.

    Raises:
        ResponseRefused: if it is not signed, not for us, or too late.

    """
    certificates = [load_pem_x509_certificate(each.encode()) for each in provider.certificates]
    try:
        message = read_redirect(query)
        signed = message.signature or DetachedSignature(b"", b"", "none")
        verify_octets(signed.octets, signed.value, signed.algorithm, certificates)
    except (RequestRefused, XmlRefused) as error:
        raise ResponseRefused(str(error)) from error
    request = parse(message.document)
    require(request.tag == f"{PROTOCOL}LogoutRequest", "not a LogoutRequest")
    require(request.findtext(f"{ASSERTION}Issuer") == provider.entity_id, "by another issuer")
    require(request.get("Destination") == f"{base_url}/saml/slo", "for another address")
    require(now < to_time(request.get("NotOnOrAfter")), "too late")
    found = {each.text or "" for each in request.iterfind(f"{PROTOCOL}SessionIndex")}
    answer = _answer(request.get("ID", ""), provider, base_url, now)
    url = to_redirect_url(provider.slo_url, "SAMLResponse", answer, message.relay_state)
    return Farewell(frozenset(found), url)


def _answer(request_id: str, provider: IdentityProvider, base_url: str, now: datetime) -> str:
    return (
        f'<samlp:LogoutResponse xmlns:samlp="{PROTOCOL[1:-1]}" xmlns:saml="{ASSERTION[1:-1]}"'
        f' ID="_{secrets.token_hex(16)}" Version="2.0" IssueInstant="{now:%Y-%m-%dT%H:%M:%SZ}"'
        f' Destination="{provider.slo_url}" InResponseTo="{request_id}">'
        f"<saml:Issuer>{base_url}/saml/metadata</saml:Issuer>"
        f'<samlp:Status><samlp:StatusCode Value="{_SUCCESS}"/></samlp:Status>'
        "</samlp:LogoutResponse>"
    )
