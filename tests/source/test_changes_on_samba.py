"""Reads of changes of a real Active Directory, by uSNChanged and by DirSync."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.errors import WatermarkLost
from connector.settings import Secret
from tests.parts.samba_people import PASSWORD
from tests.source.reading import read, source_of, to_end

pytestmark = pytest.mark.real


@pytest.fixture(params=["dirsync", "usn"])
def directory(request, samba):
    """An empty domain, with what a read of its changes begins from."""
    samba.reset()
    return Directory(samba, by_cookie=request.param == "dirsync")


class Directory:
    def __init__(self, samba, *, by_cookie):
        self.samba, self.people, self._by_cookie = samba, samba.people, by_cookie
        self.base = samba.people.unit("Corp")
        self.unit = samba.people.add_unit("People", self.base)
        self.groups = samba.people.add_unit("Groups", self.base)
        self.settings = samba.source_settings(base=self.base)

    def add_user(self, login, unit="", **attributes):
        return self.people.add_user(login, unit=unit or self.unit, **attributes)

    def add_group(self, name, *members):
        return self.people.add_group(name, *members, unit=self.groups)

    def read_full(self):
        return read(self.settings)

    def watermark(self):
        mark = self.read_full().proof.watermark
        assert mark.cookie, "DirSync is to be used where the account may"
        return mark if self._by_cookie else replace(mark, cookie=b"")

    def changes(self, since):
        reading = to_end(source_of(self.settings).read_changes(since))
        assert reading.proof.is_complete
        assert not reading.proof.is_full
        assert bool(reading.proof.watermark.cookie) is self._by_cookie
        return reading


def ids(directory):
    return {entry.distinguished_name: entry.external_id for entry in directory.read_full().entries}


def test_nothing_changed_gives_nothing(directory):
    directory.add_user("anna")

    reading = directory.changes(directory.watermark())

    assert not reading.entries
    assert not reading.departures


def test_who_joins_or_changes_comes_as_a_full_read_gives_it(directory):
    anna = directory.add_user("anna")
    directory.add_user("ben")
    since = directory.watermark()

    directory.people.modify(anna, sn="Berg")
    carl = directory.add_user("carl")
    reading = directory.changes(since)
    whole = directory.read_full()

    assert reading.users == {anna, carl}
    assert reading.digests == {
        whole.entry(name).external_id: whole.entry(name).digest for name in (anna, carl)
    }
    assert reading.entry(anna).attributes == whole.entry(anna).attributes


def test_the_next_read_begins_where_this_one_ended(directory):
    anna = directory.add_user("anna")
    since = directory.watermark()
    directory.people.modify(anna, sn="Berg")

    first = directory.changes(since)
    ben = directory.add_user("ben")

    assert directory.changes(first.proof.watermark).users == {ben}


def test_who_is_disabled_comes_as_disabled(directory):
    anna = directory.add_user("anna")
    since = directory.watermark()

    directory.people.disable(anna)

    assert not directory.changes(since).entry(anna).is_enabled


def test_who_is_deleted_departs(directory):
    anna = directory.add_user("anna")
    directory.add_group("Staff", anna)
    known = ids(directory)
    since = directory.watermark()

    directory.people.delete(anna)
    (departure,) = directory.changes(since).departures

    assert departure.external_id == known[anna]
    assert departure.distinguished_name == ""
    assert departure.reason == "deleted in Active Directory"


def test_who_is_moved_out_of_the_base_departs_with_the_new_name(directory):
    anna = directory.add_user("anna")
    known = ids(directory)
    elsewhere = directory.people.unit("Elsewhere")
    since = directory.watermark()

    now = directory.people.move(anna, elsewhere)
    reading = directory.changes(since)

    gone = {one.external_id: one for one in reading.departures}[known[anna]]
    assert gone.distinguished_name == now
    assert "moved out of" in gone.reason


def test_who_is_moved_into_the_base_comes_with_the_groups_that_hold_them(directory):
    anna = directory.add_user("anna", unit=directory.people.unit("Elsewhere"))
    staff = directory.add_group("Staff", anna)
    since = directory.watermark()

    now = directory.people.move(anna, directory.unit)
    reading = directory.changes(since)

    assert reading.users == {now}
    assert reading.entry(now).group_names == (staff,)


def test_who_no_longer_fits_the_filter_departs(directory):
    anna = directory.add_user("anna", title="sync")
    directory.add_user("ben", title="sync")
    directory.settings = directory.samba.source_settings(
        base=directory.base, user_filter="(&(objectClass=user)(title=sync))"
    )
    known = ids(directory)
    since = directory.watermark()

    directory.people.modify(anna, title="other")
    (departure,) = directory.changes(since).departures

    assert departure.external_id == known[anna]
    assert "user_filter" in departure.reason


def test_renames_keep_the_entry_and_tell_its_groups(directory):
    anna = directory.add_user("anna")
    staff = directory.add_group("Staff", anna)
    outer = directory.add_group("Outer", staff)
    known = ids(directory)
    since = directory.watermark()

    now, group = directory.people.rename(anna, "Anna, B."), directory.people.rename(staff, "Crew")
    reading = directory.changes(since)

    assert reading.entry(now).external_id == known[anna]
    assert reading.entry(now).group_names == (group,)
    assert reading.entry(group).external_id == known[staff]
    assert reading.entry(group).group_names == (outer,)


def test_all_beneath_a_renamed_unit_come_with_their_new_names(directory):
    """Only the unit itself shows among what changed."""
    team = directory.people.add_unit("Team", directory.unit)
    names = [directory.add_user(login, unit=team) for login in ("anna", "ben")]
    known = ids(directory)
    since = directory.watermark()

    renamed = directory.people.rename(team, "Crew")
    reading = directory.changes(since)

    assert reading.users == {f"CN=anna,{renamed}", f"CN=ben,{renamed}"}
    assert {entry.external_id for entry in reading.entries} == {known[name] for name in names}


def test_all_beneath_a_unit_that_is_moved_out_depart(directory):
    team = directory.people.add_unit("Team", directory.unit)
    anna = directory.add_user("anna", unit=team)
    known = ids(directory)
    since = directory.watermark()

    now = directory.people.move(team, directory.people.unit("Elsewhere"))
    departed = {one.external_id: one for one in directory.changes(since).departures}

    assert departed[known[anna]].distinguished_name == f"CN=anna,{now}"


def test_a_renamed_base_is_not_told_by_changes(directory):
    directory.add_user("anna")
    since = directory.watermark()

    directory.people.rename(directory.base, "Company")

    with pytest.raises(WatermarkLost, match="the search base is not there"):
        directory.changes(since)


def test_a_person_made_again_under_the_same_name_is_another_one(directory):
    anna = directory.add_user("anna")
    known = ids(directory)
    since = directory.watermark()

    directory.people.delete(anna)
    directory.add_user("anna")
    reading = directory.changes(since)

    assert [one.external_id for one in reading.departures] == [known[anna]]
    assert reading.entry(anna).external_id != known[anna]


def test_a_restored_person_is_the_same_one(directory):
    anna = directory.add_user("anna")
    known = ids(directory)
    directory.people.delete(anna)
    since = directory.watermark()

    directory.people.restore(known[anna], anna)
    reading = directory.changes(since)

    assert not reading.departures
    assert reading.entry(anna).external_id == known[anna]


def members_after(directory, reading, group, before):
    """By whichever way the read tells them."""
    for change in reading.member_changes:
        assert change.group_id == ids(directory)[group]
        before = before - set(change.removed_names) | set(change.added_names)
    for entry in reading.entries:
        if entry.distinguished_name == group:
            before = set(entry.member_names)
    return before


def test_members_that_come_and_go_are_told(directory):
    anna, ben, carl = (directory.add_user(login) for login in ("anna", "ben", "carl"))
    staff = directory.add_group("Staff", anna, ben)
    since = directory.watermark()

    directory.people.remove_members(staff, anna)
    directory.people.add_members(staff, carl)
    reading = directory.changes(since)

    assert members_after(directory, reading, staff, {anna, ben}) == {ben, carl}
    assert bool(reading.member_changes) is bool(since.cookie)
    assert not reading.users


def test_members_of_a_group_outside_of_the_filter_are_not_told(directory):
    anna = directory.add_user("anna")
    other = directory.add_group("Other")
    directory.settings = directory.samba.source_settings(
        base=directory.base, group_filter="(cn=Staff)"
    )
    since = directory.watermark()

    directory.people.add_members(other, anna)
    reading = directory.changes(since)

    assert not reading.member_changes
    assert not reading.entries


def test_a_watermark_ahead_of_the_server_says_that_it_was_restored(directory):
    since = directory.watermark()
    ahead = replace(since, highest_usn=since.highest_usn + 1000)

    with pytest.raises(WatermarkLost, match="restored from a backup"):
        directory.changes(ahead)


def test_another_domain_controller_goes_on_by_the_cookie_only(directory):
    anna = directory.add_user("anna")
    since = replace(directory.watermark(), server="dc9", invocation_id="0" * 8, highest_usn=10**9)
    directory.people.modify(anna, sn="Berg")

    if since.cookie:
        assert directory.changes(since).users == {anna}
    else:
        with pytest.raises(WatermarkLost, match="dc9"):
            directory.changes(since)


def test_a_bad_cookie_is_a_lost_watermark(directory):
    since = replace(directory.watermark(), cookie=b"not a cookie")

    with pytest.raises(WatermarkLost, match="DirSync"):
        to_end(source_of(directory.settings).read_changes(since))


@pytest.mark.parametrize("overrides", [{"user_filter": "(memberOf=CN=Staff,DC=ad,DC=test)"}])
def test_what_the_server_never_tells_is_not_read_by_changes(directory, overrides):
    since = directory.watermark()
    directory.settings = directory.settings.model_copy(update=overrides)

    with pytest.raises(WatermarkLost, match="memberOf"):
        directory.changes(since)


def test_an_ordinary_account_reads_changes_too(directory):
    directory.add_user("reader")
    anna = directory.add_user("anna")
    directory.settings = directory.samba.source_settings(
        base=directory.base,
        bind_dn="reader@ad.test",
        password=Secret("test", PASSWORD),
    )
    since = directory.watermark()

    directory.people.modify(anna, sn="Berg")

    assert directory.changes(since).users == {anna}
