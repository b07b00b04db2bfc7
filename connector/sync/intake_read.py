"""The first half of a cycle: source to directory (steps 1 to 6)."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from connector.directory.intake import (
    Intake,
    ReadTo,
    TakenGroup,
    TakenProblem,
    TakenUser,
    open_intake,
)
from connector.directory.lifecycle import Standing, Transition, admit
from connector.directory.person import DirectoryGroup
from connector.directory.store import DirectoryStore
from connector.mapping.resource import MappedResource, MappingProblem
from connector.source.entry import EntryKind
from connector.sync.ports import Progress

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from connector.source.batch import Page, Proof
    from connector.source.entry import SourceEntry
    from connector.sync.ports import Listener, Parts


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
    missing = set(known)
    transitions: Counter[Transition] = Counter()
    problems: list[MappingProblem] = []
    seen_count = 0
    batch = parts.source.read_full(known)
    with open_intake(parts.engine) as intake:
        for page in batch:
            missing.difference_update(page.unchanged)
            missing.difference_update(entry.external_id for entry in page.entries)
            seen_count += len(page.entries) + len(page.unchanged)
            found = _take_page(parts, store, intake, page)
            transitions += found[0]
            problems += found[1]
            listener(Progress("read", "", seen_count, None))
        proof = batch.proof
        gone = frozenset(missing) if proof.is_complete else frozenset[str]()
        transitions[Transition.LEAVER] = len(store.users(gone))
        summary = ReadSummary(proof, transitions, tuple(problems), seen_count)
        yield StagedRead(intake, _read_to(parts, proof), gone, summary)


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
    parts: Parts, store: DirectoryStore, intake: Intake, page: Page
) -> tuple[Counter[Transition], list[MappingProblem]]:
    mapped = [(entry, parts.map_entry(entry)) for entry in page.entries]
    users = [
        (entry, resource)
        for entry, resource in mapped
        if isinstance(resource, MappedResource) and entry.kind is EntryKind.USER
    ]
    groups = [
        _taken_group(entry, resource)
        for entry, resource in mapped
        if isinstance(resource, MappedResource) and entry.kind is EntryKind.GROUP
    ]
    problems = [
        TakenProblem(resource, entry.digest)
        for entry, resource in mapped
        if isinstance(resource, MappingProblem)
    ]
    now = parts.clock.now()
    transitions = _take_users(store, intake, users, parts)
    intake.take_groups(groups)
    intake.take_problems(problems, now)
    return transitions, [taken.problem for taken in problems]


def _take_users(
    store: DirectoryStore,
    intake: Intake,
    users: list[tuple[SourceEntry, MappedResource]],
    parts: Parts,
) -> Counter[Transition]:
    now = parts.clock.now()
    stored = store.users([entry.external_id for entry, _ in users])
    transitions: Counter[Transition] = Counter()
    taken = []
    for entry, resource in users:
        standing = Standing(entry.distinguished_name, entry.is_enabled, entry.expires_at)
        person, transition = admit(stored.get(entry.external_id), resource, standing, now)
        transitions[transition] += 1
        taken.append(TakenUser(person, entry.digest))
    intake.take_users(taken)
    return transitions


def _taken_group(entry: SourceEntry, resource: MappedResource) -> TakenGroup:
    group = DirectoryGroup(
        entry.external_id, entry.distinguished_name, resource.document, resource.digest
    )
    return TakenGroup(group, entry.member_names, entry.digest)
