"""The parts of the identity provider."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from connector.audit import Audit
from connector.bootstrap.applications import load_registry
from connector.bootstrap.cycles import make_parts
from connector.directory.store import DirectoryStore
from connector.errors import ConfigurationError, Fault
from connector.idp.application.catalogue import Catalogue
from connector.idp.authenticator import Pace, PasswordAuthenticator
from connector.idp.endpoints import IdpEndpoints
from connector.idp.flow import LoginFlow, LoginParts, LoginSettings
from connector.idp.keys import load_or_create_keys, load_or_create_secret
from connector.idp.lockout import LockoutPolicy
from connector.idp.message.answer import Answerer
from connector.idp.message.metadata import build_metadata
from connector.idp.session import SessionLimits
from connector.idp.store.attempts import AttemptStore
from connector.idp.store.sign_ons import SignOnStore
from connector.source.file import FilePasswordCheck
from connector.source.ldap import LdapPasswordCheck
from connector.sync.on_demand import OnDemand

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from connector.clock import Clock
    from connector.idp.accounts import Accounts
    from connector.idp.authenticator import PasswordCheck
    from connector.idp.keys import KeyEntry
    from connector.settings import IdpSettings, Settings
    from state.engine import Engine

METADATA_LIFETIME = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """What signs people in.

    Attributes:
        flow: The logins.
        metadata: Gives our SAML metadata as it is now.
        notes: What an operator should know, such as metadata of others that is not fresh.

    """

    flow: LoginFlow
    metadata: Callable[[], bytes]
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
        settings: What the operator configured.
        engine: The state database.
        clock: Tells the time.
        accounts: Those at the targets, see `make_accounts`; None if none is looked at.
        fetches: Fetch metadata of which there is no copy.

    Raises:
        ConfigurationError: if an application or a key is wrong; every fault.

    """
    idp = _idp_of(settings)
    loaded = load_registry(settings, clock, fetches=fetches, is_lenient=True)
    keys = load_or_create_keys(idp.keys, clock.now())
    secret = load_or_create_secret(idp.keys)
    endpoints = _endpoints(idp)
    lifetime = idp.assertion_lifetime
    parts = LoginParts(
        catalogue=Catalogue(loaded.registry),
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
        accounts=accounts,
    )
    return IdentityProvider(LoginFlow(parts), _publishing(endpoints, keys, clock), loaded.notes)


def _publishing(
    endpoints: IdpEndpoints, keys: Sequence[KeyEntry], clock: Clock
) -> Callable[[], bytes]:
    """Return what gives our metadata as it is now."""

    def metadata() -> bytes:
        return build_metadata(
            endpoints,
            [entry.signing_key for entry in keys],
            valid_until=clock.now() + METADATA_LIFETIME,
            document_id=f"_{secrets.token_hex(16)}",
        )

    return metadata


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
    return OnDemand(make_parts(settings, engine, clock))


def make_password_check(settings: Settings) -> PasswordCheck:
    """Return what checks passwords: the source itself."""
    if settings.source.kind == "file" and settings.source.file is not None:
        return FilePasswordCheck(settings.source.file)
    return LdapPasswordCheck(settings.source)


def _idp_of(settings: Settings) -> IdpSettings:
    if settings.idp is None:
        raise ConfigurationError([Fault("connector.toml", "idp", "is missing")])
    return settings.idp


def _endpoints(idp: IdpSettings) -> IdpEndpoints:
    return IdpEndpoints(idp.entity_id, idp.base_url)
