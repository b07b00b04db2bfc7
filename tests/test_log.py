"""The log: a line for an event, whatever others have written, and no values of variables."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import structlog

from connector.log import start_logging
from state.engine import open_engine, writing
from tests.parts.log_fixtures import log_as_it_was  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from collections.abc import Callable

LAYOUTS = ("json", "text")
CANARY = "Canary-Passw0rd"
FORGED = 'alice\n{"event":"ok"}\r\x1b[2K\x1b]0;owned\x07 \u202e\u2066\u200f\x85\x9b\u2028\x7f\udc80'


@pytest.fixture
def written(capsys, log_as_it_was) -> Callable[[str], Callable[[], str]]:
    """Begin a log, at the most talkative level; return what tells what was written to it."""

    def begin(layout: str) -> Callable[[], str]:
        start_logging("debug", layout)
        return lambda: capsys.readouterr().err

    return begin


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_others_wrote_forges_no_line_and_moves_no_terminal(written, layout):
    said_so_far = written(layout)
    structlog.get_logger().info("login.refused", reason=FORGED, all=[FORGED], by={FORGED: 1})
    logging.getLogger("a.library").warning(FORGED)

    said = said_so_far()

    lines = said.splitlines()
    assert len(lines) == 2
    assert "\\n" in lines[0]
    assert unseen(said) == set()


def test_a_json_line_says_what_was_said(written):
    said_so_far = written("json")
    at = datetime(2026, 11, 2, 8, tzinfo=UTC)
    structlog.get_logger().info("key.ends", reason=FORGED, not_after=at, status=logging.INFO)

    said = json.loads(said_so_far())

    assert (said["event"], said["level"]) == ("key.ends", "info")
    assert (said["reason"], said["not_after"]) == (FORGED, "2026-11-02T08:00:00+00:00")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_traceback_shows_where_and_why_and_no_values(written, layout):
    said_so_far = written(layout)
    try:
        check(CANARY)
    except RuntimeError:
        structlog.get_logger().exception("http.failed")
        logging.getLogger("a.library").exception("in a library")

    said = said_so_far()

    assert said.count("RuntimeError") >= 2
    assert said.count("a wrong turn") >= 2
    assert "in check" in said or '"name":"check"' in said
    assert CANARY not in said


@pytest.mark.parametrize("layout", LAYOUTS)
def test_lines_of_a_traceback_pass_for_no_lines_of_ours(written, layout):
    said_so_far = written(layout)
    try:
        raise RuntimeError(FORGED)
    except RuntimeError:
        structlog.get_logger().exception("http.failed")

    said = said_so_far()

    first, *rest = said.splitlines()
    assert "http.failed" in first
    assert [line for line in rest if not line.startswith("    ")] == []
    assert unseen(said) == set()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_error_of_the_database_does_not_hold_what_was_written(written, layout, tmp_path):
    said_so_far = written(layout)
    engine = open_engine(f"sqlite:///{tmp_path}/state.db")
    try:
        with writing(engine) as connection:
            connection.exec_driver_sql("CREATE TABLE once (name TEXT PRIMARY KEY)")
            for _ in range(2):
                connection.exec_driver_sql("INSERT INTO once VALUES (?)", (CANARY,))
    except Exception:
        structlog.get_logger().exception("http.failed")

    said = said_so_far()

    assert "IntegrityError" in said
    assert CANARY not in said
    engine.dispose()


def check(password: str) -> None:
    secret = password
    del password
    message = "a wrong turn"
    if secret:
        raise RuntimeError(message)


def unseen(written: str) -> set[str]:
    """Return the characters that are not seen, but for the colours that we give ourselves."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", written)
    return {each for each in plain if not each.isprintable()} - {"\n"}
