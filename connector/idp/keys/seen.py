"""Who has seen which certificates: each application has a metadata URL of its own."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

    from connector.clock import Clock

QUIET_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class MetadataFetch:
    """A certificate that an application was shown.

    Attributes:
        application: Its slug; "" for the metadata URL that is nobody's in particular.
        fingerprint: The key's.
        first_at: When it was shown first.
        last_at: When it was shown last, to within some minutes.
        address: Who asked last.

    """

    application: str
    fingerprint: str
    first_at: datetime
    last_at: datetime
    address: str


class FetchKeeper(Protocol):
    """Where it is kept."""

    def record_fetch(
        self, application: str, fingerprints: Collection[str], address: str, at: datetime
    ) -> None:
        """Keep that an application was shown these certificates."""
        ...


class FetchNotes:
    """Keeps what was shown, and writes only if that is news or some minutes have passed.

    Whoever fetches without end makes us write no more than anybody else.
    """

    def __init__(
        self,
        keeper: FetchKeeper,
        clock: Clock,
        stopwatch: Callable[[], float],
        quiet_seconds: float = QUIET_SECONDS,
    ) -> None:
        self._keeper = keeper
        self._clock = clock
        self._stopwatch = stopwatch
        self._quiet_seconds = quiet_seconds
        self._written: dict[str, tuple[frozenset[str], float]] = {}
        self._lock = threading.Lock()

    def note(self, application: str, fingerprints: Collection[str], address: str) -> None:
        """Keep that an application was shown these certificates.

        Args:
            application: Slug of one that there is, or "".
            fingerprints: Of all certificates in the document.
            address: Who asked.

        Raises:
            StateError: if it cannot be kept.

        """
        shown, at = frozenset(fingerprints), self._stopwatch()
        with self._lock:
            former, written_at = self._written.get(application, (frozenset(), 0.0))
            if former == shown and at - written_at < self._quiet_seconds:
                return
            # At once: whoever else comes meanwhile does not wait for the database.
            self._written[application] = (shown, at)
        try:
            self._keeper.record_fetch(application, sorted(shown), address, self._clock.now())
        except BaseException:
            with self._lock:
                self._written.pop(application, None)
            raise
