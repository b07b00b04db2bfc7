"""Make upstreams and routes from what the operator configured; say everything wrong at once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509

from connector.errors import ConfigurationError, Fault
from connector.idp.application.service_provider import to_slug
from connector.idp.routing import Routes, Rule
from connector.idp.upstream.identity_provider import IdentityProvider, Match, Upstream, Upstreams
from connector.idp.upstream.metadata import parse_identity_provider
from connector.idp.vouched import AD

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from connector.idp.application.metadata_client import MetadataClient
    from connector.settings import ApplicationSettings, RouteSettings, UpstreamSettings


@dataclass(frozen=True, slots=True)
class UpstreamSources:
    """Where identity providers are described.

    Attributes:
        folder: Where relative paths start: the configuration file's folder.
        client: Fetches metadata by https.
        entity_id: What they know us by, unless configured otherwise.
        now: For metadata that ends.
        is_lenient: Leave out an upstream whose metadata cannot be had from its URL, instead of
            refusing all.
        file: Name of the configuration file, for the faults.

    """

    folder: Path
    client: MetadataClient
    entity_id: str
    now: datetime
    is_lenient: bool = False
    file: str = "connector.toml"


def load_upstreams(
    configured: Sequence[UpstreamSettings], sources: UpstreamSources
) -> tuple[Upstreams, tuple[str, ...]]:
    """Return the upstreams, and notes for the operator about what is not fresh.

    Raises:
        ConfigurationError: with every fault of every upstream.

    """
    upstreams, faults, notes = [], [], []
    for number, settings in enumerate(configured):
        try:
            provider, note = _describe(settings, sources)
        except ConfigurationError as error:
            if sources.is_lenient and "://" in settings.metadata:
                notes.append(f"upstream {settings.name} is left out: {error}")
            else:
                place = f"upstream[{number}]"
                faults += [_at(fault, sources.file, place) for fault in error.faults]
            continue
        upstreams.append(_to_upstream(settings, provider, sources.entity_id))
        if note:
            notes.append(f"upstream {settings.name}: {note}")
    faults += _clashes(upstreams, sources.file)
    if faults:
        raise ConfigurationError(faults)
    return Upstreams(tuple(upstreams)), tuple(notes)


def load_routes(
    configured: Sequence[RouteSettings],
    upstreams: Sequence[UpstreamSettings],
    applications: Sequence[ApplicationSettings],
    file: str = "connector.toml",
) -> Routes:
    """Return the rules.

    Raises:
        ConfigurationError: with every name that is not configured.

    """
    sources = {AD: AD} | {each.name.casefold(): each.name for each in upstreams}
    slugs = {each.name.casefold(): to_slug(each.name) for each in applications}
    faults: list[Fault] = []
    rules = []
    for number, route in enumerate(configured):
        key = f"route[{number}]"
        if route.source.casefold() not in sources:
            problem = f"must be one of {', '.join(sources.values())}, not {route.source!r}"
            faults.append(Fault(file, f"{key}.source", problem))
        for name in route.applications or ():
            if name.casefold() not in slugs:
                problem = f"no application is called {name!r}"
                faults.append(Fault(file, f"{key}.applications", problem))
        rules.append(
            Rule(
                source=sources.get(route.source.casefold(), ""),
                number=number + 1,
                domains=frozenset(route.domains or ()),
                applications=frozenset(
                    slugs.get(name.casefold(), "") for name in route.applications or ()
                ),
                networks=route.networks or (),
            )
        )
    if faults:
        raise ConfigurationError(faults)
    return Routes(tuple(rules))


def _describe(settings: UpstreamSettings, sources: UpstreamSources) -> tuple[IdentityProvider, str]:
    signed_by = _signer(settings)

    def read(document: bytes, origin: str) -> IdentityProvider:
        return parse_identity_provider(document, origin, sources.now, signed_by)

    if "://" in settings.metadata:
        fetched = sources.client.fetch_or_copy(settings.metadata, read, sources.now)
        return fetched.described, fetched.note
    try:
        document = (sources.folder / settings.metadata).read_bytes()
    except OSError as error:
        problem = f"cannot read {settings.metadata}: {error.strerror}"
        raise ConfigurationError([Fault("", "metadata", problem)]) from error
    return read(document, settings.metadata), ""


def _signer(settings: UpstreamSettings) -> x509.Certificate | None:
    """Return the certificate whose key must have signed the metadata, if there must be one."""
    path = settings.metadata_certificate
    if path is None:
        return None
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        problem = f"{path} holds no certificate in PEM"
        raise ConfigurationError([Fault("", "metadata_certificate", problem)]) from error


def _to_upstream(
    settings: UpstreamSettings, provider: IdentityProvider, entity_id: str
) -> Upstream:
    return Upstream(
        name=settings.name,
        slug=to_slug(settings.name),
        provider=provider,
        entity_id=settings.entity_id or entity_id,
        domains=frozenset(settings.domains),
        match=Match(settings.match.value, settings.match.equals),
        requires_encryption=settings.require_encryption,
        allows_unsolicited=settings.allow_unsolicited,
        authn_context=settings.authn_context,
        signs_requests=settings.sign_requests,
    )


def _clashes(upstreams: Sequence[Upstream], file: str) -> Iterator[Fault]:
    """Yield what would leave two upstreams indistinguishable."""
    for slug, count in Counter(upstream.slug for upstream in upstreams).items():
        if count > 1:
            yield Fault(file, "upstream", f"{count} names are too much alike ({slug})")
    for entity_id, count in Counter(each.provider.entity_id for each in upstreams).items():
        if count > 1:
            yield Fault(file, "upstream", f"{count} upstreams have the entity ID {entity_id}")


def _at(fault: Fault, file: str, place: str) -> Fault:
    """Return a fault with its place in the configuration file."""
    if fault.file:
        return fault
    return Fault(file, f"{place}.{fault.key}", fault.problem)
