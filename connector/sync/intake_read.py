"""The first half of a cycle: source to directory (steps 1 to 6)."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from connector.directory.intake import (
    Intake,
    ReadTo,
    TakenGroup,
    TakenProblem,
    TakenUser,
    open_intake,
)
from connector.directory.lifecycle import Standing, Transition, admit, restate
from connector.directory.person import DirectoryGroup
from connector.directory.store import DirectoryStore
from connector.mapping.resource import MappedResource, MappingProblem
from connector.source.entry import EntryKind
from connector.sync.ports import Progress

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime

    from connector.directory.store import DirectoryCounts, KindCounts
    from connector.source.batch import Page, Proof
    from connector.source.entry import SourceEntry
    from connector.sync.ports import Listener, Parts

    _Mapped = tuple[SourceEntry, MappedResource | MappingProblem]


@dataclass(frozen=True, slots=True)
class ReadSummary:
    """What one read found.

    Attributes:
        proof: Whether it was complete.
        transitions: How many people joined, moved, left, came back.
        problems: Entries that could not be mapped, new ones of this read.
        seen_count: Entries seen, changed or not.

    """

    proof: Proof
    transitions: Counter[Transition]
    problems: tuple[MappingProblem, ...]
    seen_count: int


@dataclass(frozen=True, slots=True)
class StagedRead:
    """A read that is staged and not yet committed."""

    intake: Intake
    read_to: ReadTo
    gone: Collection[str]
    summary: ReadSummary


@contextmanager
def staged_read(parts: Parts, listener: Listener) -> Iterator[StagedRead]:
    """Read the whole source and stage what changed; the caller commits or previews it.

    Raises:
        SourceUnavailable: if the read broke off; nothing was kept.
        StateError: if the database cannot be written.

    """
    store = DirectoryStore(parts.engine)
    known = store.known_digests(parts.mapping_fingerprint)
    tally = _Tally(set(known))
    batch = parts.source.read_full(known)
    with open_intake(parts.engine) as intake:
        for page in batch:
            tally.note(page)
            _take_page(parts, store, intake, page, tally)
            listener(Progress("read", "", tally.seen_count, None))
        gone_counts = store.counts_among(tally.missing)
        doubts = [*_vanished(store.counts(), gone_counts, tally.kinds), *_moving(intake)]
        proof = _doubted(batch.proof, doubts)
        gone = frozenset(tally.missing) if proof.is_complete else frozenset[str]()
        tally.transitions[Transition.LEAVER] = gone_counts.users if proof.is_complete else 0
        summary = ReadSummary(proof, tally.transitions, tuple(tally.problems), tally.seen_count)
        yield StagedRead(intake, _read_to(parts, proof), gone, summary)


@dataclass(slots=True)
class _Tally:
    """What one read has come to so far.

    Attributes:
        missing: external_ids of known entries that have not come yet.
        kinds: How many new or changed entries of each kind came.

    """

    missing: set[str]
    kinds: Counter[EntryKind] = field(default_factory=Counter)
    transitions: Counter[Transition] = field(default_factory=Counter)
    problems: list[MappingProblem] = field(default_factory=list)
    seen_count: int = 0

    def note(self, page: Page) -> None:
        """Count what a page holds."""
        self.missing.difference_update(page.unchanged)
        self.missing.difference_update(entry.external_id for entry in page.entries)
        self.kinds.update(entry.kind for entry in page.entries)
        self.seen_count += len(page.entries) + len(page.unchanged)


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


def _moving(intake: Intake) -> Iterator[str]:
    moving_count = intake.moving_count()
    if moving_count:
        word = "name" if moving_count == 1 else "names"
        yield f"{moving_count} {word} changed while it went on; the next read will have them"


def _doubted(proof: Proof, doubts: Sequence[str]) -> Proof:
    """Return the proof; void if what was read does not fit together."""
    if not proof.is_complete or not doubts:
        return proof
    return replace(proof, is_complete=False, reason="; ".join(doubts))


def _read_to(parts: Parts, proof: Proof) -> ReadTo:
    mark = proof.watermark
    return ReadTo(
        mark.server,
        mark.invocation_id,
        mark.highest_usn,
        mark.read_at,
        parts.mapping_fingerprint,
    )


def _take_page(
    parts: Parts, store: DirectoryStore, intake: Intake, page: Page, tally: _Tally
) -> None:
    now = parts.clock.now()
    mapped = [(entry, parts.map_entry(entry)) for entry in page.entries]
    users = [pair for pair in mapped if pair[0].kind is EntryKind.USER]
    groups = [pair for pair in mapped if pair[0].kind is EntryKind.GROUP]
    problems = [
        TakenProblem(resource, entry.digest)
        for entry, resource in mapped
        if isinstance(resource, MappingProblem)
    ]
    tally.transitions += _take_users(store, intake, users, now)
    _take_groups(store, intake, groups)
    intake.take_problems(problems, now)
    tally.problems += [taken.problem for taken in problems]


def _take_users(
    store: DirectoryStore, intake: Intake, users: Sequence[_Mapped], now: datetime
) -> Counter[Transition]:
    stored = store.users([entry.external_id for entry, _ in users])
    transitions: Counter[Transition] = Counter()
    taken = []
    for entry, resource in users:
        held = stored.get(entry.external_id)
        standing = Standing(entry.distinguished_name, entry.is_enabled, entry.expires_at)
        if isinstance(resource, MappedResource):
            person, transition = admit(held, resource, standing, now)
        elif held is not None and held.left_at is None:
            person, transition = restate(held, standing, now)
        else:
            continue
        transitions[transition] += 1
        taken.append(TakenUser(person, entry.digest))
    intake.take_users(taken)
    return transitions


def _take_groups(store: DirectoryStore, intake: Intake, groups: Sequence[_Mapped]) -> None:
    """Stage groups; one that cannot be mapped keeps its document, never its members."""
    unmapped = [entry.external_id for entry, found in groups if isinstance(found, MappingProblem)]
    stored = store.groups(unmapped)
    documents = {group.external_id: (group.document, group.digest) for group in stored}
    taken = []
    for entry, resource in groups:
        if isinstance(resource, MappedResource):
            documents[entry.external_id] = (resource.document, resource.digest)
        if entry.external_id in documents:
            document = documents[entry.external_id]
            group = DirectoryGroup(entry.external_id, entry.distinguished_name, *document)
            taken.append(TakenGroup(group, entry.member_names, entry.digest))
    intake.take_groups(taken)
