"""Operations as rows of the ledger, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from connector.planner.operation import Operation, OperationKind

if TYPE_CHECKING:
    from sqlalchemy import Row

# A takeover after a crash: nothing is known of the resource but that it is ours.
NOTHING_KNOWN = b""


def operation_row(cycle_id: int, target: str, operation: Operation) -> dict[str, Any]:
    """Return the row of an operation that is planned.

    Its identity is for those only whose plan is held.
    """
    detail = {
        "changes": {
            path: [operation.previous.get(path), value] for path, value in operation.changes.items()
        },
        "added": operation.members_added,
        "removed": operation.members_removed,
        "succeeds": operation.succeeds,
        "why": operation.reason,
    }
    return {
        "cycle_id": cycle_id,
        "target": target,
        "kind": operation.kind.value,
        "resource_type": operation.resource_type,
        "external_id": operation.external_id,
        "name": operation.name,
        "detail": orjson.dumps({key: value for key, value in detail.items() if value}),
        "status": "planned",
        "reason": "",
        "identity": b"",
        "removed_count": len(operation.members_removed),
        "is_approved": False,
    }


def operation_of(row: Row[Any]) -> Operation:
    """Return an operation as far as its row has it: without the document and the target's id."""
    detail = orjson.loads(row.detail)
    changes, succeeds = detail.get("changes", {}), detail.get("succeeds", "")
    return Operation(
        kind=OperationKind(row.kind),
        resource_type=row.resource_type,
        external_id=row.external_id,
        name=row.name,
        changes={path: value for path, (_, value) in changes.items()},
        previous={path: value for path, (value, _) in changes.items()},
        members_added=tuple(detail.get("added", ())),
        members_removed=tuple(detail.get("removed", ())),
        succeeds=succeeds,
        desired_digest=NOTHING_KNOWN,
    )
