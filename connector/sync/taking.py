"""Map the pages of a read and stage them (steps 4 and 5)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from connector.directory.intake import TakenGroup, TakenProblem, TakenUser
from connector.directory.lifecycle import Standing, Transition, admit, restate
from connector.directory.person import DirectoryGroup
from connector.mapping.resource import MappedResource, MappingProblem
from connector.source.entry import EntryKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from connector.directory.intake import Intake
    from connector.directory.person import DirectoryUser
    from connector.directory.renaming import Parting
    from connector.directory.store import DirectoryStore
    from connector.source.batch import Departure, MemberChange, Page, Proof
    from connector.source.entry import SourceEntry
    from connector.sync.ports import Parts

    _Mapped = tuple[SourceEntry, MappedResource | MappingProblem]
    # As held, as taken in, and what that means.
    _Person = tuple[DirectoryUser | None, DirectoryUser, Transition]


# One mailbox after the other is closed; of more at once, it is likelier that a right was lost.
ADDRESSES_LOST_AT_MOST = 3


class Taking:
    """The pages of one read on their way into the directory, and what they come to.

    Attributes:
        kinds: How many new or changed entries of each kind came.
        transitions: How many people joined, moved, came back.
        problems: Entries that could not be mapped.
        seen_count: Entries seen, changed or not.
        departures: Entries that are gone, or stand elsewhere.
        groups_of: Names of the groups that hold an entry, by the entry's external_id.
        external_ids: Of all people who came, and of whatever went.
        changed_at: When the source says that entries changed, by external_id, as far as it does.
        doubts: Why what came may not be all that there is.

    """

    def __init__(
        self, parts: Parts, store: DirectoryStore, intake: Intake, *, audits: bool = False
    ) -> None:
        """Begin.

        Args:
            parts: Map entries, and tell the time.
            store: The directory as it was before.
            intake: Takes in what changed.
            audits: Whether names are kept of all that changed, to be held against reads of changes.

        """
        self._parts = parts
        self._store = store
        self._intake = intake
        self._audits = audits
        self._changed: dict[str, str] = {}
        self.kinds: Counter[EntryKind] = Counter()
        self.transitions: Counter[Transition] = Counter()
        self.problems: list[MappingProblem] = []
        self.seen_count = 0
        self.departures: list[Departure] = []
        self.groups_of: dict[str, tuple[str, ...]] = {}
        self.external_ids: set[str] = set()
        self.changed_at: dict[str, datetime] = {}
        self.doubts: list[str] = []
        # Who had an address and shows none now; how many they are is known at the end.
        self._unaddressed: list[tuple[SourceEntry, MappedResource, DirectoryUser]] = []

    def take(self, page: Page) -> None:
        """Stage a page of a full read."""
        self.departures += page.departures
        self.seen_count += len(page.entries) + len(page.unchanged)
        self._stage(page.entries)

    def take_changes(self, page: Page) -> None:
        """Stage a page of changes; what is as it was known is left out."""
        self.departures += page.departures
        self.changed_at |= page.changed_at
        self.external_ids |= {
            entry.external_id for entry in page.entries if entry.kind is EntryKind.USER
        }
        self.external_ids |= {departure.external_id for departure in page.departures}
        self.seen_count += len(page.entries)
        known = self._store.digests([entry.external_id for entry in page.entries])
        changed = [one for one in page.entries if known.get(one.external_id) != one.digest]
        self.groups_of |= {one.external_id: one.group_names for one in changed if one.group_names}
        self._stage(changed)
        self._take_member_changes(page.member_changes)

    def missed(self, proof: Proof, partings: Iterable[Parting]) -> Iterator[str]:
        """Yield names of what this full read found changed, and no read of changes had brought."""
        for external_id, name in self._changed.items():
            if external_id not in proof.changed_meanwhile:
                yield name
        gone = {one.external_id for one in partings} - proof.changed_meanwhile
        yield from (user.distinguished_name for user in self._store.users(gone).values())

    def _stage(self, entries: Sequence[SourceEntry]) -> None:
        if not entries:
            return
        now = self._parts.clock.now()
        self.kinds.update(entry.kind for entry in entries)
        mapped = [(entry, self._parts.map_entry(entry)) for entry in entries]
        users = [pair for pair in mapped if pair[0].kind is EntryKind.USER]
        groups = [pair for pair in mapped if pair[0].kind is EntryKind.GROUP]
        self._take_users(users, now)
        self._take_groups(groups)
        self._take_problems(
            [(entry, one) for entry, one in mapped if isinstance(one, MappingProblem)], now
        )

    def finish(self) -> list[str]:
        """Stage who was put aside until the whole read is known; return the doubts, in words."""
        waiting, self._unaddressed = self._unaddressed, []
        if len(waiting) <= ADDRESSES_LOST_AT_MOST:
            self._stage_people([(one[0], *self._admit(*one)) for one in waiting])
            return []
        now, count = self._parts.clock.now(), len(waiting)
        # Without a digest they are looked at again by each full read, and if asked for by name.
        unsettled = [(replace(entry, digest=b""), held) for entry, _, held in waiting]
        self._stage_people(
            [(entry, held, *restate(held, _standing_of(entry), now)) for entry, held in unsettled]
        )
        words = (
            f"shows no e-mail address any more, like {count - 1} others: a right to read may be"
            " lost; connector sync --user takes one as it is"
        )
        self._take_problems([(entry, _problem_of(entry, words)) for entry, _ in unsettled], now)
        return [f"{count} people show no e-mail address any more: a right to read may be lost"]

    def _admit(
        self, entry: SourceEntry, resource: MappedResource, held: DirectoryUser | None
    ) -> _Person:
        return held, *admit(held, resource, _standing_of(entry), self._parts.clock.now())

    def _take_problems(
        self, taken: Sequence[tuple[SourceEntry, MappingProblem]], now: datetime
    ) -> None:
        self._intake.take_problems(
            [TakenProblem(problem, entry.digest) for entry, problem in taken], now
        )
        self.problems += [problem for _, problem in taken]

    def _take_users(self, users: Sequence[_Mapped], now: datetime) -> None:
        stored = self._store.users([entry.external_id for entry, _ in users])
        taken: list[tuple[SourceEntry, *_Person]] = []
        for entry, resource in users:
            held = stored.get(entry.external_id)
            if not isinstance(resource, MappedResource):
                if held is not None and held.left_at is None:
                    taken.append((entry, held, *restate(held, _standing_of(entry), now)))
            elif held is not None and entry.is_enabled and _has_lost_address(held, resource):
                self._unaddressed.append((entry, resource, held))
            else:
                taken.append((entry, *self._admit(entry, resource, held)))
        self._stage_people(taken)

    def _stage_people(self, taken: Sequence[tuple[SourceEntry, *_Person]]) -> None:
        self.transitions.update(transition for _, _, _, transition in taken)
        if self._audits:
            self._changed |= {
                person.external_id: person.distinguished_name
                for _, held, person, _ in taken
                if _is_other(held, person)
            }
        self._intake.take_users([TakenUser(person, entry.digest) for entry, _, person, _ in taken])

    def _take_groups(self, groups: Sequence[_Mapped]) -> None:
        """Stage groups; one that cannot be mapped keeps its document, never its members."""
        stored = self._store.groups([entry.external_id for entry, _ in groups])
        held = {group.external_id: group for group in stored}
        taken = []
        for entry, resource in groups:
            former = held.get(entry.external_id)
            if isinstance(resource, MappedResource):
                own = (resource.document, resource.digest)
            elif former is not None:
                own = (former.document, former.digest)
            else:
                continue
            group = DirectoryGroup(entry.external_id, entry.distinguished_name, *own)
            taken.append(TakenGroup(group, entry.member_names, entry.digest))
            if self._audits and (former is None or former.digest != group.digest):
                self._changed[group.external_id] = group.distinguished_name
        resized = self._intake.take_groups(taken)
        if self._audits:
            # Of members, how many: their names change by themselves when a unit is renamed.
            self._changed |= {
                one.group.external_id: one.group.distinguished_name
                for one in taken
                if one.group.external_id in resized
            }

    def _take_member_changes(self, changes: Sequence[MemberChange]) -> None:
        gained, lost = [], []
        for one in changes:
            gained += [(one.group_id, name.casefold()) for name in one.added_names]
            lost += [(one.group_id, name.casefold()) for name in one.removed_names]
        self.seen_count += len(changes)
        if changes:
            self._intake.take_member_changes(gained, lost)


def _standing_of(entry: SourceEntry) -> Standing:
    return Standing(entry.distinguished_name, entry.is_enabled, entry.expires_at)


def _has_lost_address(held: DirectoryUser, resource: MappedResource) -> bool:
    """Return whether somebody known by an e-mail address goes by another name now, having none."""
    had_one = held.left_at is None and bool(held.document.get("emails"))
    return had_one and not resource.document.get("emails")


def _problem_of(entry: SourceEntry, words: str) -> MappingProblem:
    return MappingProblem(entry.external_id, entry.distinguished_name, "emails", words)


def _is_other(held: DirectoryUser | None, person: DirectoryUser) -> bool:
    """Return whether more than the name has changed; that follows the unit a person stands in."""
    if held is None or held.left_at is not None:
        return True
    return (held.digest, held.is_enabled, held.expires_at) != (
        person.digest,
        person.is_enabled,
        person.expires_at,
    )
