"""Plans that wait for an operator, and what a day has seen without one (steps 8 and 12).

A hold keeps its plan whole in the ledger. It is open until somebody approves or rejects it, or
until a later plan keeps within the limits.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select, update

from connector.planner.identity import identity_of
from connector.planner.safety import VERBS, Spent
from connector.sync.ledger import INSERT_OPERATION, OPERATIONS, next_operation_id
from connector.sync.operation_rows import operation_row
from state.engine import insert_rows, reading, table_of, writing
from state.provisioning import NO_CREATION, HoldRow

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, Engine

    from connector.planner.operation import Plan

HOLDS = table_of(HoldRow)
_VERBS = {kind.value: verb for kind, verb in VERBS.items()}
DAY = timedelta(hours=24)
# The status of an operation whose plan is held.
HELD = "held"


class Decision(StrEnum):
    """What became of a hold."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    OBSOLETE = "obsolete"


@dataclass(frozen=True, slots=True)
class Hold:
    """A plan that waits, or waited.

    Attributes:
        cycle_id: The cycle that made it, by whose number people name it.
        target: Of which target.
        reason: Why it is held, with both numbers.
        decision: What became of it.
        opened_at: Since when it waits.
        decided_at: When it was decided; None while it is open.
        decided_by: Who decided; "" while it is open.

    """

    cycle_id: int
    target: str
    reason: str
    decision: Decision
    opened_at: datetime
    decided_at: datetime | None
    decided_by: str


class Holds:
    """The held plans of one state database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def standing(self, target: str) -> Hold | None:
        """Return the latest hold of a target if it is open, or rejected and not obsolete since."""
        found = self._find(HOLDS.c.target == target)
        latest = found[-1] if found else None
        is_standing = latest and latest.decision in {Decision.OPEN, Decision.REJECTED}
        return latest if is_standing else None

    def of_cycle(self, cycle_id: int) -> list[Hold]:
        """Return what a cycle held, a plan a target."""
        return self._find(HOLDS.c.cycle_id == cycle_id)

    def open_holds(self) -> list[Hold]:
        """Return everything that waits for an operator, oldest first."""
        return self._find(HOLDS.c.status == Decision.OPEN)

    def was_ever_served(self, target: str) -> bool:
        """Return whether anything was ever sent to this target."""
        sent = (OPERATIONS.c.target == target, OPERATIONS.c.sent_at.is_not(None))
        with reading(self._engine) as connection:
            found = connection.scalar(select(OPERATIONS.c.id).where(*sent).limit(1))
        return found is not None

    def hold(self, cycle_id: int, plan: Plan, reason: str, now: datetime) -> Hold:
        """Keep a plan; one that was open until now gives way to it."""
        with writing(self._engine) as connection:
            superseded = (HOLDS.c.target == plan.target) & (HOLDS.c.status == Decision.OPEN)
            values = {"status": Decision.OBSOLETE.value, "decided_at": now}
            connection.execute(update(HOLDS).where(superseded).values(values))
            row = {"cycle_id": cycle_id, "target": plan.target, "reason": reason}
            row |= {"status": Decision.OPEN.value, "opened_at": now, "decided_by": ""}
            connection.execute(insert(HOLDS).values(row))
            first = next_operation_id(connection)
            rows = [
                operation_row(cycle_id, plan.target, operation)
                | {"id": first + number, "status": HELD, "identity": identity_of(operation)}
                for number, operation in enumerate(plan.operations)
            ]
            insert_rows(connection, INSERT_OPERATION, rows)
        return Hold(cycle_id, plan.target, reason, Decision.OPEN, now, None, "")

    def decide(self, hold: Hold, decision: Decision, who: str, now: datetime) -> None:
        """Note what became of a hold."""
        own = (HOLDS.c.cycle_id == hold.cycle_id) & (HOLDS.c.target == hold.target)
        values = {"status": decision.value, "decided_at": now, "decided_by": who}
        with writing(self._engine) as connection:
            connection.execute(update(HOLDS).where(own).values(values))

    def identities(self, hold: Hold) -> dict[bytes, str]:
        """Return the identities of a held plan's operations, each with a name for people."""
        statement = select(OPERATIONS.c.identity, OPERATIONS.c.kind, OPERATIONS.c.name).where(
            OPERATIONS.c.cycle_id == hold.cycle_id,
            OPERATIONS.c.target == hold.target,
            OPERATIONS.c.status == HELD,
        )
        with reading(self._engine) as connection:
            rows = connection.execute(statement.order_by(OPERATIONS.c.id))
            return {identity: f"{kind} {name}" for identity, kind, name in rows}

    def spent(self, target: str, now: datetime) -> Spent:
        """Return what was done to a target within a day without anybody's approval."""
        recent = (
            OPERATIONS.c.target == target,
            OPERATIONS.c.kind.in_(_VERBS),
            OPERATIONS.c.answered_at > now - DAY,
            OPERATIONS.c.status.in_(["applied", "unknown"]),
            OPERATIONS.c.is_approved.is_(False),
            NO_CREATION,
        )
        keys = (OPERATIONS.c.kind, OPERATIONS.c.resource_type, OPERATIONS.c.external_id)
        statement = select(*keys, func.sum(OPERATIONS.c.removed_count)).where(*recent)
        touched = defaultdict[str, set[tuple[str, str]]](set)
        removed = Counter[str]()
        with reading(self._engine) as connection:
            rows = connection.execute(statement.group_by(*keys)).all()
        for kind, resource_type, external_id, removed_count in rows:
            touched[_VERBS[kind]].add((resource_type, external_id))
            if removed_count:
                removed[external_id] += int(removed_count)
        return Spent(touched, removed)

    def _find(self, condition: ColumnElement[bool]) -> list[Hold]:
        with reading(self._engine) as connection:
            rows = connection.execute(select(HOLDS).where(condition).order_by(HOLDS.c.id))
            return [
                Hold(
                    row.cycle_id,
                    row.target,
                    row.reason,
                    Decision(row.status),
                    row.opened_at,
                    row.decided_at,
                    row.decided_by,
                )
                for row in rows
            ]
