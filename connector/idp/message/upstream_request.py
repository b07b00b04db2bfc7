"""Ask another identity provider who somebody is (Core section 3.4.1).

Scoping is left out: whom it asks in turn is its own affair.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from connector.idp.binding import to_form_value, to_redirect_url
from connector.idp.moment import to_timestamp
from connector.idp.names import Binding
from connector.idp.xmldsig import Element, SigningKey, render, sign_enveloped, sign_octets

if TYPE_CHECKING:
    from datetime import datetime

    from connector.idp.upstream.identity_provider import Upstream


@dataclass(frozen=True, slots=True)
class Question:
    """What an upstream is asked.

    Attributes:
        request_id: XML ID of the AuthnRequest.
        relay_state: Comes back with the answer.
        force_authn: The person shall prove who they are, whoever is signed in there.
        is_passive: Nobody shall be asked anything.
        context_classes: How the person shall prove it, unless the upstream's own are configured.
        comparison: How those classes are meant.

    """

    request_id: str
    relay_state: str
    force_authn: bool = False
    is_passive: bool = False
    context_classes: tuple[str, ...] = ()
    comparison: str = "exact"


@dataclass(frozen=True, slots=True)
class Errand:
    """What the browser takes to an upstream.

    Attributes:
        url: Where to; a redirect has everything in it.
        fields: Of the form to post there; none: it is a redirect.

    """

    url: str
    fields: tuple[tuple[str, str], ...] = ()


def build_errand(
    question: Question, upstream: Upstream, key: SigningKey, *, acs_url: str, now: datetime
) -> Errand:
    """Return the question as the browser takes it there.

    Args:
        question: What is asked.
        upstream: Whom.
        key: Signs, if questions to it are signed.
        acs_url: Where we take the answer.
        now: When.

    """
    binding, location = upstream.provider.door()
    is_signed = upstream.signs_requests or upstream.provider.wants_signed_requests
    request = _authn_request(question, upstream, location, acs_url=acs_url, now=now)
    if binding is Binding.POST:
        document = sign_enveloped(request, key) if is_signed else render(request)
        fields = (("SAMLRequest", to_form_value(document)), ("RelayState", question.relay_state))
        return Errand(location, fields)
    url = to_redirect_url(location, "SAMLRequest", render(request), question.relay_state)
    return Errand(_signed(url, location, key) if is_signed else url)


def _signed(url: str, location: str, key: SigningKey) -> str:
    """Return a redirect with a signature of our part of its query (Bindings section 3.4.4.1)."""
    ours = url[len(location) + 1 :]
    octets = f"{ours}&SigAlg={quote(key.method, safe='')}"
    value = quote(b64encode(sign_octets(octets.encode(), key)[1]), safe="")
    return f"{location}{url[len(location)]}{octets}&Signature={value}"


def _authn_request(
    question: Question, upstream: Upstream, location: str, *, acs_url: str, now: datetime
) -> Element:
    attributes = {
        "AssertionConsumerServiceURL": acs_url,
        "Destination": location,
        "ID": question.request_id,
        "IssueInstant": to_timestamp(now),
        "ProtocolBinding": Binding.POST,
        "Version": "2.0",
    }
    if question.force_authn:
        attributes["ForceAuthn"] = "true"
    if question.is_passive:
        attributes["IsPassive"] = "true"
    children = [Element("saml:Issuer", {}, (upstream.entity_id,))]
    wanted = upstream.authn_context or question.context_classes
    comparison = "exact" if upstream.authn_context else question.comparison
    if wanted:
        classes = tuple(Element("saml:AuthnContextClassRef", {}, (uri,)) for uri in wanted)
        children.append(Element("samlp:RequestedAuthnContext", {"Comparison": comparison}, classes))
    return Element("samlp:AuthnRequest", attributes, tuple(children))
