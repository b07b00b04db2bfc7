"""The first half of a cycle: source to directory (steps 1 to 6)."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from connector.directory.intake import open_intake
from connector.directory.lifecycle import Transition
from connector.directory.merge import ReadTo, Taken
from connector.directory.renaming import Parting
from connector.directory.search import DirectorySearch
from connector.directory.store import DirectoryStore
from connector.errors import WatermarkLost
from connector.source.batch import Proof, Watermark
from connector.source.entry import EntryKind
from connector.source.roll_call import RollCall
from connector.sync.ports import Progress
from connector.sync.taking import Taking

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from connector.directory.intake import Intake
    from connector.directory.store import DirectoryCounts, KindCounts, ReadMark
    from connector.mapping.resource import MappingProblem
    from connector.source.batch import Batch, Departure
    from connector.sync.ports import Listener, Parts

_NAMED_COUNT = 3


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be read.

    Attributes:
        is_full: Everything, although changes would do.
        person: Name of the one person to read; "" for everybody.

    """

    is_full: bool = False
    person: str = ""


@dataclass(frozen=True, slots=True)
class ReadSummary:
    """What one read found.

    Attributes:
        proof: Whether it was complete, and whether it was of everything or of changes.
        transitions: How many people joined, moved, left, came back.
        problems: Entries that could not be mapped, new ones of this read.
        seen_count: Entries seen, changed or not.
        note: Why everything was read although changes would have done; "" otherwise.
        missed: Names of entries whose change earlier reads of changes had not brought.
        external_ids: Of a read for the sake of one person: whom it concerns.
        changed_at: When the source says that entries changed, by external_id, as far as it does.

    """

    proof: Proof
    transitions: Counter[Transition]
    problems: tuple[MappingProblem, ...]
    seen_count: int
    note: str = ""
    missed: tuple[str, ...] = ()
    external_ids: frozenset[str] = frozenset()
    changed_at: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StagedRead:
    """A read that is staged and not yet committed."""

    intake: Intake
    taken: Taken
    summary: ReadSummary


@contextmanager
def staged_read(parts: Parts, wish: Wish, listener: Listener) -> Iterator[StagedRead]:
    """Read what the wish says and stage what changed; the caller commits or previews it.

    Changes are read where they can be told, everything where not, and now and then anyway.

    Raises:
        SourceUnavailable: if the read broke off; nothing was kept.
        StateError: if the database cannot be written.

    """
    store = DirectoryStore(parts.engine)
    mark = store.read_mark()
    with open_intake(parts.engine) as intake:
        reader = _Reader(parts, store, intake, listener)
        staged, note = None, _why_full(parts, mark, wish)
        if mark is not None and not note:
            try:
                staged = reader.read_changes(mark, wish.person)
            except WatermarkLost as lost:
                note = str(lost)
                intake.begin_anew()
        if staged is None and wish.person:
            # Nobody who asks for one person waits until everybody is read.
            staged = reader.read_person(wish.person)
        yield staged or reader.read_full(mark, note)


def _why_full(parts: Parts, mark: ReadMark | None, wish: Wish) -> str:
    """Return why everything is to be read; "" if changes will do."""
    if mark is None or mark.full_read_at is None:
        return "nothing was read in full before"
    if mark.mapping_fingerprint != parts.mapping_fingerprint:
        return "the mapping has changed"
    if wish.is_full:
        return "it was asked for"
    if parts.clock.now() - mark.full_read_at >= parts.full_every:
        return "it is time for it"
    return ""


class _Reader:
    """Stages one read."""

    def __init__(
        self, parts: Parts, store: DirectoryStore, intake: Intake, listener: Listener
    ) -> None:
        self._parts = parts
        self._store = store
        self._intake = intake
        self._listener = listener

    def read_full(self, mark: ReadMark | None, note: str) -> StagedRead:
        """Read everything; who did not come is gone, if the read was proven complete."""
        store = self._store
        roll = RollCall(store.known_digests(self._parts.mapping_fingerprint))
        since = to_watermark(mark) if mark else None
        # What changed since the last reading of changes is no fault of it.
        audits = bool(mark and mark.full_read_at and mark.read_at > mark.full_read_at)
        taking = Taking(self._parts, store, self._intake, audits=audits)
        batch = self._parts.source.read_full(roll, since)
        for page in batch:
            taking.take(page)
            self._tell(taking)
        taking.doubts += taking.finish()
        partings = [Parting(one.external_id) for one in taking.departures]
        departed = {one.external_id for one in partings}
        missing = [key for key in roll.missing() if key not in departed]
        gone = store.counts_among(missing)
        doubts = [
            *_vanished(store.counts(), gone, taking.kinds),
            *_moving(self._intake, is_full=True),
            *_hidden(self._intake, batch.proof),
            *taking.doubts,
        ]
        proof = _doubted(batch.proof, doubts)
        partings += [Parting(key) for key in missing] if proof.is_complete else []
        taking.transitions[Transition.LEAVER] += store.counts_among(
            [one.external_id for one in partings]
        ).users
        summary = ReadSummary(
            proof,
            taking.transitions,
            tuple(taking.problems),
            taking.seen_count,
            note=note if mark and mark.full_read_at else "",
            missed=tuple(taking.missed(proof, partings)) if audits and proof.is_complete else (),
        )
        # After a read that was not complete, changes alone would not bring what it left out.
        full_read_at = proof.watermark.read_at if proof.is_complete else None
        taken = Taken(partings, {}, self._read_to(proof, full_read_at))
        return StagedRead(self._intake, taken, summary)

    def read_changes(self, mark: ReadMark, person: str) -> StagedRead:
        """Read what has changed since the last read, and one person besides if there is a name.

        Raises:
            WatermarkLost: if that cannot be told.

        """
        batch = self._parts.source.read_changes(to_watermark(mark))
        taking = Taking(self._parts, self._store, self._intake)
        self._take(taking, [batch])
        external_ids = self._take_person(taking, person) if person else frozenset[str]()
        return self._staged(taking, batch.proof, mark, external_ids)

    def read_person(self, name: str) -> StagedRead:
        """Read one person alone; the watermark stays where it is."""
        taking = Taking(self._parts, self._store, self._intake)
        external_ids = self._take_person(taking, name)
        mark = Watermark("", "", 0, self._parts.clock.now())
        proof = Proof(is_complete=True, reason="", watermark=mark, is_full=False)
        return self._staged(taking, proof, None, external_ids)

    def _take_person(self, taking: Taking, name: str) -> frozenset[str]:
        """Take one person by name, and as whom we know by that name; return whom it concerns."""
        known = [one.external_id for one in DirectorySearch(self._parts.engine).people(name)]
        source = self._parts.source
        own = Taking(self._parts, self._store, self._intake)
        self._take(own, [source.read_person(one) for one in dict.fromkeys([name, *known])])
        taking.departures += own.departures
        taking.doubts += own.doubts
        taking.groups_of |= own.groups_of
        taking.transitions += own.transitions
        taking.problems += own.problems
        taking.seen_count += own.seen_count
        return frozenset({*own.external_ids, *known})

    def _take(self, taking: Taking, batches: Sequence[Batch]) -> None:
        for batch in batches:
            for page in batch:
                taking.take_changes(page)
                self._tell(taking)
        taking.doubts += taking.finish()

    def _staged(
        self, taking: Taking, proof: Proof, mark: ReadMark | None, external_ids: frozenset[str]
    ) -> StagedRead:
        if mark is not None:
            # One person alone need not fit together with names that were not read.
            doubts = [*_moving(self._intake, is_full=False), *taking.doubts]
            proof = _doubted(proof, doubts)
        partings = self._known_partings(taking.departures)
        leavers = self._store.counts_among([one.external_id for one in partings]).users
        taking.transitions[Transition.LEAVER] += leavers
        read_to = None
        if mark is not None and proof.is_complete:
            # What did not come whole is read again from where it began.
            read_to = self._read_to(proof, mark.full_read_at)
        taken = Taken(partings, taking.groups_of, read_to, is_full=False)
        summary = ReadSummary(
            proof,
            taking.transitions,
            tuple(taking.problems),
            taking.seen_count,
            external_ids=external_ids,
            changed_at=taking.changed_at,
        )
        return StagedRead(self._intake, taken, summary)

    def _known_partings(self, departures: Sequence[Departure]) -> list[Parting]:
        known = self._store.digests([one.external_id for one in departures])
        return [
            Parting(one.external_id, one.distinguished_name)
            for one in departures
            if one.external_id in known
        ]

    def _read_to(self, proof: Proof, full_read_at: datetime | None) -> ReadTo:
        mark = proof.watermark
        return ReadTo(
            mark.server,
            mark.invocation_id,
            mark.highest_usn,
            mark.read_at,
            self._parts.mapping_fingerprint,
            mark.cookie,
            full_read_at,
        )

    def _tell(self, taking: Taking) -> None:
        self._listener(Progress("read", "", taking.seen_count, None))


def to_watermark(mark: ReadMark) -> Watermark:
    """Return up to where the source was read, as the source knows it."""
    return Watermark(mark.server, mark.invocation_id, mark.highest_usn, mark.read_at, mark.cookie)


def describe_missed(names: Sequence[str]) -> str:
    """Return in words that reads of changes were not right; this read has mended it."""
    named = "; ".join(names[:_NAMED_COUNT])
    more = f" and {len(names) - _NAMED_COUNT} more" if len(names) > _NAMED_COUNT else ""
    what = "entry was" if len(names) == 1 else "entries were"
    return f"{len(names)} {what} not as reads of changes had it, and is now: {named}{more}"


def _vanished(known: DirectoryCounts, gone: KindCounts, kinds: Counter[EntryKind]) -> Iterator[str]:
    """Yield what seems to have gone all at once.

    More likely we may no longer see it: a filter, a right or a unit has changed.
    """
    for word, kind, known_count, gone_count in (
        ("people", EntryKind.USER, known.users, gone.users),
        ("groups", EntryKind.GROUP, known.groups, gone.groups),
    ):
        if known_count and gone_count == known_count and not kinds[kind]:
            yield f"0 {word} read, {known_count} known"


def _moving(intake: Intake, *, is_full: bool) -> Iterator[str]:
    moving_count = intake.moving_count(is_full=is_full)
    if moving_count:
        word = "name" if moving_count == 1 else "names"
        yield f"{moving_count} {word} changed while it went on; the next read will have them"


def _hidden(intake: Intake, proof: Proof) -> Iterator[str]:
    """Yield the units that nobody came of any more, if nothing proves that they were deleted.

    That several leave at once, and nobody else is in their unit, is rarer than that a right to
    read it was lost.
    """
    if not proof.is_complete or not proof.unproven:
        return
    for unit, count in intake.emptied_units(proof.unproven).items():
        yield (
            f"all {count} people of {unit} did not come: they were deleted, or are hidden from the"
            " bind account, which may not see what was deleted"
        )


def _doubted(proof: Proof, doubts: Sequence[str]) -> Proof:
    """Return the proof; void if what was read does not fit together."""
    if not proof.is_complete or not doubts:
        return proof
    return replace(proof, is_complete=False, reason="; ".join(doubts))
