"""The plan as a value: operations in the order in which they are sent (step 7)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class OperationKind(StrEnum):
    """What happens to a resource; the order is the order of sending."""

    CREATE = "create"
    UPDATE = "update"
    ENABLE = "enable"
    DISABLE = "disable"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Operation:
    """One change to one resource at the target, sent as one request.

    Attributes:
        kind: What happens to the resource.
        resource_type: Name from the target's /ResourceTypes, such as "User".
        external_id: The directory's stable key (RFC 7643 section 3.1). For an
            AD user: the objectGUID in lower-case hyphenated form.
        name: userName or displayName, for people to read.
        target_id: The `id` the target assigned. None for CREATE, and for what follows it in the
            same plan.
        document: The whole desired resource, without id and members; for CREATE and for a PUT.
        changes: New values by SCIM attribute path (RFC 7644 section 3.10), such as
            {"name.familyName": "Berg"}. A value of None clears the attribute. Empty for CREATE.
        previous: The values that the target is known to hold, by the same paths.
        members_added: external_ids of users to add; groups only.
        members_removed: external_ids of users to remove; groups only.
        reason: Why, in words for an administrator.
        left: Attribute paths that belong to the target: a creation sets them, but where there is
            an account already, that keeps its own.
        succeeds: external_id of the leaver whose account this one takes over (re-hire), or "".
        desired_digest: What the ledger records as in step once this is applied.

    """

    kind: OperationKind
    resource_type: str
    external_id: str
    name: str
    target_id: str | None = None
    document: Mapping[str, Any] = field(default_factory=dict)
    changes: Mapping[str, Any] = field(default_factory=dict)
    previous: Mapping[str, Any] = field(default_factory=dict)
    members_added: tuple[str, ...] = ()
    members_removed: tuple[str, ...] = ()
    reason: str = ""
    left: tuple[str, ...] = ()
    succeeds: str = ""
    desired_digest: bytes = b""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that one cycle would send to one target, in order.

    Attributes:
        target: Name of the target.
        operations: Users, then groups, then memberships, then removals.
        unchanged_count: Resources in step, for which nothing is sent.
        known_count: Resources that the target is known to hold and that are ours.
        known_members: How many members its groups are known to hold, by the group's external_id.
        withheld_count: Operations that were refused and wait for another try; not in the plan.
        notes: What the plan leaves out and why, one sentence each.
        touched: external_id and digest of people whose change the target does not take; the
            ledger notes them as in step, nothing is sent.
        is_whole: Whether nothing was left out for want of proof that somebody is gone.

    """

    target: str
    operations: tuple[Operation, ...]
    unchanged_count: int
    known_count: int
    notes: tuple[str, ...] = ()
    touched: tuple[tuple[str, bytes], ...] = ()
    known_members: Mapping[str, int] = field(default_factory=dict)
    withheld_count: int = 0
    is_whole: bool = True
