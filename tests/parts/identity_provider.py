"""Our identity provider, whole; its directory is a real one, or people in memory."""

from __future__ import annotations

import secrets
import socket
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from connector.audit import Audit
from connector.bootstrap.factors import make_factors
from connector.bootstrap.federation import describe_us
from connector.clock import FixedClock
from connector.directory.person import DirectoryUser
from connector.errors import SourceUnavailable
from connector.idp.application.attribute import plain_attributes
from connector.idp.application.catalogue import Catalogue
from connector.idp.application.metadata import parse_service_provider
from connector.idp.application.service_provider import Application, Registry, to_slug
from connector.idp.at_once import FastLane
from connector.idp.authenticator import PasswordAuthenticator, PasswordCheck
from connector.idp.authenticator.passkey import relying_party
from connector.idp.authenticator.upstream import UpstreamAuthenticator
from connector.idp.decryption_key import load_or_create_decryption_key
from connector.idp.endpoints import IdpEndpoints
from connector.idp.flow import DirectoryLookup, LoginFlow, LoginParts, LoginSettings
from connector.idp.keys.ring import KeyRing
from connector.idp.keys.seal import Seal
from connector.idp.keys.seen import FetchNotes
from connector.idp.keys.start import KeyFolder, begin
from connector.idp.lockout import LockoutPolicy
from connector.idp.logout.flow import LogoutFlow
from connector.idp.logout.parts import LogoutParts, SoapSender
from connector.idp.logout.soap_client import SoapClient
from connector.idp.logout.status import end_for_new_password
from connector.idp.message.answer import Answerer
from connector.idp.message.sp_metadata import SpDescription
from connector.idp.parts import Link
from connector.idp.publication import Publication
from connector.idp.routing import Routes, Rule
from connector.idp.store.attempts import AttemptStore
from connector.idp.store.devices import DeviceStore
from connector.idp.store.logouts import LogoutStore
from connector.idp.store.participants import ParticipantStore
from connector.idp.store.sign_ons import SignOnStore
from connector.idp.store.signing_keys import SigningKeyStore
from connector.idp.store.standings import UserStandings
from connector.idp.store.upstreams import UpstreamStore
from connector.idp.upstream.identity_provider import Upstream, Upstreams
from connector.idp.upstream.metadata import parse_identity_provider
from connector.settings.values import Listen
from connector.source.password import PasswordVerdict
from connector.source.password_change import ChangeVerdict, PasswordChange
from connector.source.password_rules import PasswordRules
from connector.web.app import web_app
from connector.web.server import Certificate, Listener, WebServer, serving
from connector.web.site import Site
from state.engine import open_engine
from tests.parts.key_pair import next_pair
from tests.parts.policies import WITHOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Engine
    from starlette.types import ASGIApp

    from connector.clock import Clock
    from connector.idp.authenticator.duo import DuoFactor
    from connector.idp.policy import Policies
    from tests.parts.certificates import CertificateFiles

STAFF = "cn=staff,ou=groups,dc=corp,dc=test"
RULES = PasswordRules(min_length=8, history_count=24, is_complex=True, min_age=timedelta(days=1))
ATTRIBUTES = {"mail": "emails.value", "givenName": "name.givenName", "displayName": "displayName"}


@dataclass
class People:
    """Who exists, and what Active Directory would say to a password.

    Attributes:
        is_down: No domain controller answers.

    """

    users: dict[str, DirectoryUser] = field(default_factory=dict)
    groups: dict[str, frozenset[str]] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    verdicts: dict[str, PasswordVerdict] = field(default_factory=dict)
    is_down: bool = False

    def add(
        self,
        name: str,
        password: str = "Passw0rd!",
        *,
        groups: tuple[str, ...] = (STAFF,),
        is_enabled: bool = True,
        verdict: PasswordVerdict | None = None,
    ) -> str:
        """Add a person; return the e-mail address."""
        email = name if "@" in name else f"{name}@corp.test"
        document = {
            "userName": email,
            "displayName": name.title(),
            "name": {"givenName": name.title(), "familyName": "Lind"},
            "emails": [{"value": email, "primary": True}],
        }
        now = datetime.now(UTC)
        self.users[name] = DirectoryUser(
            external_id=name, distinguished_name=f"CN={name},DC=corp,DC=test", document=document,
            digest=b"", login_names=(email,), bind_name=email, is_enabled=is_enabled,
            expires_at=None, first_seen_at=now, changed_at=now,
        )  # fmt: skip
        self.groups[name], self.passwords[email] = frozenset(groups), password
        if verdict:
            self.verdicts[email] = verdict
        return email

    def find_login(self, name: str) -> DirectoryUser | None:
        return next((user for user in self.users.values() if name in user.login_names), None)

    def user(self, external_id: str) -> DirectoryUser | None:
        return self.users.get(external_id)

    def standing(self, external_id: str) -> tuple[DirectoryUser, frozenset[str]] | None:
        user = self.user(external_id)
        groups = self.groups.get(external_id, frozenset())
        return None if user is None else (user, groups)

    def group_names(self, external_id: str) -> tuple[str, ...]:
        return tuple(sorted(self.groups.get(external_id, frozenset())))

    def check(self, bind_name: str, password: str) -> PasswordVerdict:
        if self.is_down:
            raise SourceUnavailable("no domain controller answers")
        if self.passwords.get(bind_name) != password:
            return PasswordVerdict.WRONG_PASSWORD
        return self.verdicts.get(bind_name, PasswordVerdict.ACCEPTED)

    def prepare(self) -> None:
        """Nothing has to be opened."""

    def refuse(self) -> None:
        if self.is_down:
            raise SourceUnavailable("no domain controller answers")

    def change(self, external_id: str, bind_name: str, old: str, new: str) -> PasswordChange:
        if self.is_down:
            raise SourceUnavailable("no domain controller answers")
        if self.passwords.get(bind_name) != old:
            return PasswordChange(ChangeVerdict.WRONG_PASSWORD)
        if len(new) < RULES.min_length:
            return PasswordChange(ChangeVerdict.TOO_SHORT)
        self.passwords[bind_name] = new
        self.verdicts.pop(bind_name, None)
        return PasswordChange(ChangeVerdict.CHANGED, sign_in=PasswordVerdict.ACCEPTED)

    def rules(self, external_id: str) -> PasswordRules:
        return RULES


@dataclass
class IdentityProvider:
    """The identity provider as a test sees it.

    Attributes:
        site: Its addresses; the port is fixed before it serves.
        engine: Its state.
        folder: Of its keys.
        directory: Who exists; `People` or the real thing.
        check: What a password is asked of; likewise.
        clock: Its time.
        applications: To whom it answers; `register` adds to it.
        stopwatch: Tells when its keys are looked at anew.
        upstreams: Whom it believes besides; `believe` adds to it.
        rules: Who checks whom.
        soap: Tells applications from server to server that somebody is signed out.
        policies: What is asked of whom.
        duo: Asks Duo; None: there is none.
        links: On the portal, besides applications.

    """

    site: Site
    engine: Engine
    folder: Path
    directory: DirectoryLookup
    check: PasswordCheck
    clock: Clock
    applications: list[Application] = field(default_factory=list)
    stopwatch: Callable[[], float] = time.monotonic
    upstreams: list[Upstream] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    soap: SoapSender = field(default_factory=SoapClient)
    policies: Policies = WITHOUT
    duo: DuoFactor | None = None
    links: list[Link] = field(default_factory=list)

    @property
    def people(self) -> People:
        """Return the people in memory."""
        assert isinstance(self.directory, People)
        return self.directory

    @property
    def endpoints(self) -> IdpEndpoints:
        base_url = self.site.base_url
        return IdpEndpoints(f"{base_url}/saml/metadata", base_url)

    def metadata(self) -> bytes:
        """Return its own metadata."""
        return self.publication().document()

    def ring(self) -> KeyRing:
        """Return its signing keys; the first is made."""
        store = SigningKeyStore(self.engine)
        now, folder = self.clock.now(), KeyFolder(self.folder)
        seal = begin(store, folder, now, secrets.token_bytes, next_pair).seal
        return KeyRing(store, seal, stopwatch=self.stopwatch)

    def publication(self) -> Publication:
        """Return what it says of itself, to the applications registered so far."""
        catalogue = Catalogue(Registry(tuple(self.applications)))
        fetches = FetchNotes(SigningKeyStore(self.engine), self.clock, self.stopwatch)
        return Publication(
            self.endpoints,
            catalogue,
            self.ring(),
            fetches,
            self.clock,
            secrets.token_bytes,
            self._describe if self.upstreams else None,
        )

    def _describe(self, slug: str) -> SpDescription | None:
        key = load_or_create_decryption_key(self.folder, self.clock.now())
        return describe_us(Upstreams(tuple(self.upstreams)), slug, self.endpoints, key.certificate)

    def register(self, name: str, metadata: bytes, *groups: str) -> Application:
        """Make an application of a service provider's metadata; without groups, open to all."""
        application = Application(
            name=name,
            slug=to_slug(name),
            service_provider=parse_service_provider(metadata, name),
            groups=frozenset(groups),
            admits_everybody=not groups,
            attributes=plain_attributes(ATTRIBUTES),
        )
        self.applications.append(application)
        return application

    def believe(self, name: str, metadata: bytes, *domains: str, **choices) -> Upstream:
        """Make an upstream of an identity provider's metadata, for the people of these domains."""
        upstream = Upstream(
            name=name,
            slug=to_slug(name),
            provider=parse_identity_provider(metadata, name),
            entity_id=self.endpoints.upstream_metadata_url,
            domains=frozenset(domains),
            **choices,
        )
        self.upstreams.append(upstream)
        return upstream

    def describe(self, slug: str = "") -> bytes | None:
        """Return its metadata as a service provider."""
        return self.publication().for_upstream(slug)

    def flow(self) -> LoginFlow:
        """Return its logins, for the applications registered so far."""
        store, secret = SignOnStore(self.engine), secrets.token_bytes(32)
        devices = DeviceStore(self.engine)
        policy = LockoutPolicy(account_count=5, network_count=1000)
        answerer = Answerer(
            self.ring(), self.endpoints.entity_id, timedelta(minutes=5), secrets.token_bytes
        )
        parts = LoginParts(
            catalogue=Catalogue(Registry(tuple(self.applications), self.policies)),
            directory=self.directory,
            authenticator=PasswordAuthenticator(
                self.check, AttemptStore(self.engine), policy, secret, devices
            ),
            factors=make_factors(
                self.engine,
                Seal("the tests", bytes(32)),
                secret,
                relying_party(self.site.base_url, self.site.organization),
                self.duo,
            ),
            standings=UserStandings(self.engine),
            devices=devices,
            answerer=answerer,
            store=store,
            audit=Audit(self.engine),
            settings=LoginSettings(self.endpoints, links=tuple(self.links)),
            clock=self.clock,
            secret=secret,
            random=secrets.token_bytes,
            routes=Routes(tuple(self.rules)),
            upstream=self._upstream_authenticator() if self.upstreams else None,
        )
        return LoginFlow(parts, partial(end_for_new_password, self._logout_parts(parts)))

    def _upstream_authenticator(self) -> UpstreamAuthenticator:
        upstreams = Upstreams(tuple(self.upstreams))
        decryption = load_or_create_decryption_key(self.folder, self.clock.now())
        return UpstreamAuthenticator(
            upstreams=lambda: upstreams,
            store=UpstreamStore(self.engine),
            keys=self.ring(),
            decryption_keys=(decryption.private_key,),
            acs_url=self.endpoints.upstream_acs_url,
            random=secrets.token_bytes,
        )

    def logout(self, flow: LoginFlow) -> LogoutFlow:
        """Return its logouts, for those logins."""
        return LogoutFlow(self._logout_parts(flow.parts))

    def _logout_parts(self, parts: LoginParts) -> LogoutParts:
        logouts, participants = LogoutStore(self.engine), ParticipantStore(self.engine)
        return LogoutParts(parts, logouts, participants, self.soap)

    def app(self) -> ASGIApp:
        """Return its public web application, for the applications registered so far."""
        flow = self.flow()
        fast_lane = make_fast_lane(flow.parts, self.engine)
        return web_app(flow, self.logout(flow), self.site, self.publication(), fast_lane)

    @contextmanager
    def served(self, tls: CertificateFiles | None = None) -> Iterator[WebServer]:
        """Serve it on the port of its base URL, on 127.0.0.1."""
        certificate = Certificate(tls.certificate, tls.key) if tls else None
        listen = Listen("127.0.0.1", urlsplit(self.site.base_url).port)
        with serving([Listener(self.app(), listen, certificate)]) as server:
            yield server

    def reasons(self) -> list[str]:
        """Return the reasons that the audit holds, oldest first."""
        return [event.reason for event in reversed(Audit(self.engine).recent()) if event.reason]


def make_fast_lane(parts: LoginParts, engine: Engine) -> FastLane | None:
    """Return the logins that need nobody's patience, with the directory that the parts have."""
    if engine.dialect.name != "sqlite":
        return None
    hasty = open_engine(str(engine.url), survives_power_loss=False, waits=False)
    return FastLane(replace(parts, store=SignOnStore(hasty), audit=Audit(hasty)))


def make_identity_provider(
    engine: Engine, folder: Path, base_url: str, clock: Clock | None = None
) -> IdentityProvider:
    """Return an identity provider with nobody in its directory, and no application."""
    site = Site(base_url, "Northwind", "https://help.corp.test/")
    clock = clock or FixedClock(datetime.now(UTC))
    people = People()
    return IdentityProvider(site, engine, folder / "keys", people, people, clock)


def free_port() -> int:
    """Return a port on 127.0.0.1 that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]
