"""A small company as a source, in memory: entries come and go by method calls.

Speaks the contract of a source: digests, pages, and a proof that can be told to fail.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import TYPE_CHECKING

from connector.errors import SourceUnavailable, WatermarkLost
from connector.mapping.resource import MappedResource, MappingProblem
from connector.source.batch import Batch, Departure, MemberChange, Page, Proof, Watermark
from connector.source.entry import EntryKind, SourceEntry
from connector.source.roll_call import RollCall, Standing

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from datetime import datetime

    from connector.clock import Clock

PAGE_SIZE = 3


def _guid(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))


@dataclass
class Company:
    """People and groups by short name."""

    clock: Clock
    entries: dict[str, SourceEntry] = field(default_factory=dict)
    usn: int = 0
    changed: dict[str, int] = field(default_factory=dict)
    gone: dict[str, int] = field(default_factory=dict)
    incomplete: str = ""
    breaks_after_pages: int | None = None
    forgets_changes: str = ""
    # Who is deleted is merely not there, as for an account that may not see deleted objects.
    hides_deleted: bool = False
    # As by DirSync: of a group of which nothing else changed, only who came and who went.
    tells_members_alone: bool = False
    member_changes: list[tuple[int, MemberChange]] = field(default_factory=list)

    def add_user(self, name: str, **attributes: str) -> str:
        values = {"mail": (f"{name}@corp.example",), "givenname": (name.title(),), "sn": ("X",)}
        values |= {key: (value,) for key, value in attributes.items()}
        self._put(name, EntryKind.USER, f"CN={name},OU=People,DC=corp", values, ())
        return self.entries[name].external_id

    def add_group(self, name: str, *members: str) -> str:
        names = tuple(self.entries[member].distinguished_name for member in members)
        self._put(name, EntryKind.GROUP, f"CN={name},OU=Groups,DC=corp", {"cn": (name,)}, names)
        return self.entries[name].external_id

    def name_of(self, name: str) -> str:
        return self.entries[name].distinguished_name

    def change(self, name: str, **attributes: str) -> None:
        values = dict(self.entries[name].attributes) | {k: (v,) for k, v in attributes.items()}
        self._replace(name, attributes=values)

    def disable(self, name: str, *, is_enabled: bool = False) -> None:
        self._replace(name, is_enabled=is_enabled)

    def expire(self, name: str, at: datetime) -> None:
        self._replace(name, expires_at=at)

    def set_members(self, group: str, *members: str) -> None:
        self._set_member_names(
            group, *(self.entries[member].distinguished_name for member in members)
        )

    def add_stranger(self, group: str, name: str) -> None:
        """Let a group hold somebody whom no filter finds, such as a printer."""
        self._set_member_names(group, *self.entries[group].member_names, name)

    def _set_member_names(self, group: str, *names: str) -> None:
        before = self.entries[group].member_names
        self._replace(group, member_names=names, _is_noticed=not self.tells_members_alone)
        if self.tells_members_alone:
            self.usn += 1
            added = tuple(one for one in names if one not in before)
            removed = tuple(one for one in before if one not in names)
            change = MemberChange(self.entries[group].external_id, added, removed)
            self.member_changes.append((self.usn, change))

    def rename_unit(self, old: str, new: str) -> None:
        """Rename an OU: every name below it changes, in entries and, unnoticed, in groups."""
        for name, entry in list(self.entries.items()):
            moved = entry.distinguished_name.replace(old, new)
            members = tuple(one.replace(old, new) for one in entry.member_names)
            is_below = moved != entry.distinguished_name
            self._replace(
                name, distinguished_name=moved, member_names=members, _is_noticed=is_below
            )

    def rename(self, name: str, distinguished_name: str) -> None:
        """Rename one entry; groups follow, unnoticed."""
        old = self.entries[name].distinguished_name
        self._replace(name, distinguished_name=distinguished_name)
        for group, entry in list(self.entries.items()):
            if old in entry.member_names:
                members = (distinguished_name if one == old else one for one in entry.member_names)
                self._replace(group, member_names=tuple(members), _is_noticed=False)

    def delete(self, name: str) -> None:
        """Delete an entry; groups lose it, and as in AD that is not a change of theirs."""
        gone = self.entries.pop(name)
        self.usn += 1
        self.gone[gone.external_id] = self.usn
        for group, entry in list(self.entries.items()):
            if gone.distinguished_name in entry.member_names:
                kept = (one for one in entry.member_names if one != gone.distinguished_name)
                self._replace(group, member_names=tuple(kept), _is_noticed=False)

    def recreate(self, name: str) -> None:
        """The same name again, with a new objectGUID."""
        self.gone[self.entries[name].external_id] = self.usn + 1
        self._replace(name, external_id=_guid(f"{name} anew {self.usn}"))

    def _put(self, name, kind, distinguished_name, attributes, members) -> None:
        self.entries[name] = SourceEntry(
            kind, _guid(name), distinguished_name, attributes, True, None, members, b""
        )
        self._replace(name)

    def _replace(self, name: str, *, _is_noticed: bool = True, **changes: object) -> None:
        entry = replace(self.entries[name], digest=b"", **changes)
        digest = blake2b(repr(entry).encode(), digest_size=16).digest()
        self.entries[name] = replace(entry, digest=digest)
        if _is_noticed:
            self.usn += 1
            self.changed[entry.external_id] = self.usn
            self.gone.pop(entry.external_id, None)

    # -- the contract of a source ---------------------------------------------------------------

    def read_full(self, roll: RollCall, since: Watermark | None) -> Batch:
        return Batch(self._pages(roll, since))

    def read_changes(self, since: Watermark) -> Batch:
        if self.forgets_changes:
            raise WatermarkLost(self.forgets_changes)
        return Batch(self._changes(since))

    def read_person(self, name: str) -> Batch:
        return Batch(self._person(name))

    def _person(self, name: str) -> Generator[Page, None, Proof]:
        found = [
            replace(entry, group_names=self._groups_of(entry))
            for entry in self.entries.values()
            if name in (entry.external_id, *entry.attributes.get("mail", ()))
        ]
        if name in self.gone and not found:
            yield Page((), departures=(Departure(name, "", "deleted"),))
        return (yield from self._some(found, self._mark()))

    def watch(self) -> CompanyWatch:
        return CompanyWatch(self)

    def _pages(self, roll: RollCall, since: Watermark | None) -> Generator[Page, None, Proof]:
        for some in self._cut(list(self.entries.values())):
            came = [(one, roll.answer(one.external_id, one.digest)) for one in some]
            yield Page(
                tuple(one for one, standing in came if standing is Standing.CHANGED),
                tuple(one.external_id for one, said in came if said is Standing.UNCHANGED),
            )
        changed = {key for key, usn in self.changed.items() if since and usn > since.highest_usn}
        changed |= {key for key, usn in self.gone.items() if since and usn > since.highest_usn}
        return Proof(
            not self.incomplete,
            self.incomplete,
            self._mark(),
            unproven=tuple(roll.missing()) if self.hides_deleted else (),
            changed_meanwhile=frozenset(changed),
        )

    def _changes(self, since: Watermark) -> Generator[Page, None, Proof]:
        changed = {key for key, usn in self.changed.items() if usn > since.highest_usn}
        entries = [
            replace(entry, group_names=self._groups_of(entry))
            for entry in self.entries.values()
            if entry.external_id in changed
        ]
        present = {entry.external_id for entry in self.entries.values()}
        gone = [key for key, usn in self.gone.items() if usn > since.highest_usn]
        departures = [Departure(key, "", "deleted") for key in gone if key not in present]
        yield Page((), departures=tuple(departures))
        told = tuple(one for usn, one in self.member_changes if usn > since.highest_usn)
        yield Page((), member_changes=told)
        return (yield from self._some(entries, self._mark()))

    def _some(self, entries: list[SourceEntry], mark: Watermark) -> Generator[Page, None, Proof]:
        for some in self._cut(entries):
            yield Page(tuple(some))
        return Proof(not self.incomplete, self.incomplete, mark, is_full=False)

    def _cut(self, waiting: list[SourceEntry]) -> Iterator[list[SourceEntry]]:
        number = 0
        while waiting:
            if number == self.breaks_after_pages:
                message = "the connection was lost"
                raise SourceUnavailable(message)
            some, waiting = waiting[:PAGE_SIZE], waiting[PAGE_SIZE:]
            yield some
            number += 1

    def _groups_of(self, entry: SourceEntry) -> tuple[str, ...]:
        return tuple(
            group.distinguished_name
            for group in self.entries.values()
            if entry.distinguished_name in group.member_names
        )

    def _mark(self) -> Watermark:
        return Watermark("company", "", self.usn, self.clock.now())


@dataclass
class CompanyWatch:
    """Looks at the number of the last change."""

    company: Company

    def position(self) -> int:
        return self.company.usn

    def close(self) -> None:
        """Nothing to let go of."""


def map_company_entry(entry: SourceEntry) -> MappedResource | MappingProblem:
    """The simplest mapping there is; an entry without mail, and upn instead, is a problem."""
    values = {key: value[0] for key, value in entry.attributes.items()}
    if entry.kind is EntryKind.GROUP and not values["cn"]:
        return MappingProblem(
            entry.external_id, entry.distinguished_name, "displayName", "no value"
        )
    if entry.kind is EntryKind.GROUP:
        document = {"displayName": values["cn"], "externalId": entry.external_id}
        return _mapped("Group", entry, document, ())
    if not values.get("mail") and "upn" not in values:
        return MappingProblem(
            entry.external_id, entry.distinguished_name, "userName", "has no value"
        )
    document = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "externalId": entry.external_id,
        "userName": values.get("mail") or values["upn"],
        "name": {"givenName": values["givenname"], "familyName": values["sn"]},
    }
    if values.get("mail") and "upn" in values:
        document["emails"] = [{"value": values["mail"]}]
    if "title" in values:
        document["title"] = values["title"]
    return _mapped("User", entry, document, (document["userName"].casefold(),))


def _mapped(resource_type: str, entry: SourceEntry, document: dict, names: tuple[str, ...]):
    schema = f"urn:ietf:params:scim:schemas:core:2.0:{resource_type}"
    document = {"schemas": [schema]} | document
    digest = blake2b(repr(document).encode(), digest_size=16).digest()
    bind_name = names[0] if names else ""
    return MappedResource(resource_type, entry.external_id, document, digest, names, bind_name)
