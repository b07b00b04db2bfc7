"""Transactions of every sign-on: on SQLite each thread has a connection of the driver itself.

To take one out of SQLAlchemy's pool costs ten times what SQLite needs to find a row or two. On
PostgreSQL, where the way to the server costs more than all of that, SQLAlchemy does it.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError

from state.engine import reading, translated_errors, worded, writing
from state.errors import StateBusy

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from types import TracebackType

    from sqlalchemy import Engine

# A connection of the library or, on SQLite, of the driver itself.
Handle = Connection | sqlite3.Connection
# A sign-on holds the lock for a fifth of a millisecond; SQLite's own waiting begins with a whole.
_PAUSES_SECONDS: Final = (0.0001, 0.0002, 0.0003)


def glancing(bind: Engine | Connection) -> AbstractContextManager[Handle]:
    """Return a handle for one `Prepared` statement that reads, which is a moment by itself.

    Args:
        bind: As `state.engine.reading` has it.

    Raises:
        StateError: if the database cannot be read.

    """
    if isinstance(bind, Connection) or bind.dialect.name != "sqlite":
        return reading(bind)
    return _Turn(bind, "")


def keeping(engine: Engine) -> AbstractContextManager[Handle]:
    """Return a handle for `Prepared` statements whose changes are committed together or not at all.

    Raises:
        StateBusy: if somebody else writes, and the engine does not wait.
        StateError: if the database cannot be written (locked, full, gone).

    """
    if engine.dialect.name != "sqlite":
        return writing(engine)
    waits = engine.get_execution_options()["waits"]
    return _Turn(engine, "BEGIN IMMEDIATE", () if waits else _PAUSES_SECONDS)


def driver_of(handle: Handle) -> Handle:
    """Return the driver's connection on SQLite; the library's own on other databases."""
    if isinstance(handle, Connection) and handle.dialect.name == "sqlite":
        driver: Any = handle.connection.driver_connection
        handle = driver
    return handle


class _Turn:
    """One transaction of the thread's own connection; what goes wrong is raised as StateError."""

    __slots__ = ("_begin", "_driver", "_engine", "_pauses")

    def __init__(self, engine: Engine, begin: str, pauses: Sequence[float] = ()) -> None:
        """Keep how it begins ("": nothing begins, and nothing ends).

        Args:
            engine: The database.
            begin: The statement.
            pauses: Seconds after which it is tried again if somebody else writes.

        """
        self._engine = engine
        self._begin = begin
        self._pauses = pauses

    def __enter__(self) -> sqlite3.Connection:
        """Begin."""
        try:
            self._driver = _driver_of_thread(self._engine)
        except sqlite3.Error as error:
            raise worded(DBAPIError("", None, error)) from error
        if self._begin:
            self._take_turn()
        return self._driver

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Commit, or roll back."""
        if error is None and self._begin:
            try:
                self._control("COMMIT")
            except BaseException:
                self._roll_back()
                raise
        elif error is not None:
            self._roll_back()
            if isinstance(error, sqlite3.Error) and not isinstance(error, sqlite3.IntegrityError):
                raise worded(DBAPIError("", None, error)) from error
            if isinstance(error, DBAPIError) and not isinstance(error, IntegrityError):
                raise worded(error) from error

    def _take_turn(self) -> None:
        for pause in self._pauses:
            try:
                self._control(self._begin)
            except StateBusy:
                time.sleep(pause)
            else:
                return
        self._control(self._begin)

    def _control(self, text: str) -> None:
        try:
            self._driver.execute(text)
        except sqlite3.Error as error:
            raise worded(DBAPIError(text, None, error)) from error

    def _roll_back(self) -> None:
        if self._begin:
            with suppress(sqlite3.Error):  # SQLite has done it by itself, as with a full disk
                self._driver.execute("ROLLBACK")


class _Own:
    """A connection of one thread; it is closed when the engine or the thread is gone."""

    def __init__(self, driver: sqlite3.Connection) -> None:
        self.driver = driver

    def __del__(self) -> None:
        """Close it."""
        self.driver.close()


def _driver_of_thread(engine: Engine) -> sqlite3.Connection:
    of_thread = engine.get_execution_options()["own"]
    try:
        own: _Own = of_thread.own
    except AttributeError:
        own = of_thread.own = _Own(_connect(engine))
    return own.driver


def _connect(engine: Engine) -> sqlite3.Connection:
    with translated_errors():
        taken: Any = engine.raw_connection()
    driver: sqlite3.Connection = taken.driver_connection
    taken.detach()  # from the pool, which would count it among the few that it lends
    return driver
