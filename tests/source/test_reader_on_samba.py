"""Full reads of a real Active Directory."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from connector.clock import FixedClock, SystemClock
from connector.errors import SourceUnavailable
from connector.settings import Secret
from connector.source.reader import LdapSource, Wanted
from tests.source.reading import WANTED, read

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def seeded(samba):
    """120 people and 12 groups."""
    samba.reset(users=120, groups=12)
    return samba


@pytest.fixture
def empty(samba):
    samba.reset()
    return samba


def settings_of(samba, **overrides):
    """People and groups below the organisational units only."""
    return samba.source_settings(**overrides)


def test_a_read_gives_everybody_once_with_exactly_the_attributes_asked_for(seeded):
    reading = read(settings_of(seeded, page_size=50))

    people = [entry for entry in reading.entries if "OU=People" in entry.distinguished_name]
    assert len(people) == 120
    assert len({entry.external_id for entry in reading.entries}) == len(reading.entries)
    asked = {name.lower() for name in WANTED.user_attributes}
    own = {"objectguid", "useraccountcontrol", "accountexpires", "samaccountname"}
    assert set(people[0].attributes) == asked | own
    assert reading.proof.is_complete
    assert reading.proof.reason == ""
    assert reading.page_count >= 3


def test_values_come_as_text_whatever_their_form(empty):
    name = empty.people.add_user("zoe", cn="Zoë, the 2nd", givenName="Zoë", sn="O'Neil")
    raw_guid = empty.people.values
    entry = read(settings_of(empty)).entry(name.replace("\\,", "\\,"))

    assert entry.attributes["givenname"] == ("Zoë",)
    assert entry.attributes["sn"] == ("O'Neil",)
    assert entry.attributes["objectsid"][0].startswith("S-1-5-21-")
    assert entry.attributes["objectguid"] == (entry.external_id,)
    assert str(uuid.UUID(entry.external_id)) == entry.external_id
    assert raw_guid(f"<GUID={entry.external_id}>", "sAMAccountName") == ["zoe"]


def test_flags_say_who_is_disabled_and_when_an_account_ends(empty):
    people = empty.people
    active, disabled, ending, ended = (people.add_user(login) for login in "abcd")
    people.disable(disabled)
    moment = datetime(2030, 5, 17, 12, 30, tzinfo=UTC)
    people.expire(ending, moment)
    people.expire(ended, moment)
    people.never_expire(ended)

    reading = read(settings_of(empty))

    assert reading.entry(active).is_enabled
    assert reading.entry(active).expires_at is None  # as AD sets it: the highest number there is
    assert not reading.entry(disabled).is_enabled
    assert reading.entry(ending).expires_at == moment
    assert reading.entry(ended).expires_at is None  # 0


def test_what_is_known_is_not_given_again(seeded):
    first = read(settings_of(seeded))
    changed = next(name for name in sorted(first.users) if "OU=People" in name)
    seeded.people.modify(changed, sn="Renamed")

    second = read(settings_of(seeded), first.digests)

    assert [entry.distinguished_name for entry in second.entries] == [changed]
    assert set(second.unchanged) == first.digests.keys() - {second.entries[0].external_id}
    assert second.proof.is_complete


def test_renaming_a_unit_changes_all_who_stand_below_it_and_their_groups(empty):
    people = empty.people
    unit = people.add_unit("Old", people.unit("People"))
    names = [people.add_user(login, unit=unit) for login in ("anna", "ben")]
    group = people.add_group("Staff", *names)
    first = read(settings_of(empty))

    moved_unit = people.rename(unit, "New")
    second = read(settings_of(empty), first.digests)

    moved = {f"CN=anna,{moved_unit}", f"CN=ben,{moved_unit}"}
    assert second.users == moved
    assert set(second.entry(group).member_names) == moved
    by_name = {entry.distinguished_name: entry.external_id for entry in first.entries}
    assert {entry.external_id for entry in second.entries} == {
        by_name[name] for name in (*names, group)
    }


def test_a_deleted_user_is_gone_and_so_from_its_groups(empty):
    people = empty.people
    anna, ben = people.add_user("anna"), people.add_user("ben")
    group = people.add_group("Staff", anna, ben)
    first = read(settings_of(empty))

    people.delete(anna)
    second = read(settings_of(empty), first.digests)

    gone = first.digests.keys() - set(second.unchanged) - second.digests.keys()
    assert gone == {first.entry(anna).external_id}
    assert second.entry(group).member_names == (ben,)


def test_odd_names_come_through_unharmed(empty):
    odd = ["comma, first", 'quote"', "<angle>", "semi;colon", "plus+", "equals=", "back\\slash"]
    odd += ["#hash", " leading", "trailing ", "slash/", "日本", "Łukasz"]
    names = [empty.people.add_user(f"odd{n}", cn=cn) for n, cn in enumerate(odd)]
    group = empty.people.add_group("Odd", *names)

    reading = read(settings_of(empty))

    members = set(reading.entry(group).member_names)
    assert len(members) == len(odd)
    assert members <= reading.users


def test_continuation_references_are_counted_and_not_followed(empty):
    assert read(settings_of(empty)).proof.reference_count > 0


def test_the_watermark_is_of_before_the_read_and_of_that_server(empty):
    before = read(settings_of(empty)).proof.watermark
    empty.people.add_user("anna")
    after = read(settings_of(empty)).proof.watermark

    assert before.server == after.server == "dc1.ad.test"
    assert before.invocation_id == after.invocation_id == str(uuid.UUID(after.invocation_id))
    assert before.highest_usn < after.highest_usn


def test_a_base_that_vanished_leaves_the_read_incomplete(empty):
    empty.people.add_user("anna")
    known = read(settings_of(empty)).digests

    reading = read(settings_of(empty, base=f"OU=Gone,{empty.base}"), known)

    assert not reading.entries
    assert not reading.proof.is_complete
    assert reading.proof.reason.count("the search base is not there") == 2


def test_no_user_where_some_were_known_is_not_believed(empty):
    empty.people.add_user("anna")
    known = read(settings_of(empty)).digests

    nobody = read(settings_of(empty, user_filter="(sAMAccountName=nobody)"), known)
    first = read(settings_of(empty, user_filter="(sAMAccountName=nobody)"))

    assert not nobody.proof.is_complete
    assert f"0 users read, {len(known)} entries known" in nobody.proof.reason
    assert first.proof.is_complete


def test_an_entry_that_both_filters_find_is_a_user(empty):
    anna = empty.people.add_user("anna")

    reading = read(settings_of(empty, group_filter="(objectClass=*)"))

    assert anna in reading.users
    assert anna not in reading.groups
    assert len(reading.digests) == len(reading.entries)


def test_starttls_reads_the_same(empty):
    empty.people.add_user("anna")

    inside = read(settings_of(empty, servers=(f"ldap://{empty.address}",)))

    assert inside.digests == read(settings_of(empty)).digests


def test_a_wrong_password_of_the_reader_is_said_in_words(empty):
    settings = settings_of(empty, password=Secret("test", "wrong"))

    with pytest.raises(SourceUnavailable, match="wrong password") as caught:
        read(settings)

    assert empty.url in str(caught.value)
    assert settings.bind_dn in str(caught.value)


def test_a_certificate_of_another_authority_is_refused(empty, fake):
    with pytest.raises(SourceUnavailable, match="certificate"):
        read(settings_of(empty, ca_file=fake.source_settings().ca_file))


def test_a_certificate_for_another_name_is_refused(empty):
    empty.invalidate_certificate("dc9.ad.test")

    with pytest.raises(SourceUnavailable, match="certificate"):
        read(settings_of(empty))


def test_an_expired_certificate_is_refused(empty):
    empty.invalidate_certificate(empty.address, valid_days=-1)

    with pytest.raises(SourceUnavailable, match="expired"):
        read(settings_of(empty))


def test_the_next_server_is_asked_when_one_does_not_answer(empty):
    servers = ("ldaps://127.0.0.1:9", empty.url)

    reading = read(settings_of(empty, servers=servers))

    assert reading.proof.is_complete


def test_the_reasons_of_all_servers_are_said_together(empty):
    servers = ("ldaps://127.0.0.1:9", "ldaps://nowhere.invalid", f"ldaps://{empty.address}:9")

    with pytest.raises(SourceUnavailable) as caught:
        read(settings_of(empty, servers=servers))

    assert all(server in str(caught.value) for server in servers)
    assert "refused" in str(caught.value)
    assert "cannot be resolved" in str(caught.value)


def test_the_check_says_who_answered_and_how_things_stand(empty):
    ahead = FixedClock(SystemClock().now() - timedelta(hours=1))
    source = LdapSource(settings_of(empty), WANTED, ahead)

    check = source.check()

    assert (check.server, check.host_name) == (empty.url, "dc1.ad.test")
    assert abs(check.clock_skew - timedelta(hours=1)) < timedelta(seconds=30)
    assert timedelta(days=360) < check.certificate_ends_at - datetime.now(UTC)
    assert check.is_base_there


def test_the_check_sees_a_base_that_is_not_there(empty):
    source = LdapSource(
        settings_of(empty, base=f"OU=Gone,{empty.base}"), Wanted((), ()), SystemClock()
    )

    assert not source.check().is_base_there


def test_a_large_group_is_read_whole(samba):
    samba.reset(users=2000, groups=1)

    reading = read(settings_of(samba))

    (everybody,) = [entry for entry in reading.entries if "group0000" in entry.distinguished_name]
    assert len(set(everybody.member_names)) == 2000
