"""The temporary tables of one read: what it brings, before it is taken in or forgotten."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, MetaData, String, Table, func, or_, select
from sqlalchemy.schema import CreateIndex, CreateTable, DropTable

from connector.directory.store import GROUPS, LOGIN_NAMES, MEMBERS, PROBLEMS, USERS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from sqlalchemy import ColumnElement, Connection, Dialect, FromClause, Select
    from sqlalchemy.sql.ddl import ExecutableDDLElement

_TABLES = MetaData()
_FIRST_PART = re.compile(r"(?:[^,\\]|\\.)*,")


def _staged(table: Table, prefix: str = "staged") -> Table:
    columns: list[Column[Any]] = [
        Column(
            column.name,
            column.type,
            primary_key=column.primary_key,
            nullable=column.nullable,
            index=column.name == "name_folded",
        )
        for column in table.columns
    ]
    return Table(f"{prefix}_{table.name}", _TABLES, *columns, prefixes=["TEMPORARY"])


STAGED_USERS, STAGED_LOGIN_NAMES, STAGED_GROUPS, STAGED_PROBLEMS = (
    _staged(table) for table in (USERS, LOGIN_NAMES, GROUPS, PROBLEMS)
)
# Of the direct members of a group only what has changed: 50,000 of them may be as they were.
GAINED, LOST = _staged(MEMBERS, "gained"), _staged(MEMBERS, "lost")
# Names of entries that are in other groups than before.
MOVED = Table(
    "moved_name", _TABLES, Column("name_folded", String, primary_key=True), prefixes=["TEMPORARY"]
)


def create(connection: Connection) -> None:
    """Make the tables, empty."""
    drop(connection)
    for statement in _statements(connection.dialect, _creations):
        connection.exec_driver_sql(statement)


def drop(connection: Connection) -> None:
    """Take the tables away, if they are there."""
    for statement in _statements(connection.dialect, _drops):
        connection.exec_driver_sql(statement)


def _creations() -> Iterator[ExecutableDDLElement]:
    for table in _TABLES.sorted_tables:
        yield CreateTable(table)
        yield from map(CreateIndex, sorted(table.indexes, key=lambda index: str(index.name)))


def _drops() -> Iterator[ExecutableDDLElement]:
    for table in _TABLES.sorted_tables:
        yield DropTable(table, if_exists=True)


@lru_cache(maxsize=16)  # a database each; there is one
def _statements(
    dialect: Dialect, elements: Callable[[], Iterator[ExecutableDDLElement]]
) -> tuple[str, ...]:
    """Return statements of SQL; every few seconds a read needs the same ones."""
    return tuple(str(one.compile(dialect=dialect)) for one in elements())


_IS_ANYTHING = select(
    or_(
        *(
            select(table).exists()
            for table in (STAGED_USERS, STAGED_GROUPS, STAGED_PROBLEMS, GAINED, LOST)
        )
    )
)


def is_empty(connection: Connection) -> bool:
    """Return whether nothing was staged."""
    return not connection.scalar(_IS_ANYTHING)


def emptied_units(connection: Connection, gone: Collection[str]) -> dict[str, int]:
    """Return the units of which everybody is among the gone, two or more, with how many that are.

    Args:
        connection: Has staged what was read; of whom was as known, nothing is.
        gone: external_ids of people who are held and did not come.

    """
    lacking, there = Counter[str](), Counter[str]()
    missing = set(gone)
    held = select(USERS.c.external_id, USERS.c.distinguished_name).where(USERS.c.left_at.is_(None))
    for external_id, name in connection.execute(held):
        (lacking if external_id in missing else there)[_unit_of(name)] += 1
    there.update(map(_unit_of, connection.scalars(select(STAGED_USERS.c.distinguished_name))))
    return {unit: count for unit, count in lacking.items() if count > 1 and not there[unit]}


def _unit_of(name: str) -> str:
    r"""Return in what an entry stands (RFC 4514 section 2.4), casefolded.

    >>> _unit_of(r"CN=Berg\, Anna,OU=Staff,DC=corp")
    'ou=staff,dc=corp'

    """
    first = _FIRST_PART.match(name)
    return name[first.end() :].casefold() if first else ""


def moving_count(connection: Connection, *, is_full: bool) -> int:
    """Return how many names do not fit together, because they changed while they were read."""
    return sum(connection.scalar(one) or 0 for one in _moving(is_full=is_full))


@cache  # To build such statements costs more than to run them.
def _moving(*, is_full: bool) -> tuple[Select[Any], ...]:
    # Of a read of changes, groups follow whoever was renamed.
    return (_swapped(), *(_left_behind() if is_full else ()))


def _left_behind() -> Iterator[Select[Any]]:
    """Yield: groups still name an entry as it was called before, and nobody else is called that."""
    for staged, table in ((STAGED_USERS, USERS), (STAGED_GROUPS, GROUPS)):
        name = table.c.name_folded
        held = MEMBERS.alias()
        kept = select(held).where(held.c.name_folded == name, ~_holds(LOST, held.c))
        yield (
            select(func.count())
            .select_from(staged.join(table, table.c.external_id == staged.c.external_id))
            .where(
                name != staged.c.name_folded,
                or_(_has(GAINED, name), kept.exists()),
                ~_is_named_now(name),
            )
        )


def _swapped() -> Select[Any]:
    """Return: a group has lost somebody who is still there, and gained a name that nobody has.

    A read of changes that was in doubt is made again from where it began, and by then whoever was
    renamed comes by the new name. A name that was taken in before and still is nobody's belongs to
    one that no filter finds.
    """
    gained = GAINED.alias()
    strange = select(gained).where(
        gained.c.group_id == LOST.c.group_id,
        ~_holds(MEMBERS, gained.c),
        ~_is_named_now(gained.c.name_folded),
    )
    return select(func.count()).where(strange.exists(), _is_named_now(LOST.c.name_folded))


def _holds(table: Table, link: Any) -> ColumnElement[bool]:
    """Return whether a table has the same link of a group and a name."""
    twin = table.alias()
    same = (twin.c.group_id == link.group_id, twin.c.name_folded == link.name_folded)
    return select(twin).where(*same).exists()


def _has(table: Table, name: ColumnElement[str]) -> ColumnElement[bool]:
    other = table.alias()
    return select(other).where(other.c.name_folded == name).exists()


def _is_named_now(name: ColumnElement[str]) -> ColumnElement[bool]:
    """Return whether an entry is called that once the read is taken in."""
    users, groups = USERS.alias(), GROUPS.alias()
    return or_(
        _has(STAGED_USERS, name),
        _has(STAGED_GROUPS, name),
        _kept(users, STAGED_USERS, name).where(users.c.left_at.is_(None)).exists(),
        _kept(groups, STAGED_GROUPS, name).exists(),
    )


def _kept(table: FromClause, staged: Table, name: ColumnElement[str]) -> Select[Any]:
    other = staged.alias()
    renewed = select(other).where(other.c.external_id == table.c.external_id).exists()
    return select(table).where(table.c.name_folded == name, ~renewed)
