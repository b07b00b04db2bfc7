"""The parts of a cycle."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from connector.bootstrap.opening import lock_path, mapping_folders
from connector.clock import SystemClock
from connector.errors import ConfigurationError, Fault
from connector.mapping.load import load_mapping
from connector.mapping.mapper import map_entry
from connector.planner.safety import Limits
from connector.source.entry import EntryKind
from connector.source.file import FileSource
from connector.source.reader import LdapSource, Wanted
from connector.sync.learnt import TargetMemory
from connector.sync.leaving import check_leave
from connector.sync.ports import Parts, TargetPort
from connector.target.client import MimecastApiTarget, ScimTarget, api_access_of, connection_of
from connector.target.dialect import load_dialect
from connector.target.lesson import learned

if TYPE_CHECKING:
    from connector.clock import Clock
    from connector.mapping.resource import MappedResource, MappingProblem
    from connector.mapping.rules import ResourceMapping
    from connector.settings import Settings, TargetSettings
    from connector.source.entry import SourceEntry
    from connector.sync.ports import SignOff, Source
    from connector.target.dialect import Dialect
    from connector.target.lesson import Memory
    from state.engine import Engine


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


def make_parts(
    settings: Settings,
    engine: Engine,
    clock: Clock | None = None,
    sign_off: SignOff | None = None,
) -> Parts:
    """Return what a cycle works with.

    Args:
        settings: What the operator configured.
        engine: The state database.
        clock: Tells the time.
        sign_off: Looks after those who are signed on, see `sign_off.make_sign_off`.

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
        sign_off=sign_off,
    )


def _to_port(settings: TargetSettings, dialect: Dialect, memory: Memory) -> TargetPort:
    limits = settings.limits
    return TargetPort(
        name=settings.name,
        connect=lambda: connect(settings, dialect, memory),
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


def connect(
    settings: TargetSettings, dialect: Dialect, memory: Memory | None = None
) -> ScimTarget | MimecastApiTarget:
    """Return a connection to a target; nothing is sent yet."""
    connection = connection_of(settings)
    if settings.kind == "mimecast-api":
        return MimecastApiTarget(connection, dialect, api_access_of(settings))
    return ScimTarget(connection, dialect, memory=memory)
