"""Why a person is, or is not, in a target: read from what is stored, nothing is asked or sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from connector.directory.search import DirectorySearch, way_to
from connector.directory.store import DirectoryStore
from connector.planner.render import describe
from connector.source.batch import Proof, Watermark
from connector.sync.history import History
from connector.sync.holds import Holds
from connector.sync.ledger import Ledger
from connector.sync.planning import narrow, plan_target

if TYPE_CHECKING:
    from datetime import datetime

    from connector.directory.person import DirectoryUser
    from connector.planner.known import KnownResource
    from connector.sync.history import PastOperation
    from connector.sync.holds import Hold
    from connector.sync.ports import TargetPort
    from state.engine import Engine

_LATEST = 3


@dataclass(frozen=True, slots=True)
class TargetStanding:
    """How a person stands at one target.

    Attributes:
        target: Its name.
        scope: Why the person is in scope or not, in words.
        is_in_scope: Whether the person is.
        account: What is ours of the person there; None if nothing is.
        next_steps: What the next cycle would send for the person, in words.
        hold: A plan that waits for an operator, or was rejected, and with it whatever is to be
            sent; None if nothing is held.
        latest: What was last sent for the person, newest first.
        left: Attribute paths that belong to the target once the account is there.

    """

    target: str
    scope: str
    is_in_scope: bool
    account: KnownResource | None
    next_steps: tuple[str, ...]
    hold: Hold | None
    latest: tuple[PastOperation, ...]
    left: tuple[str, ...] = ()


def explain(
    engine: Engine, port: TargetPort, person: DirectoryUser, now: datetime
) -> TargetStanding:
    """Return how a person stands at a target.

    Raises:
        StateError: if the state database cannot be read.

    """
    is_in_scope, scope = _scope(engine, port, person)
    ledger, store = Ledger(engine), DirectoryStore(engine)
    # The directory as it is: what an unproven read left open is not decided here.
    proof = Proof(is_complete=True, reason="", watermark=Watermark("", "", 0, now))
    people = frozenset({person.external_id})
    plan = narrow(plan_target(port, (store, ledger), proof, now, people), people)
    return TargetStanding(
        target=port.name,
        scope=scope,
        is_in_scope=is_in_scope,
        account=ledger.accounts(port.name, [person.external_id]).get(person.external_id),
        next_steps=tuple(describe(operation) for operation in plan.operations),
        hold=Holds(engine).standing(port.name),
        latest=tuple(History(engine).operations_on(port.name, person.external_id, _LATEST)),
        left=port.view.left,
    )


def _scope(engine: Engine, port: TargetPort, person: DirectoryUser) -> tuple[bool, str]:
    if person.left_at is not None:
        return False, "left the source"
    if port.groups == "*":
        return True, "everybody is in scope"
    if not port.groups:
        return False, "the target names no groups, so nobody is in scope"
    steps = DirectorySearch(engine).steps_up(person)
    for root in port.groups:
        way = way_to(root, steps)
        if way:
            return True, "member of " + ", which is in ".join(way)
    return False, f"in none of the groups of the target: {'; '.join(port.groups)}"
