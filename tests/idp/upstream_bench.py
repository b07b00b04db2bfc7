"""Another identity provider on the bench: it signs what a test wants it to say."""

from __future__ import annotations

import itertools
import zlib
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree

from connector.idp.authenticator.upstream import UpstreamAuthenticator
from connector.idp.binding import RESPONSES, BoundMessage, read_post, to_form_value
from connector.idp.message.upstream_response import RESPONSE_LIMIT_BYTES
from connector.idp.moment import to_timestamp
from connector.idp.names import Binding
from connector.idp.routing import Routes, Rule
from connector.idp.store.upstreams import UpstreamStore
from connector.idp.upstream.identity_provider import IdentityProvider, Upstream, Upstreams
from connector.idp.view import SendToSource
from connector.idp.visit import Visit
from connector.idp.xmldsig import Element, Raw, SigningKey, parse_xml, render, sign_enveloped
from tests.idp.bench import (
    ADDRESS,
    ENDPOINTS,
    NOW,
    OneKey,
    SignOnBench,
    a_user,
    certificate_of,
    load_key,
    make_bench,
)

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from connector.clock import Clock
    from connector.idp.application.service_provider import Application
    from connector.idp.flow import LoginFlow

ISSUER = "https://idp.partner.example/saml"
SSO_URL = "https://idp.partner.example/sso"
OURS = ENDPOINTS.upstream_metadata_url
ACS_URL = ENDPOINTS.upstream_acs_url
KEY, STRANGER = load_key("service_provider"), load_key("stranger")
SMARTCARD = "urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI"
_STATUS = "urn:oasis:names:tc:SAML:2.0:status:"
PAT = Element("saml:NameID", {}, ("pat@partner.example",))
_numbers = itertools.count(1)

# One for the whole run: nothing here depends on which it is.
DECRYPTION_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def an_upstream(**changes) -> Upstream:
    """Return the partner, who may vouch for people of partner.example."""
    provider = IdentityProvider(
        ISSUER, {Binding.REDIRECT: SSO_URL}, (certificate_of(KEY),), wants_signed_requests=True
    )
    upstream = Upstream("Partner", "partner", provider, OURS, frozenset({"partner.example"}))
    return replace(upstream, **changes)


@dataclass(frozen=True)
class Answer:
    """A Response, before it is written and signed; every part may be changed, times to any text.

    Attributes:
        signed: What of "response" and "assertion" is signed.
        key: By this key.
        codes: Of the status, without their common beginning.
        conditions: Elements after the AudienceRestriction.
        children: Elements after the AuthnStatement.
        confirmations: Of the subject, given the honest one.
        wrap: Stands in for the assertion, given it; to encrypt it.

    """

    request_id: str | None = "_request"
    confirmed_for: str | None = "_request"
    destination: str | None = ACS_URL
    issuer: str | None = ISSUER
    assertion_issuer: str = ISSUER
    issued_at: datetime = NOW
    assertion_id: str = ""
    assertion_issued_at: datetime = NOW
    version: str = "2.0"
    person: Element | None = PAT
    method: str = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
    confirmations: Callable[[Element], tuple[Element, ...]] = lambda honest: (honest,)
    recipient: str | None = ACS_URL
    confirmed_from: datetime | None = None
    confirmed_until: datetime | None = NOW + timedelta(minutes=5)
    not_before: datetime | None = NOW - timedelta(minutes=1)
    not_on_or_after: datetime | None = NOW + timedelta(minutes=5)
    audiences: tuple[str, ...] = (OURS,)
    conditions: tuple[Element, ...] = ()
    authenticated_at: datetime | None = NOW
    session_ends_at: datetime | None = None
    context_class: str | None = SMARTCARD
    children: tuple[Element, ...] = ()
    codes: tuple[str, ...] = ("Success",)
    signed: tuple[str, ...] = ("assertion", "response")
    key: SigningKey = field(default=KEY, repr=False)
    wrap: Callable[[str], str] | None = None

    def write(self) -> str:
        """Return it as XML."""
        body = [_issuer(self.issuer)] if self.issuer else []
        body.append(_status(self.codes))
        if self.codes[:1] == ("Success",):
            body.append(Raw(self.assertion()))
        attributes = {
            "Destination": self.destination,
            "ID": f"_response-{next(_numbers)}",
            "InResponseTo": self.request_id,
            "IssueInstant": _when(self.issued_at),
            "Version": "2.0",
        }
        response = Element("samlp:Response", _there(attributes), tuple(body))
        if "response" in self.signed:
            return sign_enveloped(response, self.key, position=1 if self.issuer else 0)
        return render(response)

    def tree(self) -> etree._Element:
        """Return it as a tree, to change it."""
        return etree.fromstring(self.write().encode())

    def assertion(self) -> str:
        """Return the assertion alone, as XML."""
        element = Element(
            "saml:Assertion",
            {
                "ID": self.assertion_id or f"_assertion-{next(_numbers)}",
                "IssueInstant": _when(self.assertion_issued_at),
                "Version": self.version,
            },
            (
                _issuer(self.assertion_issuer),
                self._subject(),
                self._conditions(),
                *self._statement(),
                *self.children,
            ),
        )
        is_signed = "assertion" in self.signed
        xml = sign_enveloped(element, self.key) if is_signed else render(element)
        return self.wrap(xml) if self.wrap else xml

    def _subject(self) -> Element:
        data = {
            "InResponseTo": self.confirmed_for,
            "NotBefore": _when(self.confirmed_from),
            "NotOnOrAfter": _when(self.confirmed_until),
            "Recipient": self.recipient,
        }
        confirmation = Element(
            "saml:SubjectConfirmation",
            {"Method": self.method},
            (Element("saml:SubjectConfirmationData", _there(data)),),
        )
        confirmations = self.confirmations(confirmation)
        return Element("saml:Subject", {}, (*filter(None, [self.person]), *confirmations))

    def _conditions(self) -> Element:
        window = {
            "NotBefore": _when(self.not_before),
            "NotOnOrAfter": _when(self.not_on_or_after),
        }
        audiences = tuple(Element("saml:Audience", {}, (each,)) for each in self.audiences)
        restriction = [Element("saml:AudienceRestriction", {}, audiences)] if audiences else []
        return Element("saml:Conditions", _there(window), (*restriction, *self.conditions))

    def _statement(self) -> tuple[Element, ...]:
        if self.authenticated_at is None:
            return ()
        context = (
            [Element("saml:AuthnContextClassRef", {}, (self.context_class,))]
            if self.context_class is not None
            else []
        )
        attributes = {
            "AuthnInstant": _when(self.authenticated_at),
            "SessionNotOnOrAfter": _when(self.session_ends_at),
        }
        inner = Element("saml:AuthnContext", {}, tuple(context))
        return (Element("saml:AuthnStatement", _there(attributes), (inner,)),)


def posted_answer(document: str, relay_state: str = "") -> BoundMessage:
    """Return a Response as it comes by post."""
    form = {"SAMLResponse": to_form_value(document), "RelayState": relay_state}
    return read_post(form, RESPONSES, RESPONSE_LIMIT_BYTES)


@dataclass(frozen=True)
class Asked:
    """What an upstream was asked, as it reads it."""

    request: etree._Element
    relay_state: str

    @property
    def request_id(self) -> str:
        return self.request.get("ID")


def read_question(view: SendToSource) -> Asked:
    """Return what a redirect to an upstream asks."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(view.url).query).items()}
    document = zlib.decompress(b64decode(query["SAMLRequest"]), -15)
    return Asked(parse_xml(document), query["RelayState"])


@dataclass
class UpstreamBench:
    """An identity provider with an upstream, and a person who belongs to it.

    Attributes:
        inner: The identity provider.
        transaction: The login that was begun last.
        browser: Its cookie.

    """

    inner: SignOnBench
    transaction: str = ""
    browser: str = ""

    @property
    def flow(self) -> LoginFlow:
        return self.inner.flow

    def arrive(self, message: BoundMessage | None = None):
        """Begin a login; return what the browser sees."""
        self.transaction, self.browser = self.inner.arrive(message)
        return self.look()

    def look(self, sso: str | None = None, address: str = ADDRESS):
        return self.flow.next_step(self.transaction, self.browser, sso, Visit(address))

    def type_email(self, email: str):
        token = self.look().step_token
        self.flow.first.submit_email(self.transaction, self.browser, token, email)
        return self.look()

    def ask(self, email: str = "pat@partner.example", message: BoundMessage | None = None) -> Asked:
        """Begin a login and go to the upstream; return what that is asked."""
        view = self.arrive(message)
        if not isinstance(view, SendToSource):
            view = self.type_email(email)
        return read_question(view)

    def answer(self, asked: Asked, **changes):
        """Bring the upstream's answer; return what the browser sees then."""
        self.bring(self.to(asked, **changes).write(), asked.relay_state)
        return self.look()

    def to(self, asked: Asked, **changes) -> Answer:
        """Return an answer to that question."""
        answer = Answer(request_id=asked.request_id, confirmed_for=asked.request_id)
        return replace(answer, **changes)

    def bring(self, document: str, relay_state: str) -> None:
        """Post a Response, as any browser can."""
        transaction = self.flow.take_answer(posted_answer(document, relay_state), ADDRESS)
        self.transaction = self.transaction or transaction

    def reasons(self) -> list[str]:
        return [reason for reason in self.inner.reasons() if reason]


TO_PARTNER = Rule("Partner", 1, frozenset({"partner.example"}))


def make_upstream_bench(
    engine: Engine,
    clock: Clock,
    *applications: Application,
    upstreams: tuple[Upstream, ...] = (),
    rules: tuple[Rule, ...] = (TO_PARTNER,),
) -> UpstreamBench:
    """Return an identity provider that sends people of partner.example to the partner."""
    inner = make_bench(engine, clock, *applications)
    staff = "CN=Staff,DC=corp,DC=example"
    inner.people.add(a_user("pat-3", "pat@partner.example"), staff)
    inner.people.add(a_user("pia-4", "pia@partner.example"), staff)
    inner.passwords.passwords["pat@partner.example"] = "Right-3"
    believed = Upstreams(upstreams or (an_upstream(),))
    authenticator = UpstreamAuthenticator(
        upstreams=lambda: believed,
        store=UpstreamStore(engine),
        keys=OneKey(load_key("idp")),
        decryption_keys=(DECRYPTION_KEY,),
        acs_url=ACS_URL,
        random=inner.parts.random,
    )
    parts = replace(inner.parts, routes=Routes(rules), upstream=authenticator)
    return UpstreamBench(replace(inner, flow=replace(inner.flow, parts=parts)))


def _issuer(entity_id: str) -> Element:
    return Element("saml:Issuer", {}, (entity_id,))


def _status(codes: tuple[str, ...]) -> Element:
    code: tuple[Element, ...] = ()
    for each in reversed(codes):
        code = (Element("samlp:StatusCode", {"Value": f"{_STATUS}{each}"}, code),)
    return Element("samlp:Status", {}, code)


def _there(attributes: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in attributes.items() if value is not None}


def _when(moment: datetime | str | None) -> str | None:
    return to_timestamp(moment) if isinstance(moment, datetime) else moment
