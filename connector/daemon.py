"""The daemon: scheduled cycles and all HTTP surfaces in one process, started and stopped here."""

from __future__ import annotations

import os
import signal
import socket
import threading
from contextlib import contextmanager, suppress
from itertools import chain
from typing import TYPE_CHECKING

import structlog

from connector.bootstrap.cycles import make_parts
from connector.bootstrap.logins import make_identity_provider
from connector.bootstrap.sign_off import make_sign_off
from connector.directory.store import DirectoryStore
from connector.errors import ConnectorError, CycleRunning
from connector.idp.store.logouts import LogoutStore
from connector.sync.comparing import compare_due
from connector.sync.cycle import run_cycle
from connector.sync.findings import Findings
from connector.sync.history import History
from connector.sync.intake_read import describe_missed
from connector.sync.lookout import Lookout
from connector.sync.ports import Status
from connector.sync.request import Request
from connector.sync.schedule import Schedule
from connector.web.crew import Crew
from connector.web.health import Sample, operations_app
from connector.web.server import Listener, WebServer
from state.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from connector.clock import Clock
    from connector.settings import Settings
    from connector.sync.comparing import Compared
    from connector.sync.cycle import CycleReport
    from connector.sync.ports import Progress
    from state.engine import Engine

log = structlog.get_logger()

CHANGE = "change"
# Of resources that others have changed; `connector drift --last` shows more of them.
LOGGED_AT_MOST = 20
# Of the threads that run cycles, as `nice` counts.
NICENESS = 10


def _ignore(told: object) -> None:
    """Take no note."""


class Daemon:
    """Everything that runs, from `start` to `stop`."""

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        clock: Clock,
        on_report: Callable[[CycleReport], None] = _ignore,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._on_report = on_report
        sign_off = make_sign_off(settings, engine, clock)
        self._parts = make_parts(settings, engine, clock, sign_off)
        self._stopping = threading.Event()
        self._schedule = Schedule(
            self._run, every=settings.schedule.every, cron=settings.schedule.cron
        )
        self._lookout = Lookout(self._parts.source, self._run_changes, self._stopping)
        self._crew = _crew(settings, engine, clock)
        names = [target.name for target in settings.target]
        operations = operations_app(
            self._faults, lambda: chain(_samples(engine), _drift(engine, names), _untold(engine))
        )
        self._operations = WebServer([Listener(operations, settings.operations.listen)])

    def start(self) -> None:
        """Listen, then start the schedule; the first cycle begins at once.

        Raises:
            ConnectorError: if an address is taken, or a certificate cannot be used.

        """
        self._operations.start()
        addresses = [str(each) for each in self._operations.addresses]
        if self._crew:
            try:
                self._crew.start()
            except ConnectorError:
                self._operations.stop()
                raise
            addresses.append(self._crew.address)
        self._schedule.start(self._clock.now())
        self._lookout.start()
        log.info("daemon.started", addresses=addresses)

    def run_now(self) -> None:
        """Run a cycle at once, or right after the one that is under way."""
        self._schedule.run_now()

    def reload(self) -> None:
        """Use the TLS certificate files as they are now."""
        if self._crew:
            self._crew.reload()

    def stop(self) -> None:
        """End the cycle that runs between two operations, finish what is being answered."""
        log.info("daemon.stopping")
        self._stopping.set()
        self._lookout.stop()
        self._schedule.stop()
        if self._crew:
            self._crew.stop()
        self._operations.stop()
        log.info("daemon.stopped")

    def _run_changes(self) -> bool:
        """Run a cycle because something has changed; return whether the source could be read."""
        return self._schedule.run(CHANGE)

    def _run(self, trigger: str) -> bool:
        """Run a cycle, and by the clock what is due after it; return as `_run_cycle`."""
        was_read = self._run_cycle(trigger)
        if trigger != CHANGE:
            self._compare()
        return was_read

    def _compare(self) -> None:
        """Look for what others have changed at the targets whose time has come."""
        if self._stopping.is_set():
            return
        try:
            for compared in compare_due(self._parts, _ignore, self._stopping):
                _log_compared(compared)
        except CycleRunning:
            return
        except (ConnectorError, StateError) as error:
            log.error("drift.failed", reason=str(error))  # noqa: TRY400 - the reason says it

    def _run_cycle(self, trigger: str) -> bool:
        """Run a cycle; return whether the source could be read."""
        if self._stopping.is_set():
            return True
        _give_way()
        is_quiet = trigger == CHANGE
        if not is_quiet:
            log.info("cycle.started", trigger=trigger)
        request = Request(
            f"the daemon, by {trigger}", heeds_pauses=trigger != "request", is_quiet=is_quiet
        )
        try:
            report = run_cycle(self._parts, request, _tell_of_waiting(), self._stopping)
        except CycleRunning:
            return True
        except (ConnectorError, StateError) as error:
            log.error("cycle.failed", reason=str(error))  # noqa: TRY400 - the reason says it
            return False
        if report.cycle_id:
            _log_report(report)
            self._on_report(report)
        return report.read is not None

    def _faults(self) -> dict[str, str]:
        """Return what keeps the daemon from its work, by the name of the part."""
        try:
            last = next(iter(History(self._engine).cycles(1)), None)
        except StateError as error:
            return {"database": str(error)}
        faults = {}
        if self._crew and (words := self._crew.fault()):
            faults["sign-on"] = words
        if last is None or last.status == "running":
            return faults
        faults |= {part.target: part.reason for part in last.parts if part.status == Status.FAILED}
        if last.status == Status.FAILED and last.reason:
            faults["source"] = last.reason
        return faults


def _tell_of_waiting() -> Callable[[Progress], None]:
    """Return what says in the log, once a holder, who is at work while a cycle waits."""
    told: set[str] = set()

    def listen(progress: Progress) -> None:
        if progress.phase == "wait" and progress.subject not in told:
            told.add(progress.subject)
            log.info("cycle.waiting", reason=f"a cycle is running, started by {progress.subject}")

    return listen


def run_until_signal(daemon: Daemon) -> None:
    """Run until SIGTERM or SIGINT; SIGHUP reloads the certificates, SIGUSR1 runs a cycle now."""
    actions = {signal.SIGHUP: daemon.reload, signal.SIGUSR1: daemon.run_now}
    ends = {signal.SIGTERM, signal.SIGINT}
    with _signals([*actions, *ends]) as next_signal:
        daemon.start()
        try:
            _tell_service_manager("READY=1")
            while (received := next_signal()) not in ends:
                if received in actions:
                    actions[received]()
            _tell_service_manager("STOPPING=1")
        finally:
            daemon.stop()


@contextmanager
def _signals(numbers: Collection[signal.Signals]) -> Iterator[Callable[[], signal.Signals]]:
    """Yield what waits for the next signal and returns it.

    None gets lost, and none interrupts this thread in the middle of something: the interpreter
    writes each into a socket (`signal.set_wakeup_fd`), and we read it there.
    """
    reader, writer = socket.socketpair()
    with reader, writer:
        writer.settimeout(0)
        former_fd = signal.set_wakeup_fd(writer.fileno())
        former = {number: signal.signal(number, lambda *_: None) for number in numbers}
        try:
            yield lambda: signal.Signals(reader.recv(1)[0])
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(former_fd)


def _tell_service_manager(message: str) -> None:
    """Tell systemd how we are, if it started us (sd_notify, protocol of a datagram socket)."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    path = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.connect(path)
        notify.sendall(message.encode())


def _crew(settings: Settings, engine: Engine, clock: Clock) -> Crew | None:
    """Return the processes that sign people in, not started yet, if there are to be any.

    Raises:
        ConfigurationError: if an application or a key is wrong.

    """
    if settings.idp is None:
        return None
    # What is wrong is said here, before any process starts; and the keys are made once.
    make_identity_provider(settings, engine, clock)
    return Crew(settings, settings.idp.listen, settings.idp.workers)


def _give_way() -> None:
    """Let whoever signs in go first: this thread, and what it starts, gets what is left over."""
    with suppress(OSError):  # a container may forbid it; then they share alike
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def _samples(engine: Engine) -> Iterator[Sample]:
    history = History(engine)
    success_at = history.last_success_at()
    yield Sample(
        "connector_sync_last_success_timestamp_seconds",
        success_at.timestamp() if success_at else 0,
        "When the last cycle without any fault ended.",
    )
    failed_count = 0
    for cycle in history.cycles(100):
        if cycle.status == Status.DONE:
            break
        failed_count += cycle.status != "running"
    yield Sample(
        "connector_sync_failed_cycles", failed_count, "Cycles with faults since the last without."
    )
    counts = DirectoryStore(engine).counts()
    yield Sample("connector_directory_users", counts.users, "People in the directory.")
    yield Sample("connector_directory_groups", counts.groups, "Groups in the directory.")
    yield Sample("connector_directory_problems", counts.problems, "Entries that cannot be mapped.")
    for target, by_type in history.linked_counts().items():
        for resource_type, count in by_type.items():
            labels = {"target": target, "resource_type": resource_type}
            yield Sample(
                "connector_target_resources", count, "Resources of ours at a target.", labels=labels
            )


def _untold(engine: Engine) -> Iterator[Sample]:
    for application, count in LogoutStore(engine).waiting_counts().items():
        yield Sample(
            "connector_logout_waiting",
            count,
            "Sign-outs that an application has not answered, and is told again.",
            labels={"application": application},
        )


def _drift(engine: Engine, names: Iterable[str]) -> Iterator[Sample]:
    for name in names:
        last = Findings(engine).of(name)
        if last is None or last.compared_at is None:
            continue
        labels = {"target": name}
        yield Sample(
            "connector_target_drift_differences",
            last.found_count,
            "Attributes of ours at a target that others have changed.",
            labels=labels,
        )
        yield Sample(
            "connector_target_drift_compared_timestamp_seconds",
            last.compared_at.timestamp(),
            "When a target was last compared with what was written there.",
            labels=labels,
        )
        yield Sample(
            "connector_target_foreign_accounts",
            last.foreign_count,
            "Accounts at a target that are not ours.",
            labels=labels,
        )


def _log_compared(compared: Compared) -> None:
    if compared.found is None or compared.last is None:
        log.warning("drift.failed", target=compared.target, reason=compared.reason)
        return
    if compared.is_news:
        for drift in compared.found.drifts[:LOGGED_AT_MOST]:
            log.warning(
                "drift.found",
                target=compared.target,
                external_id=drift.external_id,
                attributes=[one.attribute_path for one in drift.differences],
            )
    log.info(
        "drift.compared",
        target=compared.target,
        compared=compared.found.compared_count,
        differences=compared.last.found_count,
        foreign=compared.found.foreign_count,
    )


def _log_report(report: CycleReport) -> None:
    for problem in report.read.problems if report.read else ():
        log.warning(
            "entry.rejected",
            external_id=problem.external_id,
            attribute=problem.attribute_path,
            problem=problem.problem,
        )
    if report.read and report.read.note:
        log.info("source.read_in_full", cycle_id=report.cycle_id, reason=report.read.note)
    if report.read and report.read.missed:
        words = describe_missed(report.read.missed)
        log.warning("source.changes_missed", cycle_id=report.cycle_id, reason=words)
    for part in report.targets:
        if part.is_news:
            log.warning(
                "plan.held", cycle_id=report.cycle_id, target=part.target, reason=part.reason
            )
        log.info(
            "target.ended",
            cycle_id=report.cycle_id,
            target=part.target,
            status=part.status.value,
            reason=part.reason,
            **part.counts,
        )
    log.info(
        "cycle.ended",
        cycle_id=report.cycle_id,
        status=report.status.value,
        reason=report.reason,
        users=report.directory.users,
        groups=report.directory.groups,
    )
