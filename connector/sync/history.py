"""What happened: cycles and their operations, for people and programs to read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import func, select

from connector.sync.ledger import CYCLE_TARGETS, CYCLES, OPERATIONS
from connector.sync.links import LINKS
from state.engine import of_some, reading

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import Connection, Engine, Row


@dataclass(frozen=True, slots=True)
class TargetPart:
    """What a cycle did at one target; counts are of operations."""

    target: str
    status: str
    reason: str
    planned_count: int
    applied_count: int
    failed_count: int
    unchanged_count: int


@dataclass(frozen=True, slots=True)
class CycleSummary:
    """One cycle.

    Attributes:
        cycle_id: Its number.
        trigger: Who asked for it.
        started_at: When it began.
        ended_at: When it ended; None while it runs, or if it was killed.
        status: "running", "interrupted" or how it ended.
        reason: Why not done.
        users_count: People in the directory afterwards.
        groups_count: Groups in the directory afterwards.
        problems_count: Entries that could not be mapped.
        parts: One for each target.

    """

    cycle_id: int
    trigger: str
    started_at: datetime
    ended_at: datetime | None
    status: str
    reason: str
    users_count: int
    groups_count: int
    problems_count: int
    parts: tuple[TargetPart, ...]


@dataclass(frozen=True, slots=True)
class OperationLine:
    """One operation of a cycle.

    Attributes:
        target: Where.
        kind: What.
        resource_type: Of what.
        external_id: Our key.
        name: For people.
        status: planned, sent, applied, rejected, unavailable, unknown or dropped.
        reason: The target's words if it was not applied.
        detail: Changes as [old, new] by path, members added and removed, why.

    """

    target: str
    kind: str
    resource_type: str
    external_id: str
    name: str
    status: str
    reason: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class PastOperation:
    """One operation on one resource, with the cycle that planned it.

    Attributes:
        cycle_id: Of which cycle.
        answered_at: When its outcome was written down; None if there is none.
        line: What it was.

    """

    cycle_id: int
    answered_at: datetime | None
    line: OperationLine


class LastWrite(NamedTuple):
    """Our last request for a resource that was applied.

    Attributes:
        at: When its outcome was written down.
        cycle_id: Of which cycle.

    """

    at: datetime
    cycle_id: int


class History:
    """Reads the ledger; writes nothing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def cycles(self, limit: int = 20, *, only_failed: bool = False) -> list[CycleSummary]:
        """Return the latest cycles, newest first."""
        statement = select(CYCLES).order_by(CYCLES.c.id.desc()).limit(limit)
        if only_failed:
            statement = statement.where(CYCLES.c.status.not_in(["done", "running"]))
        with reading(self._engine) as connection:
            return [_to_summary(connection, row) for row in connection.execute(statement)]

    def cycle(self, cycle_id: int) -> CycleSummary | None:
        """Return one cycle, or None."""
        with reading(self._engine) as connection:
            row = connection.execute(select(CYCLES).where(CYCLES.c.id == cycle_id)).first()
            return _to_summary(connection, row) if row else None

    def last_success_at(self) -> datetime | None:
        """Return when the last cycle without any fault ended."""
        statement = select(func.max(CYCLES.c.ended_at)).where(CYCLES.c.status == "done")
        with reading(self._engine) as connection:
            found: datetime | None = connection.scalar(statement)
            return found

    def operations(
        self, cycle_id: int, *, only_failed: bool = False, limit: int | None = None
    ) -> list[OperationLine]:
        """Return the operations of a cycle in the order of sending."""
        statement = select(OPERATIONS).where(OPERATIONS.c.cycle_id == cycle_id)
        if only_failed:
            statement = statement.where(OPERATIONS.c.status != "applied")
        statement = statement.order_by(OPERATIONS.c.id).limit(limit)
        with reading(self._engine) as connection:
            return [_to_line(row) for row in connection.execute(statement)]

    def operations_on(self, target: str, external_id: str, limit: int) -> list[PastOperation]:
        """Return the latest operations on one resource, newest first."""
        statement = select(OPERATIONS).where(
            OPERATIONS.c.target == target, OPERATIONS.c.external_id == external_id
        )
        statement = statement.order_by(OPERATIONS.c.id.desc()).limit(limit)
        with reading(self._engine) as connection:
            return [
                PastOperation(row.cycle_id, row.answered_at, _to_line(row))
                for row in connection.execute(statement)
            ]

    def last_writes(
        self, target: str, external_ids: Collection[str]
    ) -> dict[tuple[str, str], LastWrite]:
        """Return when each of these was last written, by resource type and external_id."""
        columns = (
            OPERATIONS.c.resource_type,
            OPERATIONS.c.external_id,
            OPERATIONS.c.answered_at,
            OPERATIONS.c.cycle_id,
        )
        applied = (OPERATIONS.c.target == target, OPERATIONS.c.status == "applied")
        statement = select(*columns).where(*applied).order_by(OPERATIONS.c.id)
        with reading(self._engine) as connection:
            return {
                (resource_type, external_id): LastWrite(at, cycle_id)
                for some in of_some(statement, OPERATIONS.c.external_id, external_ids)
                for resource_type, external_id, at, cycle_id in connection.execute(some)
            }

    def linked_counts(self) -> dict[str, dict[str, int]]:
        """Return how many resources of each type are ours, by target."""
        statement = select(LINKS.c.target, LINKS.c.resource_type, func.count()).group_by(
            LINKS.c.target, LINKS.c.resource_type
        )
        counts: dict[str, dict[str, int]] = {}
        with reading(self._engine) as connection:
            for target, resource_type, count in connection.execute(statement):
                counts.setdefault(target, {})[resource_type] = count
        return counts


def _to_summary(connection: Connection, row: Row[*tuple[Any, ...]]) -> CycleSummary:
    statement = select(CYCLE_TARGETS).where(CYCLE_TARGETS.c.cycle_id == row.id)
    parts = tuple(
        TargetPart(
            part.target,
            part.status,
            part.reason,
            part.planned_count,
            part.applied_count,
            part.failed_count,
            part.unchanged_count,
        )
        for part in connection.execute(statement.order_by(CYCLE_TARGETS.c.target))
    )
    return CycleSummary(
        cycle_id=row.id,
        trigger=row.trigger,
        started_at=row.started_at,
        ended_at=row.ended_at,
        status=row.status,
        reason=row.reason,
        users_count=row.users_count,
        groups_count=row.groups_count,
        problems_count=row.problems_count,
        parts=parts,
    )


def _to_line(row: Row[*tuple[Any, ...]]) -> OperationLine:
    return OperationLine(
        row.target,
        row.kind,
        row.resource_type,
        row.external_id,
        row.name,
        row.status,
        row.reason,
        orjson.loads(row.detail),
    )
