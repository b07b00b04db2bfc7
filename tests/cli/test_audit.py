"""`audit`: what happened is listed and exported, and a change behind our back is found."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from connector.audit import Audit, AuditEvent
from connector.directory.search import DirectorySearch
from state.engine import writing
from tests.cli.test_users import ANNA, desk, engine  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from tests.cli.shell import Shell


@pytest.fixture
def filled(desk: Shell, engine: Engine) -> Shell:
    """A shell beside an audit of three days."""
    (anna,) = DirectorySearch(engine).people(ANNA)
    now, audit = datetime.now(UTC), Audit(engine)
    for days, event, reason, actor in (
        (2, "login.failed", "wrong-password", anna.external_id),
        (1, "login.succeeded", "", anna.external_id),
        (0, "login.failed", "unknown-user", ""),
        (0, "logins.something", "", ""),
    ):
        at, outcome = now - timedelta(days=days, hours=1), "failure" if reason else "success"
        details = {"request": "0123456789abcdef", "email": "x\x1b[2J"}
        audit.record(
            AuditEvent(at, event, outcome, reason, actor, "Intranet", "192.0.2.7", details)
        )
    return desk


def test_what_happened_is_listed_the_latest_last_with_who_and_whence(filled):
    said = filled.say("audit", "list", "--event", "login")

    lines = [" ".join(line.split()[2:]) for line in said.output.splitlines()[1:]]
    assert lines == [
        f"login.failed wrong-password {ANNA} Intranet 192.0.2.7",
        f"login.succeeded {ANNA} Intranet 192.0.2.7",
        "login.failed unknown-user Intranet 192.0.2.7",
    ]
    assert "\x1b" not in said.output


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (("--since", "36h", "--event", "login"), 2),
        (("--since", "2h", "--event", "login.failed"), 1),
        (("--user", ANNA), 2),
        (("--user", ANNA, "--since", "2020-01-01"), 2),
        (("--event", "login.fail"), 0),
    ],
)
def test_it_is_narrowed_and_read_by_programs(filled, options, count):
    said = filled.say("audit", "list", *options, "--json")

    events = [json.loads(line) for line in said.output.splitlines()]
    assert (said.code, len(events)) == (0, count)
    for event in events:
        assert datetime.fromisoformat(event["at"]).utcoffset() == timedelta(0)
        assert event["details"]["request"] == "0123456789abcdef"


def test_without_a_time_the_latest_are_listed_and_with_one_all_of_them(filled, engine):
    now, audit = datetime.now(UTC), Audit(engine)
    for _ in range(60):
        audit.record(AuditEvent(now, "login.failed", "failure", "unknown-user"))

    assert len(filled.say("audit", "list").output.splitlines()) == 51
    said = filled.say("audit", "list", "--since", "30m", "--event", "login.failed")
    assert len(said.output.splitlines()) == 61


def test_to_list_the_latest_nothing_older_is_read(filled, engine):
    now, audit = datetime.now(UTC), Audit(engine)
    for _ in range(50):
        audit.record(AuditEvent(now, "login.failed", "failure", "unknown-user"))
    with writing(engine) as connection:
        connection.exec_driver_sql("UPDATE audit SET details = 'none' WHERE id = 1")

    for words in (("audit", "list"), ("audit", "list", "--event", "login.failed")):
        assert len(filled.say(*words).output.splitlines()) == 51


def test_nothing_is_said_to_be_nothing(filled):
    assert filled.say("audit", "list", "--event", "no.such").output == "Nothing.\n"


@pytest.mark.parametrize("since", ["soon", "yesterday", "24"])
def test_a_moment_that_is_none_is_said(filled, since):
    said = filled.say("audit", "list", "--since", since)

    assert (said.code, said.output) == (2, "")
    assert f"{since} is no duration such as 24h" in said.errors


def test_a_moment_before_all_others_is_none(filled):
    """In UTC it lies in no year."""
    said = filled.say("audit", "list", "--since", "0001-01-01T00:00+01:00")

    assert (said.code, said.output) == (2, "")
    assert "is no duration such as 24h" in said.errors


def test_a_duration_that_is_too_long_is_said(filled):
    said = filled.say("audit", "list", "--since", "99999999w")

    assert (said.code, said.output) == (2, "")
    assert "must be at most 100 years, not '99999999w'" in said.errors


def test_a_moment_with_a_zone_is_that_moment(filled, engine):
    audit = Audit(engine)
    for hour in (9, 11):
        audit.record(AuditEvent(datetime(2027, 1, 2, hour, tzinfo=UTC), "login.failed", "failure"))

    said = filled.say("audit", "list", "--since", "2027-01-02T12:00+02:00", "--json")

    assert [json.loads(line)["at"] for line in said.output.splitlines()] == [
        "2027-01-02T11:00:00+00:00"
    ]


def test_who_changes_the_audit_is_found_out(filled, engine):
    said = filled.say("audit", "verify")
    assert (said.code, said.output) == (0, "The audit is as it was written.\n")
    with writing(engine) as connection:
        connection.exec_driver_sql("UPDATE audit SET reason = '' WHERE event = 'login.failed'")

    said = filled.say("audit", "verify")

    assert (said.code, said.output) == (1, "")
    assert "of the audit is not as it was written, or is not there" in said.errors
