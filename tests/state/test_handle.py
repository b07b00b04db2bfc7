"""Transactions of sign-ons: whole or not at all, on either database, whoever else writes."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.exc import IntegrityError

from state.engine import open_engine, reading, table_of, writing
from state.errors import StateBusy, StateError
from state.handle import glancing, keeping
from state.identity import UsedRequestRow
from state.prepared import Prepared
from tests.idp.bench import NOW

if TYPE_CHECKING:
    from sqlalchemy import Engine

_REQUESTS = table_of(UsedRequestRow)
INSERT = Prepared(insert(_REQUESTS))
ALL = Prepared(select(_REQUESTS).order_by(_REQUESTS.c.request_id))
FIND = Prepared(select(_REQUESTS).where(_REQUESTS.c.request_id == bindparam("wanted")))
DELETE = Prepared(delete(_REQUESTS).where(_REQUESTS.c.request_id == bindparam("wanted")))


def row(request_id: str) -> dict[str, object]:
    return {"issuer": "urn:sp", "request_id": request_id, "expires_at": NOW}


def kept(engine: Engine) -> list[str]:
    with glancing(engine) as handle:
        return [one.request_id for one in ALL.all(handle, {})]


def test_what_is_written_comes_back(engine: Engine):
    with keeping(engine) as handle:
        INSERT.run(handle, row("a"))
        INSERT.run(handle, row("b"))

    with glancing(engine) as handle:
        found = FIND.first(handle, {"wanted": "a"})
        assert (found.issuer, found.expires_at) == ("urn:sp", NOW)
        assert FIND.first(handle, {"wanted": "c"}) is None
        assert FIND.all(handle, {"wanted": "c"}) == []


def test_it_says_how_many_rows_it_touched(engine: Engine):
    with keeping(engine) as handle:
        INSERT.run(handle, row("a"))
        assert DELETE.run(handle, {"wanted": "a"}) == 1
        assert DELETE.run(handle, {"wanted": "a"}) == 0


def test_a_failure_leaves_nothing_behind(engine: Engine):
    with pytest.raises(ZeroDivisionError), keeping(engine) as handle:
        INSERT.run(handle, row("a"))
        _ = 1 / 0

    assert kept(engine) == []


def test_a_row_that_is_there_already_is_for_the_caller_to_judge(engine: Engine):
    with keeping(engine) as handle:
        INSERT.run(handle, row("a"))

    with pytest.raises(IntegrityError), keeping(engine) as handle:
        INSERT.run(handle, row("b"))
        INSERT.run(handle, row("a"))

    assert kept(engine) == ["a"]


def test_what_a_transaction_has_not_committed_is_seen_by_it_alone(engine: Engine):
    with writing(engine) as connection:
        INSERT.run(connection, row("a"))
        with glancing(connection) as handle:
            assert FIND.first(handle, {"wanted": "a"})
        assert kept(engine) == []

    assert kept(engine) == ["a"]


def _insert(engine: Engine, request_id: str) -> None:
    with keeping(engine) as handle:
        INSERT.run(handle, row(request_id))


def test_writers_of_many_threads_wait_for_each_other(engine: Engine):
    threads = [
        threading.Thread(target=_insert, args=(engine, f"{number:02}")) for number in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert kept(engine) == [f"{number:02}" for number in range(20)]


def test_who_does_not_wait_is_told_that_somebody_else_writes(sqlite_engine: Engine, hasty: Engine):
    with writing(sqlite_engine):
        started = time.perf_counter()
        with pytest.raises(StateBusy, match="locked"), keeping(hasty):
            pass
        assert time.perf_counter() - started < 1

    _insert(hasty, "a")
    assert kept(sqlite_engine) == ["a"]


def test_who_does_not_wait_reads_while_somebody_else_writes(sqlite_engine: Engine, hasty: Engine):
    _insert(sqlite_engine, "a")

    with writing(sqlite_engine) as connection:
        INSERT.run(connection, row("b"))
        with glancing(hasty) as handle:
            assert FIND.first(handle, {"wanted": "a"})
        assert kept(hasty) == ["a"]


def test_a_database_that_cannot_be_used_is_an_error_in_words(tmp_path: Path):
    engine = open_engine(f"sqlite:///{tmp_path}/missing/state.db")

    for use in (keeping, glancing):
        with pytest.raises(StateError, match="unable to open"), use(engine):
            pass


def test_a_table_that_is_gone_is_an_error_in_words(sqlite_engine: Engine):
    with writing(sqlite_engine) as connection:
        connection.exec_driver_sql("DROP TABLE used_request")

    with pytest.raises(StateError, match="no such table"), glancing(sqlite_engine) as handle:
        ALL.all(handle, {})
    with pytest.raises(StateError, match="no such table"):
        _insert(sqlite_engine, "a")


def test_a_full_disk_is_an_error_in_words_and_the_next_one_fits(sqlite_engine: Engine):
    with glancing(sqlite_engine) as handle:
        assert isinstance(handle, sqlite3.Connection)
        (pages,) = handle.execute("PRAGMA page_count").fetchone()
        handle.execute(f"PRAGMA max_page_count = {pages + 2}")

    with pytest.raises(StateError, match="full"), keeping(sqlite_engine) as handle:
        for number in range(1000):
            INSERT.run(handle, row(f"{number}" * 100))

    assert kept(sqlite_engine) == []
    _insert(sqlite_engine, "small")
    assert kept(sqlite_engine) == ["small"]


def test_a_row_that_cannot_be_read_is_an_error_in_words(sqlite_engine: Engine):
    _insert(sqlite_engine, "a")
    with writing(sqlite_engine) as connection:
        statement = "INSERT INTO used_request VALUES ('x', CAST(x'ff' AS TEXT), '2026-01-01')"
        connection.exec_driver_sql(statement)

    with pytest.raises(StateError, match="decode"), glancing(sqlite_engine) as handle:
        ALL.all(handle, {})


def test_a_pool_that_is_used_up_is_an_error_in_words(tmp_path: Path):
    engine = open_engine(f"sqlite:///{tmp_path}/state.db")
    engine.pool._timeout = 0.1
    lent = [engine.connect() for _ in range(15)]

    with pytest.raises(StateError, match="busy"), keeping(engine):
        pass

    for connection in lent:
        connection.close()


def test_connections_of_a_thread_go_with_it(sqlite_engine: Engine):
    open_files = _open_files(sqlite_engine)

    for number in range(10):
        thread = threading.Thread(target=_insert, args=(sqlite_engine, f"{number}"))
        thread.start()
        thread.join()

    assert _open_files(sqlite_engine) <= open_files + 3


def _open_files(engine: Engine) -> int:
    def target(link: Path) -> str:
        try:
            return str(link.readlink())
        except OSError:
            return ""

    return sum(
        target(link).startswith(str(engine.url.database))
        for link in Path("/proc/self/fd").iterdir()
    )


def test_times_are_kept_as_the_library_keeps_them(sqlite_engine: Engine):
    _insert(sqlite_engine, "a")

    with reading(sqlite_engine) as connection:
        text = connection.exec_driver_sql("SELECT expires_at FROM used_request").scalar()
        assert text == "2026-11-02 08:00:00.000000"
        assert connection.execute(select(_REQUESTS.c.expires_at)).scalar() == NOW
