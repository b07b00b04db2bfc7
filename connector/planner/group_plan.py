"""What happens to groups: created, changed with their members, emptied or deleted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from connector.planner.diff import diff, previous_values
from connector.planner.operation import Operation, OperationKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector.planner.desired import DesiredGroup
    from connector.planner.ground import Documents, Ground
    from connector.planner.known import KnownResource


def group_operations(
    ground: Ground, documents: Documents
) -> tuple[list[Operation], list[Operation], list[Operation]]:
    """Return the groups to create, those to change with their members, and those to delete."""
    created: list[Operation] = []
    changed: list[Operation] = []
    deleted: list[Operation] = []
    for external_id in documents.groups:
        group = ground.groups[external_id]
        if external_id not in ground.known.groups and external_id not in ground.heirs.groups:
            document = ground.view.project_group(documents.groups[external_id])
            created.append(_created_group(external_id, document, group.digest))
        changed.extend(_changed_group(ground, external_id, group, documents))
    if ground.rules.mode == "sync" and ground.rules.absence_is_proven:
        kept = ground.groups.keys() | ground.heirs.former_ids
        for external_id, resource in ground.known.groups.items():
            if external_id in kept:
                continue
            if ground.rules.deprovision == "disable":
                changed.extend(_emptied_group(ground, resource))
            else:
                deleted.append(deletion_of("Group", resource, "no longer in scope"))
    return created, changed, deleted


def _created_group(external_id: str, document: dict[str, Any], digest: bytes) -> Operation:
    return Operation(
        kind=OperationKind.CREATE,
        resource_type="Group",
        external_id=external_id,
        name=document["displayName"],
        document=document,
        reason="new in scope",
        desired_digest=digest,
    )


def _changed_group(
    ground: Ground, external_id: str, group: DesiredGroup, documents: Documents
) -> Iterator[Operation]:
    """Yield as few requests as the members allow; a new name goes with the first."""
    former = ground.heirs.groups.get(external_id)
    resource = ground.known.groups.get(external_id) or former
    members = _members_to_change(ground, group, resource)
    if former is None and resource and resource.digest == group.digest and not any(members):
        return
    document = ground.view.project_group(documents.groups[external_id])
    known = documents.known_groups.get(resource.external_id) if resource else None
    changes = {}
    if known is not None and ground.rules.mode != "create-only":
        changes = diff(known, document)
    if former is not None:
        changes["externalId"] = external_id
    template = Operation(
        kind=OperationKind.UPDATE,
        resource_type="Group",
        external_id=external_id,
        name=document["displayName"],
        target_id=resource.target_id if resource else None,
        document=document,
        reason=_reason_to_change(resource, former),
        succeeds=former.external_id if former else "",
        desired_digest=group.digest,
    )
    previous = previous_values(known, changes) if known else {}
    yield from _in_chunks(ground, template, (changes, previous), members)


def _reason_to_change(resource: KnownResource | None, former: KnownResource | None) -> str:
    if former is not None:
        return "made anew under the same name: takes over the former group"
    return "changed in the source" if resource else "members of the new group"


def _members_to_change(
    ground: Ground, group: DesiredGroup, resource: KnownResource | None
) -> tuple[list[str], list[str]]:
    """Return who is to be added, and who removed."""
    held = ground.known.members.get(resource.external_id if resource else "", frozenset())
    added = sorted(group.member_ids - held)
    removed = sorted(held - group.member_ids)
    if ground.rules.mode != "sync" or not ground.rules.absence_is_proven:
        removed = []
    if resource is not None and ground.rules.mode == "create-only":
        added = []
    return added, removed


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
        if template.succeeds:
            # Until the first request is done, the group has no id of its own.
            template = replace(template, succeeds="", target_id=None)


def deletion_of(resource_type: str, resource: KnownResource, reason: str) -> Operation:
    """Return what deletes a resource of ours."""
    return Operation(
        kind=OperationKind.DELETE,
        resource_type=resource_type,
        external_id=resource.external_id,
        name=resource.name,
        target_id=resource.target_id,
        reason=reason,
    )
