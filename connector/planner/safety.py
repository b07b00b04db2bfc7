"""The guard: a plan that takes away or changes too much is not sent (step 8)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from connector.errors import Excess, UnsafePlanError
from connector.planner.operation import OperationKind
from connector.settings.values import Limit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from connector.planner.operation import Operation, Plan

HALF = Limit(share=0.5)
ALL = Limit(share=1.0)

Touched = tuple[str, str]
"""Resource type and external_id."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be done to a target at most, in one cycle and within a day.

    Attributes:
        deletes: Resources deleted.
        disables: Accounts switched off.
        updates: Resources changed or switched on.
        group_members: Members taken out of one group, of those that it is known to hold.
        memberships: Members taken out of groups, of all known memberships. Half of them at once
            more likely means that we may no longer see the members of groups.

    """

    deletes: Limit
    disables: Limit
    updates: Limit
    group_members: Limit = HALF
    memberships: Limit = HALF

    def allowing(self, removals_count: int | None) -> Limits:
        """Return limits for one cycle that allow so many deletes and so many disables.

        Whoever allows any has seen the plan, with the memberships that go along.
        """
        if removals_count is None:
            return self
        raised = replace(self, deletes=Limit(count=removals_count))
        raised = replace(raised, disables=Limit(count=removals_count))
        return replace(raised, group_members=ALL, memberships=ALL) if removals_count else raised


@dataclass(frozen=True, slots=True)
class Spent:
    """What was done to a target within a day without anybody's approval.

    Attributes:
        touched: Resources by verb: "delete", "disable", "update".
        removed: How many members were taken out of a group, by its external_id.

    """

    touched: Mapping[str, AbstractSet[Touched]] = field(default_factory=dict)
    removed: Mapping[str, int] = field(default_factory=dict)


NOTHING_SPENT = Spent()

VERBS = {
    OperationKind.DELETE: "delete",
    OperationKind.DISABLE: "disable",
    OperationKind.UPDATE: "update",
    OperationKind.ENABLE: "update",
}


def ensure_safe(plan: Plan, limits: Limits, spent: Spent = NOTHING_SPENT) -> Plan:
    """Return the plan if it keeps within the limits, together with what the day has seen.

    A group counts once, however many requests its members take; filling a group that the same
    plan creates is no change. A plan that does nothing of a kind is not stopped for what was done
    before.

    Raises:
        UnsafePlanError: with both numbers and the first names; nothing may be sent.

    """
    bounds = {"delete": limits.deletes, "disable": limits.disables, "update": limits.updates}
    for verb, limit in bounds.items():
        planned = {_key(one): one.name for one in plan.operations if _is_counted(one, verb)}
        before = spent.touched.get(verb, frozenset()) - planned.keys()
        allowed = limit.allowed(plan.known_count)
        if planned and len(planned) + len(before) > allowed:
            numbers = (len(planned), len(before), allowed, plan.known_count)
            raise UnsafePlanError(
                plan.target, Excess(verb, "resources", *numbers, str(limit), _first(planned))
            )
    _ensure_members_stay(plan, limits, spent)
    return plan


def _key(operation: Operation) -> Touched:
    return operation.resource_type, operation.external_id


def _is_counted(operation: Operation, verb: str) -> bool:
    is_known = operation.target_id is not None and not _completes_creation(operation)
    return is_known and VERBS.get(operation.kind) == verb


def _completes_creation(operation: Operation) -> bool:
    """Return whether nothing is known of a resource but that it is ours, as after a crash."""
    name = "displayName" if operation.resource_type == "Group" else "userName"
    return name in operation.changes and operation.previous.get(name) is None


def _first(names: Mapping[Touched, str]) -> tuple[str, ...]:
    return tuple(sorted(names.values(), key=str.casefold)[:3])


def _ensure_members_stay(plan: Plan, limits: Limits, spent: Spent) -> None:
    removing = [operation for operation in plan.operations if operation.members_removed]
    planned = Counter[str]()
    for operation in removing:
        planned[operation.external_id] += len(operation.members_removed)
    for group_id, count in planned.items():
        known_count = plan.known_members.get(group_id, 0)
        bound = (limits.group_members, known_count, spent.removed.get(group_id, 0))
        named = [one for one in removing if one.external_id == group_id]
        _ensure_few(plan.target, "members of one group", count, bound, named)
    known_count = sum(plan.known_members.values())
    bound = (limits.memberships, known_count, sum(spent.removed.values()))
    _ensure_few(plan.target, "memberships", planned.total(), bound, removing)


def _ensure_few(
    target: str,
    what: str,
    count: int,
    bound: tuple[Limit, int, int],
    named: Iterable[Operation],
) -> None:
    limit, known_count, spent_count = bound
    # What was removed within the day is no longer known, and was then.
    allowed = limit.allowed(known_count + spent_count)
    if count and count + spent_count > allowed:
        names = _first({_key(operation): operation.name for operation in named})
        numbers = (count, spent_count, allowed, known_count)
        raise UnsafePlanError(target, Excess("remove", what, *numbers, str(limit), names))
