"""A plan for people to read, and for programs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import orjson

from connector.packed import values_of
from connector.planner.operation import OperationKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector.planner.operation import Operation, Plan

SIGNS = {
    OperationKind.CREATE: "+",
    OperationKind.UPDATE: "~",
    OperationKind.ENABLE: "+",
    OperationKind.DISABLE: "-",
    OperationKind.DELETE: "-",
}
VERBS = {
    OperationKind.CREATE: "add",
    OperationKind.UPDATE: "change",
    OperationKind.ENABLE: "enable",
    OperationKind.DISABLE: "disable",
    OperationKind.DELETE: "delete",
}
_LONGEST_VALUE = 60


def render_text(plan: Plan) -> str:
    """Return the plan as lines of `+ ~ -` with old and new values, then a summary."""
    lines = [f"Target {plan.target}:"]
    width = min(40, max((len(operation.name) for operation in plan.operations), default=0))
    lines.extend(_line(operation, width) for operation in plan.operations)
    lines.extend(f"Note: {note}." for note in plan.notes)
    lines.append(summary(plan))
    return "\n".join(lines)


def summary(plan: Plan) -> str:
    """Return the counts in one sentence; a group counts once however many requests it takes."""
    if not plan.operations:
        return f"Plan: nothing to do, {plan.unchanged_count} unchanged."
    counts = counts_by_verb(plan)
    parts = [f"{counts[verb]} to {verb}" for verb in VERBS.values() if counts[verb]]
    requests = len(plan.operations)
    unit = "request" if requests == 1 else "requests"
    return f"Plan: {', '.join(parts)}, {plan.unchanged_count} unchanged; {requests} {unit}."


def counts_by_verb(plan: Plan) -> Counter[str]:
    """Return how many resources each verb touches."""
    touched = {
        (operation.kind, operation.resource_type, operation.external_id)
        for operation in plan.operations
        if operation.kind is OperationKind.CREATE or operation.target_id is not None
    }
    return Counter(VERBS[kind] for kind, _, _ in touched)


def describe(operation: Operation) -> str:
    """Return an operation in one line.

    >>> from connector.planner.operation import Operation
    >>> describe(Operation(OperationKind.DISABLE, "User", "u", "anna", reason="left the source"))
    'disable user anna  (left the source)'

    """
    words = f"{VERBS[operation.kind]} {operation.resource_type.lower()} {operation.name}"
    return "  ".join((words, *_details(operation)))


def to_json_values(plan: Plan) -> dict[str, Any]:
    """Return the plan as JSON values."""
    return {
        "target": plan.target,
        "operations": [_operation_values(operation) for operation in plan.operations],
        "counts": dict(sorted(counts_by_verb(plan).items())),
        "unchanged": plan.unchanged_count,
        "known": plan.known_count,
        "notes": list(plan.notes),
    }


def _operation_values(operation: Operation) -> dict[str, Any]:
    values = {
        "kind": operation.kind,
        "resource_type": operation.resource_type,
        "external_id": operation.external_id,
        "name": operation.name,
        "target_id": operation.target_id,
        "reason": operation.reason,
        "changes": {
            path: {"old": operation.previous.get(path), "new": value}
            for path, value in operation.changes.items()
        },
        "members_added": list(operation.members_added),
        "members_removed": list(operation.members_removed),
    }
    if operation.kind is OperationKind.CREATE:
        values["document"] = values_of(operation.document)
        values["left"] = list(operation.left)
    return values


def _line(operation: Operation, width: int) -> str:
    verb = f"{SIGNS[operation.kind]} {VERBS[operation.kind]}"
    kind = operation.resource_type.lower()
    details = "  ".join(_details(operation))
    return f"{verb:<9} {kind:<5}  {operation.name:<{width}}  {details}".rstrip()


def _details(operation: Operation) -> Iterator[str]:
    for path, value in operation.changes.items():
        yield f"{_short(path)}: {_shown(operation.previous.get(path))} -> {_shown(value)}"
    if operation.members_added:
        yield f"+{len(operation.members_added)} {_members(operation.members_added)}"
    if operation.members_removed:
        yield f"-{len(operation.members_removed)} {_members(operation.members_removed)}"
    yield f"({operation.reason})"


def _members(external_ids: tuple[str, ...]) -> str:
    return "member" if len(external_ids) == 1 else "members"


def _short(path: str) -> str:
    """Return a path without the schema that it stands in.

    >>> _short("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department")
    'department'

    """
    return path.rpartition(":")[2]


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    text = orjson.dumps(value).decode()
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"
