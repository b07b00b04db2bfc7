"""Open the state database and give transactions that keep what was promised.

SQLite runs in WAL mode with foreign keys on; a write transaction takes its lock when it begins,
so that two writers wait for each other instead of failing half way (SQLite, "BEGIN IMMEDIATE").
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Connection,
    DateTime,
    Engine,
    LargeBinary,
    TypeDecorator,
    create_engine,
    event,
    true,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlmodel import SQLModel

from state.errors import StateBusy, StateError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import ColumnElement, Dialect, Select, Table

# The database as the rest of the program names it, without knowing the library.
__all__ = [
    "Engine",
    "UtcDateTime",
    "back_up",
    "batches",
    "insert_rows",
    "of_some",
    "open_engine",
    "reading",
    "table_of",
    "translated_errors",
    "upsert",
    "worded",
    "writing",
]

BUSY_TIMEOUT_MS = 15_000
# Keys in one statement.
BATCH = 500
# Numbers of advisory locks, which are one to a database (PostgreSQL, section 13.3.5).
WRITER_LOCK = 7_264_001
CYCLE_LOCK = 7_264_002

# Names for constraints, so that a later migration can drop them on every database.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment in UTC, on databases that know time zones and on those that do not."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Any:
        """Return what writes a moment; on SQLite as the library does, at half the cost."""
        return _to_text if dialect.name == "sqlite" else super().bind_processor(dialect)

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """Return what reads a moment; likewise at a fifth of the cost."""
        if dialect.name == "sqlite":
            return _from_text
        return super().result_processor(dialect, coltype)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the moment as the database keeps it; refuse a time without zone."""
        del dialect
        return None if value is None else _in_utc(value)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the moment as an aware value in UTC."""
        del dialect
        return None if value is None else value.astimezone(UTC)


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        message = "times are kept in UTC; this one has no zone"
        raise ValueError(message)
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def _to_text(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return _in_utc(moment).isoformat(" ", "microseconds").removesuffix("+00:00")


def _from_text(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(f"{text}+00:00")


def open_engine(url: str, *, survives_power_loss: bool = True, waits: bool = True) -> Engine:
    """Return an engine for the state database; nothing is connected yet.

    Args:
        url: SQLAlchemy URL, such as "sqlite:///state.db" or "postgresql+psycopg://...".
        survives_power_loss: Whether a commit returns only when it is on the disk. Without, what
            was committed outlives this process all the same, and `flush` brings it to the disk.
        waits: Whether a writer waits for others, and a commit may have to move what the log of
            SQLite holds. Without, the first raises StateBusy, and the second is left to `flush`.

    Raises:
        StateError: if the URL or its driver is not usable.

    """
    try:
        parsed = make_url(url)
        engine = create_engine(
            parsed,
            pool_pre_ping=parsed.get_backend_name() != "sqlite",
            execution_options={"waits": waits, "own": threading.local()},
            hide_parameters=True,  # errors of the library would hold what was written
        )
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        message = f"state.url is not usable: {error}".splitlines()[0]
        raise StateError(message) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        if not survives_power_loss:
            event.listen(engine, "connect", _hurry_sqlite)
        if not waits:
            event.listen(engine, "connect", _never_wait)
    else:
        if not survives_power_loss:
            event.listen(engine, "connect", _hurry_postgresql)
        event.listen(engine, "begin", _begin_postgresql)
    return engine


def _prepare_sqlite(connection: Any, record: Any) -> None:
    del record
    # The driver must not open transactions by itself: with its legacy mode, DDL runs outside them.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _hurry_sqlite(connection: Any, record: Any) -> None:
    del record
    connection.execute("PRAGMA synchronous = NORMAL")


def _never_wait(connection: Any, record: Any) -> None:
    del record
    connection.execute("PRAGMA busy_timeout = 0")
    connection.execute("PRAGMA wal_autocheckpoint = 0")


def _hurry_postgresql(connection: Any, record: Any) -> None:
    del record
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION synchronous_commit = off")
    connection.commit()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_postgresql(connection: Connection) -> None:
    """Give the promises that SQLite gives: one writer at a time, and readers that see one moment.

    Without them, two that read before they write would undo each other's work.
    """
    if connection.get_execution_options().get("writes", False):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER_LOCK})")
    else:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def table_of(row: type[SQLModel]) -> Table:
    """Return the Core table behind a row class, for statements over many rows."""
    table: Table = row.__table__  # type: ignore[attr-defined]
    return table


def upsert(dialect: Dialect, table: Table, source: Select[Any] | None = None) -> Any:
    """Return an INSERT that overwrites the row with the same key, on either database.

    Args:
        dialect: Tells which database it is for.
        table: Where to.
        source: Rows to insert, in the order of the table's columns; None for parameters.

    """
    if source is None:
        return _upsert_of_parameters(dialect.name, table)
    # SQLite needs a WHERE to tell ON CONFLICT from the ON of a join.
    names = [column.name for column in table.columns]
    statement = _insert(dialect.name, table).from_select(names, source.where(true()))
    return _overwriting(statement, table)


@cache
def _upsert_of_parameters(dialect: str, table: Table) -> Any:
    # To build the statement costs more than to run it.
    return _overwriting(_insert(dialect, table), table)


def _insert(dialect: str, table: Table) -> Any:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def _overwriting(statement: Any, table: Table) -> Any:
    keys = list(table.primary_key.columns)
    values = {
        column.name: statement.excluded[column.name]
        for column in table.columns
        if not column.primary_key
    }
    if not values:
        return statement.on_conflict_do_nothing(index_elements=keys)
    return statement.on_conflict_do_update(index_elements=keys, set_=values)


def insert_rows(connection: Connection, statement: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    """Execute an INSERT for many rows, as the connection does, at a fraction of its cost.

    Args:
        connection: In a transaction that writes.
        statement: An INSERT, or what `upsert` returns; made once, not for each call.
        rows: Values by the names of columns; each has the same.

    """
    if not rows:
        return
    if connection.dialect.name != "sqlite":
        connection.execute(statement, rows)
        return
    text, names, processors = _prepared(statement, connection.dialect, tuple(rows[0]))
    columns = list(zip(*map(itemgetter(*names), rows), strict=True))
    for number, process in processors:
        columns[number] = tuple(map(process, columns[number]))
    connection.exec_driver_sql(text, list(zip(*columns, strict=True)))


@lru_cache(maxsize=128)
def _prepared(
    statement: Any, dialect: Dialect, names: tuple[str, ...]
) -> tuple[str, list[str], list[tuple[int, Callable[[Any], Any]]]]:
    """Return the text of an INSERT, the order of its values, and what some go through."""
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    order = list(compiled.positiontup)
    types = [compiled.binds[name].type for name in order]
    processors = [
        (number, process)
        for number, kind in enumerate(types)
        # Bytes the driver takes as they are.
        if not isinstance(kind, LargeBinary)
        and (process := kind.dialect_impl(dialect).bind_processor(dialect)) is not None
    ]
    return str(compiled), order, processors


def batches(keys: Collection[str]) -> Iterator[list[str]]:
    """Yield the keys in lists short enough for one statement."""
    waiting = list(keys)
    for start in range(0, len(waiting), BATCH):
        yield waiting[start : start + BATCH]


def of_some(
    statement: Select[Any], key: ColumnElement[Any], keys: Collection[str] | None
) -> Iterator[Select[Any]]:
    """Yield the statement for everything, or statements for these keys only."""
    if keys is None:
        yield statement
        return
    for some in batches(keys):
        yield statement.where(key.in_(some))


@contextmanager
def reading(bind: Engine | Connection) -> Iterator[Connection]:
    """Yield a connection that sees one moment of the database.

    Args:
        bind: The database; or a connection in a transaction, which is used as it is, so that
            what it has not committed yet is seen too.

    Raises:
        StateError: if the database cannot be read.

    """
    with translated_errors():
        if isinstance(bind, Connection):
            yield bind
            return
        with bind.connect() as connection, connection.begin():
            yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Yield a connection whose changes are committed together at the end, or not at all.

    Raises:
        StateError: if the database cannot be written (locked, full, gone).

    """
    with translated_errors(), engine.connect() as plain:
        connection = plain.execution_options(writes=True)
        with connection.begin():
            yield connection


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raise StateError for what the database driver raises, in words."""
    try:
        yield
    except IntegrityError:
        raise  # a fault of the caller, or its way to learn of a duplicate
    except DBAPIError as error:
        raise worded(error) from error
    except PoolTimeout as error:
        message = "the state database cannot be used: all connections are busy"
        raise StateError(message) from error


def worded(error: DBAPIError) -> StateError:
    """Return what the database driver says, in words."""
    # PostgreSQL's go on for lines, with the statement and where it failed.
    words = next(iter(str(error.orig).splitlines()), "") or type(error.orig).__name__
    is_busy = getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
    return (StateBusy if is_busy else StateError)(f"the state database cannot be used: {words}")


def back_up(engine: Engine, file: Path) -> None:
    """Copy the database into a new file, as of one moment, while others use it.

    Raises:
        StateError: if the file is there already or cannot be written, or the database is not
            SQLite.

    """
    if engine.dialect.name != "sqlite":
        message = "only SQLite can be copied by this program; use pg_dump for PostgreSQL"
        raise StateError(message)
    if file.exists():
        message = f"{file} is there already; name a new file"
        raise StateError(message)
    with translated_errors(), engine.connect() as connection:
        driver = connection.connection.driver_connection
        if driver is not None:
            _vacuum_into(driver, file)


def _vacuum_into(driver: Any, file: Path) -> None:
    try:
        driver.execute("VACUUM INTO ?", (str(file),))
    except sqlite3.Error as error:
        file.unlink(missing_ok=True)
        message = f"{file} cannot be written: {error}"
        raise StateError(message) from error
