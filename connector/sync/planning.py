"""Make the plan of one target from the directory and the ledger (steps 7 and 8)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from connector.planner.compare import Rules, compare_users
from connector.planner.desired import desired_groups, desired_users, resolve_scope
from connector.planner.ground import Documents, Ground
from connector.planner.operation import OperationKind
from connector.planner.plan import make_plan
from connector.planner.succession import NO_HEIRS, Heirs, left_groups, successions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
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
    port: TargetPort,
    stores: tuple[DirectoryStore, Ledger],
    proof: Proof,
    now: datetime,
    people: frozenset[str] | None = None,
) -> Plan:
    """Return what would be sent to a target now; sends nothing.

    Args:
        port: The target.
        stores: The directory, and the ledger.
        proof: Of the read that the directory comes from.
        now: When that is.
        people: external_ids of whom to look at, as accounts and as members; None for everybody.
            Groups are looked at in any case.

    """
    directory, ledger = stores
    heads = directory.group_heads()
    graph = directory.graph(heads, people)
    known = ledger.known(port.name, people)
    scope = resolve_scope(port.groups, port.push_groups, graph)
    if people is not None:
        wider = people | _along(port, stores, people, scope.group_ids - known.groups.keys())
        if wider != people:
            return plan_target(port, stores, proof, now, wider)
    is_proven = proof.is_complete and not scope.missing_names
    rules = Rules(port.mode, port.deprovision, port.grace, is_proven)
    users = desired_users(directory.user_heads(people), scope, port.view, now)
    comparison = compare_users(users, known.users, rules, now)

    def is_present(external_id: str) -> bool:
        is_kept = external_id in known.users and external_id not in comparison.undesired
        return is_kept or external_id in comparison.created

    groups = desired_groups(heads, scope, graph, is_present, port.view)
    newcomers = directory.users(comparison.created)
    accounts = ledger.accounts(port.name, [*comparison.changed, *comparison.undesired])
    looked_at = _looked_at(groups, known)
    group_documents = {one.external_id: one.document for one in directory.groups(looked_at)}
    heirs = NO_HEIRS
    if port.mode != "create-only":
        held = {head.external_id for head in heads}
        group_heirs = _group_heirs(group_documents, known, held)
        heirs = Heirs(_account_heirs(newcomers, accounts, comparison), group_heirs)
    notes = tuple(_notes(scope, proof))
    ground = Ground(port.name, groups, known, rules, port.view, heirs, notes)
    documents = _documents(ground, stores, comparison, (newcomers, accounts), group_documents)
    return _with_counts(make_plan(ground, comparison, documents), ledger, people)


def _with_counts(plan: Plan, ledger: Ledger, people: frozenset[str] | None) -> Plan:
    """Return the plan with how many members groups hold, of whom only a few were looked at."""
    if people is None or not any(one.members_removed for one in plan.operations):
        return plan
    return replace(plan, known_members=ledger.member_counts(plan.target))


def _documents(
    ground: Ground,
    stores: tuple[DirectoryStore, Ledger],
    comparison: Comparison,
    found: tuple[dict[str, DirectoryUser], dict[str, KnownResource]],
    group_documents: Mapping[str, Mapping[str, Any]],
) -> Documents:
    directory, ledger = stores
    newcomers, accounts = found
    former = ground.heirs.former_ids
    users = newcomers | directory.users(comparison.changed)
    differing = _differing(group_documents, ground)
    return Documents(
        users={key: user.document for key, user in users.items()},
        groups=group_documents,
        accounts=accounts,
        known_users=ledger.documents(ground.target, "User", [*comparison.changed, *former]),
        known_groups=ledger.documents(ground.target, "Group", [*differing, *former]),
    )


def _along(
    port: TargetPort,
    stores: tuple[DirectoryStore, Ledger],
    people: frozenset[str],
    new_group_ids: Collection[str],
) -> frozenset[str]:
    """Return who is to be looked at together with these people.

    Whoever is new may take over the account of a leaver of the same name, and a group that is not
    there yet gets all its members.
    """
    directory, ledger = stores
    names = [str(user.document.get("userName", "")) for user in directory.users(people).values()]
    return ledger.namesakes(port.name, names) | directory.people_within(new_group_ids)


def _account_heirs(
    newcomers: Mapping[str, DirectoryUser],
    accounts: Mapping[str, KnownResource],
    comparison: Comparison,
) -> dict[str, KnownResource]:
    names = {key: str(user.document["userName"]) for key, user in newcomers.items()}
    return successions(names, [accounts[key] for key in comparison.leavers])


def _group_heirs(
    documents: Mapping[str, Mapping[str, Any]], known: Known, held: Collection[str]
) -> dict[str, KnownResource]:
    names = {
        key: str(document["displayName"])
        for key, document in documents.items()
        if key not in known.groups
    }
    return successions(names, left_groups(known, held))


def _looked_at(groups: Mapping[str, DesiredGroup], known: Known) -> list[str]:
    """Return the groups that are new, or differ in anything, members included."""
    nobody = frozenset[str]()
    return [
        key
        for key, (digest, member_ids) in groups.items()
        if key not in known.groups
        or known.groups[key].digest != digest
        or known.members.get(key, nobody) != member_ids
    ]


def _differing(looked_at: Iterable[str], ground: Ground) -> list[str]:
    """Return those groups that are known and differ in more than their members."""
    known = ground.known.groups
    return [
        key for key in looked_at if key in known and known[key].digest != ground.groups[key].digest
    ]


def _notes(scope: Scope, proof: Proof) -> Iterator[str]:
    for name in scope.missing_names:
        yield f"group not found in the directory: {name}"
    if not proof.is_complete:
        yield f"the read was not complete ({proof.reason}): nobody is taken away"
    elif scope.missing_names:
        yield "while a configured group is missing, nobody is taken away"


def narrow(plan: Plan, people: Collection[str]) -> Plan:
    """Return the part of a plan that concerns these people: accounts and their memberships."""
    kept = []
    for operation in plan.operations:
        if operation.external_id in people:
            kept.append(operation)
        elif operation.resource_type == "Group" and operation.kind is OperationKind.UPDATE:
            kept.extend(_narrow_members(operation, people))
    return replace(plan, operations=tuple(kept), touched=())


def _narrow_members(operation: Operation, people: Collection[str]) -> list[Operation]:
    added = tuple(one for one in operation.members_added if one in people)
    removed = tuple(one for one in operation.members_removed if one in people)
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
