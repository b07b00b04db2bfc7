"""One cycle: source to directory to every target (the walk in `connector/__init__.py`)."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from connector.directory.store import DirectoryStore
from connector.errors import PlanHeld, SourceUnavailable, TargetUnavailable
from connector.planner.waiting import without_waiting
from connector.sync.apply import Courier
from connector.sync.holds import Holds
from connector.sync.intake_read import staged_read
from connector.sync.ledger import Ledger
from connector.sync.lock import lock_of
from connector.sync.pauses import Pauses
from connector.sync.planning import narrow, plan_target
from connector.sync.ports import Parts, Progress, Status, worst
from connector.sync.review import HeldBefore, Reviewed, Reviewer, find_excess
from connector.sync.setbacks import Setbacks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from threading import Event

    from connector.directory.store import DirectoryCounts
    from connector.errors import UnsafePlanError
    from connector.planner.operation import Plan
    from connector.source.batch import Proof
    from connector.sync.apply import Delivery
    from connector.sync.intake_read import ReadSummary
    from connector.sync.ports import Listener, Target, TargetPort
    from connector.sync.review import Selection


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of one cycle.

    Attributes:
        trigger: Who asks, such as "schedule" or "command line".
        targets: Names of the targets to serve; empty for all.
        user: external_id of the one person to bring in step; "" for everybody.
        allow_removals: So many deletes and disables are allowed this once; None: as configured.
        selection: Operations of an earlier plan, to be sent and no others; None: as planned now.
        heeds_pauses: Whether targets that failed lately, and resources that were refused, are
            left alone until their time has come; somebody who asks by hand wants to know.

    """

    trigger: str
    targets: tuple[str, ...] = ()
    user: str = ""
    allow_removals: int | None = None
    selection: Selection | None = None
    heeds_pauses: bool = False


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


@dataclass(frozen=True, slots=True)
class CycleReport:
    """How a cycle ended.

    Attributes:
        cycle_id: Its number.
        status: The worst of its parts.
        reason: Why the cycle as a whole failed; "" otherwise.
        read: What was read; None if the source could not be.
        directory: How many people and groups there are now.
        targets: One report each.

    """

    cycle_id: int
    status: Status
    reason: str
    read: ReadSummary | None
    directory: DirectoryCounts
    targets: tuple[TargetReport, ...]


def run_cycle(parts: Parts, request: Request, listener: Listener, stop: Event) -> CycleReport:
    """Run one cycle and return how it ended; failures of source and targets are in the report.

    Raises:
        CycleRunning: if another cycle runs and `stop` was set while waiting for it.
        StateError: if the state database cannot be used; what was not recorded is looked up by
            the next cycle.
        ConnectorError: if the lock file cannot be used.

    """

    def keep_waiting(holder: str) -> bool:
        listener(Progress("wait", holder, 0, None))
        return not stop.is_set()

    with lock_of(parts.engine, parts.lock_path, request.trigger, keep_waiting):
        ledger = Ledger(parts.engine)
        cycle_id = ledger.open_cycle(request.trigger, parts.clock.now())
        report = _run(parts, request, (ledger, cycle_id), listener, stop)
        counts = report.directory
        problems = counts.problems + (1 if report.read and not report.read.proof.is_complete else 0)
        ledger.close_cycle(
            cycle_id,
            {
                "status": report.status.value,
                "reason": report.reason,
                "ended_at": parts.clock.now(),
                "users_count": counts.users,
                "groups_count": counts.groups,
                "problems_count": problems,
            },
        )
        return report


def _run(
    parts: Parts,
    request: Request,
    book: tuple[Ledger, int],
    listener: Listener,
    stop: Event,
) -> CycleReport:
    ledger, cycle_id = book
    store = DirectoryStore(parts.engine)
    try:
        with staged_read(parts, listener) as staged:
            staged.intake.commit(staged.read_to, staged.gone, parts.clock.now())
            read = staged.summary
    except SourceUnavailable as error:
        return CycleReport(cycle_id, Status.FAILED, str(error), None, store.counts(), ())

    def serve(port: TargetPort) -> TargetReport:
        report = _serve(parts, port, request, (ledger, cycle_id, read.proof), listener, stop)
        _note(ledger, cycle_id, report)
        return report

    ports = _chosen(parts, request)
    # A target that is slow does not hold the others back.
    with ThreadPoolExecutor(max(1, len(ports)), thread_name_prefix="target") as crew:
        reports = list(crew.map(serve, ports))
    counts = store.counts()
    own = Status.FAILURES if counts.problems or not read.proof.is_complete else Status.DONE
    status = worst([own, *(report.status for report in reports)])
    return CycleReport(cycle_id, status, _reason(read.proof, counts), read, counts, tuple(reports))


def _reason(proof: Proof, counts: DirectoryCounts) -> str:
    """Return what keeps a cycle from being without fault, besides its targets."""
    if not proof.is_complete:
        return f"the read was not complete: {proof.reason}"
    if counts.problems:
        return (
            f"{counts.problems} {'entry' if counts.problems == 1 else 'entries'} cannot be mapped"
        )
    return ""


def _chosen(parts: Parts, request: Request) -> list[TargetPort]:
    names = request.targets
    if request.selection is not None:
        names = tuple(request.selection.operations)
    return [port for port in parts.targets if not names or port.name in names]


def _serve(
    parts: Parts,
    port: TargetPort,
    request: Request,
    book: tuple[Ledger, int, Proof],
    listener: Listener,
    stop: Event,
) -> TargetReport:
    """Bring one target in step, unless it is paused; note whether it answers."""
    pauses, now = Pauses(parts.engine), parts.clock.now()
    pause = pauses.of(port.name, now) if request.heeds_pauses else None
    if pause is not None:
        return TargetReport(port.name, Status.FAILED, str(pause), None, Counter())
    report = _bring_in_step(parts, port, request, book, listener, stop)
    if report.status is Status.FAILED:
        pauses.note_failure(port.name, report.reason, now)
    else:
        pauses.note_answer(port.name)
    return report


def _bring_in_step(
    parts: Parts,
    port: TargetPort,
    request: Request,
    book: tuple[Ledger, int, Proof],
    listener: Listener,
    stop: Event,
) -> TargetReport:
    """Make the plan of one target and send what may be sent of it."""
    ledger, cycle_id, proof = book
    plan = None
    try:
        target = port.connect()
        try:
            courier = Courier(ledger, target, parts.clock, cycle_id=cycle_id, name=port.name)
            courier.settle_doubts()
            listener(Progress("plan", port.name, 0, None))
            store = DirectoryStore(parts.engine)
            plan = plan_target(port, store, ledger, proof, parts.clock.now())
            plan = narrow(plan, request.user) if request.user else plan
            if request.heeds_pauses:
                waiting = Setbacks(parts.engine).waiting(port.name, parts.clock.now())
                plan = without_waiting(plan, waiting)
            reviewer = Reviewer(port, Holds(parts.engine), cycle_id=cycle_id, now=parts.clock.now())
            reviewed = _review(reviewer, plan, request, target)
            delivery = courier.deliver(reviewed, listener, stop)
        finally:
            target.close()
    except PlanHeld as error:
        is_news = not isinstance(error, HeldBefore)
        held = TargetReport(port.name, Status.HELD, str(error), plan, Counter())
        return replace(held, is_news=is_news)
    except TargetUnavailable as error:
        return TargetReport(port.name, Status.FAILED, str(error), plan, Counter())
    return _to_report(port, reviewed, delivery)


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


def _note(ledger: Ledger, cycle_id: int, report: TargetReport) -> None:
    planned = len(report.plan.operations) if report.plan else 0
    applied = report.counts["applied"]
    ledger.note_target(
        cycle_id,
        report.target,
        {
            "status": report.status.value,
            "reason": report.reason,
            "planned_count": planned,
            "applied_count": applied,
            "failed_count": report.counts.total() - applied,
            "unchanged_count": report.plan.unchanged_count if report.plan else 0,
        },
    )


@dataclass(frozen=True, slots=True)
class Preview:
    """What a cycle would do now.

    Attributes:
        read: What was read.
        plans: One a target, in order, each with the guard's objection or None.
        doubts_count: Operations of earlier cycles that a cycle would first look up.

    """

    read: ReadSummary
    plans: tuple[tuple[Plan, UnsafePlanError | None], ...]
    doubts_count: int


def preview_cycle(parts: Parts, request: Request, listener: Listener) -> Preview:
    """Return what `run_cycle` would send now; reads the source, changes nothing anywhere.

    Raises:
        SourceUnavailable: if the source cannot be read.
        StateError: if the state database cannot be used.

    """
    ledger = Ledger(parts.engine)
    now = parts.clock.now()
    plans = []
    with (
        staged_read(parts, listener) as staged,
        staged.intake.preview(staged.read_to, staged.gone, now) as directory,
    ):
        for port in _chosen(parts, request):
            listener(Progress("plan", port.name, 0, None))
            plan = plan_target(port, directory, ledger, staged.summary.proof, now)
            plan = narrow(plan, request.user) if request.user else plan
            spent = Holds(parts.engine).spent(port.name, now)
            allowing = replace(port, limits=port.limits.allowing(request.allow_removals))
            plans.append((plan, find_excess(plan, allowing, spent)))
        doubts_count = sum(len(ledger.in_doubt(port.name)) for port in parts.targets)
        return Preview(staged.summary, tuple(plans), doubts_count)
