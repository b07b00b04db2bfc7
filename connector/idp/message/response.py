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
    escape_text,
    render,
    render_opening,
    sign_enveloped,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from connector.idp.message.assertion import Assertion, Attribute
    from connector.idp.message.authn_request import AuthnRequest

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
    element = _assertion(assertion)
    carried = Raw(sign_enveloped(element, key) if seal.signs_assertion else render(element))
    if seal.encrypt is not None:
        encrypted = Raw(seal.encrypt(carried.xml))
        carried = Raw(render(Element("saml:EncryptedAssertion", {}, (encrypted,))))
    attributes = _response_attributes(
        response_id, assertion.issued_at, assertion.acs_url, assertion.in_response_to
    )
    status = Element(
        "samlp:Status", {}, (Element("samlp:StatusCode", {"Value": f"{STATUS}Success"}),)
    )
    children = (_issuer(assertion.issuer), status, carried)
    response = Element("samlp:Response", attributes, children)
    return sign_enveloped(response, key) if seal.signs_response else render(response)


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
    attributes = _response_attributes(*ids, request.acs_url, request.request_id)
    top, second = to_status(reason)
    code = Element(
        "samlp:StatusCode", {"Value": top}, (Element("samlp:StatusCode", {"Value": second}),)
    )
    message = Element("samlp:StatusMessage", {}, (to_words(reason),))
    children = (_issuer(issuer), Element("samlp:Status", {}, (code, message)))
    return sign_enveloped(Element("samlp:Response", attributes, children), key)


def _response_attributes(
    response_id: str, issued_at: datetime, destination: str, in_response_to: str
) -> dict[str, str]:
    attributes = {
        "Destination": destination,
        "ID": response_id,
        "IssueInstant": to_timestamp(issued_at),
        "Version": "2.0",
    }
    return attributes | ({"InResponseTo": in_response_to} if in_response_to else {})


def _issuer(entity_id: str) -> Element:
    return Element("saml:Issuer", {}, (entity_id,))


def _assertion(assertion: Assertion) -> Element:
    attributes = {
        "ID": assertion.assertion_id,
        "IssueInstant": to_timestamp(assertion.issued_at),
        "Version": "2.0",
    }
    children = [
        _issuer(assertion.issuer),
        _subject(assertion),
        _conditions(assertion),
        _authn_statement(assertion),
    ]
    if assertion.attributes:  # an empty statement is not allowed (Core section 2.7.3)
        statement = Rendered("".join([_attribute(each) for each in assertion.attributes]))
        children.append(Element("saml:AttributeStatement", {}, (Raw(statement),)))
    return Element("saml:Assertion", attributes, tuple(children))


def _subject(assertion: Assertion) -> Element:
    confirmation = {
        "NotOnOrAfter": to_timestamp(assertion.not_on_or_after),
        "Recipient": assertion.acs_url,
    }
    if assertion.in_response_to:
        confirmation["InResponseTo"] = assertion.in_response_to
    bearer = Element(
        "saml:SubjectConfirmation",
        {"Method": _BEARER},
        (Element("saml:SubjectConfirmationData", confirmation),),
    )
    return Element("saml:Subject", {}, (to_element(assertion.name_id), bearer))


def _conditions(assertion: Assertion) -> Element:
    audience = Element("saml:Audience", {}, (assertion.audience,))
    return Element(
        "saml:Conditions",
        {
            "NotBefore": to_timestamp(assertion.not_before),
            "NotOnOrAfter": to_timestamp(assertion.not_on_or_after),
        },
        (Element("saml:AudienceRestriction", {}, (audience,)),),
    )


def _authn_statement(assertion: Assertion) -> Element:
    sign_on = assertion.sign_on
    context = [Element("saml:AuthnContextClassRef", {}, (sign_on.context_class,))]
    if sign_on.authority:  # Core section 2.7.2.2: who else was involved
        context.append(Element("saml:AuthenticatingAuthority", {}, (sign_on.authority,)))
    return Element(
        "saml:AuthnStatement",
        {
            "AuthnInstant": to_timestamp(sign_on.authenticated_at),
            "SessionIndex": sign_on.session_index,
        },
        (Element("saml:AuthnContext", {}, tuple(context)),),
    )


def _attribute(attribute: Attribute) -> str:
    """Return an attribute as it stands within its statement.

    It is written as text, for half of what a Response is made of are attributes.
    """
    opening = _opening(attribute.name, attribute.name_format, attribute.friendly_name)
    values = [
        f"<saml:AttributeValue>{escape_text(value)}</saml:AttributeValue>"
        for value in attribute.values
    ]
    return f"{opening}{''.join(values)}</saml:Attribute>"


@lru_cache(maxsize=1024)
def _opening(name: str, name_format: str, friendly_name: str) -> str:
    named = {"Name": name, "NameFormat": name_format}
    if friendly_name:
        named["FriendlyName"] = friendly_name
    return render_opening("saml:Attribute", named)
