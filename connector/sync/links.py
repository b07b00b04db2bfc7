"""What is ours at each target: links and members, as outcomes leave them (step 12)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import bindparam, delete, select, update

from connector.packed import to_json, values_of
from connector.planner.diff import put
from connector.planner.known import HELD_BACK
from connector.planner.left import keep_left
from connector.planner.operation import Operation, OperationKind
from connector.target.outcome import Applied, Outcome, Rejected
from state.engine import insert_rows, table_of, upsert
from state.provisioning import LinkMemberRow, LinkRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from connector.planner.seen import Seen

LINKS = table_of(LinkRow)
MEMBERS = table_of(LinkMemberRow)

GONE = 404
BATCH = 500


def update_links(
    connection: Connection,
    where: tuple[int, str, datetime],
    answers: Iterable[tuple[Operation, Outcome]],
) -> None:
    """Make the links say what the target now holds."""
    made: list[dict[str, Any]] = []
    for planned, outcome in answers:
        operation = _as_done(planned, outcome)
        if isinstance(outcome, Applied) and _is_mere_creation(operation, outcome):
            made.append(_link_row(where, operation, outcome.target_id))
            continue
        # In order: a group may hold those who were made just now.
        _write_rows(connection, made)
        made = []
        _update_link(connection, where, operation, outcome)
    _write_rows(connection, made)


def _as_done(operation: Operation, outcome: Outcome) -> Operation:
    """Return an operation without what an account that was there already has kept of its own."""
    if isinstance(outcome, Applied) and outcome.was_adopted and operation.left:
        return replace(
            operation, document=keep_left(values_of(operation.document), {}, operation.left)
        )
    return operation


def _is_mere_creation(operation: Operation, outcome: Applied) -> bool:
    is_alone = not (operation.succeeds or operation.members_added or outcome.member_ids)
    return operation.kind is OperationKind.CREATE and is_alone


def _link_row(
    where: tuple[int, str, datetime], operation: Operation, target_id: str
) -> dict[str, Any]:
    cycle_id, target, now = where
    is_active = bool(operation.document.get("active", True))
    return {
        "target": target,
        "resource_type": operation.resource_type,
        "external_id": operation.external_id,
        "target_id": target_id,
        "name": operation.name,
        "name_folded": operation.name.casefold(),
        "is_active": is_active,
        "document": to_json(operation.document),
        "digest": operation.desired_digest,
        "disabled_at": None if is_active else now,
        "changed_at": now,
        "cycle_id": cycle_id,
    }


def _write_rows(connection: Connection, rows: list[dict[str, Any]]) -> None:
    insert_rows(connection, upsert(connection.dialect, LINKS), rows)


def _update_link(
    connection: Connection, where: tuple[int, str, datetime], operation: Operation, outcome: Outcome
) -> None:
    _, target, _ = where
    match outcome:
        case Applied() if operation.kind is OperationKind.DELETE:
            forget_link(connection, target, operation.resource_type, operation.external_id)
        case Applied(target_id=target_id, member_ids=member_ids):
            found = _owners(connection, target, member_ids)
            added = tuple(dict.fromkeys((*operation.members_added, *found)))
            changed = replace(operation, target_id=target_id, members_added=added)
            _remember(connection, where, changed)
        case Rejected(status=status) if status == GONE and operation.target_id is not None:
            owner = operation.succeeds or operation.external_id
            forget_link(connection, target, operation.resource_type, owner)


def note_seen(
    connection: Connection, where: tuple[str, datetime], operation: Operation, seen: Seen
) -> bool:
    """Make the links say what the target was seen to hold, where a change was in doubt.

    Returns whether what was to be taken over turned out to be.
    """
    target, now = where
    owner = operation.succeeds or operation.external_id
    is_taken_over = _was_taken_over(connection, target, operation, seen)
    if is_taken_over:
        _rename_link(connection, target, operation)
        owner = operation.external_id
    own = link_of(target, operation.resource_type, owner)
    link = connection.execute(select(LINKS.c.document, LINKS.c.is_active).where(*own)).first()
    if link is None:
        return False
    before, document = orjson.loads(link.document), orjson.loads(link.document)
    for path, value in seen.values.items():
        # A resource that is taken over stays its former owner's until that is certain.
        if path != "externalId" or owner == operation.external_id:
            put(document, path, value)
    if document != before:
        values: dict[str, Any] = {"document": orjson.dumps(document), "digest": HELD_BACK}
        is_active = is_usable(document.get("active", True))
        if is_active != link.is_active:
            values |= {"is_active": is_active, "disabled_at": None if is_active else now}
        connection.execute(update(LINKS).where(*own).values(values))
    held = replace(operation, external_id=owner, members_added=seen.present)
    _write_members(connection, target, replace(held, members_removed=seen.absent))
    return is_taken_over


def _was_taken_over(connection: Connection, target: str, operation: Operation, seen: Seen) -> bool:
    """Return whether what was to be taken over bears the newcomer's key, and nothing else does.

    Otherwise somebody whose name has changed meanwhile would be made a second time.
    """
    if not operation.succeeds or seen.values.get("externalId") != operation.external_id:
        return False
    own = link_of(target, operation.resource_type, operation.external_id)
    return connection.execute(select(LINKS.c.target_id).where(*own)).first() is None


def _rename_link(connection: Connection, target: str, operation: Operation) -> None:
    former = link_of(target, operation.resource_type, operation.succeeds)
    connection.execute(update(LINKS).where(*former).values(external_id=operation.external_id))
    _hand_over(connection, target, operation)


def forget_link(connection: Connection, target: str, resource_type: str, external_id: str) -> None:
    """Note that a resource is not there any more, nor its members and memberships."""
    connection.execute(delete(LINKS).where(*link_of(target, resource_type, external_id)))
    for column in (MEMBERS.c.group_id, MEMBERS.c.member_id):
        held = (MEMBERS.c.target == target, column == external_id)
        connection.execute(delete(MEMBERS).where(*held))


def _owners(connection: Connection, target: str, target_ids: Sequence[str]) -> list[str]:
    """Return the external_ids of those of ours who have these ids at the target."""
    owners: list[str] = []
    for start in range(0, len(target_ids), BATCH):
        some = LINKS.c.target_id.in_(target_ids[start : start + BATCH])
        own = (LINKS.c.target == target, LINKS.c.resource_type == "User", some)
        owners += connection.scalars(select(LINKS.c.external_id).where(*own))
    return owners


def _hand_over(connection: Connection, target: str, operation: Operation) -> None:
    """Forget whose the resource was; its members and memberships are the successor's."""
    heir, former = operation.external_id, operation.succeeds
    for column in (MEMBERS.c.group_id, MEMBERS.c.member_id):
        at_target = MEMBERS.c.target == target
        connection.execute(delete(MEMBERS).where(at_target, column == heir))
        moved = update(MEMBERS).where(at_target, column == former)
        connection.execute(moved.values({column.name: heir}))
    forget_link(connection, target, operation.resource_type, former)


def _remember(
    connection: Connection, where: tuple[int, str, datetime], operation: Operation
) -> None:
    cycle_id, target, now = where
    own = link_of(target, operation.resource_type, operation.external_id)
    if operation.succeeds:
        _hand_over(connection, target, operation)
    values: dict[str, Any] = {"changed_at": now, "cycle_id": cycle_id}
    if operation.kind is OperationKind.CREATE or (operation.changes and operation.document):
        values = _link_row(where, operation, operation.target_id or "")
    elif operation.kind is OperationKind.DISABLE:
        held = connection.scalar(select(LINKS.c.document).where(*own)) or b"{}"
        document = orjson.loads(held) | {"active": False}
        values |= {
            "is_active": False,
            "document": orjson.dumps(document),
            "digest": operation.desired_digest,
            "disabled_at": now,
        }
    _write_link(connection, (target, operation), values)
    _write_members(connection, target, operation)


def _write_link(connection: Connection, key: tuple[str, Operation], values: dict[str, Any]) -> None:
    target, operation = key
    if "target_id" in values:
        _write_rows(connection, [values])
        return
    own = link_of(target, operation.resource_type, operation.external_id)
    connection.execute(update(LINKS).where(*own).values(values))


def _write_members(connection: Connection, target: str, operation: Operation) -> None:
    group_id = operation.external_id
    if operation.members_added:
        rows = [
            {"target": target, "group_id": group_id, "member_id": member_id}
            for member_id in operation.members_added
        ]
        insert_rows(connection, upsert(connection.dialect, MEMBERS), rows)
    if operation.members_removed:
        statement = delete(MEMBERS).where(
            MEMBERS.c.target == target,
            MEMBERS.c.group_id == group_id,
            MEMBERS.c.member_id == bindparam("gone"),
        )
        connection.execute(statement, [{"gone": one} for one in operation.members_removed])


def is_usable(active: Any) -> bool:
    """Return whether an account is, by a value of `active` as targets give it.

    >>> is_usable("False"), is_usable("True"), is_usable(True)
    (False, True, True)

    """
    return str(active).casefold() != "false"


def link_of(target: str, resource_type: str, external_id: str) -> tuple[Any, ...]:
    """Return the conditions for one resource of ours."""
    return (
        LINKS.c.target == target,
        LINKS.c.resource_type == resource_type,
        LINKS.c.external_id == external_id,
    )
