"""What we say of ourselves to others: our metadata, and who has read it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from connector.idp.message.metadata import build_metadata
from connector.idp.message.sp_metadata import build_sp_metadata
from connector.idp.upstream.identity_provider import key_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from connector.clock import Clock
    from connector.idp.application.catalogue import Catalogue
    from connector.idp.endpoints import IdpEndpoints
    from connector.idp.keys.ring import KeyRing
    from connector.idp.keys.seen import FetchNotes
    from connector.idp.message.sp_metadata import SpDescription

LIFETIME = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Publication:
    """Our metadata as it is now; safe to use from several threads.

    Attributes:
        endpoints: Our addresses.
        catalogue: The applications; each has a metadata URL of its own.
        ring: Signs, and knows which certificates are shown.
        fetches: Keeps which application was shown which.
        clock: Tells the time.
        random: Returns that many unpredictable bytes.
        describe: Says what the upstream of a slug has to know of us; None if there are none.

    """

    endpoints: IdpEndpoints
    catalogue: Catalogue
    ring: KeyRing
    fetches: FetchNotes
    clock: Clock
    random: Callable[[int], bytes]
    describe: Callable[[str], SpDescription | None] | None = None

    @property
    def has_upstreams(self) -> bool:
        """Return whether there are other identity providers to describe ourselves to."""
        return self.describe is not None

    def document(self, slug: str = "", reader: str | None = None) -> bytes | None:
        """Return our metadata for an application, or None if there is no such application.

        Args:
            slug: Of the application, whose key comes first and signs; "" for nobody in particular.
            reader: Address of who reads it, to be kept; None if nobody does.

        """
        if slug and self.catalogue.registry.by_slug(slug) is None:
            return None
        keys = self.ring.published(slug)
        document = build_metadata(
            self.endpoints,
            keys.signing,
            keys.certificates.values(),
            valid_until=self.clock.now() + LIFETIME,
            document_id=self._xml_id(),
        )
        if reader is not None:
            self.fetches.note(slug, keys.certificates, reader)
        return document

    def for_upstream(self, slug: str = "", reader: str | None = None) -> bytes | None:
        """Return our metadata as a service provider, or None if there is no such upstream.

        Args:
            slug: Of the upstream; "" for what holds for all that know us by the usual name.
            reader: As for `document`.

        """
        ours = self.describe(slug) if self.describe is not None else None
        if ours is None:
            return None
        keys = self.ring.published(key_name(slug))
        document = build_sp_metadata(
            ours,
            keys.signing,
            keys.certificates.values(),
            valid_until=self.clock.now() + LIFETIME,
            document_id=self._xml_id(),
        )
        if reader is not None and slug:
            self.fetches.note(key_name(slug), keys.certificates, reader)
        return document

    def _xml_id(self) -> str:
        return f"_{self.random(16).hex()}"
