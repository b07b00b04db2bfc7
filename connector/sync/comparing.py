"""When a target is compared with what was last written there, and that no cycle runs meanwhile.

A cycle and a comparison at the same time would take each other's doing for that of others, and
ask the target twice as fast as the configuration allows. So both hold the lock of cycles.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connector.audit import Audit, AuditEvent
from connector.errors import TargetUnavailable
from connector.sync.drift import find_drift, note_drift
from connector.sync.findings import Findings, keep
from connector.sync.lock import lock_of
from connector.sync.pauses import Pauses
from connector.sync.ports import Progress
from state.engine import writing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import datetime
    from threading import Event

    from connector.sync.drift import Comparison
    from connector.sync.findings import LastComparison
    from connector.sync.ports import Listener, Parts, TargetPort


@dataclass(frozen=True, slots=True)
class Compared:
    """How a comparison ended.

    Attributes:
        target: Its name.
        found: What was found; None if it failed.
        reason: Why it failed; "" if it did not.
        last: That as it is kept, with all findings; None likewise.
        is_news: Whether anything was found, and not just the same as the time before.

    """

    target: str
    found: Comparison | None
    reason: str = ""
    last: LastComparison | None = None
    is_news: bool = False


def compare_targets(
    parts: Parts, names: Collection[str], listener: Listener, stop: Event, *, repair: bool
) -> list[Compared]:
    """Return what of ours is not as we left it, and keep it for `connector drift --last`.

    Args:
        parts: Of cycles.
        names: Of the targets to compare; none for all.
        listener: Is told how far it is.
        stop: Ends it; what has been compared by then is returned.
        repair: Whether the next cycle is to bring it back.

    Raises:
        TargetUnavailable: if a target does not list all it holds; then nothing is noted of it.
        CycleRunning: if a cycle runs and `stop` was set while waiting for it.
        StateError: if the state database cannot be used.

    """
    found = []
    for port in parts.targets:
        if not names or port.name in names:
            compared = _compare(parts, port, listener, stop, repair=repair)
            found += [compared] if compared else []
    return found


def compare_due(parts: Parts, listener: Listener, stop: Event) -> Iterator[Compared]:
    """Compare each target whose time has come; yield how it went.

    Targets that are left alone because they failed are not compared either.

    Raises:
        CycleRunning: if a cycle runs and `stop` was set while waiting for it.
        StateError: if the state database cannot be used.

    """
    findings, pauses = Findings(parts.engine), Pauses(parts.engine)
    for port in parts.targets:
        now = parts.clock.now()
        if not findings.is_due(port, now) or pauses.of(port.name, now):
            continue
        try:
            compared = _compare(parts, port, listener, stop, repair=port.drift == "repair")
        except TargetUnavailable as error:
            compared = Compared(port.name, None, str(error))
        if compared is not None:
            yield compared


def _compare(
    parts: Parts, port: TargetPort, listener: Listener, stop: Event, *, repair: bool
) -> Compared | None:
    """Compare one target while no cycle runs; None if `stop` was set."""

    def keep_waiting(holder: str) -> bool:
        listener(Progress("wait", holder, 0, None))
        return not stop.is_set()

    with lock_of(parts.engine, parts.lock_path, "a comparison", keep_waiting):
        try:
            with closing(port.connect()) as target:
                found = find_drift(parts.engine, port, target, listener, stop)
        except TargetUnavailable as error:
            Findings(parts.engine).note_failure(port.name, str(error), parts.clock.now())
            raise
        if found is None:
            return None
        now = parts.clock.now()
        with writing(parts.engine) as connection:
            last, is_news = keep(connection, found, now, is_repair=repair)
            if repair:
                note_drift(connection, [*found.drifts, *found.doubtful])
        if is_news:
            details = {"target": port.name, "resources": len(found.drifts)}
            details |= {"differences": last.found_count}
            _audit(parts, details | {"action": "repair" if repair else "report"}, now)
        return Compared(port.name, found, last=last, is_news=is_news)


def _audit(parts: Parts, details: Mapping[str, Any], now: datetime) -> None:
    """Note in the chain that shows tampering that others have changed what is ours."""
    event = AuditEvent(now, "drift.found", "failure", "changed-by-others", details=details)
    Audit(parts.engine).record(event)
