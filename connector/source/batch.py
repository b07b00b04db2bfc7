"""What one read gives: pages of entries, then the proof whether they were all (step 3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping
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
        cookie: Where DirSync goes on (MS-ADTS section 3.1.1.3.4.1.3), on any server of the
            domain; b"" if the account may not use it.

    """

    server: str
    invocation_id: str
    highest_usn: int
    read_at: datetime
    cookie: bytes = b""


@dataclass(frozen=True, slots=True)
class Departure:
    """Evidence that a known entry is no longer ours: it was seen elsewhere, or deleted.

    Attributes:
        external_id: Whose.
        distinguished_name: Where it stands now; "" if it was deleted.
        reason: Why it is not ours, in words for an operator.

    """

    external_id: str
    distinguished_name: str
    reason: str


@dataclass(frozen=True, slots=True)
class MemberChange:
    """What has changed among the direct members of one group, of which nothing else was read.

    Attributes:
        group_id: external_id of the group.
        added_names: Distinguished names that have come.
        removed_names: Distinguished names that have gone.

    """

    group_id: str
    added_names: tuple[str, ...]
    removed_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries of a read.

    Attributes:
        entries: New or changed ones, decoded.
        unchanged: external_ids of those whose digest is the known one.
        departures: Entries that are gone or stand elsewhere, whether they were known or not; they
            hold even if the read is not complete.
        member_changes: Of groups too large to be read whole for one member.
        changed_at: When entries changed, by external_id; known of some, in a read of changes.

    """

    entries: tuple[SourceEntry, ...]
    unchanged: tuple[str, ...] = ()
    departures: tuple[Departure, ...] = ()
    member_changes: tuple[MemberChange, ...] = ()
    changed_at: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Proof:
    """What a finished read can swear to.

    Absence is evidence only if `is_complete` and `is_full`: every page of every search came, no
    limit or referral cut it, every search base is still there.

    Attributes:
        is_complete: Of a full read: whether an entry that did not come is truly gone. Of a read of
            changes: whether all of them came, so that the next may begin where this one ended.
        reason: Why not, in words for an operator; "" if complete.
        watermark: Up to where was read.
        reference_count: Continuation references to other servers, which are not followed: what
            they lead to is not part of this source.
        is_full: False for a read of changes: there, absence says nothing at all.
        is_restored: It is the server of the last read, but an older copy of its database.
        untraced: external_ids of known entries that a full read neither found nor found deleted,
            although it may see what was deleted: some right to read may have been lost.
        unproven: Likewise, where it may not see that; so few that they are believed to be gone.
        changed_meanwhile: external_ids of what has changed since the watermark that a full read was
            given, up to its end: such a change is no fault of earlier reads of changes.

    """

    is_complete: bool
    reason: str
    watermark: Watermark
    reference_count: int = 0
    is_full: bool = True
    is_restored: bool = False
    untraced: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()
    changed_meanwhile: frozenset[str] = frozenset()


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
