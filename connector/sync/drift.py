"""Compare a target with the ledger: who changed there what is ours, and what is to be done.

To repair is to note what was found: the next cycle then plans what brings it back, within the
limits and in the ledger like everything else.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import delete, select, update

from connector.planner.drift import Difference, differences
from connector.planner.known import HELD_BACK
from connector.sync.links import LINKS, MEMBERS, link_of
from connector.sync.lock import lock_of
from connector.sync.ports import Progress
from connector.sync.settled import forget_settlement
from state.engine import reading, upsert, writing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection, Row

    from connector.sync.ports import Listener, Parts, Target, TargetPort
    from state.engine import Engine

    _Link = Row[*tuple[Any, ...]]

MISSING = "id"
MEMBERS_PATH = "members"


@dataclass(frozen=True, slots=True)
class Drift:
    """One resource of ours that is not as we left it.

    Attributes:
        target: Where.
        resource_type: "User" or "Group".
        external_id: Our key.
        name: For people.
        differences: What differs; a resource that is gone differs in its "id" only. Of "members"
            the external_ids of ours that are in the group.

    """

    target: str
    resource_type: str
    external_id: str
    name: str
    differences: tuple[Difference, ...]

    @property
    def is_gone(self) -> bool:
        """Return whether the resource is not there any more."""
        return any(one.attribute_path == MISSING for one in self.differences)


def compare_targets(
    parts: Parts, names: Collection[str], listener: Listener, *, repair: bool
) -> list[Drift]:
    """Return what of ours is not as we left it, while no cycle runs.

    Args:
        parts: Of cycles.
        names: Of the targets to compare; none for all.
        listener: Is told how far it is.
        repair: Whether the next cycle is to bring it back.

    Raises:
        TargetUnavailable: if a target does not list all it holds; then nothing is noted.
        StateError: if the state database cannot be used.

    """

    def keep_waiting(holder: str) -> bool:
        listener(Progress("wait", holder, 0, None))
        return True

    found: list[Drift] = []
    with lock_of(parts.engine, parts.lock_path, "a comparison", keep_waiting):
        for port in parts.targets:
            if not names or port.name in names:
                with closing(port.connect()) as target:
                    found += find_drift(parts.engine, port, target, listener)
        if repair:
            note_drift(parts.engine, found)
    return found


def find_drift(engine: Engine, port: TargetPort, target: Target, listener: Listener) -> list[Drift]:
    """Return what of ours is not as we left it; nothing is changed anywhere.

    Raises:
        TargetUnavailable: if the target does not list all it holds.
        StateError: if the state database cannot be read.

    """
    users, groups = (_links(engine, port.name, kind) for kind in ("User", "Group"))
    owners = {target_id: link.external_id for target_id, link in users.items()}
    members = _members(engine, port.name)

    def differing_members(link: _Link, resource: Mapping[str, Any]) -> Iterator[Difference]:
        return _member_differences(members.get(link.external_id, set()), resource, owners)

    found: list[Drift] = []
    for kind, links in (("User", users), ("Group", groups)):
        missing = dict(links)
        for count, resource in enumerate(target.read_all(kind), start=1):
            listener(Progress("compare", port.name, count, None))
            link = missing.pop(str(resource.get("id", "")), None)
            if link is not None:
                held = [*differences(orjson.loads(link.document), resource)]
                held += differing_members(link, resource) if kind == "Group" else ()
                found += [_to_drift(port.name, kind, link, held)] if held else []
        found += _gone(port.name, kind, missing, target)
    return found


def _gone(name: str, kind: str, missing: Mapping[str, _Link], target: Target) -> Iterator[Drift]:
    """Yield those that the list did not hold and that are not there when asked for either."""
    for target_id, link in missing.items():
        if target.read(kind, target_id) is None:
            yield _to_drift(name, kind, link, [Difference(MISSING, target_id, None)])


def note_drift(engine: Engine, found: Iterable[Drift]) -> None:
    """Make the ledger say what the target was found to hold; the next cycle plans the repair."""
    with writing(engine) as connection:
        for drift in found:
            forget_settlement(connection, drift.target)
            own = link_of(drift.target, drift.resource_type, drift.external_id)
            if drift.is_gone:
                connection.execute(delete(LINKS).where(*own))
                for column in (MEMBERS.c.group_id, MEMBERS.c.member_id):
                    held = (MEMBERS.c.target == drift.target, column == drift.external_id)
                    connection.execute(delete(MEMBERS).where(*held))
            else:
                _note_values(connection, drift, own)


def _note_values(connection: Connection, drift: Drift, own: Sequence[Any]) -> None:
    held = connection.scalar(select(LINKS.c.document).where(*own))
    if held is None:
        return
    document = orjson.loads(held)
    values: dict[str, Any] = {"digest": HELD_BACK}
    for one in drift.differences:
        if one.attribute_path == MEMBERS_PATH:
            _note_members(connection, drift, one)
            continue
        _put(document, one.attribute_path, one.theirs)
        if one.attribute_path == "active":
            values["is_active"] = str(one.theirs).casefold() != "false"
    values["document"] = orjson.dumps(document)
    connection.execute(update(LINKS).where(*own).values(values))


def _note_members(connection: Connection, drift: Drift, difference: Difference) -> None:
    own = (MEMBERS.c.target == drift.target, MEMBERS.c.group_id == drift.external_id)
    connection.execute(delete(MEMBERS).where(*own))
    key = {"target": drift.target, "group_id": drift.external_id}
    rows = [key | {"member_id": member_id} for member_id in difference.theirs]
    if rows:
        connection.execute(upsert(connection.dialect, MEMBERS), rows)


def _put(document: dict[str, Any], path: str, value: Any) -> None:
    """Set the value at an attribute path; None takes it away."""
    separator = ":" if path.startswith("urn:") else "."
    parent, found, name = path.rpartition(separator)
    place = document.get(parent) if found else None
    if not isinstance(place, dict):
        place, name = document, path
    if value is None:
        place.pop(name, None)
    else:
        place[name] = value


def _member_differences(
    ours: set[str], resource: Mapping[str, Any], owners: Mapping[str, str]
) -> Iterator[Difference]:
    """Yield how the members of ours differ; whoever is not ours may be in the group."""
    values = (str(one.get("value")) for one in resource.get("members") or ())
    theirs = {owners[value] for value in values if value in owners}
    if theirs != ours:
        yield Difference(MEMBERS_PATH, sorted(ours), sorted(theirs))


def _to_drift(target: str, resource_type: str, link: _Link, held: Sequence[Difference]) -> Drift:
    return Drift(target, resource_type, link.external_id, link.name, tuple(held))


def _links(engine: Engine, target: str, resource_type: str) -> dict[str, _Link]:
    """Return what is ours by the target's id."""
    columns = (LINKS.c.external_id, LINKS.c.target_id, LINKS.c.name, LINKS.c.document)
    own = (LINKS.c.target == target, LINKS.c.resource_type == resource_type)
    with reading(engine) as connection:
        return {row.target_id: row for row in connection.execute(select(*columns).where(*own))}


def _members(engine: Engine, target: str) -> dict[str, set[str]]:
    pairs = select(MEMBERS.c.group_id, MEMBERS.c.member_id).where(MEMBERS.c.target == target)
    found: dict[str, set[str]] = {}
    with reading(engine) as connection:
        for group_id, member_id in connection.execute(pairs):
            found.setdefault(group_id, set()).add(member_id)
    return found
