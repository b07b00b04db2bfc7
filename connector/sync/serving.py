"""Bring one target in step: who is concerned, the plan, and what became of it (steps 7 to 12)."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from connector.directory.store import DirectoryStore
from connector.errors import PlanHeld, TargetUnavailable
from connector.planner.operation import Plan
from connector.planner.waiting import without_waiting
from connector.sync.apply import Courier, Delivery
from connector.sync.holds import Holds
from connector.sync.ledger import Ledger
from connector.sync.pauses import Pauses
from connector.sync.planning import narrow, plan_target
from connector.sync.ports import Progress, Status, worst
from connector.sync.review import HeldBefore, Reviewed, Reviewer
from connector.sync.setbacks import Setbacks
from connector.sync.settled import (
    EVERYBODY,
    READS_PER_WHOLE,
    Concern,
    Settlement,
    Settlements,
    find_concern,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from threading import Event

    from connector.sync.intake_read import ReadSummary
    from connector.sync.ports import Listener, Parts, Target, TargetPort
    from connector.sync.request import Request
    from state.engine import Engine


@dataclass(frozen=True, slots=True)
class TargetReport:
    """How one target fared.

    Attributes:
        target: Its name.
        status: How it ended.
        reason: Why not done; "" if done.
        plan: What was planned; None if it did not come to that.
        counts: How many operations ended applied, rejected, unavailable or unknown.
        moved: Of a selection: what was left out, because its ground has moved.
        is_news: Whether a plan is held that was not held before.

    """

    target: str
    status: Status
    reason: str
    plan: Plan | None
    counts: Counter[str]
    moved: tuple[str, ...] = ()
    is_news: bool = False


def concern_of(
    parts: Parts,
    port: TargetPort,
    request: Request,
    stores: tuple[Engine, DirectoryStore, Ledger],
) -> Concern:
    """Return who is to be looked at for a target."""
    if request.is_whole or request.selection is not None:
        return EVERYBODY
    return find_concern(
        port,
        stores,
        parts.clock.now(),
        heeds_pauses=request.heeds_pauses,
        whole_every=parts.full_every * READS_PER_WHOLE,
    )


def serve(
    parts: Parts,
    served: tuple[TargetPort, Concern],
    request: Request,
    book: tuple[Ledger, int, ReadSummary],
    listener: Listener,
    stop: Event,
) -> TargetReport:
    """Bring one target in step, unless it is paused; note whether it answers.

    Args:
        parts: What a cycle works with.
        served: The target, and who is to be looked at.
        request: What was asked for.
        book: The ledger, the cycle's number, and what was read.
        listener: Is told how far it is.
        stop: Ends it between two operations.

    """
    port, concern = served
    pauses, now = Pauses(parts.engine), parts.clock.now()
    pause = pauses.of(port.name, now) if request.heeds_pauses else None
    if pause is not None:
        return TargetReport(port.name, Status.FAILED, str(pause), None, Counter())
    if not request.user and not concern.is_anything:
        report = _unchanged(parts, port, book[0])
    else:
        report = _bring_in_step(parts, served, request, book, listener, stop)
    if report.status is Status.FAILED:
        pauses.note_failure(port.name, report.reason, now)
    else:
        pauses.note_answer(port.name)
    return report


def _bring_in_step(
    parts: Parts,
    served: tuple[TargetPort, Concern],
    request: Request,
    book: tuple[Ledger, int, ReadSummary],
    listener: Listener,
    stop: Event,
) -> TargetReport:
    """Make the plan of one target and send what may be sent of it."""
    (port, concern), (ledger, cycle_id, read) = served, book
    now, mark = parts.clock.now(), DirectoryStore(parts.engine).read_mark()
    if request.user:
        concern = Concern(read.external_ids)
    plan = None
    try:
        with closing(port.connect()) as target:
            courier = Courier(ledger, target, parts.clock, cycle_id=cycle_id, name=port.name)
            courier.settle_doubts()
            listener(Progress("plan", port.name, 0, None))
            plan = _plan_to_send(parts, port, request, read, (now, concern))
            reviewer = Reviewer(port, Holds(parts.engine), cycle_id=cycle_id, now=now)
            reviewed = _review(reviewer, plan, request, target)
            delivery = courier.deliver(reviewed, listener, stop)
    except PlanHeld as error:
        is_news = not isinstance(error, HeldBefore)
        held = TargetReport(port.name, Status.HELD, str(error), plan, Counter())
        return replace(held, is_news=is_news)
    except TargetUnavailable as error:
        return TargetReport(port.name, Status.FAILED, str(error), plan, Counter())
    if mark is not None and not request.user and request.selection is None:
        _settle(parts, port, (mark.revision, now), reviewed.plan, delivery, concern)
    return _to_report(port, reviewed, delivery)


def _plan_to_send(
    parts: Parts,
    port: TargetPort,
    request: Request,
    read: ReadSummary,
    asked: tuple[datetime, Concern],
) -> Plan:
    """Return the plan of a target without what was refused and waits."""
    now, concern = asked
    stores = (DirectoryStore(parts.engine), Ledger(parts.engine))
    plan = plan_of(port, stores, request, read, asked)
    setbacks = Setbacks(parts.engine)
    if not request.user:
        setbacks.forget_unwanted(plan, concern.people)
    if not request.heeds_pauses:
        return plan
    waiting = setbacks.waiting(port.name, now)
    return replace(without_waiting(plan, waiting), withheld_count=len(waiting))


def plan_of(
    port: TargetPort,
    stores: tuple[DirectoryStore, Ledger],
    request: Request,
    read: ReadSummary,
    asked: tuple[datetime, Concern],
) -> Plan:
    """Return the plan of one target, of everybody concerned or of the one person asked for."""
    now, concern = asked
    plan = plan_target(port, stores, read.proof, now, concern.people)
    return narrow(plan, read.external_ids) if request.user else plan


def _unchanged(parts: Parts, port: TargetPort, ledger: Ledger) -> TargetReport:
    """Return the report of a target that nothing has changed for; it is not even asked."""
    count = ledger.resource_count(port.name)
    waiting = Setbacks(parts.engine).waiting(port.name, parts.clock.now())
    plan = Plan(port.name, (), unchanged_count=count, known_count=count)
    plan = replace(plan, withheld_count=len(waiting))
    return _to_report(port, Reviewed(plan), Delivery(Status.DONE, "", Counter()))


def _settle(
    parts: Parts,
    port: TargetPort,
    as_of: tuple[int, datetime],
    plan: Plan,
    delivery: Delivery,
    concern: Concern,
) -> None:
    """Note that a target is in step, but for what it refused: that has its own time."""
    settlements = Settlements(parts.engine)
    if delivery.has_surprises:
        settlements.forget(port.name)
        return
    if not (delivery.is_settled and plan.is_whole):
        return
    revision, now = as_of
    former = settlements.of(port.name)
    whole_at = former.whole_at if former and concern.people is not None else now
    settlements.note(Settlement(port.name, revision, port.fingerprint, now, whole_at))


def _review(reviewer: Reviewer, plan: Plan, request: Request, target: Target) -> Reviewed:
    if request.selection is not None:
        return reviewer.select(plan, request.selection)
    return reviewer.review(plan, target, request.allow_removals)


def _to_report(port: TargetPort, reviewed: Reviewed, delivery: Delivery) -> TargetReport:
    reasons = [delivery.reason, *_left_out(reviewed)]
    status = delivery.status if len(reasons) == 1 else worst([delivery.status, Status.FAILURES])
    reason = "; ".join(filter(None, reasons))
    return TargetReport(
        port.name, status, reason, reviewed.plan, delivery.counts, moved=reviewed.moved
    )


def _left_out(reviewed: Reviewed) -> Iterator[str]:
    """Yield what was planned and not sent, in words."""
    if reviewed.moved:
        what = "operation was" if len(reviewed.moved) == 1 else "operations were"
        yield f"{len(reviewed.moved)} {what} left out, because the ground has moved"
    count = reviewed.plan.withheld_count
    if count:
        what = "refused operation waits" if count == 1 else "refused operations wait"
        yield f"{count} {what} for another try, or for you"
