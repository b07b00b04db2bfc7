"""What was planned, sent and answered, and what is ours at each target (step 12).

An operation's status: planned, sent, then applied, rejected, unavailable or unknown; `dropped` if
its cycle ended before it was sent; `held` if its plan waits for an operator.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import bindparam, func, insert, select, update

from connector.packed import Packed
from connector.planner.known import HELD_BACK, RELEASED, Known, KnownHead, KnownResource
from connector.sync.links import LINKS, MEMBERS, link_of, note_seen, update_links
from connector.sync.operation_rows import operation_of, operation_row
from connector.sync.setbacks import update_setbacks
from connector.target.outcome import Applied, Outcome, Rejected, Unavailable, Unknown
from state.engine import insert_rows, of_some, reading, table_of, upsert, writing
from state.provisioning import (
    IN_DOUBT,
    UNSETTLED,
    CycleRow,
    CycleTargetRow,
    OperationRow,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Engine, Select

    from connector.planner.operation import Operation, Plan
    from connector.planner.seen import Seen

CYCLES = table_of(CycleRow)
CYCLE_TARGETS = table_of(CycleTargetRow)
OPERATIONS = table_of(OperationRow)
INSERT_OPERATION = insert(OPERATIONS)

BATCH = 500


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

    def last_cycle(self) -> tuple[str, str]:
        """Return status and reason of the latest cycle; blank if there was none."""
        latest = select(CYCLES.c.status, CYCLES.c.reason).order_by(CYCLES.c.id.desc()).limit(1)
        with reading(self._engine) as connection:
            row = connection.execute(latest).first()
        return (row.status, row.reason) if row else ("", "")

    def close_cycle(self, cycle_id: int, values: dict[str, Any]) -> None:
        """Note how a cycle ended: status, reason, counts, ended_at."""
        with writing(self._engine) as connection:
            _drop_planned(connection, [cycle_id])
            connection.execute(update(CYCLES).where(CYCLES.c.id == cycle_id).values(values))

    def note_target(self, cycle_id: int, target: str, values: dict[str, Any]) -> None:
        """Note how a cycle stands at one target: status, reason, counts."""
        with writing(self._engine) as connection:
            row = {"cycle_id": cycle_id, "target": target, **values}
            connection.execute(upsert(connection.dialect, CYCLE_TARGETS), [row])

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
            numbered = enumerate(plan.operations, first)
            while some := list(islice(numbered, BATCH)):
                rows = [
                    operation_row(cycle_id, plan.target, operation)
                    | {"id": number, "is_approved": is_approved}
                    for number, operation in some
                ]
                insert_rows(connection, INSERT_OPERATION, rows)
        return [
            Recorded(first + number, operation) for number, operation in enumerate(plan.operations)
        ]

    def mark_sent(self, recorded: Sequence[Recorded], now: datetime) -> None:
        """Note that these are about to be sent; from here on their outcome is in doubt."""
        if not recorded:
            return
        with writing(self._engine) as connection:
            values = {"status": "sent", "sent_at": now}
            _update_operations(connection, [one.row_id for one in recorded], values)

    def record(
        self, cycle_id: int, target: str, answers: Iterable[tuple[Recorded, Outcome]], now: datetime
    ) -> None:
        """Write outcomes down, and what they mean for what is ours at the target."""
        with writing(self._engine) as connection:
            said, rows = [], defaultdict[tuple[str, str], list[int]](list)
            for recorded, outcome in answers:
                rows[_status_of(outcome)].append(recorded.row_id)
                said.append((recorded.operation, outcome))
            for (status, reason), row_ids in rows.items():
                values = {"status": status, "reason": reason, "answered_at": now}
                _update_operations(connection, row_ids, values)
            update_setbacks(connection, target, said, now)
            update_links(connection, (cycle_id, target, now), said)

    def in_doubt(self, target: str) -> list[Recorded]:
        """Return the operations that were sent and whose outcome nobody knows."""
        statement = select(OPERATIONS).where(OPERATIONS.c.target == target, IN_DOUBT)
        with reading(self._engine) as connection:
            rows = connection.execute(statement.order_by(OPERATIONS.c.id)).all()
        found = [(row.id, operation_of(row)) for row in rows]
        owners = {one.succeeds or one.external_id for _, one in found}
        target_ids = self.target_ids(target, owners) if owners else {}
        return [
            Recorded(
                row_id, replace(one, target_id=target_ids.get(one.succeeds or one.external_id))
            )
            for row_id, one in found
        ]

    def note_seen(self, target: str, operation: Operation, seen: Seen, now: datetime) -> bool:
        """Write down what a target was seen to hold where an operation is in doubt.

        Returns whether what was to be taken over turned out to be.
        """
        with writing(self._engine) as connection:
            return note_seen(connection, (target, now), operation, seen)

    # -- what is ours ---------------------------------------------------------------------------

    def known(self, target: str, external_ids: Collection[str] | None = None) -> Known:
        """Return what is ours at a target: accounts as heads, groups with their members.

        Args:
            target: Its name.
            external_ids: Of the people to look at, as accounts and as members; None for all.

        """
        columns = (LINKS.c.external_id, LINKS.c.digest, LINKS.c.is_active, LINKS.c.disabled_at)
        heads = select(*columns).where(LINKS.c.target == target, LINKS.c.resource_type == "User")
        groups = _resources(target, "Group")
        pairs = select(MEMBERS.c.group_id, MEMBERS.c.member_id).where(MEMBERS.c.target == target)
        members: dict[str, set[str]] = {}
        with reading(self._engine) as connection:
            streamed = connection.execution_options(stream_results=True)
            users = {
                key: KnownHead._make(head)
                for statement in of_some(heads, LINKS.c.external_id, external_ids)
                for key, *head in streamed.execute(statement)
            }
            known_groups = {
                row[0]: KnownResource._make(row) for row in connection.execute(groups).all()
            }
            shared = {key: key for key in users}
            for statement in of_some(pairs, MEMBERS.c.member_id, external_ids):
                for group_id, member_id in streamed.execute(statement):
                    members.setdefault(group_id, set()).add(shared.get(member_id, member_id))
        frozen = {group_id: frozenset(held) for group_id, held in members.items()}
        return Known(users, known_groups, frozen, self.resource_count(target))

    def resource_count(self, target: str) -> int:
        """Return how many resources are ours at a target."""
        with reading(self._engine) as connection:
            return connection.scalar(select(func.count()).where(LINKS.c.target == target)) or 0

    def member_counts(self, target: str) -> dict[str, int]:
        """Return how many members each of our groups is known to hold."""
        columns = (MEMBERS.c.group_id, func.count())
        statement = select(*columns).where(MEMBERS.c.target == target).group_by(columns[0])
        with reading(self._engine) as connection:
            return dict(connection.execute(statement).all())

    def unsettled(self, target: str, released_before: datetime) -> frozenset[str]:
        """Return whose account is to be looked at, whatever the directory says of it.

        These are accounts that are not as they were written, and those whose grace is over.
        """
        doubtful = LINKS.c.digest == HELD_BACK
        is_over = (LINKS.c.digest == RELEASED) & (LINKS.c.disabled_at <= released_before)
        own = (LINKS.c.target == target, LINKS.c.resource_type == "User", UNSETTLED)
        with reading(self._engine) as connection:
            return frozenset(
                key
                for one in (doubtful, is_over)
                for key in connection.scalars(select(LINKS.c.external_id).where(*own, one))
            )

    def namesakes(self, target: str, names: Collection[str]) -> frozenset[str]:
        """Return the external_ids of accounts of ours that go by these names, in any case."""
        folded = {name.casefold() for name in names}
        own = (LINKS.c.target == target, LINKS.c.resource_type == "User")
        statement = select(LINKS.c.external_id).where(*own)
        with reading(self._engine) as connection:
            return frozenset(
                key
                for some in of_some(statement, LINKS.c.name_folded, folded)
                for key in connection.scalars(some)
            )

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

    def account_of(self, target: str, external_id: str) -> tuple[bool, Packed] | None:
        """Return whether a person's account is active, and its document, as last written."""
        own = link_of(target, "User", external_id)
        with reading(self._engine) as connection:
            row = connection.execute(
                select(LINKS.c.is_active, LINKS.c.document).where(*own)
            ).first()
        return None if row is None else (row.is_active, Packed(row.document))

    def target_ids(
        self, target: str, external_ids: Collection[str] | None = None
    ) -> dict[str, str]:
        """Return the target's id of what is ours, all of it or these, by external_id."""
        columns = (LINKS.c.external_id, LINKS.c.target_id)
        # Both types by name, so that a few keys are found by the primary key.
        types = LINKS.c.resource_type.in_(["User", "Group"])
        statement = select(*columns).where(LINKS.c.target == target, types)
        with reading(self._engine) as connection:
            if external_ids is None:
                return dict(connection.execute(statement).all())
            return {
                external_id: target_id
                for some in of_some(statement, LINKS.c.external_id, external_ids)
                for external_id, target_id in connection.execute(some)
            }

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


def _update_operations(connection: Connection, row_ids: list[int], values: dict[str, Any]) -> None:
    """Give these rows the same values, by stretches of numbers: a plan has one after another."""
    statement = update(OPERATIONS).where(
        OPERATIONS.c.id.between(bindparam("first"), bindparam("last"))
    )
    stretches = [{"first": first, "last": last} for first, last in _stretches(row_ids)]
    connection.execute(statement.values(values), stretches)


def _stretches(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Return the first and last of each stretch without a gap.

    >>> _stretches([4, 1, 2, 7, 3])
    [(1, 4), (7, 7)]

    """
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def _drop_planned(connection: Connection, cycle_ids: list[int]) -> None:
    never_sent = (OPERATIONS.c.cycle_id.in_(cycle_ids), OPERATIONS.c.status == "planned")
    connection.execute(update(OPERATIONS).where(*never_sent).values(status="dropped"))


def next_operation_id(connection: Connection) -> int:
    """Return the number of the operation that is written down next."""
    latest = select(OPERATIONS.c.id).order_by(OPERATIONS.c.id.desc()).limit(1)
    return (connection.scalar(latest) or 0) + 1


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
