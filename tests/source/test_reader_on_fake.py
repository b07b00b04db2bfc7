"""Full reads of a directory that misbehaves as Samba cannot."""

from __future__ import annotations

import pytest

from connector.errors import ConfigurationError, SourceUnavailable
from tests.source.reading import read


def add_people(fake, count):
    return [fake.add_user(f"user{number:03d}") for number in range(count)]


@pytest.mark.parametrize("count", [1499, 1500, 1501, 3000, 4501])
def test_all_members_of_a_group_are_collected_range_by_range(fake, count):
    """MS-ADTS section 3.1.1.3.1.3.3: AD gives 1500 values at a time."""
    members = [f"CN=member{number:05d},OU=People,DC=fake,DC=test" for number in range(count)]
    group = fake.add_group("large", *members)

    reading = read(fake.source_settings())

    assert list(reading.entry(group).member_names) == members
    assert reading.proof.is_complete


def test_ranges_are_collected_while_the_next_page_is_on_its_way(fake):
    members = [f"CN=member{number:05d},OU=People,DC=fake,DC=test" for number in range(3200)]
    groups = [fake.add_group(f"large{number}", *members) for number in range(5)]

    reading = read(fake.source_settings(page_size=2))

    assert reading.groups == set(groups)
    assert all(list(reading.entry(group).member_names) == members for group in groups)
    assert reading.proof.is_complete


def test_a_range_that_changes_far_behind_changes_the_digest(fake):
    members = [f"CN=member{number:05d},OU=People,DC=fake,DC=test" for number in range(2000)]
    group = fake.add_group("large", *members)
    known = read(fake.source_settings()).digests
    assert read(fake.source_settings(), known).unchanged

    fake.add_group("large", *members[:-1], "CN=other,OU=People,DC=fake,DC=test")
    reading = read(fake.source_settings(), known)

    assert reading.groups == {group}


def test_a_group_whose_ranges_end_early_is_not_taken_in_part(fake):
    members = [f"CN=member{number:05d},OU=People,DC=fake,DC=test" for number in range(4000)]
    group = fake.add_group("large", *members)
    small = fake.add_group("small", members[0])
    fake.loses_values_from = 3000

    reading = read(fake.source_settings())

    assert reading.groups == {small}
    assert not reading.proof.is_complete
    assert group in reading.proof.reason
    assert "3000" in reading.proof.reason


def test_long_lists_of_other_attributes_are_collected_too(fake):
    addresses = [f"smtp:a{number}@fake.test" for number in range(1600)]
    anna = fake.add_user("anna", proxyAddresses=addresses)

    assert read(fake.source_settings()).entry(anna).attributes["proxyaddresses"] == tuple(addresses)


@pytest.mark.parametrize(
    ("code", "words"),
    [(3, "time limit"), (4, "size limit"), (11, "administrative limit"), (32, "base is not there")],
)
@pytest.mark.parametrize("page", [1, 2])
def test_a_search_that_a_limit_cuts_gives_what_came_and_is_not_complete(fake, code, words, page):
    add_people(fake, 30)
    fake.add_group("staff")
    fake.search_ends["user"] = (code, "", page)

    reading = read(fake.source_settings(page_size=10))

    assert len(reading.users) == 10 * (page - 1) + 5
    assert len(reading.groups) == 1
    assert not reading.proof.is_complete
    assert reading.proof.reason.startswith("users: ")
    assert words in reading.proof.reason


def test_a_size_limit_of_a_thousand_is_noticed(fake):
    add_people(fake, 1200)
    fake.search_ends["user"] = (4, "", 1)

    reading = read(fake.source_settings(page_size=2000))

    assert len(reading.users) == 1000
    assert "size limit" in reading.proof.reason


@pytest.mark.parametrize("code", [1, 2, 12, 50, 51, 52, 53, 80])
def test_a_search_that_the_server_refuses_breaks_the_read_off(fake, code):
    add_people(fake, 30)
    fake.search_ends["user"] = (code, "because", 2)

    with pytest.raises(SourceUnavailable, match="because"):
        read(fake.source_settings(page_size=10))


def test_a_base_that_is_elsewhere_leaves_the_read_incomplete(fake):
    add_people(fake, 3)
    fake.referral = "ldap://other.test/DC=fake,DC=test"

    reading = read(fake.source_settings())

    assert not reading.entries
    assert not reading.proof.is_complete
    assert "ldap://other.test/DC=fake,DC=test" in reading.proof.reason


def test_a_page_without_its_cookie_leaves_the_read_incomplete(fake):
    add_people(fake, 30)
    fake.omits_cookie = True

    reading = read(fake.source_settings(page_size=10))

    assert len(reading.users) == 10
    assert not reading.proof.is_complete


def test_references_are_counted(fake):
    add_people(fake, 3)
    fake.references = ("ldap://a.test/", "ldap://b.test/")

    reading = read(fake.source_settings())

    assert reading.proof.reference_count == 4
    assert reading.proof.is_complete


def test_entries_that_show_no_objectguid_are_named_and_nobody_is_taken_for_gone(fake):
    anna = fake.add_user("anna")
    hidden = [fake.add_user(f"hidden{number}", objectGUID=None) for number in range(5)]

    reading = read(fake.source_settings())

    assert reading.users == {anna}
    assert not reading.proof.is_complete
    assert "5 entries" in reading.proof.reason
    assert hidden[0] in reading.proof.reason


@pytest.mark.parametrize(
    "attributes",
    [{"userAccountControl": "x"}, {"accountExpires": "soon"}, {"objectGUID": b"short"}],
)
def test_an_entry_with_a_flag_that_is_none_is_named(fake, attributes):
    anna, odd = fake.add_user("anna"), fake.add_user("odd", **attributes)

    reading = read(fake.source_settings())

    assert reading.users == {anna}
    assert not reading.proof.is_complete
    assert odd in reading.proof.reason


def test_an_account_whose_state_is_hidden_is_not_taken_for_enabled(fake):
    """Domains that hide Account Restrictions from ordinary accounts exist."""
    anna, hidden = fake.add_user("anna"), fake.add_user("hidden", userAccountControl=None)

    reading = read(fake.source_settings())

    assert reading.users == {anna}
    assert not reading.proof.is_complete
    assert f"{hidden}: its userAccountControl is hidden" in reading.proof.reason


def test_a_contact_has_no_state_and_is_taken(fake):
    contact = fake.add_user("contact", sAMAccountName=None, userAccountControl=None)

    reading = read(fake.source_settings())

    assert reading.entry(contact).is_enabled
    assert reading.proof.is_complete


def test_values_that_are_no_text_come_in_base64(fake):
    anna = fake.add_user("anna", givenName=b"\xff\xfe", sn=["ok", b"\x80"])

    attributes = read(fake.source_settings()).entry(anna).attributes

    assert attributes["givenname"] == ("//4=",)
    assert attributes["sn"] == ("ok", "gA==")


def test_names_of_attributes_are_the_same_in_any_case(fake):
    anna = fake.add_user("anna", GIVENNAME="Anna", USERACCOUNTCONTROL="514")

    entry = read(fake.source_settings()).entry(anna)

    assert entry.attributes["givenname"] == ("Anna",)
    assert not entry.is_enabled


@pytest.mark.parametrize(
    "stray",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x30\x00",
        b"\x30\x03\x02\x01\x63",
        b"\x30\x05" + b"\xff" * 5,
    ],
)
def test_a_server_that_does_not_speak_ldap_breaks_the_read_off(fake, stray):
    fake.stray_before = stray

    with pytest.raises(SourceUnavailable):
        read(fake.source_settings(timeout="2s"))


def test_a_server_that_falls_silent_is_given_up_in_time(fake):
    fake.stray_before = b"\x30\x84\x00\x00\xff\xff"  # the beginning of a message

    with pytest.raises(SourceUnavailable):
        read(fake.source_settings(timeout="1s"))


def test_what_comes_in_clear_behind_starttls_is_not_believed(tmp_path):
    from tests.parts.ldap_fake import FakeLdap  # noqa: PLC0415 - the only one by StartTLS

    folder = tmp_path / "clear"
    folder.mkdir()
    fake = FakeLdap(folder, is_start_tls=True)
    try:
        add_people(fake, 3)
        assert len(read(fake.source_settings()).users) == 3
        fake.injected = b"\x30\x0c\x02\x01\x02\x61\x07\x0a\x01\x00\x04\x00\x04\x00"
        with pytest.raises(SourceUnavailable, match="in clear"):
            read(fake.source_settings())
        assert fake.bind_count == 1
    finally:
        fake.close()


@pytest.mark.parametrize(
    ("overrides", "key"),
    [
        ({"servers": ("ldap://dc1.test",), "start_tls": False}, "source.servers[0]"),
        ({"user_filter": "(objectClass=user"}, "source.user_filter"),
        ({"group_filter": "group"}, "source.group_filter"),
    ],
)
def test_settings_that_cannot_work_are_refused_before_any_connection(fake, overrides, key):
    with pytest.raises(ConfigurationError) as caught:
        read(fake.source_settings(**overrides))

    assert [fault.key for fault in caught.value.faults] == [key]
    assert fake.connection_count == 0


def test_a_file_without_certificates_is_refused_before_any_connection(fake, tmp_path):
    empty = tmp_path / "empty.pem"
    empty.touch()

    with pytest.raises(ConfigurationError, match="ca_file"):
        read(fake.source_settings(ca_file=empty))
