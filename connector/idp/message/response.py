"""Write the Response and sign it (step 7; Core section 3.3.3, Profiles section 4.1.4.2).

Assertion and Response are both signed unless the operator says otherwise: of the service providers
tried, some look at one, some at the other, some at both. The assertion is signed, then encrypted;
the Response is signed over that. Attribute values carry no xsi:type, whose prefix canonicalisation
drops.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from connector.idp.message.name_id import to_element
from connector.idp.message.status import STATUS, to_status, to_words
from connector.idp.moment import to_timestamp
from connector.idp.xmldsig import (
    Element,
    Raw,
    Rendered,
    SigningKey,
    escape_attribute,
    escape_text,
    render,
    render_within,
    sign_between,
    to_declaration,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from connector.idp.message.assertion import Assertion, Attribute, SignOn
    from connector.idp.message.authn_request import AuthnRequest

_SAML, _SAMLP = to_declaration("saml"), to_declaration("samlp")
_SUCCESS = (
    f'<samlp:Status><samlp:StatusCode Value="{STATUS}Success"></samlp:StatusCode></samlp:Status>'
)
_BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"


@dataclass(frozen=True, slots=True)
class Seal:
    """What is signed, and for whom is encrypted.

    Attributes:
        signs_response: Whether the Response is signed.
        signs_assertion: Whether the assertion is.
        encrypt: Returns an element for the one reader that the assertion is for; None if everybody
            whom it passes may read it.

    """

    signs_response: bool = True
    signs_assertion: bool = True
    encrypt: Callable[[Rendered], Rendered] | None = None


_BOTH_SIGNED = Seal()


def build_response(
    assertion: Assertion, key: SigningKey, response_id: str, seal: Seal = _BOTH_SIGNED
) -> Rendered:
    """Return the Response that carries the assertion."""
    before, after = _assertion(assertion)
    carried = Rendered(before + after)
    if seal.signs_assertion:
        carried = sign_between(before, after, assertion.assertion_id, key)
    if seal.encrypt is not None:
        encrypted = Raw(seal.encrypt(carried))
        carried = render(Element("saml:EncryptedAssertion", {}, (encrypted,)))
    before = _beginning(
        assertion.issuer,
        response_id,
        assertion.issued_at,
        acs_url=assertion.acs_url,
        request_id=assertion.in_response_to,
    )
    after = f"{_SUCCESS}{carried}</samlp:Response>"
    if seal.signs_response:
        return sign_between(before, after, response_id, key)
    return Rendered(before + after)


def build_error_response(
    request: AuthnRequest, reason: str, *, issuer: str, key: SigningKey, ids: tuple[str, datetime]
) -> Rendered:
    """Return the signed Response that says why there is no assertion.

    Args:
        request: What is answered.
        reason: A word of `Reason`.
        issuer: Our entity ID.
        key: Signs.
        ids: XML ID of the Response, and now.

    """
    top, second = to_status(reason)
    code = Element(
        "samlp:StatusCode", {"Value": top}, (Element("samlp:StatusCode", {"Value": second}),)
    )
    message = Element("samlp:StatusMessage", {}, (to_words(reason),))
    status = render_within(Element("samlp:Status", {}, (code, message)), "samlp")
    response_id, issued_at = ids
    before = _beginning(
        issuer, response_id, issued_at, acs_url=request.acs_url, request_id=request.request_id
    )
    return sign_between(before, f"{status}</samlp:Response>", response_id, key)


# What follows is written as text in canonical form: declarations first, then attributes by name.
# By way of elements it would cost half as much as a signature does. Tests compare it with the
# canonical form that a library makes of it, and with the schema.


def _beginning(
    issuer: str, response_id: str, issued_at: datetime, *, acs_url: str, request_id: str
) -> str:
    """Return a Response up to where its signature goes (Core section 3.2.2)."""
    return (
        f'<samlp:Response {_SAMLP} Destination="{escape_attribute(acs_url)}"'
        f' ID="{response_id}"{_in_response_to(request_id)}'
        f' IssueInstant="{to_timestamp(issued_at)}" Version="2.0">'
        f"<saml:Issuer {_SAML}>{escape_text(issuer)}</saml:Issuer>"
    )


def _assertion(assertion: Assertion) -> tuple[str, str]:
    """Return an assertion, cut where its signature goes (Core section 2.3.3)."""
    before = (
        f'<saml:Assertion {_SAML} ID="{assertion.assertion_id}"'
        f' IssueInstant="{to_timestamp(assertion.issued_at)}" Version="2.0">'
        f"<saml:Issuer>{escape_text(assertion.issuer)}</saml:Issuer>"
    )
    statements = f"{_authn_statement(assertion.sign_on)}{_attribute_statement(assertion)}"
    after = f"{_subject(assertion)}{_conditions(assertion)}{statements}</saml:Assertion>"
    return before, after


def _in_response_to(request_id: str) -> str:
    return f' InResponseTo="{escape_attribute(request_id)}"' if request_id else ""


def _subject(assertion: Assertion) -> str:
    """Return who it is about, and who may bring it (Core section 2.4)."""
    return (
        f"<saml:Subject>{render_within(to_element(assertion.name_id), 'saml')}"
        f'<saml:SubjectConfirmation Method="{_BEARER}">'
        f"<saml:SubjectConfirmationData{_in_response_to(assertion.in_response_to)}"
        f' NotOnOrAfter="{to_timestamp(assertion.not_on_or_after)}"'
        f' Recipient="{escape_attribute(assertion.acs_url)}"></saml:SubjectConfirmationData>'
        "</saml:SubjectConfirmation></saml:Subject>"
    )


def _conditions(assertion: Assertion) -> str:
    """Return when and by whom it may be taken (Core section 2.5)."""
    return (
        f'<saml:Conditions NotBefore="{to_timestamp(assertion.not_before)}"'
        f' NotOnOrAfter="{to_timestamp(assertion.not_on_or_after)}"><saml:AudienceRestriction>'
        f"<saml:Audience>{escape_text(assertion.audience)}</saml:Audience>"
        "</saml:AudienceRestriction></saml:Conditions>"
    )


def _authn_statement(sign_on: SignOn) -> str:
    """Return how and when they proved who they are, and who else was involved (Core s2.7.2)."""
    authority = ""
    if sign_on.authority:
        authority = (
            f"<saml:AuthenticatingAuthority>{escape_text(sign_on.authority)}"
            "</saml:AuthenticatingAuthority>"
        )
    return (
        f'<saml:AuthnStatement AuthnInstant="{to_timestamp(sign_on.authenticated_at)}"'
        f' SessionIndex="{escape_attribute(sign_on.session_index)}"><saml:AuthnContext>'
        f"<saml:AuthnContextClassRef>{escape_text(sign_on.context_class)}"
        f"</saml:AuthnContextClassRef>{authority}</saml:AuthnContext></saml:AuthnStatement>"
    )


def _attribute_statement(assertion: Assertion) -> str:
    """Return what else is said of them; an empty statement is not allowed (Core section 2.7.3)."""
    attributes = "".join([_attribute(each) for each in assertion.attributes])
    if not attributes:
        return ""
    return f"<saml:AttributeStatement>{attributes}</saml:AttributeStatement>"


def _attribute(attribute: Attribute) -> str:
    """Return an attribute (Core section 2.7.3.1)."""
    name, values, name_format, friendly_name = attribute
    written = "</saml:AttributeValue><saml:AttributeValue>".join(map(escape_text, values))
    return (
        f"{_attribute_tag(name, name_format, friendly_name)}<saml:AttributeValue>{written}"
        "</saml:AttributeValue></saml:Attribute>"
    )


# The operator's configuration says what there is.
@lru_cache(maxsize=1024)
def _attribute_tag(name: str, name_format: str, friendly_name: str) -> str:
    friendly = f' FriendlyName="{escape_attribute(friendly_name)}"' if friendly_name else ""
    return (
        f'<saml:Attribute{friendly} Name="{escape_attribute(name)}"'
        f' NameFormat="{escape_attribute(name_format)}">'
    )
