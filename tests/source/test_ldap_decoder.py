"""Entries from the wire, against what was put on it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.source.ldap_decoder import (
    MalformedMessage,
    RawEntry,
    digest_of,
    message_end,
    open_message,
    split_entry,
    split_values,
)
from tests.parts import ldap_wire as wire

names = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=40)
values = st.lists(st.binary(max_size=300), max_size=4)
attributes = st.dictionaries(names.map(str.lower), values, max_size=8)


def parse(message):
    end = message_end(message, 0)
    envelope = open_message(message, 0, end)
    return envelope, split_entry(message, envelope.body, end)


@given(st.text(max_size=200), attributes, st.integers(1, 2**31 - 1))
def test_an_entry_comes_as_it_was_sent(name, sent, message_id):
    message = wire.message(message_id, wire.entry(name, sent))

    envelope, entry = parse(message)

    assert (envelope.message_id, envelope.tag) == (message_id, wire.SEARCH_ENTRY)
    assert entry.name == name.encode()
    assert {key.decode(): split_values(part) for key, part in entry.parts.items()} == sent


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 65535, 65536, 1 << 24])
def test_values_of_every_length_of_length_come_whole(size):
    message = wire.message(1, wire.entry("CN=x", {"photo": [b"x" * size]}))

    _, entry = parse(message)

    assert split_values(entry.parts[b"photo"]) == [b"x" * size]


@given(st.data())
def test_a_message_that_is_cut_is_waited_for_and_never_read(data):
    message = wire.message(7, wire.entry("CN=x", {"cn": [b"x" * 200], "sn": [b"y"]}))
    cut = data.draw(st.integers(0, len(message) - 1))

    end = message_end(message[:cut], 0)

    assert end is None or end == len(message)


@given(st.binary(min_size=2, max_size=60))
def test_noise_is_refused_and_harms_nothing(noise):
    message = b"\x30" + noise
    try:
        end = message_end(message, 0)
        if end is not None and end <= len(message):
            envelope = open_message(message, 0, end)
            split_entry(message, envelope.body, end)
    except (MalformedMessage, IndexError):
        pass


def test_what_is_no_message_is_said_to_be_none():
    with pytest.raises(MalformedMessage):
        message_end(b"HTTP/1.1 400", 0)


@given(attributes)
def test_the_order_of_attributes_does_not_change_the_digest(sent):
    _, entry = parse(wire.message(1, wire.entry("CN=x", sent)))
    backwards = RawEntry(entry.name, dict(reversed(entry.parts.items())))

    assert digest_of(entry) == digest_of(backwards)


@given(st.text(), attributes, st.text(), attributes)
def test_different_entries_have_different_digests(name, sent, other_name, other):
    _, one = parse(wire.message(1, wire.entry(name, sent)))
    _, two = parse(wire.message(1, wire.entry(other_name, other)))

    assert (digest_of(one) == digest_of(two)) is ((name, sent) == (other_name, other))
