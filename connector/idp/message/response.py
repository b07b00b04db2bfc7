"""Write the Response and sign it (step 7; Core section 3.3.3, Profiles section 4.1.4.2).

Assertion and Response are both signed: of the service providers tried, some look at one, some at
the other, some at both. Attribute values carry no xsi:type, whose prefix canonicalisation drops.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.idp.moment import to_timestamp
from connector.idp.reason import Reason
from connector.idp.xmldsig import Element, Raw, Rendered, SigningKey, sign_enveloped

if TYPE_CHECKING:
    from datetime import datetime

    from connector.idp.message.assertion import Assertion
    from connector.idp.message.authn_request import AuthnRequest

_STATUS = "urn:oasis:names:tc:SAML:2.0:status:"
_BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
_NAME_FORMAT = "urn:oasis:names:tc:SAML:2.0:attrname-format:"


def build_response(assertion: Assertion, key: SigningKey, response_id: str) -> Rendered:
    """Return the Response that carries the assertion, both signed."""
    signed = sign_enveloped(_assertion(assertion), key)
    attributes = _response_attributes(
        response_id, assertion.issued_at, assertion.acs_url, assertion.in_response_to
    )
    status = Element(
        "samlp:Status", {}, (Element("samlp:StatusCode", {"Value": f"{_STATUS}Success"}),)
    )
    children = (_issuer(assertion.issuer), status, Raw(signed))
    return sign_enveloped(Element("samlp:Response", attributes, children), key)


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
    inner = Element("samlp:StatusCode", {"Value": second})
    status = Element("samlp:Status", {}, (Element("samlp:StatusCode", {"Value": top}, (inner,)),))
    return sign_enveloped(Element("samlp:Response", attributes, (_issuer(issuer), status)), key)


def to_status(reason: str) -> tuple[str, str]:
    """Return the status codes, of the first and the second level (Core section 3.2.2.2)."""
    match reason:
        case Reason.PASSIVE_WITHOUT_SESSION | Reason.UPSTREAM_NO_PASSIVE:
            return f"{_STATUS}Responder", f"{_STATUS}NoPassive"
        case Reason.UPSTREAM_AUTHN_FAILED:
            return f"{_STATUS}Responder", f"{_STATUS}AuthnFailed"
        case Reason.AUTHN_CONTEXT_UNSUPPORTED:
            return f"{_STATUS}Responder", f"{_STATUS}NoAuthnContext"
        case Reason.NAME_ID_UNSUPPORTED:
            return f"{_STATUS}Requester", f"{_STATUS}InvalidNameIDPolicy"
        case Reason.SUBJECT_UNSUPPORTED:
            return f"{_STATUS}Requester", f"{_STATUS}RequestUnsupported"
        case _:
            return f"{_STATUS}Responder", f"{_STATUS}RequestDenied"


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
        statement = tuple(_attribute(name, values) for name, values in assertion.attributes)
        children.append(Element("saml:AttributeStatement", {}, statement))
    return Element("saml:Assertion", attributes, tuple(children))


def _subject(assertion: Assertion) -> Element:
    name_id = Element(
        "saml:NameID", {"Format": assertion.name_id.format}, (assertion.name_id.value,)
    )
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
    return Element("saml:Subject", {}, (name_id, bearer))


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


def _attribute(name: str, values: tuple[str, ...]) -> Element:
    kind = "uri" if ":" in name else "basic"
    return Element(
        "saml:Attribute",
        {"Name": name, "NameFormat": f"{_NAME_FORMAT}{kind}"},
        tuple(Element("saml:AttributeValue", {}, (value,)) for value in values),
    )
