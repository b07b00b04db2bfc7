"""What logins leave behind reaches its place, and the log does not grow without end."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from state.engine import reading, writing
from state.flush import empty_log, flush
from state.handle import glancing

if TYPE_CHECKING:
    from sqlalchemy import Engine

MEGABYTE = 1_048_576


def write(engine: Engine, megabytes: int) -> None:
    for _ in range(megabytes):
        with writing(engine) as connection:
            statement = "INSERT INTO cycle_note (text) VALUES (zeroblob(?))"
            connection.exec_driver_sql(statement, (MEGABYTE,))


@pytest.fixture(autouse=True)
def _a_table(sqlite_engine: Engine) -> None:
    with writing(sqlite_engine) as connection:
        connection.exec_driver_sql("CREATE TABLE cycle_note (text BLOB)")


def pages_in_log(engine: Engine) -> int:
    with glancing(engine) as handle:
        assert isinstance(handle, sqlite3.Connection)
        _, pages, _ = handle.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return pages


def test_whoever_leaves_it_to_others_leaves_everything_in_the_log(
    sqlite_engine: Engine, hasty: Engine
):
    database = Path(str(sqlite_engine.url.database))
    before = database.stat().st_size

    write(hasty, 8)

    assert database.stat().st_size == before
    empty_log(sqlite_engine)
    assert database.stat().st_size > before + 8 * MEGABYTE


def test_a_log_that_has_become_long_is_begun_anew(sqlite_engine: Engine, hasty: Engine):
    write(hasty, 70)
    with reading(hasty) as connection:
        # Somebody always reads, so that no writer finds it empty.
        connection.exec_driver_sql("SELECT count(*) FROM cycle_note").scalar()
        write(hasty, 1)

    empty_log(sqlite_engine)
    write(hasty, 1)

    assert pages_in_log(sqlite_engine) < 2000


def test_somebody_who_reads_for_long_keeps_no_writer_waiting(sqlite_engine: Engine, hasty: Engine):
    write(hasty, 70)
    with reading(sqlite_engine) as connection:
        connection.exec_driver_sql("SELECT count(*) FROM cycle_note").scalar()
        write(hasty, 1)
        started = time.perf_counter()
        emptying = threading.Thread(target=empty_log, args=(sqlite_engine,))
        emptying.start()
        write(sqlite_engine, 1)
        emptying.join()
        assert time.perf_counter() - started < 5

    with glancing(sqlite_engine) as handle:
        assert isinstance(handle, sqlite3.Connection)
        assert handle.execute("PRAGMA busy_timeout").fetchone() == (15_000,)


def test_both_do_nothing_where_there_is_nothing_to_do(engine: Engine):
    flush(engine)
    empty_log(engine)
