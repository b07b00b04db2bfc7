"""Make the plan: every request that a target needs, in the order in which it is sent (step 7).

Users first, then groups, then memberships, deletions last, so that a member exists before it
joins and a group is rid of its members before they go.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from connector.planner.diff import diff, previous_values
from connector.planner.operation import Operation, OperationKind, Plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from connector.planner.compare import Comparison, Rules
    from connector.planner.desired import DesiredGroup
    from connector.planner.known import Known, KnownResource
    from connector.planner.view import AttributeView


@dataclass(frozen=True, slots=True)
class Documents:
    """The resources behind the keys that need something.

    Attributes:
        users: Mapped SCIM Users of those created or changed.
        accounts: What is ours at the target of those changed, or no longer desired.
        known_users: What the target is known to hold of those changed or taken over.
        known_groups: What the target is known to hold of the groups whose digest differs.

    """

    users: Mapping[str, Mapping[str, Any]]
    accounts: Mapping[str, KnownResource]
    known_users: Mapping[str, Mapping[str, Any]]
    known_groups: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Ground:
    """What a plan is made from, besides the documents.

    Attributes:
        target: Name of the target.
        groups: The groups that it should hold, by external_id.
        known: What it is known to hold.
        rules: How it is kept.
        view: How much of a resource it takes.
        notes: What is already known to be left out, and why.

    """

    target: str
    groups: Mapping[str, DesiredGroup]
    known: Known
    rules: Rules
    view: AttributeView
    notes: tuple[str, ...] = ()


def successions(
    comparison: Comparison, accounts: Mapping[str, KnownResource], names: Mapping[str, str]
) -> dict[str, KnownResource]:
    """Return which newcomers take over the account of somebody who left (re-hire).

    Args:
        comparison: Which keys differ.
        accounts: What is ours of those who are no longer desired.
        names: userName of the newcomers by external_id.

    Returns:
        The account by the newcomer's external_id.

    """
    left = {accounts[key].name.casefold(): accounts[key] for key in comparison.undesired}
    return {
        key: left[names[key].casefold()]
        for key in comparison.created
        if names[key].casefold() in left
    }


def make_plan(
    ground: Ground,
    comparison: Comparison,
    documents: Documents,
    inherited: Mapping[str, KnownResource],
) -> Plan:
    """Return the plan for one target; nothing is sent and nothing is read.

    Args:
        ground: What the plan is made from.
        comparison: Which people differ.
        documents: The resources of those people and of the groups.
        inherited: What `successions` said.

    """
    kept = {resource.external_id for resource in inherited.values()}
    users = [
        *_created_users(ground, comparison, documents, inherited),
        *_changed_users(ground, comparison, documents),
        *_disabled_users(comparison, documents, kept),
    ]
    created, changed, deleted = _group_operations(ground, documents)
    sent = [operation for operation in users if _is_needed(operation)]
    gone = [*deleted, *_deleted_users(comparison, documents, kept)]
    operations = (*_sorted(sent), *_sorted(created), *_sorted(changed), *_sorted(gone))
    return Plan(
        target=ground.target,
        operations=operations,
        unchanged_count=_unchanged_count(ground, operations),
        known_count=ground.known.total_count,
        notes=(*ground.notes, *_notes(comparison)),
        touched=tuple(
            (operation.external_id, operation.desired_digest)
            for operation in users
            if not _is_needed(operation)
        ),
    )


def _sorted(operations: Iterable[Operation]) -> list[Operation]:
    return sorted(operations, key=lambda operation: operation.name.casefold())


def _is_needed(operation: Operation) -> bool:
    return operation.kind is OperationKind.CREATE or bool(operation.changes)


def _unchanged_count(ground: Ground, operations: tuple[Operation, ...]) -> int:
    touched = {
        (operation.resource_type, operation.succeeds or operation.external_id)
        for operation in operations
        if operation.target_id is not None
    }
    return ground.known.total_count - len(touched)


def _notes(comparison: Comparison) -> Iterator[str]:
    if comparison.withheld_count:
        yield (
            f"{comparison.withheld_count} people are no longer in scope and are left as they are"
        )


def _created_users(
    ground: Ground,
    comparison: Comparison,
    documents: Documents,
    inherited: Mapping[str, KnownResource],
) -> Iterator[Operation]:
    for external_id, wanted in comparison.created.items():
        document = ground.view.project_user(documents.users[external_id]) | {"active": True}
        digest = wanted.digest
        former = inherited.get(external_id)
        if former is not None:
            yield _takeover(external_id, document, former, documents, digest)
            continue
        yield Operation(
            kind=OperationKind.CREATE,
            resource_type="User",
            external_id=external_id,
            name=document["userName"],
            document=document,
            reason="new in scope",
            desired_digest=digest,
        )


def _takeover(
    external_id: str,
    document: dict[str, Any],
    former: KnownResource,
    documents: Documents,
    digest: bytes,
) -> Operation:
    known = documents.known_users[former.external_id]
    changes = diff(known, document)
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
        document = ground.view.project_user(documents.users[external_id]) | {"active": is_active}
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
            desired_digest=wanted.digest,
        )


def _kind_of_change(was_active: bool, *, is_active: bool) -> tuple[OperationKind, str]:  # noqa: FBT001 - a pair of states
    if was_active and not is_active:
        return OperationKind.DISABLE, "disabled or expired in the source"
    if is_active and not was_active:
        return OperationKind.ENABLE, "active and in scope again"
    return OperationKind.UPDATE, "changed in the source"


def _disabled_users(
    comparison: Comparison, documents: Documents, kept: set[str]
) -> Iterator[Operation]:
    for external_id in comparison.disabled:
        if external_id in kept:
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
            desired_digest=b"gone",
        )


def _deleted_users(
    comparison: Comparison, documents: Documents, kept: set[str]
) -> Iterator[Operation]:
    for external_id in comparison.deleted:
        if external_id not in kept:
            reason = _reason_to_go(comparison, external_id)
            yield _deletion("User", documents.accounts[external_id], reason)


def _reason_to_go(comparison: Comparison, external_id: str) -> str:
    return "left the source" if external_id in comparison.leavers else "no longer in scope"


def _deletion(resource_type: str, resource: KnownResource, reason: str) -> Operation:
    return Operation(
        kind=OperationKind.DELETE,
        resource_type=resource_type,
        external_id=resource.external_id,
        name=resource.name,
        target_id=resource.target_id,
        reason=reason,
    )


def _group_operations(
    ground: Ground, documents: Documents
) -> tuple[list[Operation], list[Operation], list[Operation]]:
    """Return the groups to create, those to change with their members, and those to delete."""
    created: list[Operation] = []
    changed: list[Operation] = []
    deleted: list[Operation] = []
    for external_id, group in ground.groups.items():
        resource = ground.known.groups.get(external_id)
        if resource is None:
            created.append(_created_group(ground, external_id, group))
        changed.extend(_changed_group(ground, external_id, group, documents))
    if ground.rules.mode == "sync" and ground.rules.absence_is_proven:
        for external_id, resource in ground.known.groups.items():
            if external_id in ground.groups:
                continue
            if ground.rules.deprovision == "disable":
                changed.extend(_emptied_group(ground, resource))
            else:
                deleted.append(_deletion("Group", resource, "no longer in scope"))
    return created, changed, deleted


def _created_group(ground: Ground, external_id: str, group: DesiredGroup) -> Operation:
    document = ground.view.project_group(group.document)
    return Operation(
        kind=OperationKind.CREATE,
        resource_type="Group",
        external_id=external_id,
        name=document["displayName"],
        document=document,
        reason="new in scope",
        desired_digest=group.digest,
    )


def _changed_group(
    ground: Ground, external_id: str, group: DesiredGroup, documents: Documents
) -> Iterator[Operation]:
    """Yield as few requests as the members allow; a new name goes with the first."""
    resource = ground.known.groups.get(external_id)
    document = ground.view.project_group(group.document)
    known = documents.known_groups.get(external_id)
    changes = {}
    if resource is not None and known is not None and ground.rules.mode != "create-only":
        changes = diff(known, document)
    held = ground.known.members.get(external_id, frozenset())
    added = sorted(group.member_ids - held)
    removed = sorted(held - group.member_ids)
    if ground.rules.mode != "sync" or not ground.rules.absence_is_proven:
        removed = []
    if resource is not None and ground.rules.mode == "create-only":
        added = []
    template = Operation(
        kind=OperationKind.UPDATE,
        resource_type="Group",
        external_id=external_id,
        name=document["displayName"],
        target_id=resource.target_id if resource else None,
        document=document,
        reason="changed in the source" if resource else "members of the new group",
        desired_digest=group.digest,
    )
    previous = previous_values(known, changes) if known else {}
    yield from _in_chunks(ground, template, (changes, previous), (added, removed))


def _emptied_group(ground: Ground, resource: KnownResource) -> Iterator[Operation]:
    """Yield what takes the members out of a group that is no longer in scope; it is kept."""
    held = sorted(ground.known.members.get(resource.external_id, frozenset()))
    template = Operation(
        kind=OperationKind.UPDATE,
        resource_type="Group",
        external_id=resource.external_id,
        name=resource.name,
        target_id=resource.target_id,
        reason="no longer in scope",
        desired_digest=resource.digest,
    )
    yield from _in_chunks(ground, template, ({}, {}), ([], held))


def _in_chunks(
    ground: Ground,
    template: Operation,
    values: tuple[dict[str, Any], dict[str, Any]],
    members: tuple[list[str], list[str]],
) -> Iterator[Operation]:
    changes, previous = values
    added, removed = members
    size = ground.view.max_members_per_request
    while changes or added or removed:
        now_added, added = added[:size], added[size:]
        room = size - len(now_added)
        now_removed, removed = removed[:room], removed[room:]
        yield replace(
            template,
            changes=changes,
            previous=previous,
            members_added=tuple(now_added),
            members_removed=tuple(now_removed),
        )
        changes, previous = {}, {}
