"""Bytes to text, times and flags."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.source.decode import (
    UnreadableEntry,
    expires_at,
    external_id_of,
    is_enabled,
    to_entry,
    to_guid,
    to_sid_text,
    to_texts,
)
from connector.source.entry import EntryKind
from connector.source.ldap_decoder import RawEntry
from tests.parts import ldap_wire as wire

FIRST_MOMENT = datetime(1601, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def raw(**attributes):
    parts = {key.encode(): b"".join(map(wire.text, values)) for key, values in attributes.items()}
    return RawEntry(b"CN=x", parts)


@given(st.uuids())
def test_a_guid_is_the_one_that_other_tools_show(guid):
    assert to_guid(guid.bytes_le) == str(guid)


def test_an_entry_whose_guid_is_too_short_has_no_key():
    assert external_id_of(raw(objectguid=[uuid.UUID(int=1).bytes_le])) == str(
        uuid.UUID(bytes_le=uuid.UUID(int=1).bytes_le)
    )
    assert external_id_of(raw(objectguid=[b"short"])) == ""
    assert external_id_of(raw(cn=[b"x"])) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("010500000000000515000000a065cf7e784b9b5fe77c8770091c0100", "S-1-5-21-2127521184-1604012920-1887927527-72713"),
        ("010100000000000512000000", "S-1-5-18"),
        ("0105000000", "AQUAAAA="),
        ("", ""),
    ],
)  # fmt: skip
def test_a_sid_is_written_as_windows_does(value, text):
    assert to_sid_text(bytes.fromhex(value)) == text


@pytest.mark.parametrize(
    ("control", "enabled"),
    [
        ("512", True),
        ("514", False),
        ("66048", True),
        ("66050", False),
        ("-2147483136", True),
        ("-2147483134", False),
    ],
)
def test_bit_two_of_the_account_control_disables(control, enabled):
    assert is_enabled({"useraccountcontrol": [control.encode()]}) is enabled


def test_an_account_without_control_is_enabled():
    assert is_enabled({})


@pytest.mark.parametrize("never", [b"0", b"9223372036854775807", b"9223372036854775806"])
def test_some_expiries_are_none(never):
    assert expires_at({"accountexpires": [never]}) is None


@given(st.integers(1, (datetime.max.replace(tzinfo=UTC) - FIRST_MOMENT) // MICROSECOND))
def test_an_expiry_is_exact_to_the_microsecond(count):
    moment = FIRST_MOMENT + count * MICROSECOND

    assert expires_at({"accountexpires": [b"%d" % (count * 10)]}) == moment


def test_a_photo_is_base64_even_when_it_happens_to_be_text():
    assert to_texts("thumbnailphoto", [b"text"]) == ("dGV4dA==",)
    assert to_texts("ms-ds-consistencyguid", [b"0123456789abcdef"]) == ("MDEyMzQ1Njc4OWFiY2RlZg==",)


def test_groups_are_enabled_and_keep_their_members_apart():
    group = raw(cn=[b"staff"], member=[b"CN=a", b"CN=b"], useraccountcontrol=[b"514"])

    entry = to_entry(EntryKind.GROUP, "id", group, b"digest")

    assert entry.is_enabled
    assert entry.member_names == ("CN=a", "CN=b")
    assert "member" not in entry.attributes


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [
        (EntryKind.USER, {"useraccountcontrol": [b"x"]}),
        (EntryKind.USER, {"accountexpires": [b""]}),
        (EntryKind.USER, {"samaccountname": [b"anna"]}),  # an account whose state is hidden
        (EntryKind.GROUP, {"member": [b"CN=\xff"]}),
    ],
)
def test_values_that_break_the_schema_make_the_entry_unreadable(kind, attributes):
    with pytest.raises(UnreadableEntry):
        to_entry(kind, "id", raw(**attributes), b"digest")
