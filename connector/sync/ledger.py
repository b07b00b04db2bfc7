"""What was planned, sent and answered, and what is ours at each target (step 12).

An operation's status: planned, sent, then applied, rejected, unavailable or unknown; `dropped` if
its cycle ended before it was sent; `held` if its plan waits for an operator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import bindparam, insert, select, update

from connector.planner.identity import identity_of
from connector.planner.known import RELEASED, Known, KnownHead, KnownResource
from connector.planner.operation import Operation, OperationKind
from connector.sync.links import LINKS, MEMBERS, link_of, update_links
from connector.sync.setbacks import update_setbacks
from connector.target.outcome import Applied, Outcome, Rejected, Unavailable, Unknown
from state.engine import reading, table_of, upsert, writing
from state.provisioning import (
    CycleRow,
    CycleTargetRow,
    OperationRow,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Engine, Select

    from connector.planner.operation import Plan

CYCLES = table_of(CycleRow)
CYCLE_TARGETS = table_of(CycleTargetRow)
OPERATIONS = table_of(OperationRow)

BATCH = 500
# A takeover after a crash: nothing is known of the resource but that it is ours.
NOTHING_KNOWN = b""


class Recorded(NamedTuple):
    """An operation that is in the ledger.

    Attributes:
        row_id: Its row.
        operation: What it is.

    """

    row_id: int
    operation: Operation


class Ledger:
    """The record of one state database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # -- cycles ---------------------------------------------------------------------------------

    def open_cycle(self, trigger: str, now: datetime) -> int:
        """Note that a cycle begins; return its number.

        Cycles that were killed are closed: what they had planned and not sent is dropped. Only
        to be called by the holder of the cycle lock.
        """
        with writing(self._engine) as connection:
            running = CYCLES.c.status == "running"
            killed = list(connection.scalars(select(CYCLES.c.id).where(running)))
            if killed:
                _drop_planned(connection, killed)
                interrupted = {"status": "interrupted", "ended_at": now, "reason": "killed"}
                connection.execute(update(CYCLES).where(running).values(interrupted))
            values = {
                "trigger": trigger,
                "started_at": now,
                "status": "running",
                "reason": "",
                "users_count": 0,
                "groups_count": 0,
                "problems_count": 0,
            }
            result = connection.execute(insert(CYCLES).values(values))
            return int((result.inserted_primary_key or (0,))[0])

    def close_cycle(self, cycle_id: int, values: dict[str, Any]) -> None:
        """Note how a cycle ended: status, reason, counts, ended_at."""
        with writing(self._engine) as connection:
            _drop_planned(connection, [cycle_id])
            connection.execute(update(CYCLES).where(CYCLES.c.id == cycle_id).values(values))

    def note_target(self, cycle_id: int, target: str, values: dict[str, Any]) -> None:
        """Note how a cycle stands at one target: status, reason, counts."""
        with writing(self._engine) as connection:
            row = {"cycle_id": cycle_id, "target": target, **values}
            connection.execute(upsert(connection, CYCLE_TARGETS), [row])

    # -- operations -----------------------------------------------------------------------------

    def record_plan(
        self, cycle_id: int, plan: Plan, now: datetime, *, is_approved: bool = False
    ) -> list[Recorded]:
        """Write a plan down before anything of it is sent.

        Args:
            cycle_id: Whose plan.
            plan: What will be sent.
            now: When that is.
            is_approved: Whether an operator has seen it; it does not count against the limits of
                the day then.

        """
        with writing(self._engine) as connection:
            for external_id, digest in plan.touched:
                own = link_of(plan.target, "User", external_id)
                values = {"digest": digest, "changed_at": now}
                if digest == RELEASED:
                    values["disabled_at"] = now
                connection.execute(update(LINKS).where(*own).values(values))
            if not plan.operations:
                return []
            first = next_operation_id(connection)
            rows = [
                operation_row(cycle_id, plan.target, operation)
                | {"id": first + number, "is_approved": is_approved}
                for number, operation in enumerate(plan.operations)
            ]
            connection.execute(insert(OPERATIONS), rows)
        return [
            Recorded(first + number, operation) for number, operation in enumerate(plan.operations)
        ]

    def mark_sent(self, recorded: Sequence[Recorded], now: datetime) -> None:
        """Note that these are about to be sent; from here on their outcome is in doubt."""
        if not recorded:
            return
        with writing(self._engine) as connection:
            statement = update(OPERATIONS).where(OPERATIONS.c.id == bindparam("row"))
            connection.execute(
                statement.values(status="sent", sent_at=now),
                [{"row": one.row_id} for one in recorded],
            )

    def record(
        self, cycle_id: int, target: str, answers: Iterable[tuple[Recorded, Outcome]], now: datetime
    ) -> None:
        """Write outcomes down, and what they mean for what is ours at the target."""
        with writing(self._engine) as connection:
            rows = []
            answers = list(answers)
            update_setbacks(
                connection, target, [(one.operation, said) for one, said in answers], now
            )
            for recorded, outcome in answers:
                status, reason = _status_of(outcome)
                rows.append({"row": recorded.row_id, "new_status": status, "new_reason": reason})
                update_links(connection, (cycle_id, target, now), recorded.operation, outcome)
            statement = update(OPERATIONS).where(OPERATIONS.c.id == bindparam("row"))
            values = {
                "status": bindparam("new_status"),
                "reason": bindparam("new_reason"),
                "answered_at": now,
            }
            connection.execute(statement.values(values), rows)

    def in_doubt(self, target: str) -> list[Recorded]:
        """Return the operations that were sent and whose outcome nobody knows."""
        doubtful = OPERATIONS.c.status.in_(["sent", "unknown"])
        statement = select(OPERATIONS).where(OPERATIONS.c.target == target, doubtful)
        links = select(LINKS.c.external_id, LINKS.c.target_id).where(LINKS.c.target == target)
        with reading(self._engine) as connection:
            target_ids: dict[str, str] = dict(connection.execute(links).all())
            return [
                Recorded(
                    row.id,
                    Operation(
                        kind=OperationKind(row.kind),
                        resource_type=row.resource_type,
                        external_id=row.external_id,
                        name=row.name,
                        target_id=target_ids.get(row.external_id),
                        desired_digest=NOTHING_KNOWN,
                    ),
                )
                for row in connection.execute(statement.order_by(OPERATIONS.c.id))
            ]

    # -- what is ours ---------------------------------------------------------------------------

    def known(self, target: str) -> Known:
        """Return everything of ours at a target: accounts as heads, groups with their members."""
        columns = (LINKS.c.external_id, LINKS.c.digest, LINKS.c.is_active, LINKS.c.disabled_at)
        heads = select(*columns).where(LINKS.c.target == target, LINKS.c.resource_type == "User")
        groups = _resources(target, "Group")
        pairs = select(MEMBERS.c.group_id, MEMBERS.c.member_id).where(MEMBERS.c.target == target)
        members: dict[str, set[str]] = {}
        with reading(self._engine) as connection:
            streamed = connection.execution_options(stream_results=True)
            users = {key: KnownHead._make(head) for key, *head in streamed.execute(heads)}
            known_groups = {
                row.external_id: KnownResource._make(row) for row in connection.execute(groups)
            }
            shared = {key: key for key in users}
            for group_id, member_id in streamed.execute(pairs):
                members.setdefault(group_id, set()).add(shared.get(member_id, member_id))
        frozen = {group_id: frozenset(held) for group_id, held in members.items()}
        return Known(users, known_groups, frozen)

    def accounts(self, target: str, external_ids: Collection[str]) -> dict[str, KnownResource]:
        """Return what is ours of these people, by external_id."""
        found = {}
        waiting = list(external_ids)
        with reading(self._engine) as connection:
            for start in range(0, len(waiting), BATCH):
                some = LINKS.c.external_id.in_(waiting[start : start + BATCH])
                for row in connection.execute(_resources(target, "User").where(some)):
                    found[row.external_id] = KnownResource._make(row)
        return found

    def target_ids(self, target: str) -> dict[str, str]:
        """Return the target's id of everything of ours, by external_id."""
        statement = select(LINKS.c.external_id, LINKS.c.target_id).where(LINKS.c.target == target)
        with reading(self._engine) as connection:
            return dict(connection.execute(statement).all())

    def documents(
        self, target: str, resource_type: str, external_ids: Collection[str]
    ) -> dict[str, dict[str, Any]]:
        """Return what the target is known to hold of these, by external_id."""
        found = {}
        waiting = list(external_ids)
        with reading(self._engine) as connection:
            for start in range(0, len(waiting), BATCH):
                statement = select(LINKS.c.external_id, LINKS.c.document).where(
                    LINKS.c.target == target,
                    LINKS.c.resource_type == resource_type,
                    LINKS.c.external_id.in_(waiting[start : start + BATCH]),
                )
                for external_id, document in connection.execute(statement):
                    found[external_id] = orjson.loads(document)
        return found


def _resources(target: str, resource_type: str) -> Select[Any]:
    """Return the statement for what is ours, in the order of KnownResource."""
    columns = (
        LINKS.c.external_id,
        LINKS.c.target_id,
        LINKS.c.name,
        LINKS.c.is_active,
        LINKS.c.digest,
    )
    own = (LINKS.c.target == target, LINKS.c.resource_type == resource_type)
    return select(*columns).where(*own)


def _drop_planned(connection: Connection, cycle_ids: list[int]) -> None:
    never_sent = (OPERATIONS.c.cycle_id.in_(cycle_ids), OPERATIONS.c.status == "planned")
    connection.execute(update(OPERATIONS).where(*never_sent).values(status="dropped"))


def next_operation_id(connection: Connection) -> int:
    """Return the number of the operation that is written down next."""
    latest = select(OPERATIONS.c.id).order_by(OPERATIONS.c.id.desc()).limit(1)
    return (connection.scalar(latest) or 0) + 1


def operation_row(cycle_id: int, target: str, operation: Operation) -> dict[str, Any]:
    """Return the row of an operation that is planned."""
    detail = {
        "changes": {
            path: [operation.previous.get(path), value] for path, value in operation.changes.items()
        },
        "added": operation.members_added,
        "removed": operation.members_removed,
        "succeeds": operation.succeeds,
        "why": operation.reason,
    }
    return {
        "cycle_id": cycle_id,
        "target": target,
        "kind": operation.kind.value,
        "resource_type": operation.resource_type,
        "external_id": operation.external_id,
        "name": operation.name,
        "detail": orjson.dumps({key: value for key, value in detail.items() if value}),
        "status": "planned",
        "reason": "",
        "identity": identity_of(operation),
        "removed_count": len(operation.members_removed),
        "is_approved": False,
    }


def _status_of(outcome: Outcome) -> tuple[str, str]:
    match outcome:
        case Applied(was_adopted=True):
            return "applied", "adopted: it was already there"
        case Applied():
            return "applied", ""
        case Rejected(status=status, reason=reason):
            return "rejected", f"{status}: {reason}"
        case Unavailable(reason=reason):
            return "unavailable", reason
        case Unknown(reason=reason):
            return "unknown", reason
