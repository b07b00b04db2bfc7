"""Make the registry from what the operator configured; say everything that is wrong at once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from connector.errors import ConfigurationError, Fault
from connector.idp.application.assemble import Assembler, finish
from connector.idp.application.feed import Feed, is_url
from connector.idp.application.metadata import parse_service_provider
from connector.idp.application.metadata_client import MetadataUnavailable
from connector.idp.application.metadata_role import Wanted, to_signers
from connector.idp.application.service_provider import Application, Registry, ServiceProvider

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from connector.idp.application.attribute_set import AttributeSets
    from connector.idp.application.metadata_client import MetadataClient
    from connector.idp.application.preset import Preset
    from connector.settings import ApplicationSettings

END_WARNING = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class ApplicationSources:
    """Where service providers are described.

    Attributes:
        presets: By name.
        sets: Attributes that are known by name.
        client: Fetches metadata by https, and keeps copies.
        now: For metadata that ends.
        fetches: Fetch what there is no copy of; otherwise nothing is ever fetched.
        is_lenient: Leave out an application whose metadata cannot be had, instead of refusing all.
        file: Name of the configuration file, for the faults.

    """

    presets: Mapping[str, Preset]
    sets: AttributeSets
    client: MetadataClient
    now: datetime
    fetches: bool = True
    is_lenient: bool = False
    file: str = "connector.toml"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of it.

    Attributes:
        registry: The applications.
        notes: What the operator should know, one line each.

    """

    registry: Registry
    notes: tuple[str, ...] = ()


def load_applications(
    configured: Sequence[ApplicationSettings], sources: ApplicationSources
) -> Loaded:
    """Return the registry, and notes for the operator.

    Raises:
        ConfigurationError: with every fault of every application.

    """
    applications: list[Application] = []
    faults: list[Fault] = []
    notes: list[str] = []
    for number, settings in enumerate(configured):
        try:
            application = _load(settings, sources)
        except MetadataUnavailable as error:
            if not sources.is_lenient:
                faults += error.faults
            notes.append(f"application {settings.name} is left out: {error}")
        except ConfigurationError as error:
            faults += [_at(fault, sources.file, number) for fault in error.faults]
        else:
            applications.append(application)
            notes += [
                f"application {settings.name}: {note}" for note in _notes(application, sources)
            ]
    faults += _clashes(applications, sources.file)
    if faults:
        raise ConfigurationError(faults)
    return Loaded(Registry(tuple(applications)), tuple(notes))


def _load(settings: ApplicationSettings, sources: ApplicationSources) -> Application:
    faults: list[Fault] = []
    assembler = Assembler(settings, sources.sets, faults)
    if settings.metadata:
        described = read_metadata(settings, sources)
        return finish(assembler.from_metadata(described), faults)
    if not settings.preset:
        return finish(assembler.by_hand(), faults)
    preset = sources.presets.get(settings.preset)
    if preset is None:
        problem = f"must be one of {', '.join(sorted(sources.presets))}, not {settings.preset!r}"
        raise ConfigurationError([Fault("", "preset", problem)])
    return finish(assembler.from_preset(preset), faults)


def read_metadata(settings: ApplicationSettings, sources: ApplicationSources) -> ServiceProvider:
    """Return the service provider of an application with metadata: of its file, or of the copy.

    Raises:
        MetadataUnavailable: if there is no copy, and none can be had.
        ConfigurationError: if what there is has faults.

    """
    wanted = to_wanted(settings)
    if is_fetched(settings):
        feed = feed_of(settings)
        return feed.described(sources.client, sources.now, fetches=sources.fetches)
    path = Path(settings.metadata)
    try:
        document = path.read_bytes()
    except OSError as error:
        problem = f"cannot read {settings.metadata}: {error.strerror}"
        raise ConfigurationError([Fault("", "metadata", problem)]) from error
    return parse_service_provider(document, path.name, wanted)


def feed_of(settings: ApplicationSettings) -> Feed[ServiceProvider]:
    """Return what is fetched for an application whose metadata comes from a URL."""

    def read(document: bytes) -> ServiceProvider:
        return parse_service_provider(document, settings.metadata, to_wanted(settings))

    return Feed("application", settings.name, settings.metadata, read)


def is_fetched(settings: ApplicationSettings) -> bool:
    """Return whether an application's metadata comes from a URL."""
    return is_url(settings.metadata)


def to_wanted(settings: ApplicationSettings) -> Wanted:
    """Return which service provider is read, and who must have signed.

    Raises:
        ConfigurationError: if the file of certificates holds none.

    """
    return Wanted(settings.entity_id, to_signers(settings.metadata_certificate))


def _notes(application: Application, sources: ApplicationSources) -> Iterator[str]:
    described = application.service_provider
    if described.valid_until is not None:
        ends = f"{described.valid_until:%Y-%m-%d %H:%M} UTC"
        if described.has_ended(sources.now):
            yield f"its metadata ended at {ends}: nobody can sign in there until there is newer"
        elif described.valid_until - sources.now < END_WARNING:
            yield f"its metadata ends at {ends}"
    if described.encryption is not None and described.encryption.problem:
        yield f"nothing is encrypted for it: {described.encryption.problem}"
    for name in lacking_attributes(application):
        yield f"it requires the attribute {name}, of which `attributes` says nothing"


def lacking_attributes(application: Application) -> tuple[str, ...]:
    """Return what a service provider requires by its metadata, and is not told."""
    services = application.service_provider.attribute_services
    return tuple(
        dict.fromkeys(
            one.friendly_name or one.name
            for service in services
            for one in service.requested
            if one.is_required
            and one.name not in {rule.name for rule in application.attributes_for(service.index)}
        )
    )


def _clashes(applications: Sequence[Application], file: str) -> Iterator[Fault]:
    """Yield what would leave two applications indistinguishable."""
    slugs = Counter(application.slug for application in applications)
    for slug, count in slugs.items():
        if count > 1:
            yield Fault(file, "application", f"{count} names are too much alike ({slug})")
    doors = Counter(
        (name, one.service_provider.default_acs().url)
        for one in applications
        for name in one.service_provider.names
    )
    for (entity_id, url), count in doors.items():
        if count > 1:
            problem = f"{count} applications have the entity ID {entity_id} and answer at {url}"
            yield Fault(file, "application", problem)


def _at(fault: Fault, file: str, number: int) -> Fault:
    """Return a fault with the application's place in the configuration file."""
    if fault.file:
        return fault
    return Fault(file, f"application[{number}].{fault.key}", fault.problem)
