"""The guard: a plan that takes away or changes too much is not sent (step 8)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from connector.errors import UnsafePlanError
from connector.planner.operation import OperationKind
from connector.settings.values import Limit

if TYPE_CHECKING:
    from connector.planner.operation import Plan


HALF = Limit(share=0.5)
ALL = Limit(share=1.0)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one cycle may do to a target at most.

    Attributes:
        deletes: Resources deleted.
        disables: Accounts switched off.
        updates: Resources changed or switched on.
        memberships: Members taken out of groups, of all known memberships. Half of them at once
            more likely means that we may no longer see the members of groups.

    """

    deletes: Limit
    disables: Limit
    updates: Limit
    memberships: Limit = HALF

    def allowing(self, removals_count: int | None) -> Limits:
        """Return limits for one cycle that allow so many deletes and so many disables.

        Whoever allows any has seen the plan, with the memberships that go along.
        """
        if removals_count is None:
            return self
        raised = Limit(count=removals_count)
        return replace(
            self, deletes=raised, disables=raised, memberships=ALL if removals_count else HALF
        )


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
    _ensure_members_stay(plan, limits.memberships)
    return plan


def _ensure_members_stay(plan: Plan, limit: Limit) -> None:
    removed_count = sum(len(operation.members_removed) for operation in plan.operations)
    allowed = limit.allowed(plan.known_members_count)
    if removed_count > allowed:
        counts = (removed_count, allowed, plan.known_members_count)
        raise UnsafePlanError(
            plan.target, "remove", counts=counts, limit=str(limit), what="memberships"
        )
