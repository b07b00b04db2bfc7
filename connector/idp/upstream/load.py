"""Make upstreams and routes from what the operator configured; say everything wrong at once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from connector.errors import ConfigurationError, Fault
from connector.idp.application.feed import Feed, is_url
from connector.idp.application.load import END_WARNING
from connector.idp.application.metadata_client import MetadataUnavailable
from connector.idp.application.metadata_role import Wanted, to_signers
from connector.idp.application.service_provider import to_slug
from connector.idp.routing import Routes, Rule
from connector.idp.upstream.identity_provider import IdentityProvider, Match, Upstream, Upstreams
from connector.idp.upstream.metadata import parse_identity_provider
from connector.idp.vouched import AD

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from connector.idp.application.metadata_client import MetadataClient
    from connector.settings import ApplicationSettings, RouteSettings, UpstreamSettings


@dataclass(frozen=True, slots=True)
class UpstreamSources:
    """Where identity providers are described.

    Attributes:
        client: Fetches metadata by https, and keeps copies.
        entity_id: What they know us by, unless configured otherwise.
        now: For metadata that ends.
        fetches: Fetch what there is no copy of; otherwise nothing is ever fetched.
        is_lenient: Leave out an upstream whose metadata cannot be had, instead of refusing all.
        file: Name of the configuration file, for the faults.

    """

    client: MetadataClient
    entity_id: str
    now: datetime
    fetches: bool = True
    is_lenient: bool = False
    file: str = "connector.toml"


def load_upstreams(
    configured: Sequence[UpstreamSettings], sources: UpstreamSources
) -> tuple[Upstreams, tuple[str, ...]]:
    """Return the upstreams, and notes for the operator about what is not fresh.

    Raises:
        ConfigurationError: with every fault of every upstream.

    """
    upstreams: list[Upstream] = []
    faults: list[Fault] = []
    notes: list[str] = []
    for number, settings in enumerate(configured):
        try:
            upstream = _to_upstream(settings, _describe(settings, sources), sources.entity_id)
        except MetadataUnavailable as error:
            if not sources.is_lenient:
                faults += error.faults
            notes.append(f"upstream {settings.name} is left out: {error}")
        except ConfigurationError as error:
            place = f"upstream[{number}]"
            faults += [_at(fault, sources.file, place) for fault in error.faults]
        else:
            upstreams.append(upstream)
            notes += [f"upstream {settings.name}: {note}" for note in _notes(upstream, sources)]
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


def feed_of(settings: UpstreamSettings) -> Feed[IdentityProvider]:
    """Return what is fetched for an upstream whose metadata comes from a URL."""

    def read(document: bytes) -> IdentityProvider:
        return parse_identity_provider(document, settings.metadata, _to_wanted(settings))

    return Feed("upstream", settings.name, settings.metadata, read)


def _describe(settings: UpstreamSettings, sources: UpstreamSources) -> IdentityProvider:
    """Return the identity provider of an upstream: of its file, or of the copy."""
    wanted = _to_wanted(settings)
    if is_url(settings.metadata):
        feed = feed_of(settings)
        return feed.described(sources.client, sources.now, fetches=sources.fetches)
    path = Path(settings.metadata)
    try:
        document = path.read_bytes()
    except OSError as error:
        problem = f"cannot read {settings.metadata}: {error.strerror}"
        raise ConfigurationError([Fault("", "metadata", problem)]) from error
    return parse_identity_provider(document, path.name, wanted)


def _to_wanted(settings: UpstreamSettings) -> Wanted:
    return Wanted(settings.issuer, to_signers(settings.metadata_certificate))


def _notes(upstream: Upstream, sources: UpstreamSources) -> Iterator[str]:
    ends_at = upstream.provider.valid_until
    if ends_at is None:
        return
    ends = f"{ends_at:%Y-%m-%d %H:%M} UTC"
    if upstream.provider.has_ended(sources.now):
        yield f"its metadata ended at {ends}: nobody can sign in by it until there is newer"
    elif ends_at - sources.now < END_WARNING:
        yield f"its metadata ends at {ends}"


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
