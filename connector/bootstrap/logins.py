"""The parts of the identity provider."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from connector.audit import Audit
from connector.bootstrap.keys import open_keys
from connector.directory.store import DirectoryStore
from connector.errors import ConfigurationError, Fault
from connector.idp.application.load import ApplicationSources, load_applications
from connector.idp.application.metadata_client import MetadataClient
from connector.idp.application.preset import PRESETS_FILE, load_presets
from connector.idp.authenticator import Pace, PasswordAuthenticator
from connector.idp.endpoints import IdpEndpoints
from connector.idp.flow import LoginFlow, LoginParts, LoginSettings
from connector.idp.keys.files import load_or_create_secret
from connector.idp.keys.seen import FetchNotes
from connector.idp.lockout import LockoutPolicy
from connector.idp.message.answer import Answerer
from connector.idp.publication import Publication
from connector.idp.session import SessionLimits
from connector.idp.store.attempts import AttemptStore
from connector.idp.store.sign_ons import SignOnStore
from connector.mapping.load import shipped_folder
from connector.source.file import FilePasswordCheck
from connector.source.ldap import LdapPasswordCheck

if TYPE_CHECKING:
    from connector.clock import Clock
    from connector.idp.application.service_provider import Registry
    from connector.idp.authenticator import PasswordCheck
    from connector.settings import IdpSettings, Settings
    from state.engine import Engine


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """What signs people in.

    Attributes:
        flow: The logins.
        publication: Shows our SAML metadata as it is now.
        notes: What an operator should know, such as metadata of others that is not fresh.

    """

    flow: LoginFlow
    publication: Publication
    notes: tuple[str, ...]


def make_identity_provider(settings: Settings, engine: Engine, clock: Clock) -> IdentityProvider:
    """Return what signs people in.

    Raises:
        ConfigurationError: if an application or a key is wrong; every fault.

    """
    idp = _idp_of(settings)
    registry, notes = load_registry(settings, clock)
    keys = open_keys(idp, engine, clock)
    ring = keys.ring()
    secret = load_or_create_secret(idp.keys)
    endpoints = _endpoints(idp)
    store = SignOnStore(engine)
    lockout = LockoutPolicy(account_count=idp.max_failures, window=idp.failure_window)
    authenticator = PasswordAuthenticator(
        make_password_check(settings),
        AttemptStore(engine),
        lockout,
        secret,
        Pace(secrets.randbelow),
    )
    lifetime = idp.assertion_lifetime
    parts = LoginParts(
        registry=registry,
        directory=DirectoryStore(engine),
        authenticator=authenticator,
        answerer=Answerer(ring, endpoints.entity_id, lifetime, secrets.token_bytes),
        store=store,
        audit=Audit(engine),
        settings=LoginSettings(
            endpoints, SessionLimits(idp.session_lifetime, idp.session_idle), lifetime
        ),
        clock=clock,
        secret=secret,
        random=secrets.token_bytes,
    )

    fetches = FetchNotes(keys.store, clock, time.monotonic)
    publication = Publication(endpoints, registry, ring, fetches, clock, secrets.token_bytes)
    return IdentityProvider(LoginFlow(parts), publication, notes)


def load_registry(settings: Settings, clock: Clock) -> tuple[Registry, tuple[str, ...]]:
    """Return the applications, and notes about what is not fresh.

    Raises:
        ConfigurationError: with every fault of every application.

    """
    sources = ApplicationSources(
        folder=Path(),
        presets=load_presets(_preset_file(settings)),
        client=MetadataClient(_idp_of(settings).keys.parent / "metadata"),
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
