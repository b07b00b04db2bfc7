"""Resources whose operation was refused: each is tried again at its own time (step 12).

A conflict is not: the same request would be refused again. It waits until what is wanted changes,
or until somebody asks by hand.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import delete, select

from connector.planner.identity import identity_of
from connector.target.outcome import Applied, Rejected
from state.engine import reading, table_of, upsert, writing
from state.provisioning import SetbackRow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

    from connector.planner.operation import Operation, Plan
    from connector.target.outcome import Outcome
    from state.engine import Engine

SETBACKS = table_of(SetbackRow)
CONFLICT = 409
SHORTEST = timedelta(minutes=5)
LONGEST = timedelta(hours=24)


class Setback(NamedTuple):
    """One resource that the target refused.

    Attributes:
        target: Which target.
        resource_type: Of what type.
        external_id: Our key.
        name: For people.
        identity: Of the operation that was refused.
        reason: The target's words.
        refused_count: How often in a row.
        since_at: When it was refused first.
        retry_at: When a scheduled cycle tries again; None: not by itself.

    """

    target: str
    resource_type: str
    external_id: str
    name: str
    identity: bytes
    reason: str
    refused_count: int
    since_at: datetime
    retry_at: datetime | None

    def waits(self, now: datetime) -> bool:
        """Return whether its time has not come yet."""
        return self.retry_at is None or self.retry_at > now


class Setbacks:
    """The setbacks of one state database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self, target: str = "") -> list[Setback]:
        """Return everything that was refused, of one target or of all, oldest first."""
        statement = select(SETBACKS).order_by(SETBACKS.c.since_at, SETBACKS.c.name)
        if target:
            statement = statement.where(SETBACKS.c.target == target)
        with reading(self._engine) as connection:
            return [Setback._make(row) for row in connection.execute(statement)]

    def forget_unwanted(self, plan: Plan, people: Collection[str] | None) -> None:
        """Forget what was refused and is wanted no more.

        Args:
            plan: Everything that is wanted of a target now, groups and the people looked at.
            people: external_ids of the people looked at; None for everybody.

        """
        wanted = {(one.resource_type, one.external_id) for one in plan.operations}
        unwanted = [
            one
            for one in self.all(plan.target)
            if (one.resource_type, one.external_id) not in wanted
            and (people is None or one.resource_type != "User" or one.external_id in people)
        ]
        if not unwanted:
            return
        with writing(self._engine) as connection:
            for one in unwanted:
                connection.execute(delete(SETBACKS).where(*_own(one)))

    def waiting(self, target: str, now: datetime) -> frozenset[bytes]:
        """Return the identities of operations that are not to be tried yet."""
        return frozenset(one.identity for one in self.all(target) if one.waits(now))


def update_setbacks(
    connection: Connection,
    target: str,
    answers: Iterable[tuple[Operation, Outcome]],
    now: datetime,
) -> None:
    """Note what was refused, and forget what was taken."""
    columns = (SETBACKS.c.resource_type, SETBACKS.c.external_id)
    noted = {
        tuple(row)
        for row in connection.execute(select(*columns).where(SETBACKS.c.target == target))
    }
    for operation, outcome in answers:
        is_noted = (operation.resource_type, operation.external_id) in noted
        if isinstance(outcome, Applied) and not is_noted:
            continue
        own = _own((target, operation.resource_type, operation.external_id))
        match outcome:
            case Applied():
                connection.execute(delete(SETBACKS).where(*own))
            case Rejected():
                row = connection.execute(select(SETBACKS).where(*own)).first()
                former = Setback._make(row) if row else None
                setback = _next(former, target, operation, outcome, now)
                connection.execute(upsert(connection.dialect, SETBACKS), [setback._asdict()])


def _own(key: Sequence[Any]) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for one row, by its target, resource type and external_id."""
    columns = (SETBACKS.c.target, SETBACKS.c.resource_type, SETBACKS.c.external_id)
    return tuple(column == value for column, value in zip(columns, key, strict=False))


def _next(
    former: Setback | None, target: str, operation: Operation, refusal: Rejected, now: datetime
) -> Setback:
    identity = identity_of(operation)
    is_same = former is not None and former.identity == identity
    count = former.refused_count + 1 if former and is_same else 1
    length = min(LONGEST, SHORTEST * 2 ** min(count - 1, 10))
    return Setback(
        target=target,
        resource_type=operation.resource_type,
        external_id=operation.external_id,
        name=operation.name,
        identity=identity,
        reason=f"{refusal.status}: {refusal.reason}",
        refused_count=count,
        since_at=former.since_at if former and is_same else now,
        retry_at=None if refusal.status == CONFLICT else now + length,
    )
