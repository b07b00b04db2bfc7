"""What one read gives: pages of entries, then the proof whether they were all (step 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from datetime import datetime

    from connector.source.entry import SourceEntry


@dataclass(frozen=True, slots=True)
class Watermark:
    """Up to where a source was read.

    Attributes:
        server: The server that answered: its dNSHostName, else its URL as configured.
        invocation_id: Identity of that server's copy of the database; "" if it has none.
        highest_usn: highestCommittedUSN before the read began; 0 if unknown.
        read_at: When the read began.

    """

    server: str
    invocation_id: str
    highest_usn: int
    read_at: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries of a read.

    Attributes:
        entries: New or changed ones, decoded.
        unchanged: external_ids of those whose digest is the known one.

    """

    entries: tuple[SourceEntry, ...]
    unchanged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proof:
    """What a finished read can swear to.

    Absence is evidence only if `is_complete`: every page of every search came, no limit or
    referral cut it, every search base is still there.

    Attributes:
        is_complete: Whether an entry that did not come is truly gone.
        reason: Why not, in words for an operator; "" if complete.
        watermark: Up to where was read.
        reference_count: Continuation references to other servers, which are not followed: what
            they lead to is not part of this source.

    """

    is_complete: bool
    reason: str
    watermark: Watermark
    reference_count: int = 0


class Batch:
    """The pages of one read, to be iterated once, and its proof, known after the last page."""

    def __init__(self, pages: Generator[Page, None, Proof]) -> None:
        self._pages = pages
        self._proof: Proof | None = None

    def __iter__(self) -> Iterator[Page]:
        """Yield the pages; raise SourceUnavailable if the read breaks off."""
        self._proof = yield from self._pages

    @property
    def proof(self) -> Proof:
        """Return the proof; a programming error before the last page was taken."""
        if self._proof is None:
            message = "the batch has not been read to its end"
            raise RuntimeError(message)
        return self._proof
