"""An identity provider of real parts on a state database, and a service provider to talk to it.

The directory is a few people in memory. The keys are files beside this one, made for the tests and
used nowhere else, so that what is signed is the same in every run.
"""

from __future__ import annotations

import itertools
import threading
from base64 import b64decode
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from lxml import etree

from connector.audit import Audit
from connector.bootstrap.factors import make_factors
from connector.directory.person import DirectoryUser
from connector.errors import ApplicationUnavailable, SourceUnavailable
from connector.idp.application.attribute import plain_attributes
from connector.idp.application.catalogue import Catalogue
from connector.idp.application.service_provider import (
    AcsEndpoint,
    Application,
    Registry,
    ServiceProvider,
)
from connector.idp.authenticator import PasswordAuthenticator
from connector.idp.authenticator.passkey import relying_party
from connector.idp.binding import (
    BoundMessage,
    read_post,
    read_redirect,
    to_form_value,
    to_redirect_url,
)
from connector.idp.endpoints import IdpEndpoints
from connector.idp.flow import LoginFlow, LoginParts, LoginSettings
from connector.idp.keys.seal import Seal
from connector.idp.lockout import LockoutPolicy
from connector.idp.logout.flow import LogoutFlow
from connector.idp.logout.parts import LogoutParts
from connector.idp.logout.status import end_for_new_password
from connector.idp.message.answer import Answerer
from connector.idp.store.attempts import AttemptStore
from connector.idp.store.devices import DeviceStore
from connector.idp.store.logouts import LogoutStore
from connector.idp.store.participants import ParticipantStore
from connector.idp.store.sign_ons import SignOnStore
from connector.idp.store.standings import UserStandings
from connector.idp.visit import Visit
from connector.idp.xmldsig import Element, Rendered, SigningKey, render, sign_enveloped
from connector.source.password import PasswordUnanswered, PasswordVerdict
from connector.source.password_change import ChangeVerdict, PasswordChange
from connector.source.password_rules import PasswordRules
from tests.parts.policies import WITHOUT

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    from connector.clock import Clock
    from connector.idp.policy import Policies

KEYS = Path(__file__).parent / "keys"
NOW = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
ENDPOINTS = IdpEndpoints("https://sso.corp.example/saml/metadata", "https://sso.corp.example")
SP_ENTITY_ID = "https://intranet.corp.example/saml/metadata"
ACS_URL = "https://intranet.corp.example/saml/acs"
ADDRESS = "192.0.2.7"
VISIT = Visit(ADDRESS)
SECRET = b"a secret of the tests, thirty-two bytes"


def load_key(name: str) -> SigningKey:
    """Return the key of that name: "idp", "service_provider" or "stranger"."""
    content = (KEYS / f"{name}_key.pem").read_bytes()
    certificate = x509.load_pem_x509_certificate(content).public_bytes(Encoding.PEM).decode()
    one_line = "".join(certificate.splitlines()[1:-1])
    return SigningKey(load_pem_private_key(content, None), one_line)


@dataclass(frozen=True)
class OneKey:
    """Signs for every application."""

    key: SigningKey

    def key_for(self, slug: str) -> SigningKey:
        return self.key


def certificate_of(key: SigningKey) -> x509.Certificate:
    return x509.load_der_x509_certificate(b64decode(key.certificate))


def a_user(external_id: str, email: str, **changes) -> DirectoryUser:
    """Return an active person."""
    given, _, family = email.partition("@")[0].partition(".")
    document = {
        "userName": email,
        "displayName": f"{given.title()} {family.title()}",
        "name": {"givenName": given.title(), "familyName": family.title()},
        "emails": [{"value": email, "primary": True}],
    }
    user = DirectoryUser(
        external_id=external_id,
        distinguished_name=f"CN={given},OU=People,DC=corp,DC=example",
        document=document,
        digest=b"",
        login_names=(email.casefold(),),
        bind_name=email,
        is_enabled=True,
        expires_at=None,
        first_seen_at=NOW,
        changed_at=NOW,
    )
    return replace(user, **changes)


@dataclass
class PeopleInMemory:
    """A directory: people, and the groups that each is in."""

    people: dict[str, DirectoryUser] = field(default_factory=dict)
    groups: dict[str, frozenset[str]] = field(default_factory=dict)

    def add(self, user: DirectoryUser, *groups: str) -> DirectoryUser:
        self.people[user.external_id] = user
        self.groups[user.external_id] = frozenset(name.casefold() for name in groups)
        return user

    def find_login(self, name: str) -> DirectoryUser | None:
        found = [
            user
            for user in self.people.values()
            if name in user.login_names and user.left_at is None
        ]
        return found[0] if len(found) == 1 else None

    def user(self, external_id: str) -> DirectoryUser | None:
        return self.people.get(external_id)

    def standing(self, external_id: str) -> tuple[DirectoryUser, frozenset[str]] | None:
        user = self.user(external_id)
        groups = self.groups.get(external_id, frozenset())
        return None if user is None else (user, groups)

    def group_names(self, external_id: str) -> tuple[str, ...]:
        return tuple(sorted(self.groups.get(external_id, frozenset())))


@dataclass
class PasswordsInMemory:
    """A source that knows passwords, and counts how often it was asked.

    A verdict in `verdicts` is given when the password is right, as AD does. A new password is
    refused for `refuses_as`, otherwise taken; `sign_in_after` is what is then said to it.
    """

    passwords: dict[str, str] = field(default_factory=dict)
    verdicts: dict[str, PasswordVerdict] = field(default_factory=dict)
    is_reachable: bool = True
    asked: list[tuple[str, str]] = field(default_factory=list)
    prepared_count: int = 0
    refused_count: int = 0
    keeps_silent: bool = False
    refuses_as: ChangeVerdict | None = None
    sign_in_after: PasswordVerdict | None = PasswordVerdict.ACCEPTED
    are_rules_known: bool = True
    lock: threading.Lock = field(default_factory=threading.Lock)

    def check(self, bind_name: str, password: str) -> PasswordVerdict:
        with self.lock:
            self.asked.append((bind_name, password))
        self._answer()
        if self.passwords.get(bind_name) != password:
            return PasswordVerdict.WRONG_PASSWORD
        return self.verdicts.get(bind_name, PasswordVerdict.ACCEPTED)

    def prepare(self) -> None:
        self.prepared_count += 1

    def refuse(self) -> None:
        self.refused_count += 1
        self._answer()

    def change(self, external_id: str, bind_name: str, old: str, new: str) -> PasswordChange:
        with self.lock:
            self.asked.append((bind_name, old))
        self._answer()
        if self.passwords.get(bind_name) != old:
            return PasswordChange(ChangeVerdict.WRONG_PASSWORD, "00000056")
        if self.refuses_as is not None:
            return PasswordChange(self.refuses_as, "what the server says")
        self.passwords[bind_name] = new
        self.verdicts.pop(bind_name, None)
        return PasswordChange(ChangeVerdict.CHANGED, sign_in=self.sign_in_after)

    def rules(self, external_id: str) -> PasswordRules | None:
        if not self.are_rules_known:
            raise SourceUnavailable("no server answers")
        return PasswordRules(min_length=12)

    def _answer(self) -> None:
        if self.keeps_silent:
            raise PasswordUnanswered("no answer came")
        if not self.is_reachable:
            raise SourceUnavailable("no server answers")


def counting_random() -> Callable[[int], bytes]:
    """Return a source of bytes that are different each time, and the same in every run."""
    counter = itertools.count(1)
    return lambda size: next(counter).to_bytes(size)


@dataclass
class ServersInMemory:
    """The servers of applications; what they were sent is kept.

    Attributes:
        answers: Make an answer of an envelope, by URL; one that is missing does not answer.

    """

    answers: dict[str, Callable[[bytes], bytes]] = field(default_factory=dict)
    sent: list[tuple[str, bytes]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, url: str, envelope: bytes) -> bytes:
        with self.lock:
            self.sent.append((url, envelope))
        if url not in self.answers:
            raise ApplicationUnavailable(f"{url} does not answer")
        return self.answers[url](envelope)


@dataclass
class SignOnBench:
    """An identity provider, and everything around it that a test may touch."""

    flow: LoginFlow
    people: PeopleInMemory
    passwords: PasswordsInMemory
    logout: LogoutFlow
    servers: ServersInMemory

    @property
    def parts(self) -> LoginParts:
        return self.flow.parts

    def reasons(self) -> list[str]:
        """Return the reasons in the audit, the latest first."""
        return [event.reason for event in self.parts.audit.recent()]

    def sign_in(
        self,
        email: str,
        password: str,
        *,
        message: BoundMessage | None = None,
        sso: str | None = None,
    ):
        """Walk through a whole login, and return what the browser sees last."""
        transaction, browser = self.arrive(message)
        self.type_email(transaction, browser, email)
        return self.type_password(transaction, browser, password, sso=sso)

    def arrive(self, message: BoundMessage | None = None) -> tuple[str, str]:
        """Begin a login and give it to a new browser; return its id and the browser's cookie."""
        transaction = self.flow.begin(message or redirected(authn_request()), VISIT)
        return transaction, self.flow.bind_browser(transaction, None)

    def type_email(self, transaction: str, browser: str, email: str):
        view = self.flow.next_step(transaction, browser, None)
        self.flow.first.submit_email(transaction, browser, view.step_token, email)
        return self.flow.next_step(transaction, browser, None)

    def type_password(self, transaction: str, browser: str, password: str, sso: str | None = None):
        view = self.flow.next_step(transaction, browser, None)
        self.flow.first.submit_password(transaction, browser, view.step_token, password, VISIT)
        return self.flow.next_step(transaction, browser, sso, VISIT)


def an_application(**changes) -> Application:
    """Return the intranet, open to the group Staff."""
    application = Application(
        name="Intranet",
        slug="intranet",
        service_provider=ServiceProvider(
            SP_ENTITY_ID, (AcsEndpoint(ACS_URL, index=1, is_default=True),)
        ),
        groups=frozenset({"cn=staff,dc=corp,dc=example"}),
        attributes=plain_attributes(
            {
                "mail": "emails.value",
                "givenName": "name.givenName",
                "sn": "name.familyName",
                "displayName": "displayName",
            }
        ),
    )
    return replace(application, **changes)


def make_bench(
    engine: Engine, clock: Clock, *applications: Application, policies: Policies = WITHOUT
) -> SignOnBench:
    """Return an identity provider with two people: Ann is in Staff, Bob is not."""
    people, passwords = PeopleInMemory(), PasswordsInMemory()
    people.add(a_user("ann-1", "ann.lind@corp.example"), "CN=Staff,DC=corp,DC=example")
    people.add(a_user("bob-2", "bob.berg@corp.example"))
    passwords.passwords = {"ann.lind@corp.example": "Right-1", "bob.berg@corp.example": "Right-2"}
    random, store, settings = counting_random(), SignOnStore(engine), LoginSettings(ENDPOINTS)
    lifetime, devices = settings.assertion_lifetime, DeviceStore(engine)
    parts = LoginParts(
        catalogue=Catalogue(Registry(applications or (an_application(),), policies)),
        directory=people,
        authenticator=PasswordAuthenticator(
            passwords, AttemptStore(engine), LockoutPolicy(), SECRET, devices
        ),
        factors=make_factors(
            engine,
            Seal("the tests", bytes(32)),
            SECRET,
            relying_party(ENDPOINTS.base_url, "Corp"),
        ),
        standings=UserStandings(engine),
        devices=devices,
        answerer=Answerer(OneKey(load_key("idp")), ENDPOINTS.entity_id, lifetime, random),
        store=store,
        audit=Audit(engine),
        settings=settings,
        clock=clock,
        secret=SECRET,
        random=random,
    )
    servers = ServersInMemory()
    logouts = LogoutParts(parts, LogoutStore(engine), ParticipantStore(engine), servers)
    flow = LoginFlow(parts, partial(end_for_new_password, logouts))
    return SignOnBench(flow, people, passwords, LogoutFlow(logouts), servers)


_request_numbers = itertools.count(1)


def authn_request(
    *children: Element, key: SigningKey | None = None, **changes: str | None
) -> Rendered:
    """Return an AuthnRequest of the intranet.

    Args:
        children: Elements after the Issuer.
        key: Signs it, enveloped.
        changes: Attributes to set, or with None to leave out; `issuer` for the Issuer.

    """
    issuer = changes.pop("issuer", SP_ENTITY_ID)
    attributes = {
        "ID": f"_request-{next(_request_numbers)}",
        "Version": "2.0",
        "IssueInstant": "2026-11-02T08:00:00Z",
        "Destination": ENDPOINTS.sso_url,
        "AssertionConsumerServiceURL": ACS_URL,
        **changes,
    }
    element = Element(
        "samlp:AuthnRequest",
        {name: value for name, value in attributes.items() if value is not None},
        (Element("saml:Issuer", {}, (issuer,)), *children),
    )
    return sign_enveloped(element, key) if key else render(element)


def redirected(document: str, relay_state: str = "") -> BoundMessage:
    """Return the document as it comes by redirect."""
    url = to_redirect_url(ENDPOINTS.sso_url, "SAMLRequest", document, relay_state)
    return read_redirect(url.partition("?")[2].encode())


def posted(document: str, relay_state: str = "") -> BoundMessage:
    """Return the document as it comes by post."""
    return read_post({"SAMLRequest": to_form_value(document), "RelayState": relay_state})


def response_of(view) -> etree._Element:
    """Return the Response that a view sends."""
    return etree.fromstring(b64decode(view.saml_response))


def first_text(root: etree._Element, name: str) -> str:
    """Return the text of the first element of that local name."""
    return root.find(f".//{{*}}{name}").text
