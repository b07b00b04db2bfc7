"""What we say of ourselves to others: our metadata, and who has read it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from connector.idp.message.metadata import build_metadata

if TYPE_CHECKING:
    from collections.abc import Callable

    from connector.clock import Clock
    from connector.idp.application.service_provider import Registry
    from connector.idp.endpoints import IdpEndpoints
    from connector.idp.keys.ring import KeyRing
    from connector.idp.keys.seen import FetchNotes

LIFETIME = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Publication:
    """Our metadata as it is now; safe to use from several threads.

    Attributes:
        endpoints: Our addresses.
        registry: The applications; each has a metadata URL of its own.
        ring: Signs, and knows which certificates are shown.
        fetches: Keeps which application was shown which.
        clock: Tells the time.
        random: Returns that many unpredictable bytes.

    """

    endpoints: IdpEndpoints
    registry: Registry
    ring: KeyRing
    fetches: FetchNotes
    clock: Clock
    random: Callable[[int], bytes]

    def document(self, slug: str = "", reader: str | None = None) -> bytes | None:
        """Return our metadata for an application, or None if there is no such application.

        Args:
            slug: Of the application, whose key comes first and signs; "" for nobody in particular.
            reader: Address of who reads it, to be kept; None if nobody does.

        """
        if slug and self.registry.by_slug(slug) is None:
            return None
        keys = self.ring.published(slug)
        document = build_metadata(
            self.endpoints,
            keys.signing,
            keys.certificates.values(),
            valid_until=self.clock.now() + LIFETIME,
            document_id=f"_{self.random(16).hex()}",
        )
        if reader is not None:
            self.fetches.note(slug, keys.certificates, reader)
        return document
