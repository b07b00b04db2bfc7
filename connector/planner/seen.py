"""What a resource shows of a change whose answer was lost (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connector.planner.diff import flatten
from connector.planner.drift import is_held

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connector.planner.operation import Operation


@dataclass(frozen=True, slots=True)
class Seen:
    """How a resource stands where an operation was to change it.

    Attributes:
        values: By the attribute paths of its changes; None if there is none.
        present: external_ids of members it names who are there.
        absent: Those who are not.
        is_done: Whether all is as the operation wants it.

    """

    values: Mapping[str, Any]
    present: tuple[str, ...]
    absent: tuple[str, ...]
    is_done: bool


def see(operation: Operation, resource: Mapping[str, Any], target_ids: Mapping[str, str]) -> Seen:
    """Return what a resource, as read, says about an operation that may have been done.

    >>> from connector.planner.operation import Operation, OperationKind
    >>> change = Operation(OperationKind.UPDATE, "User", "u", "anna", changes={"active": False})
    >>> see(change, {"active": "True"}, {}).is_done, see(change, {"active": "False"}, {}).is_done
    (False, True)

    """
    found = flatten(resource)
    values = {
        path: _as_written(found.get(path), value, operation.previous.get(path))
        for path, value in operation.changes.items()
    }
    held = {str(one.get("value")) for one in resource.get("members") or ()}
    named = (*operation.members_added, *operation.members_removed)
    present = tuple(key for key in named if target_ids.get(key) in held)
    absent = tuple(key for key in named if key not in present)
    is_done = (
        values == operation.changes
        and held.issuperset(filter(None, map(target_ids.get, operation.members_added)))
        and set(present) <= set(operation.members_added)
    )
    return Seen(values, present, absent, is_done)


def _as_written(found: Any, wanted: Any, previous: Any) -> Any:
    """Return a value as we wrote it, if it is one of ours in the target's form."""
    for ours in (wanted, previous):
        if found == ours:
            return ours
    for ours in (wanted, previous):
        if is_held(ours, found):
            return ours
    return found
