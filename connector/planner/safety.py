"""The guard: a plan that takes away or changes too much is not sent (step 8)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from connector.errors import UnsafePlanError
from connector.planner.operation import OperationKind
from connector.settings.values import Limit

if TYPE_CHECKING:
    from connector.planner.operation import Plan


@dataclass(frozen=True, slots=True)
class Limits:
    """What one cycle may do to a target at most.

    Attributes:
        deletes: Resources deleted.
        disables: Accounts switched off.
        updates: Resources changed or switched on.

    """

    deletes: Limit
    disables: Limit
    updates: Limit

    def allowing(self, removals_count: int | None) -> Limits:
        """Return limits for one cycle that allow so many deletes and so many disables."""
        if removals_count is None:
            return self
        raised = Limit(count=removals_count)
        return replace(self, deletes=raised, disables=raised)


_VERBS = {
    "delete": frozenset({OperationKind.DELETE}),
    "disable": frozenset({OperationKind.DISABLE}),
    "update": frozenset({OperationKind.UPDATE, OperationKind.ENABLE}),
}


def ensure_safe(plan: Plan, limits: Limits) -> Plan:
    """Return the plan if it keeps within the limits.

    A group counts once, however many requests its members take; filling a group that the same
    plan creates is no change.

    Raises:
        UnsafePlanError: with both numbers; nothing may be sent.

    """
    bounds = {"delete": limits.deletes, "disable": limits.disables, "update": limits.updates}
    for verb, limit in bounds.items():
        touched = {
            (operation.resource_type, operation.external_id)
            for operation in plan.operations
            if operation.kind in _VERBS[verb] and operation.target_id is not None
        }
        allowed = limit.allowed(plan.known_count)
        if len(touched) > allowed:
            counts = (len(touched), allowed, plan.known_count)
            raise UnsafePlanError(plan.target, verb, counts=counts, limit=str(limit))
    return plan
