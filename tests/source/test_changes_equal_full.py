"""The contract of every source: changes applied to what was known are what a full read gives."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from connector.source.entry import EntryKind
from connector.source.session import is_below
from tests.source.reading import read, source_of, to_end

pytestmark = pytest.mark.real
ROUNDS, CHANGES = 12, 8


class Known:
    """What a caller keeps, reading changes only."""

    def __init__(self, entries):
        self.entries = {entry.external_id: entry for entry in entries}
        self.names = {key: entry.distinguished_name for key, entry in self.entries.items()}
        self.members = {
            entry.external_id: set(entry.member_names)
            for entry in entries
            if entry.kind is EntryKind.GROUP
        }

    def take(self, reading):
        for departure in reading.departures:
            self.entries.pop(departure.external_id, None)
            self.members.pop(departure.external_id, None)
            self._rename(departure.external_id, departure.distinguished_name)
        for entry in reading.entries:
            self.entries[entry.external_id] = entry
            self._rename(entry.external_id, entry.distinguished_name)
        for entry in reading.entries:
            if entry.kind is EntryKind.GROUP:
                self.members[entry.external_id] = set(entry.member_names)
        for change in reading.member_changes:
            members = self.members[change.group_id] - set(change.removed_names)
            self.members[change.group_id] = members | set(change.added_names)
        for entry in reading.entries:
            for key, members in self.members.items():
                holds = self.names[key] in entry.group_names
                (members.add if holds else members.discard)(entry.distinguished_name)

    def _rename(self, key, name):
        before = self.names.get(key)
        self.names[key] = name
        for members in self.members.values():
            if before in members:
                members.discard(before)
                members.update({name} if name else ())

    def view(self):
        return {
            key: (
                entry.kind,
                entry.distinguished_name,
                dict(entry.attributes),
                entry.is_enabled,
                entry.expires_at,
                sorted(self.members.get(key, ())),
            )
            for key, entry in self.entries.items()
        }


class Domain:
    """Random changes to a domain, always the same for one seed."""

    def __init__(self, samba, seed):
        self.people, self.chance = samba.people, random.Random(seed)
        self.base = self.people.unit("Corp")
        self.count = 0
        outside = self.people.unit("Elsewhere")
        self.units = [self.people.add_unit(f"Unit{n}", self.base) for n in range(3)]
        self.units += [self.people.add_unit("Sub", self.units[0]), outside]
        self.users, self.groups = [], []
        for _ in range(8):
            self.join()
        for _ in range(3):
            self.found()

    def change(self):
        verbs = [self.join, self.leave, self.edit, self.disable, self.move, self.rename]
        verbs += [self.enlist, self.enlist, self.delist, self.found, self.rename_unit, self.disband]
        self.chance.choice(verbs)()

    def name(self):
        self.count += 1
        return f"x{self.count}"

    def join(self):
        unit = self.chance.choice(self.units[:-1])
        self.users.append(self.people.add_user(self.name(), unit=unit))

    def found(self):
        members = self.chance.sample(self.users, min(3, len(self.users)))
        unit = self.chance.choice(self.units[:-1])
        self.groups.append(self.people.add_group(self.name(), *members, unit=unit))

    def leave(self):
        if len(self.users) > 4:
            self.people.delete(self.users.pop(self.chance.randrange(len(self.users))))

    def disband(self):
        if len(self.groups) > 2:
            self.people.delete(self.groups.pop(self.chance.randrange(len(self.groups))))

    def edit(self):
        self.people.modify(self.chance.choice(self.users), sn=self.name())

    def disable(self):
        self.people.disable(self.chance.choice(self.users))

    def move(self):
        at = self.chance.randrange(len(self.users))
        unit = self.chance.choice(self.units)
        if not self.users[at].endswith(f"{self.users[at].partition(',')[0]},{unit}"):
            self.users[at] = self.people.move(self.users[at], unit)

    def rename(self):
        some = self.chance.choice([self.users, self.groups])
        at = self.chance.randrange(len(some))
        some[at] = self.people.rename(some[at], self.name())

    def enlist(self):
        group = self.chance.choice(self.groups)
        waiting = sorted(set(self.users) - set(self.people.values(group, "member")))
        if waiting:
            self.people.add_members(group, self.chance.choice(waiting))

    def delist(self):
        group = self.chance.choice(self.groups)
        members = sorted(self.people.values(group, "member"))
        if members:
            self.people.remove_members(group, self.chance.choice(members))

    def rename_unit(self):
        old = self.chance.choice(self.units[:-1])
        new = self.people.rename(old, self.name())
        for names in (self.units, self.users, self.groups):
            names[:] = [
                name.removesuffix(old) + new if is_below(name, old) else name for name in names
            ]


@pytest.mark.parametrize("way", ["dirsync", "usn"])
@pytest.mark.parametrize("seed", [1, 2])
def test_changes_applied_to_what_was_known_are_what_a_full_read_gives(samba, way, seed):
    samba.reset()
    domain = Domain(samba, seed)
    settings = samba.source_settings(base=domain.base)
    first = read(settings)
    known, mark = Known(first.entries), first.proof.watermark
    for _ in range(ROUNDS):
        for _ in range(domain.chance.randrange(CHANGES)):
            domain.change()
        since = mark if way == "dirsync" else replace(mark, cookie=b"")
        reading = to_end(source_of(settings).read_changes(since))
        known.take(reading)
        mark = reading.proof.watermark
        assert known.view() == Known(read(settings).entries).view()
