"""Make the plan of one target from the directory and the ledger (steps 7 and 8)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from connector.planner.compare import Rules, compare_users
from connector.planner.desired import desired_groups, desired_users, resolve_scope
from connector.planner.ground import Documents, Ground
from connector.planner.operation import OperationKind
from connector.planner.plan import make_plan
from connector.planner.succession import NO_HEIRS, Heirs, left_groups, successions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import datetime

    from connector.directory.person import DirectoryUser
    from connector.directory.store import DirectoryStore
    from connector.planner.compare import Comparison
    from connector.planner.desired import DesiredGroup, Scope
    from connector.planner.known import Known, KnownResource
    from connector.planner.operation import Operation, Plan
    from connector.source.batch import Proof
    from connector.sync.ledger import Ledger
    from connector.sync.ports import TargetPort


def plan_target(
    port: TargetPort, directory: DirectoryStore, ledger: Ledger, proof: Proof, now: datetime
) -> Plan:
    """Return what would be sent to a target now; sends nothing."""
    graph = directory.graph()
    known = ledger.known(port.name)
    scope = resolve_scope(port.groups, port.push_groups, graph)
    is_proven = proof.is_complete and not scope.missing_names
    rules = Rules(port.mode, port.deprovision, port.grace, is_proven)
    users = desired_users(directory.user_heads(), scope, port.view, now)
    comparison = compare_users(users, known.users, rules, now)

    def is_present(external_id: str) -> bool:
        is_kept = external_id in known.users and external_id not in comparison.undesired
        return is_kept or external_id in comparison.created

    held = directory.groups()
    groups = desired_groups(held, scope, graph, is_present, port.view)
    newcomers = directory.users(comparison.created)
    accounts = ledger.accounts(port.name, [*comparison.changed, *comparison.undesired])
    heirs = NO_HEIRS
    if port.mode != "create-only":
        heirs = Heirs(
            _account_heirs(newcomers, accounts, comparison),
            _group_heirs(groups, known, {group.external_id for group in held}),
        )
    notes = tuple(_notes(scope, proof))
    ground = Ground(port.name, groups, known, rules, port.view, heirs, notes)
    former = heirs.former_ids
    documents = Documents(
        users={
            key: user.document
            for key, user in (newcomers | directory.users(comparison.changed)).items()
        },
        accounts=accounts,
        known_users=ledger.documents(port.name, "User", [*comparison.changed, *former]),
        known_groups=ledger.documents(port.name, "Group", [*_differing(groups, known), *former]),
    )
    return make_plan(ground, comparison, documents)


def _account_heirs(
    newcomers: Mapping[str, DirectoryUser],
    accounts: Mapping[str, KnownResource],
    comparison: Comparison,
) -> dict[str, KnownResource]:
    names = {key: str(user.document["userName"]) for key, user in newcomers.items()}
    return successions(names, [accounts[key] for key in comparison.leavers])


def _group_heirs(
    groups: Mapping[str, DesiredGroup], known: Known, held: Collection[str]
) -> dict[str, KnownResource]:
    names = {
        key: str(group.document["displayName"])
        for key, group in groups.items()
        if key not in known.groups
    }
    return successions(names, left_groups(known, held))


def _differing(groups: Mapping[str, DesiredGroup], known: Known) -> list[str]:
    return [
        key
        for key, group in groups.items()
        if key in known.groups and known.groups[key].digest != group.digest
    ]


def _notes(scope: Scope, proof: Proof) -> Iterator[str]:
    for name in scope.missing_names:
        yield f"group not found in the directory: {name}"
    if not proof.is_complete:
        yield f"the read was not complete ({proof.reason}): nobody is taken away"
    elif scope.missing_names:
        yield "while a configured group is missing, nobody is taken away"


def narrow(plan: Plan, external_id: str) -> Plan:
    """Return the part of a plan that concerns one person: the account and its memberships."""
    kept = []
    for operation in plan.operations:
        if operation.external_id == external_id:
            kept.append(operation)
        elif operation.resource_type == "Group" and operation.kind is OperationKind.UPDATE:
            kept.extend(_narrow_members(operation, external_id))
    return replace(plan, operations=tuple(kept), touched=())


def _narrow_members(operation: Operation, external_id: str) -> list[Operation]:
    added = tuple(one for one in operation.members_added if one == external_id)
    removed = tuple(one for one in operation.members_removed if one == external_id)
    if operation.target_id is None or not (added or removed):
        return []
    # Without the document: the rest of the group is left for the next full cycle.
    return [
        replace(
            operation,
            document={},
            changes={},
            previous={},
            members_added=added,
            members_removed=removed,
        )
    ]
