"""The parts that concern other identity providers: whom we believe, what we ask, who we are."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from connector.errors import ConfigurationError
from connector.idp.application.metadata_client import MetadataClient
from connector.idp.authenticator.upstream import UpstreamAuthenticator
from connector.idp.decryption_key import load_or_create_decryption_key
from connector.idp.endpoints import IdpEndpoints
from connector.idp.message.sp_metadata import SpDescription, build_sp_metadata
from connector.idp.store.upstreams import UpstreamStore
from connector.idp.upstream.load import UpstreamSources, load_routes, load_upstreams

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from connector.clock import Clock
    from connector.errors import Fault
    from connector.idp.routing import Routes
    from connector.idp.upstream.identity_provider import Upstreams
    from connector.idp.xmldsig import SigningKey
    from connector.settings import IdpSettings, Settings
    from state.engine import Engine

METADATA_LIFETIME = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Federation:
    """What logins need of other identity providers.

    Attributes:
        routes: Who checks whom.
        authenticator: Asks them; None if there are none.
        describe: Gives our metadata for the upstream of a slug; None if there are none.
        notes: What an operator should know.

    """

    routes: Routes
    authenticator: UpstreamAuthenticator | None
    describe: Callable[[str], bytes | None] | None
    notes: tuple[str, ...]


def make_federation(
    settings: Settings, idp: IdpSettings, engine: Engine, clock: Clock, keys: Sequence[SigningKey]
) -> Federation:
    """Return what logins need of other identity providers.

    Args:
        settings: All of them.
        idp: Of the identity provider.
        engine: The state.
        clock: Tells the time.
        keys: All that may sign, the active one first.

    Raises:
        ConfigurationError: if an upstream or a route is wrong; every fault.

    """
    upstreams, routes, notes = load_federation(settings, idp, clock)
    if not upstreams.upstreams:
        return Federation(routes, None, None, notes)
    endpoints = IdpEndpoints(idp.entity_id, idp.base_url)
    decryption = load_or_create_decryption_key(idp.keys, clock.now())
    authenticator = UpstreamAuthenticator(
        upstreams=lambda: upstreams,
        store=UpstreamStore(engine),
        key=keys[0],
        decryption_keys=(decryption.private_key,),
        acs_url=endpoints.upstream_acs_url,
        random=secrets.token_bytes,
    )

    def describe(slug: str) -> bytes | None:
        ours = describe_us(upstreams, slug, endpoints, decryption.certificate)
        if ours is None:
            return None
        until, document_id = clock.now() + METADATA_LIFETIME, f"_{secrets.token_hex(16)}"
        return build_sp_metadata(ours, keys, valid_until=until, document_id=document_id)

    return Federation(routes, authenticator, describe, notes)


def load_federation(
    settings: Settings, idp: IdpSettings, clock: Clock
) -> tuple[Upstreams, Routes, tuple[str, ...]]:
    """Return whom we believe, who checks whom, and notes about what is not fresh.

    Raises:
        ConfigurationError: with every fault of every upstream and route.

    """
    sources = UpstreamSources(
        folder=Path(),
        client=MetadataClient(idp.keys.parent / "metadata"),
        entity_id=IdpEndpoints(idp.entity_id, idp.base_url).upstream_metadata_url,
        now=clock.now(),
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
