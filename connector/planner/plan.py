"""Make the plan: every request that a target needs, in the order in which it is sent (step 7).

Users first, then groups, then memberships, deletions last, so that a member exists before it
joins and a group is rid of its members before they go.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from connector.packed import pack
from connector.planner.diff import diff, previous_values
from connector.planner.group_plan import deletion_of, group_operations
from connector.planner.known import HELD_BACK, RELEASED
from connector.planner.operation import Operation, OperationKind, Plan
from connector.planner.order import by_name, in_order_of_names
from connector.planner.succession import inherit_members

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from connector.planner.compare import Comparison
    from connector.planner.ground import Documents, Ground
    from connector.planner.known import KnownResource


def make_plan(ground: Ground, comparison: Comparison, documents: Documents) -> Plan:
    """Return the plan for one target; nothing is sent and nothing is read.

    Args:
        ground: What the plan is made from.
        comparison: Which people differ.
        documents: The resources of those people and of the groups.

    """
    ground = replace(ground, known=inherit_members(ground.known, ground.heirs))
    users = [
        *_created_users(ground, comparison, documents),
        *_changed_users(ground, comparison, documents),
        *_disabled_users(ground, comparison, documents),
    ]
    created, changed, deleted = group_operations(ground, documents)
    sent = [operation for operation in users if _is_needed(operation)]
    gone = [*deleted, *_deleted_users(ground, comparison, documents)]
    operations = (
        *in_order_of_names(by_name(sent)),
        *in_order_of_names([*by_name(created), *by_name(changed)]),
        *by_name(gone),
    )
    return Plan(
        target=ground.target,
        operations=operations,
        unchanged_count=_unchanged_count(ground, operations),
        known_count=ground.known.total_count,
        known_members={key: len(held) for key, held in ground.known.members.items()},
        notes=(*ground.notes, *_notes(comparison, users)),
        touched=tuple(_touched(ground, comparison, users)),
        is_whole=ground.rules.absence_is_proven,
    )


def _is_needed(operation: Operation) -> bool:
    return operation.kind is OperationKind.CREATE or bool(operation.changes)


def _touched(
    ground: Ground, comparison: Comparison, users: Iterable[Operation]
) -> Iterator[tuple[str, bytes]]:
    """Yield what the ledger is to note although nothing is sent."""
    for operation in users:
        if not _is_needed(operation) and operation.desired_digest != HELD_BACK:
            yield operation.external_id, operation.desired_digest
    for external_id in comparison.released:
        if external_id not in ground.heirs.former_ids:
            yield external_id, RELEASED


def _unchanged_count(ground: Ground, operations: tuple[Operation, ...]) -> int:
    touched = {
        (operation.resource_type, operation.succeeds or operation.external_id)
        for operation in operations
        if operation.target_id is not None
    }
    return ground.known.total_count - len(touched)


def _notes(comparison: Comparison, users: Iterable[Operation]) -> Iterator[str]:
    withheld = comparison.withheld_count
    if withheld:
        verb = "person is" if withheld == 1 else "people are"
        yield f"{withheld} {verb} no longer in scope and left untouched"
    usable = sum(operation.desired_digest == HELD_BACK for operation in users)
    if usable:
        words = (
            "person disabled in the source keeps"
            if usable == 1
            else "people disabled in the source keep"
        )
        yield f"{usable} {words} access (mode upsert-only)"


def _created_users(
    ground: Ground, comparison: Comparison, documents: Documents
) -> Iterator[Operation]:
    for external_id, wanted in comparison.created.items():
        former = ground.heirs.users.get(external_id)
        if former is not None:
            yield _takeover(ground, external_id, former, documents, wanted.digest)
            continue
        document = ground.view.project_user(documents.users[external_id]) | {"active": True}
        yield Operation(
            kind=OperationKind.CREATE,
            resource_type="User",
            external_id=external_id,
            name=document["userName"],
            document=pack(document),
            reason="new in scope",
            left=ground.view.left,
            desired_digest=wanted.digest,
        )


def _takeover(
    ground: Ground,
    external_id: str,
    former: KnownResource,
    documents: Documents,
    digest: bytes,
) -> Operation:
    known = documents.known_users[former.external_id]
    document = ground.view.project_known_user(documents.users[external_id], known)
    document["active"] = True
    # Even an account that is as it should be has to change hands, and be seen to.
    changes = diff(known, document) or {"externalId": external_id}
    return Operation(
        kind=OperationKind.UPDATE if former.is_active else OperationKind.ENABLE,
        resource_type="User",
        external_id=external_id,
        name=document["userName"],
        target_id=former.target_id,
        document=document,
        changes=changes,
        previous=previous_values(known, changes),
        reason="back under the same name: takes over the former account",
        succeeds=former.external_id,
        desired_digest=digest,
    )


def _changed_users(
    ground: Ground, comparison: Comparison, documents: Documents
) -> Iterator[Operation]:
    for external_id, wanted in comparison.changed.items():
        resource = documents.accounts[external_id]
        known = documents.known_users[external_id]
        # "upsert-only" leaves an account usable that the source has disabled.
        is_active = wanted.is_active or (resource.is_active and ground.rules.mode != "sync")
        document = ground.view.project_known_user(documents.users[external_id], known)
        document["active"] = is_active
        changes = diff(known, document)
        kind, reason = _kind_of_change(resource.is_active, is_active=is_active)
        yield Operation(
            kind=kind,
            resource_type="User",
            external_id=external_id,
            name=document["userName"],
            target_id=resource.target_id,
            document=document,
            changes=changes,
            previous=previous_values(known, changes),
            reason=reason,
            desired_digest=wanted.digest if is_active == wanted.is_active else HELD_BACK,
        )


def _kind_of_change(was_active: bool, *, is_active: bool) -> tuple[OperationKind, str]:  # noqa: FBT001 - a pair of states
    if was_active and not is_active:
        return OperationKind.DISABLE, "disabled or expired in the source"
    if is_active and not was_active:
        return OperationKind.ENABLE, "active and in scope again"
    return OperationKind.UPDATE, "changed in the source"


def _disabled_users(
    ground: Ground, comparison: Comparison, documents: Documents
) -> Iterator[Operation]:
    for external_id in comparison.disabled:
        if external_id in ground.heirs.former_ids:
            continue
        resource = documents.accounts[external_id]
        yield Operation(
            kind=OperationKind.DISABLE,
            resource_type="User",
            external_id=external_id,
            name=resource.name,
            target_id=resource.target_id,
            changes={"active": False},
            previous={"active": True},
            reason=_reason_to_go(comparison, external_id),
            desired_digest=RELEASED,
        )


def _deleted_users(
    ground: Ground, comparison: Comparison, documents: Documents
) -> Iterator[Operation]:
    for external_id in comparison.deleted:
        if external_id not in ground.heirs.former_ids:
            reason = _reason_to_go(comparison, external_id)
            yield deletion_of("User", documents.accounts[external_id], reason)


def _reason_to_go(comparison: Comparison, external_id: str) -> str:
    return "left the source" if external_id in comparison.leavers else "no longer in scope"
