"""A metadata document that comes from a URL: when it is right, and how it is kept up to date."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from connector.errors import ConfigurationError, Fault
from connector.idp.application.metadata_client import MetadataUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from connector.idp.application.metadata_client import MetadataClient


class Description(Protocol):
    """What a document describes: a service provider, or an identity provider."""

    @property
    def valid_until(self) -> datetime | None:
        """Return when it ends, or None."""
        ...

    @property
    def cache_duration(self) -> timedelta | None:
        """Return how long it should be kept at most, or None."""
        ...


Described_co = TypeVar("Described_co", bound=Description, covariant=True)


def is_url(origin: str) -> bool:
    """Return whether metadata comes from a URL, and not from a file."""
    return "://" in origin


@dataclass(frozen=True, slots=True)
class Feed(Generic[Described_co]):
    """One document.

    Attributes:
        kind: "application" or "upstream".
        name: Of whom it describes, as the operator calls them.
        url: Where it is fetched.
        read: Makes of it what it describes; raises ConfigurationError if it is of no use.

    """

    kind: str
    name: str
    url: str
    read: Callable[[bytes], Described_co]

    def refresh(self, client: MetadataClient, now: datetime) -> bool:
        """Get the document anew; return whether it has changed.

        Raises:
            MetadataUnavailable: if it cannot be had, has faults, or has ended.

        """

        def check(document: bytes) -> None:
            ends_at = self.read(document).valid_until
            if ends_at is not None and ends_at <= now:
                problem = f"the metadata ended at {ends_at:%Y-%m-%d %H:%M} UTC"
                raise ConfigurationError([Fault(self.url, "validUntil", problem)])

        return client.fetch(self.url, check, now)

    def described(
        self, client: MetadataClient, now: datetime, *, fetches: bool = False
    ) -> Described_co:
        """Return what the copy describes.

        Args:
            client: Has the copies.
            now: Goes with a new copy.
            fetches: Fetch the document if there is no copy.

        Raises:
            MetadataUnavailable: if there is no copy, and none can be had.
            ConfigurationError: if the copy is of no use.

        """
        if fetches and client.copy_of(self.url) is None:
            self.refresh(client, now)
        copy = client.copy_of(self.url)
        if copy is None:
            raise MetadataUnavailable([Fault(self.url, "", "has not been fetched yet")])
        return self.read(copy.document)
