"""Make the registry from what the operator configured; say everything that is wrong at once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from connector.errors import ConfigurationError, Fault
from connector.idp.application.metadata import parse_service_provider
from connector.idp.application.service_provider import (
    Application,
    Registry,
    ServiceProvider,
    to_slug,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from connector.idp.application.metadata_client import MetadataClient
    from connector.idp.application.preset import Preset
    from connector.settings import ApplicationSettings


@dataclass(frozen=True, slots=True)
class ApplicationSources:
    """Where service providers are described.

    Attributes:
        folder: Where relative paths start: the configuration file's folder.
        presets: By name.
        client: Fetches metadata by https.
        now: For metadata that ends.
        file: Name of the configuration file, for the faults.

    """

    folder: Path
    presets: Mapping[str, Preset]
    client: MetadataClient
    now: datetime
    file: str = "connector.toml"

    def read(self, document: bytes, origin: str) -> ServiceProvider:
        """Return the service provider of a document; a `metadata_client.Reader`."""
        return parse_service_provider(document, origin, self.now)


def load_applications(
    configured: Sequence[ApplicationSettings], sources: ApplicationSources
) -> tuple[Registry, tuple[str, ...]]:
    """Return the registry, and notes for the operator about what is not fresh.

    Raises:
        ConfigurationError: with every fault of every application.

    """
    applications, faults, notes = [], [], []
    for number, settings in enumerate(configured):
        try:
            application, note = _load(settings, sources)
        except ConfigurationError as error:
            faults += [_at(fault, sources.file, number) for fault in error.faults]
            continue
        applications.append(application)
        if note:
            notes.append(f"application {settings.name}: {note}")
    faults += _clashes(applications, sources.file)
    if faults:
        raise ConfigurationError(faults)
    return Registry(tuple(applications)), tuple(notes)


def _load(settings: ApplicationSettings, sources: ApplicationSources) -> tuple[Application, str]:
    if settings.preset:
        return _from_preset(settings, sources.presets), ""
    if "://" in settings.metadata:
        fetched = sources.client.fetch(settings.metadata, sources.read)
        return _to_application(settings, fetched.described), fetched.note
    path = sources.folder / settings.metadata
    try:
        document = path.read_bytes()
    except OSError as error:
        problem = f"cannot read {settings.metadata}: {error.strerror}"
        raise ConfigurationError([Fault("", "metadata", problem)]) from error
    return _to_application(settings, sources.read(document, settings.metadata)), ""


def _from_preset(settings: ApplicationSettings, presets: Mapping[str, Preset]) -> Application:
    preset = presets.get(settings.preset)
    if preset is None:
        problem = f"must be one of {', '.join(sorted(presets))}, not {settings.preset!r}"
        raise ConfigurationError([Fault("", "preset", problem)])
    region, account_code = settings.region.lower(), settings.account_code.upper()
    problems = preset.problems(region, account_code)
    if problems:
        raise ConfigurationError([Fault("", key, problem) for key, problem in problems.items()])
    return _to_application(
        settings,
        preset.to_service_provider(region, account_code),
        preset.fill(preset.portal_acs_url, region, account_code),
    )


def _to_application(
    settings: ApplicationSettings, service_provider: ServiceProvider, portal_acs_url: str = ""
) -> Application:
    groups = () if settings.groups == "*" else settings.groups
    return Application(
        name=settings.name,
        slug=to_slug(settings.name),
        service_provider=service_provider,
        groups=frozenset(name.casefold() for name in groups),
        admits_everybody=settings.groups == "*",
        name_id=settings.name_id,
        name_id_format=settings.name_id_format,
        attributes=dict(settings.attributes),
        portal_acs_url=portal_acs_url,
        target=settings.target,
    )


def _clashes(applications: Sequence[Application], file: str) -> Iterator[Fault]:
    """Yield what would leave two applications indistinguishable."""
    slugs = Counter(application.slug for application in applications)
    for slug, count in slugs.items():
        if count > 1:
            yield Fault(file, "application", f"{count} names are too much alike ({slug})")
    doors = Counter(
        (one.service_provider.entity_id, one.service_provider.default_acs().url)
        for one in applications
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
