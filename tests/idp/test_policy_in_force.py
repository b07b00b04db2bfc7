"""Which policy logins go by is kept, so that a change can be compared with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connector.idp.store.policy_in_force import PolicyInForceStore

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def test_none_is_in_force_before_the_first_start(engine):
    assert PolicyInForceStore(engine).read() is None


def test_the_last_one_is_in_force_since_it_was_taken_up(engine):
    store = PolicyInForceStore(engine)

    assert store.keep(b"first", NOW)
    assert store.keep(b"second", LATER)

    assert store.read() == (LATER, b"second")


def test_the_same_one_has_been_in_force_all_the_time(engine):
    store = PolicyInForceStore(engine)
    store.keep(b"first", NOW)

    assert not store.keep(b"first", LATER)

    assert store.read() == (NOW, b"first")
