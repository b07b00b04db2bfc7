"""What of a plan may be sent: within the limits, or exactly what somebody has approved (step 8)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from connector.errors import PlanHeld, UnsafePlanError
from connector.planner.identity import identity_of
from connector.planner.safety import VERBS, ensure_safe
from connector.sync.holds import Decision

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from connector.planner.operation import Operation, Plan
    from connector.planner.safety import Spent
    from connector.sync.holds import Hold, Holds
    from connector.sync.ports import Target, TargetPort

# So many operations more than those held, or a tenth of them, make a plan that is news.
NEWS_COUNT = 10


@dataclass(frozen=True, slots=True)
class Selection:
    """Operations of earlier plans that are to be sent, and no others.

    Attributes:
        operations: By target: identities, each with a name for people.
        who: Who asks for it.
        hold: The hold that is approved by it; None for a plan from a file.
        keeps_limits: Whether the limits apply nevertheless.

    """

    operations: Mapping[str, Mapping[bytes, str]]
    who: str
    hold: Hold | None = None
    keeps_limits: bool = False


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What may be sent.

    Attributes:
        plan: The plan, or what of it was selected.
        is_approved: Whether an operator has seen it, so that it does not count within the day.
        moved: Names of selected operations that are not in the plan as made now.

    """

    plan: Plan
    is_approved: bool = False
    moved: tuple[str, ...] = ()


class HeldBefore(PlanHeld):
    """A plan that is held, of which operators have been told before."""


class Reviewer:
    """Decides about the plans of one target in one cycle."""

    def __init__(self, port: TargetPort, holds: Holds, *, cycle_id: int, now: datetime) -> None:
        self._port = port
        self._holds = holds
        self._cycle_id = cycle_id
        self._now = now

    def select(self, plan: Plan, selection: Selection) -> Reviewed:
        """Return what of a plan was selected; what is missing in it has lost its ground.

        Raises:
            UnsafePlanError: if limits are to be kept, and one is exceeded.

        """
        wanted = selection.operations.get(plan.target, {})
        identities = {identity_of(operation): operation for operation in plan.operations}
        chosen = tuple(one for key, one in identities.items() if key in wanted)
        moved = tuple(name for key, name in wanted.items() if key not in identities)
        selected = replace(plan, operations=chosen, touched=())
        if selection.keeps_limits:
            ensure_safe(selected, self._port.limits, self._spent())
        if selection.hold is not None:
            self._holds.decide(selection.hold, Decision.APPROVED, selection.who, self._now)
        return Reviewed(selected, is_approved=True, moved=moved)

    def review(self, plan: Plan, target: Target, allow_removals: int | None) -> Reviewed:
        """Return the plan if it may be sent as a whole; otherwise hold it as a whole.

        Raises:
            PlanHeld: if it is held; HeldBefore if that is no news.
            TargetUnavailable: if the target cannot be asked what it holds.

        """
        standing = self._holds.standing(plan.target)
        if allow_removals is not None:
            ensure_safe(plan, self._port.limits.allowing(allow_removals))
            objection: PlanHeld | None = None
        else:
            objection = find_excess(plan, self._port, self._spent())
        objection = objection or self._first_look(plan, target)
        if objection is None:
            if standing is not None:
                self._holds.decide(standing, Decision.OBSOLETE, "a later plan", self._now)
            return Reviewed(plan, is_approved=allow_removals is not None)
        if standing is not None and not self._is_news(plan, objection, standing):
            raise HeldBefore(plan.target, _words_of(standing))
        self._holds.hold(self._cycle_id, plan, objection.reason, self._now)
        raise objection

    def _spent(self) -> Spent:
        return self._holds.spent(self._port.name, self._now)

    def _first_look(self, plan: Plan, target: Target) -> PlanHeld | None:
        """Return why the very first plan waits: the target holds what is not ours."""
        is_first = plan.operations and not plan.known_count
        if self._port.first_cycle == "send" or not is_first:
            return None
        # A first load that was killed goes on where it was.
        if self._holds.was_ever_served(plan.target):
            return None
        count = target.count("User")
        if not count:
            return None
        people = "1 account" if count == 1 else f"{count} accounts"
        reason = (
            f"the first plan waits for review: the target already holds {people}; those with the"
            " same name would be taken over"
        )
        return PlanHeld(plan.target, reason)

    def _is_news(self, plan: Plan, objection: PlanHeld, standing: Hold) -> bool:
        held = self._holds.identities(standing)
        new_count = sum(identity_of(one) not in held for one in _concerned(plan, objection))
        return new_count > max(NEWS_COUNT, len(held) // 10)


def find_excess(plan: Plan, port: TargetPort, spent: Spent) -> UnsafePlanError | None:
    """Return which limit a plan exceeds, or None."""
    try:
        ensure_safe(plan, port.limits, spent)
    except UnsafePlanError as error:
        return error
    return None


def _concerned(plan: Plan, objection: PlanHeld) -> Iterable[Operation]:
    """Return the operations that an objection is about."""
    if not isinstance(objection, UnsafePlanError):
        return plan.operations
    verb = objection.excess.verb
    if verb == "remove":
        return [one for one in plan.operations if one.members_removed]
    return [one for one in plan.operations if VERBS.get(one.kind) == verb]


def _words_of(standing: Hold) -> str:
    if standing.decision is Decision.REJECTED:
        return f"rejected by {standing.decided_by} in run {standing.cycle_id}: {standing.reason}"
    return f"held since run {standing.cycle_id}: {standing.reason}"
