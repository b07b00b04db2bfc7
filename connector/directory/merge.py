"""Make the directory what was read (step 6): the one transaction behind `Intake.commit`.

Whoever is concerned gets the new revision: people who changed themselves, and all who stand in a
group that changed its members, its name or its being there, through whatever nesting. Targets then
look at those people alone.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, literal, select, union, update

from connector.directory.renaming import follow_names
from connector.directory.staging import (
    GAINED,
    LOST,
    MOVED,
    STAGED_GROUPS,
    STAGED_LOGIN_NAMES,
    STAGED_PROBLEMS,
    STAGED_USERS,
    is_empty,
)
from connector.directory.store import (
    GROUPS,
    LOGIN_NAMES,
    MEMBERS,
    PROBLEMS,
    USERS,
    WATERMARK,
)
from state.engine import batches, upsert

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Column, CompoundSelect, Connection, Dialect, Select, Table

    from connector.directory.renaming import Parting


@dataclass(frozen=True, slots=True)
class ReadTo:
    """Up to where the source was read, and how it was mapped.

    Attributes:
        server: The server that answered.
        invocation_id: Identity of its copy of the database.
        highest_usn: Its highestCommittedUSN before the read.
        read_at: When the read began.
        mapping_fingerprint: The rules that mapped it.
        cookie: Where the next read of changes goes on, for servers that give one.
        full_read_at: When the last full read began, if it was proven complete; None makes the
            next read a full one.

    """

    server: str
    invocation_id: str
    highest_usn: int
    read_at: datetime
    mapping_fingerprint: str
    cookie: bytes = b""
    full_read_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What one read brings besides what is staged.

    Attributes:
        partings: Known entries that have gone.
        groups_of: Of a read of changes: names of the groups that hold an entry directly, by the
            entry's external_id.
        read_to: The watermark; None leaves it where it was.
        is_full: Whether all groups were read, with the names of their members as they are now.

    """

    partings: Collection[Parting]
    groups_of: Mapping[str, Sequence[str]]
    read_to: ReadTo | None
    is_full: bool = True


def merge(connection: Connection, taken: Taken, now: datetime) -> int:
    """Take in what was staged; return the revision of the directory afterwards."""
    mark = connection.execute(select(WATERMARK)).first()
    read_to = taken.read_to
    if mark is not None and read_to and mark.mapping_fingerprint != read_to.mapping_fingerprint:
        _forget_digests(connection)
    is_changed = bool(taken.partings) or not is_empty(connection)
    revision = (mark.revision if mark else 0) + is_changed
    if is_changed:
        _take_in(connection, taken, revision, now, is_first=mark is None)
    if read_to is not None:
        connection.execute(delete(WATERMARK))
        connection.execute(insert(WATERMARK), [_watermark_row(read_to, revision)])
    elif mark is not None:
        connection.execute(update(WATERMARK).values(revision=revision))
    return revision


def _take_in(
    connection: Connection, taken: Taken, revision: int, now: datetime, *, is_first: bool
) -> None:
    if not taken.is_full:
        follow_names(connection, taken.partings, taken.groups_of)
    if not is_first:
        # At first everybody is new.
        _note_moved(connection, [one.external_id for one in taken.partings])
    _dismiss(connection, [one.external_id for one in taken.partings], revision, now)
    connection.execute(update(STAGED_USERS).values(revision=revision))
    _merge(connection, STAGED_USERS, USERS)
    _renew(connection, STAGED_USERS, STAGED_LOGIN_NAMES, LOGIN_NAMES.c.external_id)
    _merge(connection, STAGED_GROUPS, GROUPS)
    _merge_members(connection)
    for mapped in (STAGED_USERS, STAGED_GROUPS):
        solved = PROBLEMS.c.external_id.in_(select(mapped.c.external_id))
        connection.execute(delete(PROBLEMS).where(solved))
    _merge(connection, STAGED_PROBLEMS, PROBLEMS)
    if not is_first:
        is_concerned = USERS.c.name_folded.in_(_concerned())
        connection.execute(update(USERS).where(is_concerned), {"revision": revision})


def _merge(connection: Connection, staged: Table, table: Table) -> None:
    connection.execute(_merging(connection.dialect, staged, table))


# To build such statements costs more than to run them.
@lru_cache(maxsize=64)
def _merging(dialect: Dialect, staged: Table, table: Table) -> Any:
    return upsert(dialect, table, select(staged))


def _renew(connection: Connection, parents: Table, staged: Table, parent: Column[Any]) -> None:
    connection.execute(delete(parent.table).where(parent.in_(select(parents.c.external_id))))
    _merge(connection, staged, parent.table)


def _merge_members(connection: Connection) -> None:
    # Of a group that was not read itself, the digest tells of other members.
    for table in (GAINED, LOST):
        unread = GROUPS.c.external_id.not_in(select(STAGED_GROUPS.c.external_id))
        changed = GROUPS.c.external_id.in_(select(table.c.group_id))
        connection.execute(update(GROUPS).where(changed, unread).values(source_digest=b""))
    lost = (LOST.c.group_id == MEMBERS.c.group_id, LOST.c.name_folded == MEMBERS.c.name_folded)
    groups = select(LOST.c.group_id)
    is_lost = select(LOST).where(*lost).exists()
    connection.execute(delete(MEMBERS).where(MEMBERS.c.group_id.in_(groups), is_lost))
    _merge(connection, GAINED, MEMBERS)


def _note_moved(connection: Connection, gone: Sequence[str]) -> None:
    """Note the names that are in other groups than before, and the groups that are others."""
    renamed = STAGED_GROUPS.outerjoin(GROUPS, GROUPS.c.external_id == STAGED_GROUPS.c.external_id)
    is_other = GROUPS.c.name_folded.is_distinct_from(STAGED_GROUPS.c.name_folded)
    others = select(STAGED_GROUPS.c.name_folded).select_from(renamed).where(is_other)
    statements: list[Select[Any]] = [
        select(GAINED.c.name_folded),
        select(LOST.c.name_folded),
        others,
    ]
    statements += [
        select(MEMBERS.c.name_folded).where(MEMBERS.c.group_id.in_(some)) for some in batches(gone)
    ]
    for statement in statements:
        connection.execute(upsert(connection.dialect, MOVED, statement.distinct()))


@cache
def _concerned() -> CompoundSelect[Any]:
    """Return the statement for the names of all who moved, or are in a group that did."""
    moved = select(MOVED.c.name_folded)
    groups = select(GROUPS.c.external_id).where(GROUPS.c.name_folded.in_(moved))
    above = groups.cte("within", recursive=True)
    child = GROUPS.alias()
    nested = (
        select(child.c.external_id)
        .join(MEMBERS, MEMBERS.c.name_folded == child.c.name_folded)
        .join(above, above.c.external_id == MEMBERS.c.group_id)
    )
    within = above.union(nested)
    members = select(MEMBERS.c.name_folded).where(
        MEMBERS.c.group_id.in_(select(within.c.external_id))
    )
    return union(moved, members)


def _forget_digests(connection: Connection) -> None:
    """Make every entry count as changed at the next read, but for those that this one staged.

    The rules have changed, and a read that was not complete has not brought everybody.
    """
    for table in (USERS, GROUPS, PROBLEMS):
        connection.execute(update(table).values(source_digest=literal(b"")))


def _dismiss(connection: Connection, gone: Sequence[str], revision: int, now: datetime) -> None:
    """Turn people into leavers; forget groups and problems."""
    leaving = {"left_at": now, "changed_at": now, "revision": revision}
    for some in batches(gone):
        present = (USERS.c.external_id.in_(some), USERS.c.left_at.is_(None))
        connection.execute(update(USERS).where(*present).values(leaving))
        connection.execute(delete(GROUPS).where(GROUPS.c.external_id.in_(some)))
        connection.execute(delete(PROBLEMS).where(PROBLEMS.c.external_id.in_(some)))


def _watermark_row(read_to: ReadTo, revision: int) -> dict[str, Any]:
    return {"id": 1, "revision": revision, **asdict(read_to)}
