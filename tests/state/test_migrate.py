"""The database is brought up to date whole, or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from state.engine import open_engine, reading, writing
from state.errors import StateError
from state.migrate import check_tables, pending, upgrade

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine


def test_tables_and_migrations_agree(engine: Engine):
    check_tables(engine)


def test_an_up_to_date_database_is_left_alone(engine: Engine):
    before, after = upgrade(engine)
    assert before == after
    assert not pending(engine)


def test_a_new_database_has_everything_pending(tmp_path: Path):
    assert pending(open_engine(f"sqlite:///{tmp_path}/new.db"))


def test_a_database_newer_than_the_program_is_refused(engine: Engine):
    with writing(engine) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(StateError, match="newer than this program"):
        upgrade(engine)


def test_a_file_that_is_no_database_is_an_error_in_words(tmp_path: Path):
    path = tmp_path / "state.db"
    path.write_bytes(b"this is not a database, but long enough to be looked at" * 20)

    with pytest.raises(StateError, match="not a database"):
        upgrade(open_engine(f"sqlite:///{path}"))


def test_a_url_that_no_driver_knows_is_an_error_in_words():
    with pytest.raises(StateError, match=r"state\.url"):
        open_engine("oracle-of-delphi://x")


def test_connections_keep_foreign_keys_and_the_journal_that_was_promised(sqlite_engine: Engine):
    with reading(sqlite_engine) as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_a_failed_transaction_leaves_nothing_behind(engine: Engine):
    statement = (
        "INSERT INTO cycle (trigger, started_at, status, reason, users_count, groups_count,"
        " problems_count) VALUES ('x', '2026-01-01', 'x', '', 0, 0, 0)"
    )
    with pytest.raises(ZeroDivisionError), writing(engine) as connection:
        connection.exec_driver_sql(statement)
        _ = 1 / 0

    with reading(engine) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM cycle").scalar() == 0


def test_a_populated_database_of_the_first_release_is_brought_up_to_date(tmp_path: Path):
    """Its rows get the values that mean: nothing is known of this yet."""
    engine = open_engine(f"sqlite:///{tmp_path}/state.db")
    upgrade(engine, "0001")
    with writing(engine) as connection:
        for statement in _ROWS_OF_THE_FIRST_RELEASE:
            connection.exec_driver_sql(statement)

    before, after = upgrade(engine)

    assert (before, after) == ("0001", "0014")
    check_tables(engine)
    with reading(engine) as connection:
        operation = connection.exec_driver_sql(
            "SELECT name, identity, removed_count, is_approved FROM operation"
        ).one()
        assert tuple(operation) == ("bjensen", b"", 0, 0)


_ROWS_OF_THE_FIRST_RELEASE = (
    """INSERT INTO cycle (id, trigger, started_at, status, reason, users_count, groups_count,
    problems_count) VALUES (1, 'x', '2026-01-01 00:00:00', 'done', '', 1, 0, 0)""",
    """INSERT INTO operation (cycle_id, target, kind, resource_type, external_id, name, detail,
    status, reason) VALUES (1, 't', 'create', 'User', 'u', 'bjensen', x'7b7d', 'applied', '')""",
)
