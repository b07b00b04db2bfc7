"""A plan without what the target refused lately and would refuse again (pure)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from connector.planner.identity import identity_of
from connector.planner.operation import OperationKind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from collections.abc import Set as AbstractSet

    from connector.planner.operation import Operation, Plan


def without_waiting(plan: Plan, waiting: AbstractSet[bytes]) -> Plan:
    """Return the plan without operations that wait for their next try.

    Members that a withheld creation would have made are left out of their groups.

    Args:
        plan: As made from what is wanted and known.
        waiting: Identities of operations.

    """
    withheld = [operation for operation in plan.operations if identity_of(operation) in waiting]
    if not withheld:
        return plan
    absent = {one.external_id for one in withheld if one.kind is OperationKind.CREATE}
    kept = tuple(_kept(plan, withheld, absent))
    return replace(plan, operations=kept, withheld_count=len(withheld))


def _kept(
    plan: Plan, withheld: Collection[Operation], absent: AbstractSet[str]
) -> Iterator[Operation]:
    left_out = {id(operation) for operation in withheld}
    for operation in plan.operations:
        if id(operation) in left_out:
            continue
        if operation.external_id in absent:
            continue
        if absent.isdisjoint(operation.members_added):
            yield operation
            continue
        added = tuple(one for one in operation.members_added if one not in absent)
        smaller = replace(operation, members_added=added)
        if added or smaller.members_removed or smaller.changes:
            yield smaller
