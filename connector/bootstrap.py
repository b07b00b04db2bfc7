"""The only place that knows concrete classes: settings in, wired parts out."""

from __future__ import annotations

import secrets
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from connector.audit import Audit
from connector.clock import SystemClock
from connector.directory.store import DirectoryStore
from connector.errors import ConfigurationError, Fault, SourceUnavailable
from connector.idp.answer import Answerer
from connector.idp.applications import ApplicationSources, load_applications
from connector.idp.authenticator import Pace, PasswordAuthenticator
from connector.idp.flow import LoginFlow, LoginParts, LoginSettings
from connector.idp.keys import load_or_create_keys, load_or_create_secret
from connector.idp.lockout import LockoutPolicy
from connector.idp.metadata import IdpEndpoints, build_metadata
from connector.idp.metadata_client import MetadataClient
from connector.idp.preset import PRESETS_FILE, load_presets
from connector.idp.session import SessionLimits
from connector.idp.store import IdentityStore
from connector.mapping.load import load_mapping, shipped_folder
from connector.mapping.mapper import map_entry
from connector.planner.safety import Limits
from connector.source.entry import EntryKind
from connector.source.file import FilePasswordCheck, FileSource
from connector.source.ldap import LdapPasswordCheck
from connector.source.reader import LdapSource, SourceCheck, Wanted
from connector.sync.learnt import TargetMemory
from connector.sync.leaving import check_leave
from connector.sync.ports import Parts, TargetPort
from connector.target.client import MimecastApiTarget, ScimTarget, api_access_of, connection_of
from connector.target.dialect import load_dialect
from connector.target.lesson import learned
from state.engine import open_engine
from state.errors import StateError
from state.migrate import is_new, pending, upgrade

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from connector.clock import Clock
    from connector.idp.authenticator import PasswordCheck
    from connector.idp.service_provider import Registry
    from connector.mapping.resource import MappedResource, MappingProblem
    from connector.mapping.rules import ResourceMapping
    from connector.settings import IdpSettings, Settings, TargetSettings
    from connector.source.entry import SourceEntry
    from connector.sync.ports import Source
    from connector.target.dialect import Dialect
    from connector.target.lesson import Memory
    from state.engine import Engine

METADATA_LIFETIME = timedelta(days=7)
LARGEST_SKEW = timedelta(minutes=2)
EXPIRY_WARNING = timedelta(days=30)


def mapping_folders(settings: Settings) -> tuple[Path, ...]:
    """Return where mapping files are looked for: the operator's folder, then ours."""
    return (settings.mappings, shipped_folder())


def open_state(settings: Settings) -> Engine:
    """Return the state database; an empty one gets its tables, an old one is not touched.

    Raises:
        StateError: if it cannot be used, or must be upgraded first.

    """
    engine = open_engine(settings.state.url)
    try:
        is_pending = pending(engine)
    except StateError as error:
        message = f"{error} ({engine.url.render_as_string(hide_password=True)})"
        raise StateError(message) from error
    if is_pending:
        if not is_new(engine):
            message = "the state database is of an older program; run: connector db upgrade"
            raise StateError(message)
        upgrade(engine)
    return engine


# -- what `connector check` says -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `connector check`.

    Attributes:
        level: "ok", "warn" or "fail".
        subject: What was looked at.
        words: What was found, and what to do about it.

    """

    level: str
    subject: str
    words: str


def check_online(settings: Settings) -> list[Finding]:
    """Return what the source and the targets say when asked; nothing is changed there."""
    findings = []
    if settings.source.kind == "ldap":
        findings += _check_source(settings)
    return [*findings, *map(_check_target, settings.target, load_dialects(settings))]


def _check_source(settings: Settings) -> list[Finding]:
    mappings = load_mappings(settings)
    wanted = Wanted(tuple(mappings.user.wanted), tuple(mappings.group.wanted))
    try:
        found = LdapSource(settings.source, wanted, SystemClock()).check()
    except SourceUnavailable as error:
        return [Finding("fail", "source", str(error))]
    findings = [Finding("ok", "source", f"{found.server} answers and lets us in")]
    if not found.is_base_there:
        words = f"the base {settings.source.base} is not there, or not ours to see"
        findings.append(Finding("fail", "source", words))
    if found.clock_skew is not None and abs(found.clock_skew) > LARGEST_SKEW:
        seconds = int(found.clock_skew.total_seconds())
        findings.append(Finding("warn", "source", f"its clock is {seconds} s ahead of ours"))
    ends_at = found.certificate_ends_at
    if ends_at is not None and ends_at - SystemClock().now() < EXPIRY_WARNING:
        words = f"its certificate ends on {ends_at:%Y-%m-%d}"
        findings.append(Finding("warn", "source", words))
    if found.is_base_there:
        findings += _check_changes(found)
    return findings


def _check_changes(found: SourceCheck) -> Iterator[Finding]:
    """Yield how soon changes and deletions are noticed."""
    if found.untold:
        words = (
            f"changes cannot be read, so everything always is: the mapping or a filter depends on"
            f" {', '.join(found.untold)}, of which the server tells no change"
        )
        yield Finding("warn", "source", words)
    elif not found.changes_by:
        words = "changes cannot be read, so everything always is: it keeps no account of them"
        yield Finding("warn", "source", words)
    else:
        yield Finding("ok", "source", f"changes are read by {found.changes_by}")
    if not found.sees_deleted:
        words = (
            "deleted entries are hidden from the account: only full reads notice a deletion, and"
            " have no proof of it; see docs/configuration.md, [source]"
        )
        yield Finding("warn", "source", words)


def _check_target(target: TargetSettings, dialect: Dialect) -> Finding:
    with closing(_connect(target, dialect)) as connection:
        found = connection.check()
    subject = f"target {target.name}"
    words = found.words.removeprefix(f"{subject}: ")
    return Finding("ok" if found.is_usable else "fail", subject, words)


# -- the sync ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mappings:
    """The two mappings of a source."""

    user: ResourceMapping
    group: ResourceMapping

    def map_entry(self, entry: SourceEntry) -> MappedResource | MappingProblem:
        """Return the entry as a resource, or what stood in its way."""
        mapping = self.user if entry.kind is EntryKind.USER else self.group
        return map_entry(entry, mapping)

    @property
    def fingerprint(self) -> str:
        """Return what changes when either mapping does."""
        return f"{self.user.fingerprint}/{self.group.fingerprint}"


def load_mappings(settings: Settings) -> Mappings:
    """Return the mappings that the configuration names.

    Raises:
        ConfigurationError: with every fault of a file.

    """
    folders = mapping_folders(settings)
    loaded: list[ResourceMapping] = []
    faults: list[Fault] = []
    for name in (settings.source.user_mapping, settings.source.group_mapping):
        try:
            loaded.append(load_mapping(name, folders))
        except ConfigurationError as error:
            faults += error.faults
    if faults:
        raise ConfigurationError(faults)
    return Mappings(*loaded)


def load_dialects(settings: Settings) -> list[Dialect]:
    """Return the dialects of the targets, in their order.

    Raises:
        ConfigurationError: with every fault of a file.

    """
    folders = mapping_folders(settings)
    loaded: list[Dialect] = []
    faults: list[Fault] = []
    for target in settings.target:
        try:
            loaded.append(load_dialect(target.mapping, folders))
        except ConfigurationError as error:
            faults += error.faults
    if faults:
        # One file may serve two targets.
        raise ConfigurationError(list(dict.fromkeys(faults)))
    return loaded


def make_source(settings: Settings, mappings: Mappings, clock: Clock) -> Source:
    """Return the source that the configuration names; nothing is connected yet."""
    if settings.source.kind == "file" and settings.source.file is not None:
        return FileSource(settings.source.file, clock)
    wanted = Wanted(tuple(mappings.user.wanted), tuple(mappings.group.wanted))
    return LdapSource(settings.source, wanted, clock)


def make_parts(settings: Settings, engine: Engine, clock: Clock | None = None) -> Parts:
    """Return what a cycle works with.

    Raises:
        ConfigurationError: if a mapping or dialect file is wrong, or does not fit the settings.

    """
    clock = clock or SystemClock()
    mappings = load_mappings(settings)
    dialects = load_dialects(settings)
    check_leave(settings.target, mappings.user, dialects)
    return Parts(
        source=make_source(settings, mappings, clock),
        map_entry=mappings.map_entry,
        mapping_fingerprint=mappings.fingerprint,
        engine=engine,
        targets=tuple(
            _to_port(target, dialect, TargetMemory(engine, target.name, clock))
            for target, dialect in zip(settings.target, dialects, strict=True)
        ),
        clock=clock,
        lock_path=lock_path(engine),
        full_every=settings.schedule.full_every,
    )


def lock_path(engine: Engine) -> Path:
    """Return the lock of cycles: beside the SQLite file, or in the working folder."""
    database = engine.url.database if engine.dialect.name == "sqlite" else None
    return Path(f"{database}.lock" if database else "connector.lock")


def _to_port(settings: TargetSettings, dialect: Dialect, memory: Memory) -> TargetPort:
    limits = settings.limits
    return TargetPort(
        name=settings.name,
        connect=lambda: _connect(settings, dialect, memory),
        groups=settings.groups,
        push_groups=settings.push_groups,
        mode=settings.mode,
        deprovision=settings.deprovision,
        grace=settings.grace,
        limits=Limits(
            limits.max_deletes, limits.max_disables, limits.max_updates, limits.max_group_removals
        ),
        # What it takes may have turned out to be other than its file says.
        view=replace(learned(dialect, memory.load()).view(), left=settings.leave),
        first_cycle=settings.first_cycle,
        drift=settings.drift,
        drift_every=settings.drift_every,
    )


def _connect(
    settings: TargetSettings, dialect: Dialect, memory: Memory | None = None
) -> ScimTarget | MimecastApiTarget:
    connection = connection_of(settings)
    if settings.kind == "mimecast-api":
        return MimecastApiTarget(connection, dialect, api_access_of(settings))
    return ScimTarget(connection, dialect, memory=memory)


# -- the identity provider -----------------------------------------------------------------------


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


def make_identity_provider(settings: Settings, engine: Engine, clock: Clock) -> IdentityProvider:
    """Return what signs people in.

    Raises:
        ConfigurationError: if an application or a key is wrong; every fault.

    """
    idp = _idp_of(settings)
    registry, notes = load_registry(settings, clock)
    keys = load_or_create_keys(idp.keys, clock.now())
    secret = load_or_create_secret(idp.keys)
    endpoints = _endpoints(idp)
    store = IdentityStore(engine)
    lockout = LockoutPolicy(account_count=idp.max_failures, window=idp.failure_window)
    authenticator = PasswordAuthenticator(
        make_password_check(settings), store, lockout, secret, Pace(secrets.randbelow)
    )
    lifetime = idp.assertion_lifetime
    parts = LoginParts(
        registry=registry,
        directory=DirectoryStore(engine),
        authenticator=authenticator,
        answerer=Answerer(keys[0].signing_key, endpoints.entity_id, lifetime, secrets.token_bytes),
        store=store,
        audit=Audit(engine),
        settings=LoginSettings(
            endpoints, SessionLimits(idp.session_lifetime, idp.session_idle), lifetime
        ),
        clock=clock,
        secret=secret,
        random=secrets.token_bytes,
    )

    def metadata() -> bytes:
        return build_metadata(
            endpoints,
            [entry.signing_key for entry in keys],
            valid_until=clock.now() + METADATA_LIFETIME,
            document_id=f"_{secrets.token_hex(16)}",
        )

    return IdentityProvider(LoginFlow(parts), metadata, notes)


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
    return IdpEndpoints(idp.entity_id, f"{idp.base_url}/saml/sso")
