"""What becomes of known entries that do not come in a full read of a real Active Directory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.settings import Limit, Secret
from connector.source.roll_call import RollCall
from tests.parts.samba_people import PASSWORD
from tests.source.reading import read, source_of, to_end

pytestmark = pytest.mark.real
NOBODY = "00000000-0000-0000-0000-000000000001"


@pytest.fixture
def corp(samba):
    samba.reset()
    base = samba.people.unit("Corp")
    for login in ("anna", "ben", "carl"):
        samba.people.add_user(login, unit=base)
    return base


def settings_of(samba, base, **overrides):
    return samba.source_settings(base=base, **overrides)


def as_reader(samba, base, **overrides):
    """An account that may not see what was deleted, as by default in AD."""
    return settings_of(
        samba, base, bind_dn="ben@ad.test", password=Secret("test", PASSWORD), **overrides
    )


def test_the_deleted_and_the_moved_depart_with_evidence(samba, corp):
    first = read(settings_of(samba, corp))
    anna, ben = f"CN=anna,{corp}", f"CN=ben,{corp}"
    samba.people.delete(anna)
    moved = samba.people.move(ben, samba.people.unit("Elsewhere"))

    second = read(settings_of(samba, corp), first.digests, since=first.proof.watermark)

    by_id = {one.external_id: one for one in second.departures}
    assert by_id[first.entry(anna).external_id].distinguished_name == ""
    assert by_id[first.entry(ben).external_id].distinguished_name == moved
    assert second.proof.is_complete
    assert not second.proof.untraced


def test_changes_since_the_last_read_are_named(samba, corp):
    first = read(settings_of(samba, corp))
    samba.people.modify(f"CN=anna,{corp}", sn="Berg")

    second = read(settings_of(samba, corp), first.digests, since=first.proof.watermark)

    assert second.proof.changed_meanwhile == {first.entry(f"CN=anna,{corp}").external_id}


def test_who_is_neither_there_nor_deleted_is_untraced(samba, corp):
    first = read(settings_of(samba, corp))

    second = read(
        settings_of(samba, corp), first.digests | {NOBODY: b"xx"}, since=first.proof.watermark
    )

    assert second.proof.untraced == (NOBODY,)
    assert not second.proof.is_complete
    assert NOBODY in second.proof.reason


def test_an_account_that_sees_nothing_deleted_believes_absence_from_the_same_copy(samba, corp):
    settings = as_reader(samba, corp)
    first = read(settings)
    samba.people.delete(f"CN=anna,{corp}")
    known, since = first.digests, first.proof.watermark

    same = read(settings, known, since=since)
    other = read(settings, known, since=replace(since, invocation_id="another", server="dc9"))

    assert same.proof.is_complete
    assert not same.proof.untraced
    assert not other.proof.is_complete
    assert "dc9, which may be ahead" in other.proof.reason


def test_too_many_lacking_are_not_believed_and_both_numbers_said(samba, corp):
    settings = as_reader(samba, corp, max_shrink=Limit(count=1))
    first = read(settings)
    for login in ("anna", "carl"):
        samba.people.delete(f"CN={login},{corp}")

    reading = read(settings, first.digests, since=first.proof.watermark)

    assert not reading.proof.is_complete
    assert "2 of 3 known entries did not come" in reading.proof.reason
    assert "limit 1" in reading.proof.reason


def test_who_no_longer_fits_the_filter_departs_within_reason_only(samba, corp):
    first = read(settings_of(samba, corp))
    narrow = {"user_filter": "(&(objectClass=user)(sAMAccountName=anna))"}
    since = first.proof.watermark

    few = read(settings_of(samba, corp, **narrow), first.digests, since=since)
    many = read(
        settings_of(samba, corp, **narrow, max_shrink=Limit(count=1)), first.digests, since=since
    )

    assert len(few.departures) == 2
    assert few.proof.is_complete
    assert not many.departures
    assert not many.proof.is_complete


def test_a_canary_that_is_not_seen_in_full_leaves_the_read_incomplete(samba, corp):
    anna = f"CN=anna,{corp}"
    filled = {"proxyAddresses": "smtp:a@corp.example"}
    samba.people.modify(anna, **filled)

    whole = read(settings_of(samba, corp, canaries=(anna,)))
    samba.people.modify(anna, mail=None)
    hidden = read(settings_of(samba, corp, canaries=(anna,)))
    gone = read(settings_of(samba, corp, canaries=(f"CN=nobody,{corp}",)))

    assert whole.proof.is_complete, whole.proof.reason
    assert f"the canary {anna} does not show mail" in hidden.proof.reason
    assert f"the canary CN=nobody,{corp} is not to be seen" in gone.proof.reason


def test_a_copy_older_than_the_watermark_proves_nothing(samba, corp):
    first = read(settings_of(samba, corp))
    samba.people.delete(f"CN=anna,{corp}")
    mark = first.proof.watermark
    since = replace(mark, highest_usn=mark.highest_usn + 10**6)

    reading = read(settings_of(samba, corp), first.digests, since=since)

    assert reading.proof.is_restored
    assert not reading.proof.is_complete
    assert not reading.departures
    assert "restored from a backup" in reading.proof.reason


@pytest.mark.parametrize("key", ["mail", "upn", "login", "dn", "guid", "braced"])
def test_one_person_is_read_by_any_name(samba, corp, key):
    settings = settings_of(samba, corp)
    anna = f"CN=anna,{corp}"
    staff = samba.people.add_group("Staff", anna, unit=corp)
    whole = read(settings)
    guid = whole.entry(anna).external_id
    names = {"mail": "ANNA@corp.example", "upn": "anna@ad.test", "login": "anna", "dn": anna}
    names |= {"guid": guid, "braced": f"{{{guid.upper()}}}"}

    reading = to_end(source_of(settings).read_person(names[key]))

    assert reading.entry(anna).digest == whole.entry(anna).digest
    assert reading.entry(anna).group_names == (staff,)
    assert len(reading.entries) == 1
    assert not reading.proof.is_full


def test_one_person_who_is_gone_departs_and_one_who_never_was_is_nobody(samba, corp):
    settings = settings_of(samba, corp)
    anna = read(settings).entry(f"CN=anna,{corp}")
    samba.people.delete(anna.distinguished_name)

    gone = to_end(source_of(settings).read_person(anna.external_id))
    never = [to_end(source_of(settings).read_person(name)) for name in (NOBODY, "*", "anna")]

    assert [one.external_id for one in gone.departures] == [anna.external_id]
    assert all(not one.entries and not one.departures for one in never)


def test_a_watch_moves_with_every_change_and_breaks_with_the_server(samba, corp):
    watch = source_of(settings_of(samba, corp)).watch()
    try:
        before = watch.position()
        assert watch.position() == before
        samba.people.modify(f"CN=anna,{corp}", sn="Berg")
        assert watch.position() > before
    finally:
        watch.close()


def test_the_check_says_how_changes_are_read_and_whether_deletions_show(samba, corp):
    admin = source_of(settings_of(samba, corp)).check()
    reader = source_of(as_reader(samba, corp)).check()
    by_group = source_of(settings_of(samba, corp, user_filter=f"(memberOf={corp})")).check()

    assert (admin.changes_by, admin.sees_deleted, admin.untold) == ("DirSync", True, ())
    assert not reader.sees_deleted
    assert (by_group.changes_by, by_group.untold) == ("", ("memberOf",))


def test_a_roll_that_is_called_is_marked(samba, corp):
    first = read(settings_of(samba, corp))
    roll = RollCall(dict(first.digests) | {NOBODY: b"xx"})

    list(source_of(settings_of(samba, corp)).read_full(roll, None))

    assert list(roll.missing()) == [NOBODY]
