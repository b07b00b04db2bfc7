"""The parts that concern other identity providers: whom we believe, what we ask, who we are."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from connector.errors import ConfigurationError
from connector.idp.application.metadata_client import MetadataClient
from connector.idp.authenticator.upstream import UpstreamAuthenticator
from connector.idp.decryption_key import load_or_create_decryption_key
from connector.idp.endpoints import IdpEndpoints
from connector.idp.message.sp_metadata import SpDescription
from connector.idp.store.upstreams import UpstreamStore
from connector.idp.upstream.identity_provider import UpstreamShelf
from connector.idp.upstream.load import UpstreamSources, load_routes, load_upstreams

if TYPE_CHECKING:
    from collections.abc import Callable

    from connector.clock import Clock
    from connector.errors import Fault
    from connector.idp.message.answer import SigningKeys
    from connector.idp.routing import Routes
    from connector.idp.upstream.identity_provider import Upstreams
    from connector.settings import IdpSettings, Settings
    from state.engine import Engine


log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Federation:
    """What logins need of other identity providers.

    Attributes:
        routes: Who checks whom.
        authenticator: Asks them; None if there are none.
        describe: Says what the upstream of a slug has to know of us; None if there are none.
        refresh: Reads and fetches their metadata anew.
        notes: What an operator should know.

    """

    routes: Routes
    authenticator: UpstreamAuthenticator | None
    describe: Callable[[str], SpDescription | None] | None
    refresh: Callable[[], None]
    notes: tuple[str, ...]


def make_federation(
    settings: Settings, idp: IdpSettings, engine: Engine, clock: Clock, keys: SigningKeys
) -> Federation:
    """Return what logins need of other identity providers.

    Of one whose metadata cannot be had nothing is known until it can.

    Args:
        settings: All of them.
        idp: Of the identity provider.
        engine: The state.
        clock: Tells the time.
        keys: Sign what we ask.

    Raises:
        ConfigurationError: if an upstream or a route is wrong; every fault.

    """
    upstreams, routes, notes = load_federation(settings, idp, clock, is_lenient=True)
    if not settings.upstream:
        return Federation(routes, None, None, lambda: None, notes)
    endpoints = IdpEndpoints(idp.entity_id, idp.base_url)
    decryption = load_or_create_decryption_key(idp.keys, clock.now())
    shelf = UpstreamShelf(upstreams)
    authenticator = UpstreamAuthenticator(
        upstreams=shelf.current,
        store=UpstreamStore(engine),
        keys=keys,
        decryption_keys=(decryption.private_key,),
        acs_url=endpoints.upstream_acs_url,
        random=secrets.token_bytes,
    )

    def describe(slug: str) -> SpDescription | None:
        return describe_us(shelf.current(), slug, endpoints, decryption.certificate)

    refresh = partial(_refresh, shelf, settings, idp, clock)
    return Federation(routes, authenticator, describe, refresh, notes)


def _refresh(shelf: UpstreamShelf, settings: Settings, idp: IdpSettings, clock: Clock) -> None:
    """Have the shelf hold what metadata say now; what cannot be had or is wrong stays as it was."""
    try:
        upstreams, _, notes = load_federation(settings, idp, clock, is_lenient=True)
    except ConfigurationError as error:
        log.warning("upstreams.kept", reason=str(error))
        return
    if shelf.replace(upstreams):
        names = [each.name for each in upstreams.upstreams]
        log.info("upstreams.replaced", upstreams=names, notes=list(notes))


def load_federation(
    settings: Settings, idp: IdpSettings, clock: Clock, *, is_lenient: bool = False
) -> tuple[Upstreams, Routes, tuple[str, ...]]:
    """Return whom we believe, who checks whom, and notes about what is not fresh.

    Args:
        settings: All of them.
        idp: Of the identity provider.
        clock: For metadata that ends.
        is_lenient: Leave out an upstream whose metadata cannot be had.

    Raises:
        ConfigurationError: with every fault of every upstream and route.

    """
    sources = UpstreamSources(
        folder=Path(),
        client=MetadataClient(idp.keys.parent / "metadata"),
        entity_id=IdpEndpoints(idp.entity_id, idp.base_url).upstream_metadata_url,
        now=clock.now(),
        is_lenient=is_lenient,
    )
    faults: list[Fault] = []
    try:
        routes = load_routes(settings.route, settings.upstream, settings.application)
    except ConfigurationError as error:
        faults += error.faults
    try:
        upstreams, notes = load_upstreams(settings.upstream, sources)
    except ConfigurationError as error:
        faults += error.faults
    if faults:
        raise ConfigurationError(faults)
    return upstreams, routes, notes


def describe_us(
    upstreams: Upstreams, slug: str, endpoints: IdpEndpoints, certificate: str
) -> SpDescription | None:
    """Return what the upstream of a slug has to know of us, or None if there is no such one.

    A certificate to encrypt by is said only where encryption is demanded: many would then use it,
    and by ciphers that we do not take.

    Args:
        upstreams: Whom we believe.
        slug: Of one of them; "" for what holds for all that know us by the usual name.
        endpoints: Our addresses.
        certificate: To encrypt by.

    """
    one = upstreams.by_slug(slug)
    if slug and one is None:
        return None
    concerned = (one,) if one is not None else upstreams.upstreams
    is_encrypted = any(upstream.requires_encryption for upstream in concerned)
    return SpDescription(
        entity_id=one.entity_id if one is not None else endpoints.upstream_metadata_url,
        acs_url=endpoints.upstream_acs_url,
        encryption_certificate=certificate if is_encrypted else "",
        signs_requests=all(upstream.signs_requests for upstream in concerned),
    )
