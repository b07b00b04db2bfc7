"""Applications as the files of an installation describe them, now and while the program runs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from connector.bootstrap.federation import feeds_of_upstreams, metadata_client, upstream_notes
from connector.bootstrap.opening import idp_of, mapping_folders, metadata_folder
from connector.bootstrap.policies import load_policies
from connector.errors import ConfigurationError, Fault
from connector.idp.application.attribute_set import SETS_FILE, load_attribute_sets
from connector.idp.application.fetching import Fetcher, FetchLoop
from connector.idp.application.following import Follower, Stamp, stamp_of
from connector.idp.application.load import (
    ApplicationSources,
    Loaded,
    feed_of,
    is_fetched,
    load_applications,
)
from connector.idp.application.metadata_client import MetadataClient
from connector.idp.application.preset import PRESETS_FILE, load_presets
from connector.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector.clock import Clock
    from connector.idp.application.catalogue import Catalogue
    from connector.idp.application.feed import Description, Feed
    from connector.idp.application.service_provider import ServiceProvider
    from connector.settings import Settings


def application_sources(settings: Settings, clock: Clock) -> ApplicationSources:
    """Return where applications are described, as of now; everything that is wrong is a fault.

    Raises:
        ConfigurationError: with every fault of presets and attribute sets.

    """
    folders = mapping_folders(settings)
    return ApplicationSources(
        presets=load_presets(folders),
        sets=load_attribute_sets(folders),
        client=metadata_client(settings),
        now=clock.now(),
    )


def load_registry(
    settings: Settings, clock: Clock, *, fetches: bool = True, is_lenient: bool = False
) -> Loaded:
    """Return the applications with the policies, and notes for the operator.

    Args:
        settings: The whole configuration.
        clock: For metadata that ends.
        fetches: Fetch metadata of which there is no copy.
        is_lenient: Leave out an application whose metadata cannot be had.

    Raises:
        ConfigurationError: with every fault of every application, or of the policies.

    """
    sources = application_sources(settings, clock)
    loaded = load_applications(
        settings.application, replace(sources, fetches=fetches, is_lenient=is_lenient)
    )
    policies = load_policies(settings)
    return replace(loaded, registry=replace(loaded.registry, policies=policies))


@dataclass(slots=True)
class ApplicationFiles:
    """The files of a running installation.

    Attributes:
        settings: As last read.
        clock: Tells the time.
        configuration: The file that they came from, or None if it is not read anew.
        revision: The stamp of the last call to read it anew, as of these settings.
        started: What the process was started with.

    """

    settings: Settings
    clock: Clock
    configuration: Path | None = None
    revision: Stamp = ()
    started: Settings = field(init=False)

    def __post_init__(self) -> None:
        """Keep what the process was started with."""
        self.started = self.settings

    def current(self) -> Settings:
        """Return the settings, read anew if somebody has called for that since.

        Raises:
            ConfigurationError: if they are wrong now, or of use only after a restart. Later calls
                return what was there before.

        """
        revision = revision_of(self.settings)
        if self.configuration is not None and revision != self.revision:
            self.revision = revision
            self.settings = _as_started(load_settings(self.configuration), self.started)
        return self.settings

    def load(self) -> Loaded:
        """Return the applications as files and copies describe them; nothing is fetched."""
        return load_registry(self.current(), self.clock, fetches=False, is_lenient=True)

    def stamp(self) -> Stamp:
        """Return what changes when one of the files does."""
        return stamp_of(_paths(self.settings))


def _as_started(read: Settings, started: Settings) -> Settings:
    """Return settings that were read anew, with what a process takes up at its start only.

    Raises:
        ConfigurationError: if the policies are wrong, or need what the process does not have.

    """
    load_policies(read)
    known = read.model_copy(update={"duo": started.duo, "idp": started.idp})
    try:
        load_policies(known)
    except ConfigurationError as error:
        hint = "restart: [idp] and [duo] are taken up at the start only"
        faults = [replace(each, problem=f"{each.problem}; {hint}") for each in error.faults]
        raise ConfigurationError(faults) from error
    return known


def make_follower(files: ApplicationFiles, catalogue: Catalogue) -> Follower:
    """Return what keeps a process's applications as the files are."""
    return Follower(catalogue, files.load, files.stamp, seen=())


def make_fetch_loop(files: ApplicationFiles) -> FetchLoop:
    """Return what fetches metadata while the program runs; not started yet."""
    return FetchLoop(
        make_fetcher(files),
        lambda: (*files.load().notes, *upstream_notes(files.current(), files.clock)),
    )


def make_fetcher(files: ApplicationFiles) -> Fetcher:
    """Return what knows when which metadata is due."""

    def feeds() -> list[Feed[Description]]:
        settings = files.current()
        return [*feeds_of_applications(settings), *feeds_of_upstreams(settings)]

    every = idp_of(files.settings).metadata_every
    return Fetcher(feeds, metadata_client(files.settings), files.clock.now, every)


def feeds_of_applications(settings: Settings) -> list[Feed[ServiceProvider]]:
    """Return what is fetched for applications."""
    return [feed_of(each) for each in settings.application if is_fetched(each)]


def revision_of(settings: Settings) -> Stamp:
    """Return the stamp of the last call to read the applications of the configuration anew."""
    return stamp_of([metadata_folder(settings) / "revision"])


def call_for_reading(settings: Settings, clock: Clock) -> None:
    """Have every process that serves these settings read the applications anew, in seconds.

    Raises:
        ConfigurationError: if the folder of metadata cannot be written.

    """
    path = metadata_folder(settings) / "revision"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(clock.now().isoformat(), encoding="ascii")
    except OSError as error:
        raise ConfigurationError([Fault(str(path), "", f"{error.strerror}")]) from error


def _paths(settings: Settings) -> Iterator[Path]:
    folder = metadata_folder(settings)
    client = MetadataClient(folder)
    yield folder / "revision"
    yield settings.mappings / PRESETS_FILE
    yield settings.mappings / SETS_FILE
    for application in settings.application:
        if is_fetched(application):
            yield client.path_of(application.metadata)
        elif application.metadata:
            yield Path(application.metadata)
        if application.metadata_certificate is not None:
            yield application.metadata_certificate
