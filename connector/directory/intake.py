"""Take in one read: stage page by page, then commit all of it with its watermark, or nothing.

Pages go to temporary tables first, which lock nobody: a sign-on that writes its audit row never
waits for a slow source. The merge at the end is one short transaction.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from connector.directory import staging
from connector.directory.merge import merge
from connector.directory.store import MEMBERS, DirectoryStore
from connector.packed import to_json
from state.engine import batches, insert_rows, translated_errors, upsert

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Engine, Table

    from connector.directory.merge import Taken
    from connector.directory.person import DirectoryGroup, DirectoryUser
    from connector.mapping.resource import MappingProblem

Link = tuple[str, str]
"""A group's external_id, and the name of a direct member."""


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
        self._stage(staging.STAGED_USERS, [_user_row(one) for one in taken])
        self._stage(staging.STAGED_LOGIN_NAMES, names)

    def take_groups(self, taken: Sequence[TakenGroup]) -> frozenset[str]:
        """Stage groups, and which names their direct members have gained and lost.

        Returns the external_ids of those that have another number of members than before.
        """
        held = self._members([one.group.external_id for one in taken])
        gained, lost, resized = [], [], set()
        for one in taken:
            group_id = one.group.external_id
            before = held.get(group_id, set[str]())
            now = {name.casefold() for name in one.member_names}
            gained += [(group_id, name) for name in now - before]
            lost += [(group_id, name) for name in before - now]
            if len(now) != len(before):
                resized.add(group_id)
        self._stage(staging.STAGED_GROUPS, [_group_row(one) for one in taken])
        self._stage_links(gained, lost)
        return frozenset(resized)

    def take_member_changes(self, gained: Sequence[Link], lost: Sequence[Link]) -> None:
        """Stage what groups have gained and lost of which nothing else was read.

        Their digests are forgotten: the next full read decodes them whole.
        """
        with self._connection.begin():
            held = DirectoryStore(self._connection).digests({key for key, _ in (*gained, *lost)})
        known = ([one for one in links if one[0] in held] for links in (gained, lost))
        self._stage_links(*known)

    def take_problems(self, taken: Iterable[TakenProblem], now: datetime) -> None:
        """Stage entries that could not be mapped."""
        self._stage(staging.STAGED_PROBLEMS, [_problem_row(one, now) for one in taken])

    def moving_count(self, *, is_full: bool) -> int:
        """Return how many names seem to have changed while the source was read.

        An entry that is renamed between the page of the users and that of its groups stands under
        one name here and under the other there; the next read has it right.
        """
        with self._connection.begin():
            return staging.moving_count(self._connection, is_full=is_full)

    def emptied_units(self, gone: Collection[str]) -> dict[str, int]:
        """Return the units of which everybody is among the gone, two or more, with how many."""
        with self._connection.begin():
            return staging.emptied_units(self._connection, gone)

    def begin_anew(self) -> None:
        """Forget what was staged."""
        with self._connection.begin():
            staging.create(self._connection)

    def commit(self, taken: Taken, now: datetime) -> int:
        """Make the directory what was read, all at once; return its revision."""
        connection = self._connection.execution_options(writes=True)
        with connection.begin():
            return merge(connection, taken, now)

    @contextmanager
    def preview(self, taken: Taken, now: datetime) -> Iterator[DirectoryStore]:
        """Yield the directory as `commit` would make it; afterwards it is as it was."""
        connection = self._connection.execution_options(writes=True)
        with connection.begin() as transaction:
            merge(connection, taken, now)
            yield DirectoryStore(connection)
            transaction.rollback()

    def _members(self, group_ids: Collection[str]) -> dict[str, set[str]]:
        held: dict[str, set[str]] = {}
        with self._connection.begin():
            for some in batches(group_ids):
                columns = (MEMBERS.c.group_id, MEMBERS.c.name_folded)
                rows = self._connection.execute(select(*columns).where(columns[0].in_(some)))
                for group_id, name in rows:
                    held.setdefault(group_id, set()).add(name)
        return held

    def _stage_links(self, gained: Sequence[Link], lost: Sequence[Link]) -> None:
        for table, links in ((staging.GAINED, gained), (staging.LOST, lost)):
            self._stage(table, [{"group_id": key, "name_folded": name} for key, name in links])

    def _stage(self, table: Table, rows: list[dict[str, Any]]) -> None:
        if not rows:
            return
        with self._connection.begin():
            insert_rows(self._connection, upsert(self._connection.dialect, table), rows)


@contextmanager
def open_intake(engine: Engine) -> Iterator[Intake]:
    """Yield an intake; what is not committed by its end is forgotten.

    Raises:
        StateError: if the database cannot be written.

    """
    with translated_errors(), engine.connect() as connection:
        with connection.begin():
            staging.create(connection)
        try:
            yield Intake(connection.execution_options(writes=False))
        finally:
            connection.rollback()
            with connection.begin():
                staging.drop(connection)


def _user_row(taken: TakenUser) -> dict[str, Any]:
    user = taken.user
    return {
        "external_id": user.external_id,
        "source_digest": taken.source_digest,
        "distinguished_name": user.distinguished_name,
        "name_folded": user.distinguished_name.casefold(),
        "document": to_json(user.document),
        "digest": user.digest,
        "bind_name": user.bind_name,
        "is_enabled": user.is_enabled,
        "expires_at": user.expires_at,
        "first_seen_at": user.first_seen_at,
        "changed_at": user.changed_at,
        "left_at": user.left_at,
        "revision": 0,
    }


def _group_row(taken: TakenGroup) -> dict[str, Any]:
    group = taken.group
    return {
        "external_id": group.external_id,
        "source_digest": taken.source_digest,
        "distinguished_name": group.distinguished_name,
        "name_folded": group.distinguished_name.casefold(),
        "document": to_json(group.document),
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
