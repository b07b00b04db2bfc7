"""Statements of every sign-on: compiled once for a database, and run by its driver directly.

SQLAlchemy prepares a statement each time it is executed, which for a row or two costs ten times
what SQLite needs to find them. What such a statement means is still written with SQLAlchemy.
"""

from __future__ import annotations

import sqlite3
from functools import lru_cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from sqlalchemy import Insert, Select
from sqlalchemy.exc import DBAPIError, IntegrityError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy import Connection, Delete, Dialect, Update

    _Process = Callable[[Any], Any] | None


class Prepared:
    """One statement; safe to use from several threads.

    Rows have the columns as attributes, and share nothing with the database.
    """

    def __init__(self, statement: Select[Any] | Insert | Update | Delete) -> None:
        """Keep the statement; the values of its parameters come by name."""
        self._statement = statement
        self._make = _maker(statement) if isinstance(statement, Select) else _no_rows

    def run(self, connection: Connection, values: Mapping[str, Any]) -> int:
        """Execute it within a transaction that writes; return how many rows it touched.

        Raises:
            IntegrityError: if there is such a row already.
            DBAPIError: if the database cannot be used.

        """
        if connection.dialect.name != "sqlite":
            return connection.execute(self._statement, dict(values)).rowcount
        text, binds, _ = _compiled(self._statement, connection.dialect, self._keys(values))
        return _execute(connection, text, binds, values).rowcount

    def first(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """Return the first row, or None.

        Raises:
            DBAPIError: if the database cannot be used.

        """
        return next(iter(self.all(connection, values)), None)

    def all(self, connection: Connection, values: Mapping[str, Any]) -> list[Any]:
        """Return all rows.

        Raises:
            DBAPIError: if the database cannot be used.

        """
        make = self._make
        if connection.dialect.name != "sqlite":
            return [make(row) for row in connection.execute(self._statement, dict(values))]
        text, binds, results = _compiled(self._statement, connection.dialect, ())
        found = _execute(connection, text, binds, values).fetchall()
        if not any(results):
            return list(map(make, found))
        return [make(_processed(row, results)) for row in found]

    def _keys(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(values) if isinstance(self._statement, Insert) else ()


def _maker(statement: Select[Any]) -> Callable[[Iterable[Any]], SimpleNamespace]:
    """Return what makes a row of its values."""
    names = [column.name for column in statement.selected_columns]
    return lambda values: SimpleNamespace(**dict(zip(names, values, strict=True)))


def _no_rows(values: Iterable[Any]) -> SimpleNamespace:
    message = f"a statement that writes has no rows: {values!r}"
    raise TypeError(message)


def _processed(row: Sequence[Any], results: Sequence[_Process]) -> list[Any]:
    pairs = zip(results, row, strict=True)
    return [process(value) if process else value for process, value in pairs]


@lru_cache(maxsize=256)
def _compiled(
    statement: Any, dialect: Dialect, keys: tuple[str, ...]
) -> tuple[str, tuple[tuple[str, _Process], ...], tuple[_Process, ...]]:
    """Return the text, the order of values with what they go through, and likewise of results."""
    compiled = statement.compile(dialect=dialect, column_keys=list(keys) or None)
    binds = tuple(
        (name, compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect))
        for name in compiled.positiontup
    )
    columns = statement.selected_columns if isinstance(statement, Select) else ()
    results = tuple(
        column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns
    )
    return str(compiled), binds, results


def _execute(
    connection: Connection,
    text: str,
    binds: tuple[tuple[str, _Process], ...],
    values: Mapping[str, Any],
) -> sqlite3.Cursor:
    parameters = [process(values[name]) if process else values[name] for name, process in binds]
    driver: Any = connection.connection.driver_connection
    try:
        found: sqlite3.Cursor = driver.execute(text, parameters)
    except sqlite3.IntegrityError as error:
        raise IntegrityError(text, None, error) from error
    except sqlite3.Error as error:
        raise DBAPIError(text, None, error) from error
    return found
