"""Statements of every sign-on: compiled once for a database, and run by its driver directly.

SQLAlchemy prepares a statement each time it is executed, and a connection each time one is taken
from its pool; for a row or two that costs ten times what SQLite needs to find them. What such a
statement means is still written with SQLAlchemy. On SQLite each thread has a connection of its
own; on PostgreSQL, where the way to the server costs more than all of that, SQLAlchemy does it.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Insert, Select
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError

from state.engine import is_busy, reading, translated_errors, writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Delete, Engine, Update

    _Process = Callable[[Any], Any] | None

# A connection of the library or, on SQLite, of the driver itself.
Handle = Connection | sqlite3.Connection
# A sign-on holds the lock for a fifth of a millisecond; SQLite's own waiting begins with a whole.
_PAUSES_SECONDS = (0.0001, 0.0002, 0.0003)


class _Compiled(NamedTuple):
    """A statement as SQLite's driver takes it.

    Attributes:
        text: With a question mark for each value.
        names: Of the values, in order.
        binds: What some values go through, by their place.
        results: What some columns go through, by their place.

    """

    text: str
    names: tuple[str, ...]
    binds: tuple[tuple[int, Callable[[Any], Any]], ...]
    results: tuple[tuple[int, Callable[[Any], Any]], ...]


class Prepared:
    """One statement; safe to use from several threads.

    Rows have the columns as attributes, and share nothing with the database. An INSERT takes a
    value for every column.
    """

    def __init__(self, statement: Select[Any] | Insert | Update | Delete) -> None:
        """Keep the statement; the values of its parameters come by name."""
        self._statement = statement
        self._columns = _columns_of(statement)
        self._compiled: _Compiled | None = None

    def run(self, handle: Handle, values: Mapping[str, Any]) -> int:
        """Execute it within a transaction that writes; return how many rows it touched.

        Raises:
            IntegrityError: if there is such a row already.
            DBAPIError: if the database cannot be used.

        """
        driver = _driver_of(handle)
        if isinstance(driver, Connection):
            return driver.execute(self._statement, dict(values)).rowcount
        compiled = self._compiled or self._compile()
        return _execute(driver, compiled, values).rowcount

    def first(self, handle: Handle, values: Mapping[str, Any]) -> Any:
        """Return the first row, or None.

        Raises:
            DBAPIError: if the database cannot be used.

        """
        return next(iter(self.all(handle, values)), None)

    def all(self, handle: Handle, values: Mapping[str, Any]) -> list[Any]:
        """Return all rows.

        Raises:
            DBAPIError: if the database cannot be used.

        """
        driver = _driver_of(handle)
        if isinstance(driver, Connection):
            return [self._row(found) for found in driver.execute(self._statement, dict(values))]
        compiled = self._compiled or self._compile()
        rows = _execute(driver, compiled, values).fetchall()
        return [self._row(_processed(row, compiled.results)) for row in rows]

    def _row(self, values: Iterable[Any]) -> SimpleNamespace:
        return SimpleNamespace(**dict(zip(self._columns, values, strict=True)))

    def _compile(self) -> _Compiled:
        """Compile it; two threads that do so at once come to the same."""
        self._compiled = _compile(self._statement)
        return self._compiled


@contextmanager
def looking(bind: Engine | Connection) -> Iterator[Handle]:
    """Yield a handle for `Prepared` statements that read, all of one moment.

    Args:
        bind: As `state.engine.reading` has it.

    Raises:
        StateError: if the database cannot be read.

    """
    if isinstance(bind, Connection) or bind.dialect.name != "sqlite":
        with reading(bind) as connection:
            yield connection
        return
    driver = _driver_of_thread(bind)
    with translated_errors():
        _control(driver, "BEGIN")
        with _ending(driver):
            yield driver


@contextmanager
def keeping(engine: Engine) -> Iterator[Handle]:
    """Yield a handle for `Prepared` statements whose changes are committed together, or not at all.

    Raises:
        StateBusy: if somebody else writes, and the engine does not wait.
        StateError: if the database cannot be written (locked, full, gone).

    """
    if engine.dialect.name != "sqlite":
        with writing(engine) as connection:
            yield connection
        return
    driver = _driver_of_thread(engine)
    with translated_errors():
        _take_turn(driver, () if engine.get_execution_options()["waits"] else _PAUSES_SECONDS)
        with _ending(driver):
            yield driver


@contextmanager
def glancing(engine: Engine) -> Iterator[Handle]:
    """Yield a handle for one `Prepared` statement that reads, which is a moment by itself.

    Raises:
        StateError: if the database cannot be read.

    """
    with translated_errors():
        if engine.dialect.name == "sqlite":
            yield _driver_of_thread(engine)
            return
        with engine.connect() as connection:
            yield connection


class _Own:
    """A connection of one thread; it is closed when the engine or the thread is gone."""

    def __init__(self, engine: Engine) -> None:
        taken = engine.raw_connection()
        driver: Any = taken.driver_connection
        self.driver: sqlite3.Connection = driver
        taken.detach()  # from the pool, which would count it among the few that it lends

    def __del__(self) -> None:
        """Close it."""
        self.driver.close()


class _OfThread(threading.local):
    def __init__(self) -> None:
        self.own: WeakKeyDictionary[Engine, _Own] = WeakKeyDictionary()


_OF_THREAD = _OfThread()


def _driver_of_thread(engine: Engine) -> sqlite3.Connection:
    own = _OF_THREAD.own.get(engine)
    if own is None:
        own = _OF_THREAD.own[engine] = _Own(engine)
    return own.driver


def _driver_of(handle: Handle) -> Handle:
    """Return the driver's connection on SQLite; the library's own on other databases."""
    if isinstance(handle, Connection) and handle.dialect.name == "sqlite":
        driver: Any = handle.connection.driver_connection
        return driver  # type: ignore[no-any-return]
    return handle


def _take_turn(driver: sqlite3.Connection, pauses: Sequence[float]) -> None:
    """Begin to write; who does not wait tries again a few times, as others are done in no time."""
    for pause in pauses:
        try:
            _control(driver, "BEGIN IMMEDIATE")
        except DBAPIError as error:
            if not is_busy(error):
                raise
            time.sleep(pause)
        else:
            return
    _control(driver, "BEGIN IMMEDIATE")


@contextmanager
def _ending(driver: sqlite3.Connection) -> Iterator[None]:
    """Commit at the end, or roll back."""
    try:
        yield
        _control(driver, "COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # SQLite may have rolled back by itself, as with a full disk
            driver.execute("ROLLBACK")
        raise


def _control(driver: sqlite3.Connection, text: str) -> None:
    try:
        driver.execute(text)
    except sqlite3.Error as error:
        raise DBAPIError(text, None, error) from error


def _columns_of(statement: Any) -> tuple[str, ...]:
    columns = statement.selected_columns if isinstance(statement, Select) else ()
    return tuple(column.name for column in columns)


def _compile(statement: Any) -> _Compiled:
    dialect = sqlite.dialect()
    keys = list(statement.table.columns.keys()) if isinstance(statement, Insert) else None
    compiled = statement.compile(dialect=dialect, column_keys=keys)
    binds = [
        compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect)
        for name in compiled.positiontup
    ]
    columns = statement.selected_columns if isinstance(statement, Select) else ()
    results = [
        column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns
    ]
    return _Compiled(str(compiled), tuple(compiled.positiontup), _some(binds), _some(results))


def _some(processes: Sequence[_Process]) -> tuple[tuple[int, Callable[[Any], Any]], ...]:
    return tuple((number, process) for number, process in enumerate(processes) if process)


def _processed(
    values: Sequence[Any], processes: Sequence[tuple[int, Callable[[Any], Any]]]
) -> Sequence[Any]:
    if not processes:
        return values
    changed = list(values)
    for number, process in processes:
        changed[number] = process(changed[number])
    return changed


def _execute(
    driver: sqlite3.Connection, compiled: _Compiled, values: Mapping[str, Any]
) -> sqlite3.Cursor:
    parameters = _processed([values[name] for name in compiled.names], compiled.binds)
    try:
        return driver.execute(compiled.text, parameters)
    except sqlite3.IntegrityError as error:
        raise IntegrityError(compiled.text, None, error) from error
    except sqlite3.Error as error:
        raise DBAPIError(compiled.text, None, error) from error
