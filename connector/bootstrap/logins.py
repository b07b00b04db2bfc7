"""The parts of the identity provider."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from connector.audit import Audit
from connector.bootstrap.cycles import make_parts
from connector.bootstrap.federation import METADATA_LIFETIME, make_federation
from connector.bootstrap.tls import trusting
from connector.directory.store import DirectoryStore
from connector.errors import ConfigurationError, Fault
from connector.idp.application.load import ApplicationSources, load_applications
from connector.idp.application.metadata_client import MetadataClient
from connector.idp.application.preset import PRESETS_FILE, load_presets
from connector.idp.authenticator import Pace, PasswordAuthenticator
from connector.idp.endpoints import IdpEndpoints
from connector.idp.flow import LoginFlow, LoginParts, LoginSettings
from connector.idp.keys import load_or_create_keys, load_or_create_secret
from connector.idp.lockout import LockoutPolicy
from connector.idp.logout.flow import LogoutFlow
from connector.idp.logout.parts import LogoutParts
from connector.idp.logout.soap_client import SoapClient
from connector.idp.message.answer import Answerer
from connector.idp.message.metadata import build_metadata
from connector.idp.session import SessionLimits
from connector.idp.store.attempts import AttemptStore
from connector.idp.store.logouts import LogoutStore
from connector.idp.store.participants import ParticipantStore
from connector.idp.store.sign_ons import SignOnStore
from connector.mapping.load import shipped_folder
from connector.source.file import FilePasswordCheck
from connector.source.ldap import LdapPasswordCheck
from connector.sync.on_demand import OnDemand

if TYPE_CHECKING:
    from collections.abc import Callable

    from connector.clock import Clock
    from connector.idp.accounts import Accounts
    from connector.idp.application.service_provider import Registry
    from connector.idp.authenticator import PasswordCheck
    from connector.settings import IdpSettings, Settings
    from state.engine import Engine


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """What signs people in.

    Attributes:
        flow: The logins.
        logout: The logouts.
        metadata: Gives our SAML metadata as it is now.
        describe: Gives our SAML metadata for the upstream of a slug; None if there are none.
        notes: What an operator should know, such as metadata of others that is not fresh.

    """

    flow: LoginFlow
    logout: LogoutFlow
    metadata: Callable[[], bytes]
    describe: Callable[[str], bytes | None] | None
    notes: tuple[str, ...]


def make_identity_provider(
    settings: Settings, engine: Engine, clock: Clock, accounts: Accounts | None = None
) -> IdentityProvider:
    """Return what signs people in.

    Args:
        settings: What the operator configured.
        engine: The state database.
        clock: Tells the time.
        accounts: Those at the targets, see `make_accounts`; None if none is looked at.

    Raises:
        ConfigurationError: if an application, an upstream or a key is wrong; every fault.

    """
    idp = _idp_of(settings)
    registry, notes = load_registry(settings, clock)
    keys = load_or_create_keys(idp.keys, clock.now())
    signing = [entry.signing_key for entry in keys]
    federation = make_federation(settings, idp, engine, clock, signing)
    secret = load_or_create_secret(idp.keys)
    endpoints = _endpoints(idp)
    lifetime = idp.assertion_lifetime
    parts = LoginParts(
        registry=registry,
        directory=DirectoryStore(engine),
        authenticator=_make_authenticator(settings, idp, engine, secret),
        answerer=Answerer(keys[0].signing_key, endpoints.entity_id, lifetime, secrets.token_bytes),
        store=SignOnStore(engine),
        audit=Audit(engine),
        settings=LoginSettings(
            endpoints, SessionLimits(idp.session_lifetime, idp.session_idle), lifetime
        ),
        clock=clock,
        secret=secret,
        random=secrets.token_bytes,
        routes=federation.routes,
        upstream=federation.authenticator,
        accounts=accounts,
    )

    def metadata() -> bytes:
        until, document_id = clock.now() + METADATA_LIFETIME, f"_{secrets.token_hex(16)}"
        return build_metadata(endpoints, signing, valid_until=until, document_id=document_id)

    logout = LogoutFlow(make_logout_parts(settings, engine, parts))
    notes += federation.notes
    return IdentityProvider(LoginFlow(parts), logout, metadata, federation.describe, notes)


def make_logout_parts(settings: Settings, engine: Engine, parts: LoginParts) -> LogoutParts:
    """Return the parts of single logout, for an identity provider with those parts.

    Raises:
        ConfigurationError: if the authorities cannot be read.

    """
    soap = SoapClient(trusting(_idp_of(settings).ca_file))
    return LogoutParts(parts, LogoutStore(engine), ParticipantStore(engine), soap)


def _make_authenticator(
    settings: Settings, idp: IdpSettings, engine: Engine, secret: bytes
) -> PasswordAuthenticator:
    return PasswordAuthenticator(
        make_password_check(settings),
        AttemptStore(engine),
        LockoutPolicy(account_count=idp.max_failures, window=idp.failure_window),
        secret,
        Pace(secrets.randbelow),
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


def load_registry(settings: Settings, clock: Clock) -> tuple[Registry, tuple[str, ...]]:
    """Return the applications, and notes about what is not fresh.

    Raises:
        ConfigurationError: with every fault of every application.

    """
    idp = _idp_of(settings)
    sources = ApplicationSources(
        folder=Path(),
        presets=load_presets(_preset_file(settings)),
        client=MetadataClient(idp.keys.parent / "metadata", trusting(idp.ca_file)),
        now=clock.now(),
    )
    return load_applications(settings.application, sources)


def make_password_check(settings: Settings) -> PasswordCheck:
    """Return what checks passwords: the source itself."""
    if settings.source.kind == "file" and settings.source.file is not None:
        return FilePasswordCheck(settings.source.file)
    return LdapPasswordCheck(settings.source)


def _idp_of(settings: Settings) -> IdpSettings:
    if settings.idp is None:
        raise ConfigurationError([Fault("connector.toml", "idp", "is missing")])
    return settings.idp


def _preset_file(settings: Settings) -> Path:
    own = settings.mappings / PRESETS_FILE
    return own if own.is_file() else shipped_folder() / PRESETS_FILE


def _endpoints(idp: IdpSettings) -> IdpEndpoints:
    return IdpEndpoints(idp.entity_id, idp.base_url)
