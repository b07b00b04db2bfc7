"""A change of members in smaller parts, for a target that refuses it as a whole."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from connector.planner.operation import OperationKind

if TYPE_CHECKING:
    from connector.planner.operation import Operation


def halves(operation: Operation) -> tuple[Operation, ...]:
    """Return a change of a group as two smaller ones; () if it cannot be divided.

    First its attributes are told from its members, then the members are halved.

    >>> from connector.planner.operation import Operation
    >>> group = Operation(OperationKind.UPDATE, "Group", "g", "Staff", members_added=("a", "b"))
    >>> [part.members_added for part in halves(group)]
    [('a',), ('b',)]

    """
    is_change = operation.kind is OperationKind.UPDATE and operation.resource_type == "Group"
    added, removed = operation.members_added, operation.members_removed
    count = len(added) + len(removed)
    if not is_change or operation.succeeds or not count:
        return ()
    if operation.changes:
        attributes = replace(operation, members_added=(), members_removed=())
        return attributes, replace(operation, changes={}, previous={})
    if count == 1:
        return ()
    if len(added) > 1 or not removed:
        middle = (len(added) + 1) // 2
        first = replace(operation, members_added=added[:middle], members_removed=())
        return first, replace(operation, members_added=added[middle:])
    if added:
        first = replace(operation, members_removed=())
        return first, replace(operation, members_added=())
    middle = len(removed) // 2
    first = replace(operation, members_removed=removed[:middle])
    return first, replace(operation, members_removed=removed[middle:])
