"""Statements of every sign-on: compiled once for a database, and run by its driver directly.

SQLAlchemy prepares a statement each time it is executed, which for a row or two costs ten times
what SQLite needs to find them. What such a statement means is still written with SQLAlchemy.
"""

from __future__ import annotations

import sqlite3
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, Insert, Select
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError

from state.handle import driver_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Delete, Update

    from state.handle import Handle

    _Process = Callable[[Any], Any] | None


class _Compiled(NamedTuple):
    """A statement as SQLite's driver takes it.

    Attributes:
        text: With a question mark for each value.
        pick: Returns the values in order, out of those by name.
        binds: What some values go through, by their place.
        results: What some columns go through, by their place.

    """

    text: str
    pick: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    binds: tuple[tuple[int, Callable[[Any], Any]], ...]
    results: tuple[tuple[int, Callable[[Any], Any]], ...]


class Prepared:
    """One statement; safe to use from several threads.

    Rows are named tuples of the columns, and share nothing with the database. An INSERT takes a
    value for every column.
    """

    def __init__(self, statement: Select[Any] | Insert | Update | Delete) -> None:
        """Keep the statement; the values of its parameters come by name."""
        self._statement = statement
        columns = statement.selected_columns if isinstance(statement, Select) else ()
        names = [(column.name, object) for column in columns]
        self._row: Any = NamedTuple("Row", names)._make
        self._compiled: _Compiled | None = None

    def run(self, handle: Handle, values: Mapping[str, Any]) -> int:
        """Execute it within a transaction that writes.

        Return how many rows an UPDATE or DELETE touched.

        Raises:
            IntegrityError: if there is such a row already.
            DBAPIError: if the database cannot be used.

        """
        driver = driver_of(handle)
        if isinstance(driver, Connection):
            return driver.execute(self._statement, dict(values)).rowcount
        return _execute(driver, self._compiled or self._compile(), values).rowcount

    def first(self, handle: Handle, values: Mapping[str, Any]) -> Any:
        """Return the first row, or None.

        Raises:
            DBAPIError: if the database cannot be used.

        """
        rows = self.all(handle, values)
        return rows[0] if rows else None

    def all(self, handle: Handle, values: Mapping[str, Any]) -> list[Any]:
        """Return all rows.

        Raises:
            DBAPIError: if the database cannot be used.

        """
        driver = driver_of(handle)
        if isinstance(driver, Connection):
            return [self._row(found) for found in driver.execute(self._statement, dict(values))]
        compiled = self._compiled or self._compile()
        rows = _execute(driver, compiled, values).fetchall()
        return [self._row(_processed(row, compiled.results)) for row in rows]

    def _compile(self) -> _Compiled:
        """Compile it; two threads that do so at once come to the same."""
        self._compiled = _compile(self._statement)
        return self._compiled


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
    return _Compiled(str(compiled), _picking(compiled.positiontup), _some(binds), _some(results))


def _picking(names: Sequence[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: tuple(values[name] for name in names)


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
    parameters = _processed(compiled.pick(values), compiled.binds)
    try:
        return driver.execute(compiled.text, parameters)
    except sqlite3.IntegrityError as error:
        raise IntegrityError(compiled.text, None, error) from error
    except sqlite3.Error as error:
        raise DBAPIError(compiled.text, None, error) from error
