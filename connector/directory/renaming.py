"""Let groups follow whoever is renamed, moved or gone, when the groups themselves were not read.

In Active Directory none of that moves the uSNChanged of a group, though its `member` changes
(MS-ADTS section 3.1.1.1.6: links are kept by identity). What a staged group says of its own counts
besides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from connector.directory.staging import GAINED, LOST, STAGED_GROUPS, STAGED_USERS
from connector.directory.store import GROUPS, MEMBERS, USERS
from state.engine import batches, upsert

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from sqlalchemy import Connection, Table


@dataclass(frozen=True, slots=True)
class Parting:
    """A known entry that is no longer ours.

    Attributes:
        external_id: Whose.
        new_name: Distinguished name under which it stands elsewhere; "" if it does not, or if
            groups are read anyway.

    """

    external_id: str
    new_name: str = ""


Link = tuple[str, str]
"""A group's external_id, and the casefolded name of a direct member."""


def follow_names(
    connection: Connection, partings: Collection[Parting], groups_of: Mapping[str, Sequence[str]]
) -> None:
    """Stage what the renamed, the gone and the newly seen change in groups that were not read."""
    new_names = dict(_new_names(connection, partings))
    was_read = set(connection.scalars(select(STAGED_GROUPS.c.external_id)))
    # A server tells of a member that came or went by the name it had at that time.
    _rename_told(connection, new_names, was_read)
    own_gained, own_lost = (_links_in(connection, table) for table in (GAINED, LOST))
    held = set(_links_of(connection, new_names)) - own_lost
    gained = {(group_id, new) for group_id, old in held if (new := new_names[old])}
    gained |= set(_links_to_groups(connection, groups_of))
    lost = held - gained
    for table, links in ((GAINED, gained - own_lost), (LOST, lost - own_gained)):
        rows = [
            {"group_id": group_id, "name_folded": name}
            for group_id, name in links
            if group_id not in was_read
        ]
        if rows:
            connection.execute(upsert(connection.dialect, table), rows)


def _rename_told(
    connection: Connection, new_names: Mapping[str, str], was_read: Collection[str]
) -> None:
    """Give those who came to groups that were not read the name that they have by now."""
    for group_id, name in _links_in(connection, GAINED):
        new = new_names.get(name, "")
        if new and group_id not in was_read:
            own = (GAINED.c.group_id == group_id, GAINED.c.name_folded == name)
            connection.execute(delete(GAINED).where(*own))
            row = {"group_id": group_id, "name_folded": new}
            connection.execute(upsert(connection.dialect, GAINED), [row])


def _links_in(connection: Connection, table: Table) -> set[Link]:
    rows = connection.execute(select(table.c.group_id, table.c.name_folded))
    return {(group_id, name) for group_id, name in rows}


def _new_names(connection: Connection, partings: Collection[Parting]) -> Iterator[tuple[str, str]]:
    """Yield former and new name, casefolded, of all whose name has changed; "" for the gone."""
    for staged, table in ((STAGED_USERS, USERS), (STAGED_GROUPS, GROUPS)):
        joined = staged.join(table, table.c.external_id == staged.c.external_id)
        columns = (table.c.name_folded, staged.c.name_folded)
        renamed = table.c.name_folded != staged.c.name_folded
        statement = select(*columns).select_from(joined).where(renamed)
        yield from ((former, name) for former, name in connection.execute(statement))
    moved_to = {one.external_id: one.new_name.casefold() for one in partings}
    for some in batches(moved_to):
        for table in (USERS, GROUPS):
            columns = (table.c.external_id, table.c.name_folded)
            found = connection.execute(select(*columns).where(table.c.external_id.in_(some)))
            yield from ((name, moved_to[key]) for key, name in found if name != moved_to[key])


def _links_of(connection: Connection, names: Collection[str]) -> Iterator[Link]:
    for some in batches(names):
        statement = select(MEMBERS.c.group_id, MEMBERS.c.name_folded)
        rows = connection.execute(statement.where(MEMBERS.c.name_folded.in_(some)))
        yield from ((group_id, name) for group_id, name in rows)


def _links_to_groups(
    connection: Connection, groups_of: Mapping[str, Sequence[str]]
) -> Iterator[Link]:
    """Yield what entries say themselves of the groups that hold them."""
    wanted = {name.casefold() for names in groups_of.values() for name in names}
    tables = (GROUPS, STAGED_GROUPS)
    ids = {name: key for key, name in _heads(connection, tables, "name_folded", wanted)}
    names = dict(_heads(connection, (STAGED_USERS, STAGED_GROUPS), "external_id", groups_of))
    for external_id, groups in groups_of.items():
        for group in groups:
            if group.casefold() in ids and external_id in names:
                yield ids[group.casefold()], names[external_id]


def _heads(
    connection: Connection, tables: Sequence[Table], by: str, keys: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Yield external_id and casefolded name of the entries that have these in a column."""
    for table in tables:
        statement = select(table.c.external_id, table.c.name_folded)
        for some in batches(keys):
            rows = connection.execute(statement.where(table.c[by].in_(some)))
            yield from ((external_id, name) for external_id, name in rows)
