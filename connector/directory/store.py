"""Read the directory: for the planner in bulk, for a login one person at a time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import bindparam, func, or_, select

from connector.directory.membership import MemberGraph
from connector.directory.person import DirectoryGroup, DirectoryUser, GroupHead, UserHead
from connector.mapping.resource import MappingProblem
from connector.packed import Packed
from state.directory import GroupRow, LoginNameRow, MemberRow, ProblemRow, UserRow, WatermarkRow
from state.engine import BATCH, batches, of_some, reading, table_of
from state.handle import glancing
from state.listing import listed
from state.prepared import Prepared

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime

    from sqlalchemy import BindParameter, Connection, Engine, Row, Select, Table

    from state.handle import Handle

USERS = table_of(UserRow)
GROUPS = table_of(GroupRow)
MEMBERS = table_of(MemberRow)
LOGIN_NAMES = table_of(LoginNameRow)
PROBLEMS = table_of(ProblemRow)
WATERMARK = table_of(WatermarkRow)


_COUNTS = select(
    select(func.count()).select_from(USERS).scalar_subquery(),
    select(func.count()).select_from(GROUPS).scalar_subquery(),
    select(func.count()).select_from(USERS).where(USERS.c.left_at.is_not(None)).scalar_subquery(),
    select(func.count()).select_from(PROBLEMS).scalar_subquery(),
)


class DirectoryCounts(NamedTuple):
    """How many there are."""

    users: int
    groups: int
    leavers: int
    problems: int


class ReadMark(NamedTuple):
    """Up to where the source was read, and what came of it.

    Attributes:
        server: The server that answered.
        invocation_id: Identity of its copy of the database.
        highest_usn: Its highestCommittedUSN before the read.
        read_at: When the read began.
        mapping_fingerprint: The rules that mapped it.
        cookie: Where the next read of changes goes on, for servers that give one.
        revision: How many reads have changed anything.
        full_read_at: When the last full read that was complete began; None if there was none.

    """

    server: str
    invocation_id: str
    highest_usn: int
    read_at: datetime
    mapping_fingerprint: str
    cookie: bytes
    revision: int
    full_read_at: datetime | None


class KindCounts(NamedTuple):
    """How many of some entries are people who have not left, and how many are groups."""

    users: int
    groups: int


class DirectoryStore:
    """The directory as it was last committed, or as one open transaction has it."""

    def __init__(self, engine: Engine | Connection) -> None:
        self._engine = engine

    def known_digests(self, fingerprint: str) -> dict[str, bytes]:
        """Return the source's digest of every entry that is held, by external_id.

        If the entries were mapped by other rules than these, digests are blank, so that every
        entry counts as changed.
        """
        with reading(self._engine) as connection:
            held = dict[str, bytes]()
            for statement in (
                select(USERS.c.external_id, USERS.c.source_digest).where(USERS.c.left_at.is_(None)),
                select(GROUPS.c.external_id, GROUPS.c.source_digest),
                select(PROBLEMS.c.external_id, PROBLEMS.c.source_digest),
            ):
                rows = connection.execute(statement, execution_options={"yield_per": BATCH})
                for some in rows.partitions():
                    held.update(some)
            mapped_by = connection.scalar(select(WATERMARK.c.mapping_fingerprint))
        return held if mapped_by == fingerprint else dict.fromkeys(held, b"")

    def digests(self, external_ids: Collection[str]) -> dict[str, bytes]:
        """Return the source's digests of those of these entries that are held."""
        held = dict[str, bytes]()
        with reading(self._engine) as connection:
            for some in batches(external_ids):
                for table in (USERS, GROUPS, PROBLEMS):
                    columns = (table.c.external_id, table.c.source_digest)
                    statement = select(*columns).where(table.c.external_id.in_(some))
                    if table is USERS:
                        statement = statement.where(USERS.c.left_at.is_(None))
                    held.update(connection.execute(statement).all())
        return held

    def read_mark(self) -> ReadMark | None:
        """Return up to where the source was read; None if it never was."""
        columns = [WATERMARK.c[name] for name in ReadMark._fields]
        with reading(self._engine) as connection:
            row = connection.execute(select(*columns)).first()
        return ReadMark._make(row) if row else None

    def concerned_since(self, revision: int, since: datetime, until: datetime) -> frozenset[str]:
        """Return who changed after a revision, or whose account ends between two moments."""
        ends = USERS.c.expires_at.between(since, until)
        statement = select(USERS.c.external_id)
        with reading(self._engine) as connection:
            return frozenset(
                key
                for condition in (USERS.c.revision > revision, ends)
                for key in connection.scalars(statement.where(condition))
            )

    def left_before(self, moment: datetime) -> tuple[str, ...]:
        """Return who was gone before that moment, and has not come back."""
        statement = select(USERS.c.external_id).where(USERS.c.left_at <= moment)
        with reading(self._engine) as connection:
            return tuple(connection.scalars(statement))

    def users(self, external_ids: Collection[str]) -> dict[str, DirectoryUser]:
        """Return the people with these keys, leavers included, by key."""
        found = {}
        with reading(self._engine) as connection:
            for some in batches(external_ids):
                rows = connection.execute(select(USERS).where(USERS.c.external_id.in_(some)))
                names = _login_names(connection, some)
                found.update(
                    {row.external_id: _to_user(row, names.get(row.external_id, ())) for row in rows}
                )
        return found

    def user(self, external_id: str) -> DirectoryUser | None:
        """Return the person with this key, or None."""
        with glancing(self._engine) as handle:
            return _find_user(handle, external_id)

    def standing(self, external_id: str) -> tuple[DirectoryUser, frozenset[str]] | None:
        """Return a person and the casefolded names of all their groups, as of one moment."""
        with glancing(self._engine) as handle:
            row = _STANDING.first(handle, {"external_id": external_id})
        if row is None:
            return None
        return _to_one(row), frozenset(json.loads(row.groups))

    def find_login(self, name: str) -> DirectoryUser | None:
        """Return whom a casefolded name signs in: one person who has not left, or None.

        A name that several people share signs in nobody.
        """
        with reading(self._engine) as connection:
            found = connection.scalars(_WHO_SIGNS_IN, {"login_name": name}).all()
            return _find_user(connection, found[0]) if len(found) == 1 else None

    def group_names(self, external_id: str) -> tuple[str, ...]:
        """Return the names of all groups of a person as the source writes them, in order."""
        name = GROUPS.c.distinguished_name
        with reading(self._engine) as connection:
            folded = json.loads(_GROUPS.first(connection, {"external_id": external_id}).names)
            statements = of_some(select(name), GROUPS.c.name_folded, folded)
            found = [one for each in statements for one in connection.scalars(each)]
        return tuple(sorted(found, key=str.casefold))

    def user_heads(self, external_ids: Collection[str] | None = None) -> Iterator[UserHead]:
        """Yield everybody, or these people, leavers included, as heads."""
        columns = [USERS.c[name] for name in UserHead._fields]
        with reading(self._engine) as connection:
            for statement in of_some(select(*columns), USERS.c.external_id, external_ids):
                # For this statement only: the connection may be in the middle of a preview.
                streamed = connection.execute(statement, execution_options={"stream_results": True})
                for row in streamed:
                    yield UserHead._make(row)

    def active_names(self, now: datetime) -> Iterator[tuple[str, str]]:
        """Yield everybody whose account is active then: the key, and the name for passwords."""
        is_active = (
            USERS.c.left_at.is_(None),
            USERS.c.is_enabled,
            or_(USERS.c.expires_at.is_(None), USERS.c.expires_at > now),
        )
        statement = select(USERS.c.external_id, USERS.c.bind_name).where(*is_active)
        with reading(self._engine) as connection:
            streamed = connection.execute(statement, execution_options={"stream_results": True})
            yield from ((row[0], row[1]) for row in streamed)

    def group_heads(self) -> list[GroupHead]:
        """Return all groups as heads."""
        columns = [GROUPS.c[name] for name in GroupHead._fields]
        with reading(self._engine) as connection:
            return list(map(GroupHead._make, connection.execute(select(*columns)).all()))

    def groups(self, external_ids: Collection[str] | None = None) -> list[DirectoryGroup]:
        """Return all groups, or those with these keys, without their members."""
        statements = of_some(select(GROUPS), GROUPS.c.external_id, external_ids)
        with reading(self._engine) as connection:
            return [
                DirectoryGroup(
                    row.external_id, row.distinguished_name, Packed(row.document), row.digest
                )
                for statement in statements
                for row in connection.execute(statement)
            ]

    def graph(
        self, heads: Iterable[GroupHead], external_ids: Collection[str] | None = None
    ) -> MemberGraph:
        """Return who is directly in which group, by the names as they stand now.

        Args:
            heads: All groups.
            external_ids: Of the people to be shown in it; None for everybody.

        """
        users: dict[str, list[str]] = {}
        nested: dict[str, list[str]] = {}
        group_ids = {name_folded: external_id for external_id, name_folded, _ in heads}
        with reading(self._engine) as connection:
            shared = {external_id: external_id for external_id in group_ids.values()}
            for statement in of_some(_members_who(USERS), USERS.c.external_id, external_ids):
                for group_id, member_id in connection.execute(statement):
                    users.setdefault(shared[group_id], []).append(member_id)
            for group_id, member_id in connection.execute(_members_who(GROUPS)):
                nested.setdefault(shared[group_id], []).append(member_id)
        return MemberGraph(
            group_ids,
            {group_id: tuple(members) for group_id, members in users.items()},
            {group_id: tuple(members) for group_id, members in nested.items()},
        )

    def people_within(self, group_ids: Collection[str]) -> frozenset[str]:
        """Return the external_ids of all people in these groups, nested ones included."""
        waiting, within, found = set(group_ids), set[str](), set[str]()
        with reading(self._engine) as connection:
            while waiting:
                within |= waiting
                below = set[str]()
                for some in batches(waiting):
                    is_in = MEMBERS.c.group_id.in_(some)
                    for members, owner in ((found, USERS), (below, GROUPS)):
                        rows = connection.execute(_members_who(owner).where(is_in))
                        members.update(member_id for _, member_id in rows)
                waiting = below - within
        return frozenset(found)

    def problems(self) -> list[MappingProblem]:
        """Return the entries that could not be mapped in their present form."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(PROBLEMS).order_by(PROBLEMS.c.distinguished_name))
            return [
                MappingProblem(
                    row.external_id, row.distinguished_name, row.attribute_path, row.problem
                )
                for row in rows
            ]

    def counts_among(self, external_ids: Collection[str]) -> KindCounts:
        """Return how many of these keys are people who have not left, and how many groups."""
        users = groups = 0
        present = select(func.count()).select_from(USERS).where(USERS.c.left_at.is_(None))
        held = select(func.count()).select_from(GROUPS)
        with reading(self._engine) as connection:
            for some in batches(external_ids):
                users += connection.scalar(present.where(USERS.c.external_id.in_(some))) or 0
                groups += connection.scalar(held.where(GROUPS.c.external_id.in_(some))) or 0
        return KindCounts(users, groups)

    def counts(self) -> DirectoryCounts:
        """Return how many people, groups, leavers and problems there are."""
        with reading(self._engine) as connection:
            users, groups, leavers, problems = connection.execute(_COUNTS).one()
        return DirectoryCounts(users - leavers, groups, leavers, problems)


# Asked at every sign-on; to build such statements costs more than to run them.
_KEY: BindParameter[str] = bindparam("external_id")
_WHO_SIGNS_IN = (
    select(LOGIN_NAMES.c.external_id)
    .join(USERS, USERS.c.external_id == LOGIN_NAMES.c.external_id)
    .where(LOGIN_NAMES.c.name == bindparam("login_name"), USERS.c.left_at.is_(None))
)


def _groups_of_one() -> Select[Any]:
    """Return the statement for the names of all groups that hold a person, through whatever."""
    holding = (
        select(GROUPS.c.name_folded)
        .join(MEMBERS, MEMBERS.c.group_id == GROUPS.c.external_id)
        .join(USERS, USERS.c.name_folded == MEMBERS.c.name_folded)
        .where(USERS.c.external_id == _KEY)
        .cte("holding", recursive=True)
    )
    above = (
        select(GROUPS.c.name_folded)
        .join(MEMBERS, MEMBERS.c.group_id == GROUPS.c.external_id)
        .join(holding, holding.c.name_folded == MEMBERS.c.name_folded)
    )
    return select(listed(holding.union(above).c.name_folded).label("names"))


_NAMES_OF_ONE = select(listed(LOGIN_NAMES.c.name)).where(LOGIN_NAMES.c.external_id == _KEY)
_ONE_USER = select(USERS, _NAMES_OF_ONE.scalar_subquery().label("names")).where(
    USERS.c.external_id == _KEY
)
_USER = Prepared(_ONE_USER)
_GROUPS = Prepared(_groups_of_one())
_STANDING = Prepared(_ONE_USER.add_columns(_groups_of_one().scalar_subquery().label("groups")))


def _find_user(handle: Handle, external_id: str) -> DirectoryUser | None:
    row = _USER.first(handle, {"external_id": external_id})
    return None if row is None else _to_one(row)


def _members_who(owner: Table) -> Select[Any, Any]:
    """Return the statement for pairs of a group and a member that is a user, or a group."""
    statement = select(MEMBERS.c.group_id, owner.c.external_id).join(
        owner, owner.c.name_folded == MEMBERS.c.name_folded
    )
    return statement.where(USERS.c.left_at.is_(None)) if owner is USERS else statement


def _login_names(connection: Connection, external_ids: list[str]) -> dict[str, tuple[str, ...]]:
    statement = select(LOGIN_NAMES.c.external_id, LOGIN_NAMES.c.name).where(
        LOGIN_NAMES.c.external_id.in_(external_ids)
    )
    names: dict[str, tuple[str, ...]] = {}
    for external_id, name in connection.execute(statement.order_by(LOGIN_NAMES.c.name)):
        names[external_id] = (*names.get(external_id, ()), name)
    return names


def _to_one(row: Any) -> DirectoryUser:
    """Return the person of a row that brings their names as a list."""
    return _to_user(row, tuple(sorted(json.loads(row.names))))


def _to_user(row: Row[*tuple[Any, ...]], names: tuple[str, ...]) -> DirectoryUser:
    return DirectoryUser(
        external_id=row.external_id,
        distinguished_name=row.distinguished_name,
        document=Packed(row.document),
        digest=row.digest,
        login_names=names,
        bind_name=row.bind_name,
        is_enabled=row.is_enabled,
        expires_at=row.expires_at,
        first_seen_at=row.first_seen_at,
        changed_at=row.changed_at,
        left_at=row.left_at,
    )
