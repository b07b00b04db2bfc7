"""Compare a target with the ledger: who changed there what is ours, and what is to be done.

To repair is to note what was found: the next cycle then plans what brings it back, within the
limits and in the ledger like everything else.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import delete, select, update

from connector.planner.diff import put
from connector.planner.drift import Difference, differences, modified_at, version_of
from connector.planner.known import HELD_BACK, RELEASED
from connector.sync.history import History
from connector.sync.ledger import Ledger
from connector.sync.links import LINKS, MEMBERS, forget_link, is_usable, link_of
from connector.sync.ports import Progress
from connector.sync.settled import forget_settlement
from state.engine import insert_rows, reading, upsert

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime
    from threading import Event

    from sqlalchemy import Connection, Row

    from connector.sync.history import LastWrite
    from connector.sync.ports import Listener, Target, TargetPort
    from state.engine import Engine

    _Link = Row[*tuple[Any, ...]]

MISSING = "id"
MEMBERS_PATH = "members"


@dataclass(frozen=True, slots=True)
class Drift:
    """One resource of ours that is not as we left it.

    SCIM tells of no author. What is known of who it was: when it was changed there, and when we
    last wrote it.

    Attributes:
        target: Where.
        resource_type: "User" or "Group".
        external_id: Our key.
        name: For people.
        differences: What differs; a resource that is gone differs in its "id" only. Of "members"
            the external_ids of ours that are in the group.
        changed_at: When it was last changed there, by whomever; None if the target does not say.
        version: That the target gives it (RFC 7643 section 3.1); "" if it gives none.
        written: Our last write; None if there is none on record.

    """

    target: str
    resource_type: str
    external_id: str
    name: str
    differences: tuple[Difference, ...]
    changed_at: datetime | None = None
    version: str = ""
    written: LastWrite | None = None

    @property
    def is_gone(self) -> bool:
        """Return whether the resource is not there any more."""
        return any(one.attribute_path == MISSING for one in self.differences)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a target holds against what was last written there.

    Attributes:
        target: Its name.
        compared_count: So many resources of ours were compared.
        foreign_count: So many accounts there are not ours; they are never touched.
        left_count: So many values that are left to the target are other than ours.
        drifts: What of ours is not as we left it, by type and name.
        doubtful: What may be our own doing, of which the answer was lost; the next cycle looks.

    """

    target: str
    compared_count: int
    foreign_count: int
    left_count: int
    drifts: tuple[Drift, ...]
    doubtful: tuple[Drift, ...] = ()


def find_drift(
    engine: Engine, port: TargetPort, target: Target, listener: Listener, stop: Event
) -> Comparison | None:
    """Return what of ours is not as we left it; nothing is changed anywhere.

    None if `stop` was set meanwhile.

    Raises:
        TargetUnavailable: if the target does not list all it holds.
        StateError: if the state database cannot be read.

    """
    view = _View(
        port,
        {kind: _links(engine, port.name, kind) for kind in ("User", "Group")},
        _members(engine, port.name),
    )
    for _ in chain(view.read(target, listener), view.look_for_missing(target)):
        if stop.is_set():
            return None
    writes = History(engine).last_writes(port.name, [one.external_id for one in view.found])
    doubts = {
        (one.operation.resource_type, external_id)
        for one in Ledger(engine).in_doubt(port.name)
        for external_id in (one.operation.external_id, one.operation.succeeds)
    }
    found = sorted(view.found, key=lambda one: order_of(*_key(one), one.name))
    certain = [one for one in found if _key(one) not in doubts]
    return Comparison(
        port.name,
        compared_count=sum(map(len, view.links.values())),
        foreign_count=len(view.foreign_ids),
        left_count=view.left_count,
        drifts=tuple(replace(one, written=writes.get(_key(one))) for one in certain),
        doubtful=tuple(one for one in found if _key(one) in doubts),
    )


def order_of(resource_type: str, external_id: str, name: str) -> tuple[bool, str, str]:
    """Return the place in the order in which people look at them: accounts, then groups."""
    return resource_type != "User", name, external_id


def _key(one: Drift) -> tuple[str, str]:
    return one.resource_type, one.external_id


@dataclass(slots=True)
class _View:
    """What is known of ours at a target, and how far it was compared.

    Attributes:
        port: The target.
        links: What is ours by type and the target's id.
        members: external_ids of the members that our groups are known to hold.
        found: What differs.
        missing: What no list has held yet, by type and the target's id.
        foreign_ids: The target's ids of accounts that are not ours.
        left_count: Values that are left to the target and are other than ours.

    """

    port: TargetPort
    links: Mapping[str, dict[str, _Link]]
    members: Mapping[str, set[str]]
    found: list[Drift] = field(default_factory=list)
    missing: dict[str, dict[str, _Link]] = field(default_factory=dict)
    foreign_ids: set[str] = field(default_factory=set)
    left_count: int = 0

    def read(self, target: Target, listener: Listener) -> Iterator[None]:
        """Compare everything that the target lists; yield after each resource."""
        for kind, links in self.links.items():
            missing = self.missing[kind] = dict(links)
            for count, resource in enumerate(target.read_all(kind), start=1):
                listener(Progress("compare", self.port.name, count, None))
                target_id = str(resource.get("id", ""))
                link = missing.pop(target_id, None)
                if link is not None:
                    self._compare(kind, link, resource)
                elif kind == "User" and target_id not in links:
                    self.foreign_ids.add(target_id)
                yield

    def look_for_missing(self, target: Target) -> Iterator[None]:
        """Ask for each that no list held: only who is not there when asked for is gone."""
        for kind, missing in self.missing.items():
            for target_id, link in missing.items():
                if target.read(kind, target_id) is None:
                    gone = (Difference(MISSING, target_id, None),)
                    self.found.append(self._to_drift(kind, link, gone))
                yield

    def _compare(self, kind: str, link: _Link, resource: Mapping[str, Any]) -> None:
        differing = [*differences(orjson.loads(link.document), resource)]
        ours = [one for one in differing if not self.port.view.is_left(kind, one.attribute_path)]
        self.left_count += len(differing) - len(ours)
        if kind == "Group":
            ours += self._member_differences(link, resource)
        if ours:
            drift = self._to_drift(kind, link, tuple(ours))
            changed_at, version = modified_at(resource), version_of(resource)
            self.found.append(replace(drift, changed_at=changed_at, version=version))

    def _member_differences(self, link: _Link, resource: Mapping[str, Any]) -> Iterator[Difference]:
        """Yield how the members of ours differ; whoever is not ours may be in the group."""
        users, ours = self.links["User"], self.members.get(link.external_id, set())
        values = (str(one.get("value")) for one in resource.get("members") or ())
        theirs = {users[value].external_id for value in values if value in users}
        if theirs != ours:
            yield Difference(MEMBERS_PATH, sorted(ours), sorted(theirs))

    def _to_drift(self, kind: str, link: _Link, held: tuple[Difference, ...]) -> Drift:
        return Drift(self.port.name, kind, link.external_id, link.name, held)


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


# -- what is to be repaired ----------------------------------------------------------------------


def note_drift(connection: Connection, found: Iterable[Drift]) -> None:
    """Make the ledger say what the target was found to hold; the next cycle plans the repair."""
    # Whoever is gone last: groups were seen to hold members that are not there any more.
    drifts = sorted(found, key=lambda one: one.is_gone)
    for target in {drift.target for drift in drifts}:
        forget_settlement(connection, target)
    for drift in drifts:
        if drift.is_gone:
            forget_link(connection, drift.target, drift.resource_type, drift.external_id)
        else:
            _note_values(connection, drift)


def _note_values(connection: Connection, drift: Drift) -> None:
    own = link_of(drift.target, drift.resource_type, drift.external_id)
    link = connection.execute(select(LINKS.c.document, LINKS.c.digest).where(*own)).first()
    if link is None:
        return
    document = orjson.loads(link.document)
    # Whose person is not wanted any more is not brought back, and the grace goes on.
    values: dict[str, Any] = {} if link.digest == RELEASED else {"digest": HELD_BACK}
    for one in drift.differences:
        if one.attribute_path == MEMBERS_PATH:
            _note_members(connection, drift, one)
            continue
        put(document, one.attribute_path, one.theirs)
        if one.attribute_path == "active":
            values |= {"digest": HELD_BACK, "is_active": is_usable(one.theirs)}
    values["document"] = orjson.dumps(document)
    connection.execute(update(LINKS).where(*own).values(values))


def _note_members(connection: Connection, drift: Drift, difference: Difference) -> None:
    own = (MEMBERS.c.target == drift.target, MEMBERS.c.group_id == drift.external_id)
    connection.execute(delete(MEMBERS).where(*own))
    key = {"target": drift.target, "group_id": drift.external_id}
    rows = [key | {"member_id": member_id} for member_id in difference.theirs]
    insert_rows(connection, upsert(connection.dialect, MEMBERS), rows)
