"""One cycle: source to directory to every target (the walk in `connector/__init__.py`)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from connector.directory.store import DirectoryStore
from connector.errors import ConnectorError, SourceUnavailable
from connector.sync.holds import Holds
from connector.sync.intake_read import describe_missed, staged_read
from connector.sync.ledger import Ledger
from connector.sync.lock import lock_of
from connector.sync.ports import Parts, Progress, Status, worst
from connector.sync.review import find_excess
from connector.sync.serving import concern_of, plan_of, serve
from connector.sync.settled import Concern

if TYPE_CHECKING:
    from threading import Event

    from connector.directory.store import DirectoryCounts
    from connector.errors import UnsafePlanError
    from connector.planner.operation import Plan
    from connector.sync.intake_read import ReadSummary
    from connector.sync.ports import Listener, TargetPort
    from connector.sync.request import Request
    from connector.sync.serving import TargetReport


@dataclass(frozen=True, slots=True)
class CycleReport:
    """How a cycle ended.

    Attributes:
        cycle_id: Its number; 0 if it was quiet and found nothing to do.
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
        if request.is_quiet:
            return _run_quietly(parts, request, listener, stop)
        book = _open(parts, request)
        return _close(parts, book, _run(parts, request, book, listener, stop))


_Book = tuple[Ledger, int]
"""The ledger, and the cycle's number in it."""


def _open(parts: Parts, request: Request) -> _Book:
    ledger = Ledger(parts.engine)
    return ledger, ledger.open_cycle(request.trigger, parts.clock.now())


def _close(parts: Parts, book: _Book, report: CycleReport) -> CycleReport:
    ledger, cycle_id = book
    report = replace(report, cycle_id=cycle_id)
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


def _run_quietly(parts: Parts, request: Request, listener: Listener, stop: Event) -> CycleReport:
    """Read first; run a cycle only if there is anything to do, or to be told."""
    ledger = Ledger(parts.engine)
    last = ledger.last_cycle()
    try:
        read = _take_in(parts, request, listener)
    except SourceUnavailable as error:
        failed = _failed(parts, 0, str(error))
        if last == (failed.status.value, failed.reason):
            return failed
        return _close(parts, _open(parts, request), failed)
    concerns = _concerns(parts, request, ledger)
    if last[0] != Status.FAILED and not any(one.is_anything for _, one in concerns):
        counts = DirectoryStore(parts.engine).counts()
        return CycleReport(0, Status.DONE, "", read, counts, ())
    book = _open(parts, request)
    report = _serve_all(parts, request, (*book, read), concerns, listener, stop)
    return _close(parts, book, report)


def _run(
    parts: Parts, request: Request, book: _Book, listener: Listener, stop: Event
) -> CycleReport:
    try:
        read = _take_in(parts, request, listener)
    except SourceUnavailable as error:
        return _failed(parts, book[1], str(error))
    if request.user and not read.external_ids:
        return _failed(parts, book[1], nobody_called(request.user))
    concerns = _concerns(parts, request, book[0])
    return _serve_all(parts, request, (*book, read), concerns, listener, stop)


def _concerns(parts: Parts, request: Request, ledger: Ledger) -> list[tuple[TargetPort, Concern]]:
    """Return who is to be looked at, for every target that is asked for."""
    stores = (parts.engine, DirectoryStore(parts.engine), ledger)
    return [(port, concern_of(parts, port, request, stores)) for port in _chosen(parts, request)]


def _failed(parts: Parts, cycle_id: int, reason: str) -> CycleReport:
    counts = DirectoryStore(parts.engine).counts()
    return CycleReport(cycle_id, Status.FAILED, reason, None, counts, ())


def _take_in(parts: Parts, request: Request, listener: Listener) -> ReadSummary:
    with staged_read(parts, request.wish, listener) as staged:
        staged.intake.commit(staged.taken, parts.clock.now())
        summary = staged.summary
    if parts.sign_off is not None:
        # Before anything is planned: who has left is out of the applications first.
        parts.sign_off.after_reading(summary.changed_at)
    return summary


def nobody_called(name: str) -> str:
    """Return in words that nobody goes by a name."""
    return f"nobody goes by {name}, in the source or in the directory"


def _serve_all(
    parts: Parts,
    request: Request,
    book: tuple[Ledger, int, ReadSummary],
    concerns: list[tuple[TargetPort, Concern]],
    listener: Listener,
    stop: Event,
) -> CycleReport:
    ledger, cycle_id, read = book

    def served(one: tuple[TargetPort, Concern]) -> TargetReport:
        report = serve(parts, one, request, book, listener, stop)
        _note(ledger, cycle_id, report)
        return report

    # A target that is slow does not hold the others back.
    with ThreadPoolExecutor(max(1, len(concerns)), thread_name_prefix="target") as crew:
        reports = list(crew.map(served, concerns))
    counts = DirectoryStore(parts.engine).counts()
    reason = _reason(read, counts)
    own = Status.FAILURES if reason else Status.DONE
    status = worst([own, *(report.status for report in reports)])
    return CycleReport(cycle_id, status, reason, read, counts, tuple(reports))


def _reason(read: ReadSummary, counts: DirectoryCounts) -> str:
    """Return what keeps a cycle from being without fault, besides its targets."""
    if not read.proof.is_complete:
        return f"the read was not complete: {read.proof.reason}"
    if read.missed:
        return describe_missed(read.missed)
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
        ConnectorError: if the one person asked for is not to be found.
        StateError: if the state database cannot be used.

    """
    ledger = Ledger(parts.engine)
    now = parts.clock.now()
    plans = []
    with (
        staged_read(parts, request.wish, listener) as staged,
        staged.intake.preview(staged.taken, now) as directory,
    ):
        read = staged.summary
        if request.user and not read.external_ids:
            raise ConnectorError(nobody_called(request.user))
        for port in _chosen(parts, request):
            listener(Progress("plan", port.name, 0, None))
            concern = concern_of(parts, port, request, (parts.engine, directory, ledger))
            if request.user:
                concern = Concern(read.external_ids)
            plan = plan_of(port, (directory, ledger), request, read, (now, concern))
            spent = Holds(parts.engine).spent(port.name, now)
            allowing = replace(port, limits=port.limits.allowing(request.allow_removals))
            plans.append((plan, find_excess(plan, allowing, spent)))
        doubts_count = sum(len(ledger.in_doubt(port.name)) for port in parts.targets)
        return Preview(read, tuple(plans), doubts_count)
