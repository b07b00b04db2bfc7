"""The parts that concern other identity providers: whom we believe, what we ask, who we are."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from connector.bootstrap.opening import idp_of, metadata_folder
from connector.bootstrap.tls import trusting
from connector.errors import ConfigurationError, Fault
from connector.idp.application.feed import is_url
from connector.idp.application.following import LOOK_SECONDS, stamp_of
from connector.idp.application.metadata_client import MetadataClient
from connector.idp.authenticator.upstream import UpstreamAuthenticator
from connector.idp.decryption_key import load_or_create_decryption_key
from connector.idp.endpoints import IdpEndpoints
from connector.idp.message.sp_metadata import SpDescription
from connector.idp.store.upstreams import UpstreamStore
from connector.idp.upstream.identity_provider import UpstreamShelf
from connector.idp.upstream.load import UpstreamSources, feed_of, load_routes, load_upstreams

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from connector.clock import Clock
    from connector.idp.application.feed import Feed
    from connector.idp.application.following import Stamp
    from connector.idp.message.answer import SigningKeys
    from connector.idp.routing import Routes
    from connector.idp.upstream.identity_provider import IdentityProvider, Upstreams
    from connector.settings import Settings
    from state.engine import Engine


log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Federation:
    """What logins need of other identity providers.

    Attributes:
        routes: Who checks whom.
        authenticator: Asks them; None if there are none.
        describe: Says what the upstream of a slug has to know of us; None if there are none.
        follower: Keeps what is known of them as the files are.
        notes: What an operator should know.

    """

    routes: Routes
    authenticator: UpstreamAuthenticator | None
    describe: Callable[[str], SpDescription | None] | None
    follower: UpstreamFollower
    notes: tuple[str, ...]


@dataclass(slots=True)
class UpstreamFollower:
    """Looks whether metadata have changed, and then reads all of it; used by one thread.

    Attributes:
        refresh: Reads it.
        stamp: Returns what changes when a file does.
        seen: The stamp of what was read.

    """

    refresh: Callable[[], None]
    stamp: Callable[[], Stamp]
    seen: Stamp

    def look(self) -> None:
        """Read what has changed."""
        # Before it is read: what changes meanwhile is then seen the next time.
        stamp = self.stamp()
        if stamp != self.seen:
            self.seen = stamp
            self.refresh()

    def keep_looking(self, stopping: threading.Event) -> None:
        """Look every other second, until it is time to stop."""
        while not stopping.wait(LOOK_SECONDS):
            self.look()


def make_federation(
    settings: Settings, engine: Engine, clock: Clock, keys: SigningKeys, *, fetches: bool = True
) -> Federation:
    """Return what logins need of other identity providers.

    Of one whose metadata cannot be had nothing is known until it can.

    Args:
        settings: All of them, with those of the identity provider.
        engine: The state.
        clock: Tells the time.
        keys: Sign what we ask.
        fetches: Fetch metadata of which there is no copy.

    Raises:
        ConfigurationError: if an upstream or a route is wrong; every fault.

    """
    stamp = partial(stamp_of, _paths(settings))
    seen = stamp()
    upstreams, routes, notes = load_federation(settings, clock, fetches=fetches, is_lenient=True)
    shelf = UpstreamShelf(upstreams)
    follower = UpstreamFollower(partial(_refresh, shelf, settings, clock), stamp, seen)
    idp = idp_of(settings)
    if not settings.upstream:
        return Federation(routes, None, None, follower, notes)
    endpoints = IdpEndpoints(idp.entity_id, idp.base_url)
    decryption = load_or_create_decryption_key(idp.keys, clock.now())
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

    return Federation(routes, authenticator, describe, follower, notes)


def _paths(settings: Settings) -> list[Path]:
    """Return the files in which anything about other identity providers may change."""
    copies = MetadataClient(metadata_folder(settings))
    paths = []
    for upstream in settings.upstream:
        is_fetched = is_url(upstream.metadata)
        paths.append(copies.path_of(upstream.metadata) if is_fetched else Path(upstream.metadata))
        paths += [upstream.metadata_certificate] if upstream.metadata_certificate else []
    return paths


def _refresh(shelf: UpstreamShelf, settings: Settings, clock: Clock) -> None:
    """Have the shelf hold what metadata say now; what is wrong stays as it was."""
    try:
        upstreams, _, notes = load_federation(settings, clock, fetches=False, is_lenient=True)
    except ConfigurationError as error:
        log.warning("upstreams.kept", reason=str(error))
        return
    if shelf.replace(upstreams):
        names = [each.name for each in upstreams.upstreams]
        log.info("upstreams.replaced", upstreams=names, notes=list(notes))


def load_federation(
    settings: Settings, clock: Clock, *, fetches: bool = True, is_lenient: bool = False
) -> tuple[Upstreams, Routes, tuple[str, ...]]:
    """Return whom we believe, who checks whom, and notes for the operator.

    Args:
        settings: All of them, with those of the identity provider.
        clock: For metadata that ends.
        fetches: Fetch metadata of which there is no copy.
        is_lenient: Leave out an upstream whose metadata cannot be had.

    Raises:
        ConfigurationError: with every fault of every upstream and route.

    """
    idp = idp_of(settings)
    sources = UpstreamSources(
        client=metadata_client(settings),
        entity_id=IdpEndpoints(idp.entity_id, idp.base_url).upstream_metadata_url,
        now=clock.now(),
        fetches=fetches,
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


def upstream_notes(settings: Settings, clock: Clock) -> tuple[str, ...]:
    """Return what an operator should know of other identity providers; nothing is fetched."""
    return load_federation(settings, clock, fetches=False, is_lenient=True)[2]


def feeds_of_upstreams(settings: Settings) -> list[Feed[IdentityProvider]]:
    """Return what is fetched for other identity providers."""
    return [feed_of(each) for each in settings.upstream if is_url(each.metadata)]


def metadata_client(settings: Settings) -> MetadataClient:
    """Return what fetches metadata, and keeps copies beside the folder of keys."""
    return MetadataClient(metadata_folder(settings), trusting(idp_of(settings).ca_file))


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
