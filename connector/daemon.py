"""The daemon: scheduled cycles and all HTTP surfaces in one process, started and stopped here."""

from __future__ import annotations

import os
import signal
import socket
import threading
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from connector.bootstrap.applications import (
    ApplicationFiles,
    call_for_reading,
    make_fetch_loop,
    revision_of,
)
from connector.bootstrap.cycles import make_parts
from connector.bootstrap.keys import log_keys
from connector.bootstrap.leavers import forget_leavers
from connector.bootstrap.logins import make_identity_provider
from connector.bootstrap.mail import forget_given_up, make_post
from connector.bootstrap.policy_effect import keep_in_force
from connector.bootstrap.sign_off import make_sign_off
from connector.errors import ConnectorError, CycleRunning
from connector.sync.comparing import compare_due
from connector.sync.cycle import run_cycle
from connector.sync.history import History
from connector.sync.intake_read import describe_missed
from connector.sync.lookout import Lookout
from connector.sync.ports import Status
from connector.sync.request import Request
from connector.sync.schedule import Schedule
from connector.web.crew import Crew
from connector.web.health import operations_app
from connector.web.numbers import read_numbers
from connector.web.server import Listener, WebServer
from state.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from connector.clock import Clock
    from connector.settings import Settings
    from connector.sync.comparing import Compared
    from connector.sync.cycle import CycleReport
    from connector.sync.ports import Progress
    from state.engine import Engine

log = structlog.get_logger()

CHANGE = "change"
DAY = timedelta(days=1)
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
        configuration: Path | None = None,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._on_report = on_report
        self._files = ApplicationFiles(settings, clock, configuration)
        self._noted: Settings | None = None
        sign_off = make_sign_off(settings, engine, clock, self._files)
        self._parts = make_parts(settings, engine, clock, sign_off)
        self._stopping = threading.Event()
        self._schedule = Schedule(
            self._run, every=settings.schedule.every, cron=settings.schedule.cron
        )
        self._lookout = Lookout(self._parts.source, self._run_changes, self._stopping)
        self._idp = settings.idp
        self._schedule.also(self._tell_of_keys, DAY)
        self._schedule.also(self._forget, DAY)
        self._crew = _crew(self._files, engine)
        self._metadata = make_fetch_loop(self._files) if self._crew else None
        self._post = make_post(settings, engine, clock)
        names = [target.name for target in settings.target]
        operations = operations_app(self._faults, lambda: read_numbers(engine, names))
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
        if self._metadata:
            self._metadata.start()
        self._keep_policy()
        if self._post:
            self._post.start()
        self._schedule.start(self._clock.now())
        self._lookout.start()
        log.info("daemon.started", addresses=addresses)
        self._tell_of_keys()
        self._forget()

    def run_now(self) -> None:
        """Run a cycle at once, or right after the one that is under way."""
        self._schedule.run_now()

    def reload(self) -> None:
        """Use the TLS certificate files, the applications and their metadata as they are now."""
        if self._crew and self._metadata:
            self._crew.reload()
            try:
                call_for_reading(self._files.settings, self._clock)
            except ConnectorError as error:
                log.warning("daemon.reload_failed", reason=str(error))
            self._metadata.fetch_all()

    def stop(self) -> None:
        """End the cycle that runs between two operations, finish what is being answered."""
        log.info("daemon.stopping")
        self._stopping.set()
        self._lookout.stop()
        self._schedule.stop()
        if self._metadata:
            self._metadata.stop()
        if self._crew:
            self._crew.stop()
        if self._post:
            self._post.stop()
        self._operations.stop()
        log.info("daemon.stopped")

    def _run_changes(self) -> bool:
        """Run a cycle because something has changed; return whether the source could be read."""
        return self._schedule.run(CHANGE)

    def _run(self, trigger: str) -> bool:
        """Run a cycle, and by the clock what is due after it; return as `_run_cycle`."""
        was_read = self._run_cycle(trigger)
        self._keep_policy()
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

    def _keep_policy(self) -> None:
        """Note which policy is in force, for `connector check --effect`.

        The applications may have been read anew since, by whoever follows their files.
        """
        settings = self._files.settings
        if settings.idp is None or settings is self._noted:
            return
        try:
            if keep_in_force(settings, self._engine, self._clock.now()):
                log.info("policy.taken_up")
            self._noted = settings
        except (ConnectorError, StateError) as error:
            log.warning("policy.unkept", reason=str(error))

    def _tell_of_keys(self) -> None:
        """Say in the log which certificates end soon."""
        try:
            if self._idp is not None:
                log_keys(self._idp, self._engine, self._clock.now())
        except StateError as error:
            log.warning("key.unusable", reason=str(error))

    def _forget(self) -> None:
        """Delete what those had enrolled who left long ago, and messages given up long ago."""
        now = self._clock.now()
        try:
            forget_leavers(self._engine, now)
        except StateError as error:
            log.warning("factors.kept", reason=str(error))
        try:
            forget_given_up(self._engine, now)
        except StateError as error:
            log.warning("mail.kept", reason=str(error))

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


def _crew(files: ApplicationFiles, engine: Engine) -> Crew | None:
    """Return the processes that sign people in, not started yet, if there are to be any.

    Raises:
        ConfigurationError: if an application or a key is wrong.

    """
    settings = files.settings
    if settings.idp is None:
        return None
    files.revision = revision_of(settings)
    # What is wrong is said here, before any process starts; and the keys are made once.
    for note in make_identity_provider(settings, engine, files.clock).notes:
        log.warning("applications.noted", note=note)
    origin = (files.configuration, files.revision)
    return Crew(settings, settings.idp.listen, settings.idp.workers, *origin)


def _give_way() -> None:
    """Let whoever signs in go first: this thread, and what it starts, gets what is left over."""
    with suppress(OSError):  # a container may forbid it; then they share alike
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


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
