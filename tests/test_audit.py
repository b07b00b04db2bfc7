"""The audit keeps what happened, in order, and shows if somebody changed it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from connector.audit import Audit, AuditEvent
from state.engine import open_engine, writing

if TYPE_CHECKING:
    from sqlalchemy import Engine

NOW = datetime(2026, 11, 2, 8, 0, 0, 123456, tzinfo=UTC)


def event(number: int, **changes) -> AuditEvent:
    values = {
        "at": NOW + timedelta(seconds=number),
        "event": "login.failed",
        "outcome": "failure",
        "reason": "wrong-password",
        "actor": "ann-1",
        "application": "Intranet",
        "address": "192.0.2.7",
        "details": {"email": "ann@corp.example", "number": number},
    }
    return AuditEvent(**(values | changes))


@pytest.fixture
def audit(engine: Engine) -> Audit:
    audit = Audit(engine)
    for number in range(5):
        audit.record(event(number))
    return audit


def test_what_was_recorded_is_there_the_newest_first(audit: Audit):
    assert audit.recent(2) == (event(4), event(3))
    assert audit.first_break() is None


def test_the_events_of_one_person_are_found(audit: Audit):
    audit.record(event(9, actor="bob-2"))

    assert audit.recent(actor="bob-2") == (event(9, actor="bob-2"),)


def test_all_of_it_is_read_in_order_from_a_moment_on_or_of_one_person(audit: Audit):
    audit.record(event(9, actor="bob-2"))

    assert list(audit.read()) == [*map(event, range(5)), event(9, actor="bob-2")]
    assert list(audit.read(NOW + timedelta(seconds=3), actor="ann-1")) == [event(3), event(4)]


def test_events_are_found_by_their_name_or_their_noun(audit: Audit):
    names = [
        "login",
        "login.failed",
        "logins.failed",
        "Login.failed",
        "login_.failed",
        "session.ended",
    ]
    for number, name in enumerate(names):
        audit.record(event(number, event=name, actor="bob-2"))

    def found(name: str) -> list[str]:
        events = audit.recent(actor="bob-2", event=name)
        assert list(audit.read(actor="bob-2", event=name)) == list(events[::-1])
        return sorted(each.event for each in events)

    assert found("login") == ["login", "login.failed"]
    assert found("login.failed") == ["login.failed"]
    assert found("session.ended") == found("session") == ["session.ended"]
    assert found("login.") == found("login%") == found("log") == found("login.fail") == []
    assert found("") == sorted(names)
    assert audit.recent(2, event="login") == (
        event(1, actor="bob-2"),
        event(0, event="login", actor="bob-2"),
    )


def test_an_empty_audit_is_whole(engine: Engine):
    assert Audit(engine).first_break() is None
    assert Audit(engine).recent() == ()


@pytest.mark.parametrize(
    ("statement", "number"),
    [
        ("UPDATE audit SET outcome = 'success' WHERE id = 3", 3),
        ("UPDATE audit SET at = '2026-11-02 08:00:09.000000' WHERE id = 2", 2),
        ("UPDATE audit SET details = '{}' WHERE id = 5", 5),
        ("DELETE FROM audit WHERE id = 2", 2),
        ("DELETE FROM audit WHERE id = 1", 1),
        ("DELETE FROM audit WHERE id = 5", 5),
        ("DELETE FROM audit", 1),
        ("UPDATE audit SET id = 7 WHERE id = 5", 5),
    ],
)
def test_a_change_behind_our_back_shows_where_it_begins(audit, engine, statement, number):
    with writing(engine) as connection:
        connection.exec_driver_sql(statement)

    assert audit.first_break() == number


def test_writers_at_once_make_one_chain(engine: Engine):
    others = [Audit(open_engine(str(engine.url))) for _ in range(4)]

    with ThreadPoolExecutor(4) as pool:
        for _ in pool.map(lambda n: others[n % 4].record(event(n)), range(40)):
            pass

    assert Audit(engine).first_break() is None
    assert len(Audit(engine).recent()) == 40
    for each in others:
        each._engine.dispose()
