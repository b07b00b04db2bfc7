"""The parts of the identity provider."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from connector.audit import Audit
from connector.bootstrap.applications import load_registry
from connector.bootstrap.cycles import make_parts
from connector.bootstrap.duo import make_duo
from connector.bootstrap.factors import make_factors
from connector.bootstrap.federation import make_federation
from connector.bootstrap.keys import open_keys
from connector.bootstrap.mail import make_notices
from connector.bootstrap.opening import idp_of
from connector.bootstrap.tls import trusting
from connector.directory.store import DirectoryStore
from connector.idp.application.catalogue import Catalogue
from connector.idp.at_once import FastLane
from connector.idp.authenticator import PasswordAuthenticator
from connector.idp.authenticator.passkey import relying_party
from connector.idp.country import open_countries
from connector.idp.endpoints import IdpEndpoints
from connector.idp.flow import LoginFlow, LoginParts, LoginSettings
from connector.idp.keys.files import load_or_create_secret
from connector.idp.keys.seen import FetchNotes
from connector.idp.lockout import LockoutPolicy
from connector.idp.logout.flow import LogoutFlow
from connector.idp.logout.parts import LogoutParts
from connector.idp.logout.soap_client import SoapClient
from connector.idp.logout.status import end_for_new_password
from connector.idp.message.answer import Answerer
from connector.idp.parts import Link
from connector.idp.publication import Publication
from connector.idp.session import SessionLimits
from connector.idp.store.attempts import AttemptStore
from connector.idp.store.devices import DeviceStore
from connector.idp.store.logouts import LogoutStore
from connector.idp.store.participants import ParticipantStore
from connector.idp.store.sign_ons import SignOnStore
from connector.idp.store.standings import UserStandings
from connector.source.file_password import FilePasswordCheck
from connector.source.ldap_password import LdapPasswordCheck
from connector.sync.on_demand import KnownAccounts, OnDemand
from state.engine import open_engine

if TYPE_CHECKING:
    from connector.bootstrap.federation import Federation, UpstreamFollower
    from connector.bootstrap.keys import OpenKeys
    from connector.clock import Clock
    from connector.idp.accounts import Accounts
    from connector.idp.application.service_provider import Registry
    from connector.idp.authenticator import PasswordCheck
    from connector.idp.authenticator.factors import Factors
    from connector.idp.keys.ring import KeyRing
    from connector.settings import IdpSettings, LinkSettings, Settings
    from state.engine import Engine


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """What signs people in.

    Attributes:
        flow: The logins.
        logout: The logouts.
        publication: Shows our SAML metadata as it is now.
        follower: Keeps what is known of other identity providers as the files are.
        notes: What an operator should know, such as metadata of others that is not fresh.

    """

    flow: LoginFlow
    logout: LogoutFlow
    publication: Publication
    follower: UpstreamFollower
    notes: tuple[str, ...]


def make_identity_provider(
    settings: Settings,
    engine: Engine,
    clock: Clock,
    accounts: Accounts | None = None,
    *,
    fetches: bool = True,
) -> IdentityProvider:
    """Return what signs people in.

    Args:
        settings: As configured.
        engine: The state database.
        clock: Tells the time.
        accounts: Those at the targets, see `make_accounts`; None if none is looked at.
        fetches: Fetch metadata of which there is no copy.

    Raises:
        ConfigurationError: if an application, an upstream or a key is wrong; every fault.

    """
    idp = idp_of(settings)
    loaded = load_registry(settings, clock, fetches=fetches, is_lenient=True)
    keys = open_keys(idp, engine, clock)
    ring = keys.ring()
    federation = make_federation(settings, engine, clock, ring, fetches=fetches)
    opened = _Opened(loaded.registry, keys, ring, federation)
    parts = _make_parts(settings, engine, clock, accounts, opened)
    logout = LogoutFlow(make_logout_parts(settings, engine, parts))
    return IdentityProvider(
        flow=LoginFlow(parts, partial(end_for_new_password, logout.parts)),
        logout=logout,
        publication=_make_publication(parts, keys, ring, federation),
        follower=federation.follower,
        notes=loaded.notes + federation.notes,
    )


@dataclass(frozen=True, slots=True)
class _Opened:
    """What was read and opened before the parts can be put together."""

    registry: Registry
    keys: OpenKeys
    ring: KeyRing
    federation: Federation


def _make_parts(
    settings: Settings, engine: Engine, clock: Clock, accounts: Accounts | None, opened: _Opened
) -> LoginParts:
    idp = idp_of(settings)
    secret = load_or_create_secret(idp.keys)
    return LoginParts(
        catalogue=Catalogue(opened.registry),
        directory=DirectoryStore(engine),
        authenticator=_make_authenticator(settings, idp, engine, secret),
        factors=_make_factors(settings, engine, opened.keys, secret),
        standings=UserStandings(engine),
        devices=DeviceStore(engine),
        answerer=Answerer(opened.ring, idp.entity_id, idp.assertion_lifetime, secrets.token_bytes),
        store=SignOnStore(engine),
        audit=Audit(engine),
        settings=_login_settings(settings),
        clock=clock,
        secret=secret,
        random=secrets.token_bytes,
        routes=opened.federation.routes,
        upstream=opened.federation.authenticator,
        accounts=accounts,
        notices=make_notices(settings, engine, clock),
        countries=open_countries(idp.countries_file),
    )


def _make_factors(settings: Settings, engine: Engine, keys: OpenKeys, secret: bytes) -> Factors:
    idp = idp_of(settings)
    party = relying_party(idp.base_url, idp.organization)
    return make_factors(engine, keys.data_seal, secret, party, make_duo(settings))


def make_fast_lane(settings: Settings, parts: LoginParts) -> FastLane | None:
    """Return the logins that need nobody's patience; None if the database is over a network.

    Args:
        settings: As configured.
        parts: Of an identity provider with those settings.

    Raises:
        ConfigurationError: if a key is wrong.

    """
    engine = open_engine(settings.state.url, survives_power_loss=False, waits=False)
    if engine.dialect.name != "sqlite":
        return None
    ring, known = open_keys(idp_of(settings), engine, parts.clock).ring(), parts.factors
    return FastLane(
        replace(
            parts,
            directory=DirectoryStore(engine),
            store=SignOnStore(engine),
            audit=Audit(engine),
            standings=UserStandings(engine),
            factors=make_factors(engine, known.seal, parts.secret, known.passkeys.party, known.duo),
            answerer=replace(parts.answerer, keys=ring),
            accounts=KnownAccounts(engine) if parts.accounts else None,
        )
    )


def _make_publication(
    parts: LoginParts, keys: OpenKeys, ring: KeyRing, federation: Federation
) -> Publication:
    return Publication(
        parts.settings.endpoints,
        parts.catalogue,
        ring,
        FetchNotes(keys.store, parts.clock, time.monotonic),
        parts.clock,
        parts.random,
        federation.describe,
    )


def _login_settings(settings: Settings) -> LoginSettings:
    idp = idp_of(settings)
    limits = SessionLimits(idp.session_lifetime, idp.session_idle)
    return LoginSettings(
        _endpoints(idp),
        limits,
        idp.assertion_lifetime,
        organization=idp.organization,
        links=tuple(map(_link, settings.link)),
    )


def _link(settings: LinkSettings) -> Link:
    is_open = settings.groups == "*"
    groups = () if is_open else settings.groups
    names = frozenset(each.casefold() for each in groups)
    return Link(settings.name, settings.url, names, admits_everybody=is_open)


def make_logout_parts(settings: Settings, engine: Engine, parts: LoginParts) -> LogoutParts:
    """Return the parts of single logout, for an identity provider with those parts.

    Raises:
        ConfigurationError: if the authorities cannot be read.

    """
    soap = SoapClient(trusting(idp_of(settings).ca_file))
    return LogoutParts(parts, LogoutStore(engine), ParticipantStore(engine), soap)


def _make_authenticator(
    settings: Settings, idp: IdpSettings, engine: Engine, secret: bytes
) -> PasswordAuthenticator:
    return PasswordAuthenticator(
        make_password_check(settings),
        AttemptStore(engine),
        LockoutPolicy(
            idp.max_failures,
            idp.max_failures_address,
            idp.max_failures_overall,
            idp.failure_window,
        ),
        secret,
        DeviceStore(engine),
    )


def make_accounts(settings: Settings, engine: Engine, clock: Clock) -> OnDemand | None:
    """Return the accounts at the targets that applications depend on; None if there are none.

    Args:
        settings: What the operator configured.
        engine: The state database; what is sent must survive the loss of power.
        clock: Tells the time.

    Raises:
        ConfigurationError: if a mapping or dialect file is wrong, or does not fit the settings.

    """
    if not any(application.target for application in settings.application):
        return None
    # Without looking for leavers: who waits to be let in does not wait for others to be told.
    return OnDemand(make_parts(settings, engine, clock))


def make_password_check(settings: Settings) -> PasswordCheck:
    """Return what checks passwords: the source itself."""
    if settings.source.kind == "file" and settings.source.file is not None:
        return FilePasswordCheck(settings.source.file)
    return LdapPasswordCheck(settings.source)


def _endpoints(idp: IdpSettings) -> IdpEndpoints:
    return IdpEndpoints(idp.entity_id, idp.base_url)
