"""Take in one read: stage page by page, then commit all of it with its watermark, or nothing.

Pages go to temporary tables first, which lock nobody: a sign-on that writes its audit row never
waits for a slow source. The merge at the end is one short transaction.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import (
    Column,
    MetaData,
    Table,
    delete,
    func,
    insert,
    select,
    union_all,
    update,
)

from connector.directory.store import (
    GROUPS,
    LOGIN_NAMES,
    MEMBERS,
    PROBLEMS,
    USERS,
    WATERMARK,
    DirectoryStore,
)
from state.engine import translated_errors, upsert

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime

    from sqlalchemy import CompoundSelect, Connection, Engine, Select

    from connector.directory.person import DirectoryGroup, DirectoryUser
    from connector.mapping.resource import MappingProblem


@dataclass(frozen=True, slots=True)
class TakenUser:
    """A person as read, with the digest of the entry behind it."""

    user: DirectoryUser
    source_digest: bytes


@dataclass(frozen=True, slots=True)
class TakenGroup:
    """A group as read, with the names of its direct members."""

    group: DirectoryGroup
    member_names: tuple[str, ...]
    source_digest: bytes


@dataclass(frozen=True, slots=True)
class TakenProblem:
    """An entry that could not be mapped, with the digest of the entry behind it."""

    problem: MappingProblem
    source_digest: bytes


@dataclass(frozen=True, slots=True)
class ReadTo:
    """Up to where the source was read, and how it was mapped.

    Attributes:
        server: The server that answered.
        invocation_id: Identity of its copy of the database.
        highest_usn: Its highestCommittedUSN before the read.
        read_at: When the read began.
        mapping_fingerprint: The rules that mapped it.

    """

    server: str
    invocation_id: str
    highest_usn: int
    read_at: datetime
    mapping_fingerprint: str


def _staged(table: Table) -> Table:
    columns: list[Column[Any]] = [
        Column(column.name, column.type, primary_key=column.primary_key, nullable=column.nullable)
        for column in table.columns
    ]
    return Table(f"staged_{table.name}", _STAGING, *columns, prefixes=["TEMPORARY"])


_STAGING = MetaData()
_USERS, _LOGIN_NAMES, _GROUPS, _MEMBERS, _PROBLEMS = (
    _staged(table) for table in (USERS, LOGIN_NAMES, GROUPS, MEMBERS, PROBLEMS)
)


class Intake:
    """One read on its way into the directory."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def take_users(self, taken: Iterable[TakenUser]) -> None:
        """Stage people."""
        taken = list(taken)
        names = [
            {"name": name, "external_id": one.user.external_id}
            for one in taken
            for name in one.user.login_names
        ]
        self._stage(_USERS, [_user_row(one) for one in taken])
        self._stage(_LOGIN_NAMES, names)

    def take_groups(self, taken: Iterable[TakenGroup]) -> None:
        """Stage groups and the names of their direct members."""
        taken = list(taken)
        members = [
            {"group_id": one.group.external_id, "name_folded": name}
            for one in taken
            for name in {name.casefold() for name in one.member_names}
        ]
        self._stage(_GROUPS, [_group_row(one) for one in taken])
        self._stage(_MEMBERS, members)

    def take_problems(self, taken: Iterable[TakenProblem], now: datetime) -> None:
        """Stage entries that could not be mapped."""
        self._stage(_PROBLEMS, [_problem_row(one, now) for one in taken])

    def moving_count(self) -> int:
        """Return how many names seem to have changed while the source was read.

        An entry that is renamed between the page of the users and that of its groups stands under
        one name here and under the other there; the next read has it right.
        """
        with self._connection.begin():
            return sum(self._connection.scalar(one) or 0 for one in _moving())

    def commit(self, read_to: ReadTo, gone: Collection[str], now: datetime) -> None:
        """Make the directory what was read, all at once.

        Args:
            read_to: The watermark, which moves with the data.
            gone: external_ids of entries that the source no longer has; only from a read that
                was proven complete.
            now: When that is.

        """
        connection = self._connection.execution_options(writes=True)
        with connection.begin():
            _take_over(connection, read_to, gone, now)

    @contextmanager
    def preview(
        self, read_to: ReadTo, gone: Collection[str], now: datetime
    ) -> Iterator[DirectoryStore]:
        """Yield the directory as `commit` would make it; afterwards it is as it was."""
        connection = self._connection.execution_options(writes=True)
        with connection.begin() as transaction:
            _take_over(connection, read_to, gone, now)
            yield DirectoryStore(connection)
            transaction.rollback()

    def _stage(self, table: Table, rows: list[dict[str, Any]]) -> None:
        if not rows:
            return
        with self._connection.begin():
            self._connection.execute(upsert(self._connection, table), rows)


@contextmanager
def open_intake(engine: Engine) -> Iterator[Intake]:
    """Yield an intake; what is not committed by its end is forgotten.

    Raises:
        StateError: if the database cannot be written.

    """
    with translated_errors(), engine.connect() as connection:
        with connection.begin():
            _STAGING.drop_all(connection)
            _STAGING.create_all(connection)
        try:
            yield Intake(connection.execution_options(writes=False))
        finally:
            connection.rollback()
            with connection.begin():
                _STAGING.drop_all(connection)


def _take_over(
    connection: Connection, read_to: ReadTo, gone: Collection[str], now: datetime
) -> None:
    mapped_by = connection.scalar(select(WATERMARK.c.mapping_fingerprint))
    if mapped_by != read_to.mapping_fingerprint:
        _forget_digests(connection)
    _dismiss(connection, gone, now)
    _merge(connection, _USERS, USERS)
    _replace_children(connection, _USERS, _LOGIN_NAMES, LOGIN_NAMES.c.external_id)
    _merge(connection, _GROUPS, GROUPS)
    _replace_children(connection, _GROUPS, _MEMBERS, MEMBERS.c.group_id)
    for mapped in (_USERS, _GROUPS):
        solved = PROBLEMS.c.external_id.in_(select(mapped.c.external_id))
        connection.execute(delete(PROBLEMS).where(solved))
    _merge(connection, _PROBLEMS, PROBLEMS)
    connection.execute(delete(WATERMARK))
    connection.execute(insert(WATERMARK), [{"id": 1, **_watermark_row(read_to)}])


def _merge(connection: Connection, staged: Table, table: Table) -> None:
    connection.execute(upsert(connection, table, select(staged)))


def _replace_children(
    connection: Connection, staged_parents: Table, staged: Table, parent: Column[Any]
) -> None:
    connection.execute(delete(parent.table).where(parent.in_(select(staged_parents.c.external_id))))
    _merge(connection, staged, parent.table)


def _forget_digests(connection: Connection) -> None:
    """Make every entry count as changed at the next read, but for those that this one staged.

    The rules have changed, and a read that was not complete has not brought everybody.
    """
    for table in (USERS, GROUPS, PROBLEMS):
        connection.execute(update(table).values(source_digest=b""))


def _moving() -> Iterator[Select[Any]]:
    """Yield statements for how many names do not fit together."""
    used = union_all(
        select(_MEMBERS.c.name_folded),
        select(MEMBERS.c.name_folded).where(
            MEMBERS.c.group_id.not_in(select(_GROUPS.c.external_id))
        ),
    )
    # Groups still name an entry as it was called before, and nobody else is called that now.
    for staged, table in ((_USERS, USERS), (_GROUPS, GROUPS)):
        joined = staged.join(table, table.c.external_id == staged.c.external_id)
        yield (
            select(func.count())
            .select_from(joined)
            .where(
                table.c.name_folded != staged.c.name_folded,
                table.c.name_folded.in_(used),
                table.c.name_folded.not_in(_names_now()),
            )
        )
    # A group has lost somebody who is still there, and gained a name that nobody has.
    same = (
        MEMBERS.c.group_id == _MEMBERS.c.group_id,
        MEMBERS.c.name_folded == _MEMBERS.c.name_folded,
    )
    gained = select(_MEMBERS.c.group_id).where(
        ~select(MEMBERS).where(*same).exists(), _MEMBERS.c.name_folded.not_in(_names_now())
    )
    yield select(func.count()).where(
        MEMBERS.c.group_id.in_(gained),
        ~select(_MEMBERS).where(*same).exists(),
        MEMBERS.c.name_folded.in_(_names_now()),
    )


def _names_now() -> CompoundSelect[Any]:
    """Return the statement for all names that entries have once the read is taken in."""
    staged = select(_USERS.c.external_id)
    return union_all(
        select(_USERS.c.name_folded),
        select(_GROUPS.c.name_folded),
        select(USERS.c.name_folded).where(
            USERS.c.left_at.is_(None), USERS.c.external_id.not_in(staged)
        ),
        select(GROUPS.c.name_folded).where(
            GROUPS.c.external_id.not_in(select(_GROUPS.c.external_id))
        ),
    )


def _dismiss(connection: Connection, gone: Collection[str], now: datetime) -> None:
    """Turn people into leavers; forget groups and problems."""
    waiting = list(gone)
    for start in range(0, len(waiting), 500):
        some = waiting[start : start + 500]
        connection.execute(
            update(USERS).where(USERS.c.external_id.in_(some)).values(left_at=now, changed_at=now)
        )
        connection.execute(delete(GROUPS).where(GROUPS.c.external_id.in_(some)))
        connection.execute(delete(PROBLEMS).where(PROBLEMS.c.external_id.in_(some)))


def _user_row(taken: TakenUser) -> dict[str, Any]:
    user = taken.user
    return {
        "external_id": user.external_id,
        "source_digest": taken.source_digest,
        "distinguished_name": user.distinguished_name,
        "name_folded": user.distinguished_name.casefold(),
        "document": orjson.dumps(user.document),
        "digest": user.digest,
        "bind_name": user.bind_name,
        "is_enabled": user.is_enabled,
        "expires_at": user.expires_at,
        "first_seen_at": user.first_seen_at,
        "changed_at": user.changed_at,
        "left_at": user.left_at,
    }


def _group_row(taken: TakenGroup) -> dict[str, Any]:
    group = taken.group
    return {
        "external_id": group.external_id,
        "source_digest": taken.source_digest,
        "distinguished_name": group.distinguished_name,
        "name_folded": group.distinguished_name.casefold(),
        "document": orjson.dumps(group.document),
        "digest": group.digest,
    }


def _problem_row(taken: TakenProblem, now: datetime) -> dict[str, Any]:
    problem = taken.problem
    return {
        "external_id": problem.external_id,
        "source_digest": taken.source_digest,
        "distinguished_name": problem.distinguished_name,
        "attribute_path": problem.attribute_path,
        "problem": problem.problem,
        "seen_at": now,
    }


def _watermark_row(read_to: ReadTo) -> dict[str, Any]:
    return {
        "server": read_to.server,
        "invocation_id": read_to.invocation_id,
        "highest_usn": read_to.highest_usn,
        "read_at": read_to.read_at,
        "mapping_fingerprint": read_to.mapping_fingerprint,
    }
