"""What makes two operations the same, however often the plan is made (pure)."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import orjson

from connector.packed import values_of

if TYPE_CHECKING:
    from connector.planner.operation import Operation


def identity_of(operation: Operation) -> bytes:
    """Return 16 bytes that stand for what an operation does, to what, and from which values.

    An operation of a plan that was shown earlier is sent only if the plan made now holds one of
    the same identity: otherwise its ground has moved.

    >>> from connector.planner.operation import Operation, OperationKind
    >>> change = Operation(OperationKind.UPDATE, "User", "u", "anna", changes={"title": "Clerk"})
    >>> same = Operation(OperationKind.UPDATE, "User", "u", "anna", changes={"title": "Clerk"})
    >>> identity_of(change) == identity_of(same)
    True

    """
    # The document only of what is created: elsewhere the changes say what of it is sent.
    parts = (
        operation.kind,
        operation.resource_type,
        operation.external_id,
        operation.target_id,
        operation.succeeds,
        values_of(operation.document) if operation.target_id is None else None,
        dict(operation.changes),
        dict(operation.previous),
        operation.members_added,
        operation.members_removed,
    )
    return blake2b(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()
