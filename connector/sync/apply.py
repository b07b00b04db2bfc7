"""The second half of a cycle: send a plan to its target, window by window (steps 9 to 12)."""

from __future__ import annotations

from collections import Counter, deque
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from connector.planner.division import halves
from connector.planner.operation import OperationKind
from connector.planner.order import claimed_name, freed_name
from connector.sync.ledger import Recorded
from connector.sync.links import GONE
from connector.sync.ports import Progress, Status
from connector.target.outcome import Applied, Rejected, Unavailable, Unknown

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence
    from threading import Event

    from connector.clock import Clock
    from connector.planner.operation import Operation
    from connector.sync.ledger import Ledger
    from connector.sync.ports import Listener, Target
    from connector.sync.review import Reviewed
    from connector.target.outcome import Outcome

# So many in a row that a target does not take mean that it is gone, not that it is choosy.
STREAK = 16
# Answers written down together; to those of a killed process the same applies as to no answer.
RECORDED_TOGETHER = 8
# Of a group that the target refuses: so many requests to find out which member is the reason.
PARTS_AT_MOST = 32
# After a kill at most so many operations are in doubt and looked up one by one.
WINDOW = 32


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a plan.

    Attributes:
        status: Done, with failures, stopped, or failed because the target went away.
        reason: Why not done, in words; "" if done.
        counts: How many operations ended applied, rejected, unavailable or unknown.

    """

    status: Status
    reason: str
    counts: Counter[str]


class Courier:
    """Carries the operations of one cycle to one target, and its answers to the ledger."""

    def __init__(
        self,
        ledger: Ledger,
        target: Target,
        clock: Clock,
        *,
        cycle_id: int,
        name: str,
    ) -> None:
        self._ledger = ledger
        self._target = target
        self._clock = clock
        self._cycle_id = cycle_id
        self._name = name
        self._target_ids = ledger.target_ids(name)
        self._in_doubt: set[str] = set()
        # Groups of which the target took no part; they are not divided again in this cycle.
        self._hopeless: set[str] = set()

    def settle_doubts(self) -> None:
        """Ask the target what became of operations that an earlier cycle left in doubt."""
        for recorded in self._ledger.in_doubt(self._name):
            outcome = self._target.resolve(recorded.operation, self._target_ids)
            self._record([(recorded, outcome)])
            if isinstance(outcome, Unknown):
                self._in_doubt.add(recorded.operation.external_id)

    def deliver(self, reviewed: Reviewed, listener: Listener, stop: Event) -> Delivery:
        """Send a plan; return what became of it.

        The plan is in the ledger before anything is sent. `stop` ends it between two operations.
        """
        recorded = self._ledger.record_plan(
            self._cycle_id,
            reviewed.plan,
            self._clock.now(),
            is_approved=reviewed.is_approved,
        )
        counts: Counter[str] = Counter()
        streak = 0
        for window in _windows(recorded):
            if stop.is_set():
                return Delivery(Status.STOPPED, "stopped between two operations", counts)
            reasons = self._send_window(window, counts, stop)
            listener(Progress("send", self._name, counts.total(), len(recorded)))
            streak = streak + len(reasons) if len(reasons) == len(window) else 0
            if streak and (streak >= STREAK or streak == counts.total()):
                return Delivery(Status.FAILED, f"target unavailable: {reasons[-1]}", counts)
        failed_count = counts.total() - counts["applied"]
        if stop.is_set() and counts.total() < len(recorded):
            return Delivery(Status.STOPPED, "stopped between two operations", counts)
        if failed_count:
            reason = f"{failed_count} of {len(recorded)} operations failed"
            return Delivery(Status.FAILURES, reason, counts)
        return Delivery(Status.DONE, "", counts)

    def _send_window(
        self, window: Sequence[Recorded], counts: Counter[str], stop: Event
    ) -> list[str]:
        """Send a window; return the reasons of those that the target did not take."""
        ready, waiting = self._address(window)
        self._count(waiting, counts)
        if not ready:
            return []
        self._ledger.mark_sent(ready, self._clock.now())
        left = {id(recorded.operation): recorded for recorded in ready}
        unavailable, refused = [], []
        # However this ends, nothing is in flight afterwards: what was not written down is in doubt.
        with closing(self._send(ready)) as answers:
            for some in _together(answers, stop):
                noted = []
                for operation, outcome in some:
                    recorded = left.pop(id(operation))
                    if isinstance(outcome, Unavailable):
                        unavailable.append(outcome.reason)
                    if self._is_divisible(operation, outcome):
                        refused.append((recorded, outcome))
                    else:
                        noted.append((recorded, self._settled(operation, outcome)))
                self._count(noted, counts)
                if stop.is_set():
                    break
        # Who is stopped does not stay to ask: what is left is in doubt until the next cycle.
        for recorded, refusal in refused:
            self._count([self._send_parts(recorded, refusal, stop)], counts)
        return unavailable

    def _send(self, ready: Sequence[Recorded]) -> Generator[tuple[Operation, Outcome], None, None]:
        return self._target.send([one.operation for one in ready], self._target_ids)

    def _settled(self, operation: Operation, outcome: Outcome) -> Outcome:
        if isinstance(outcome, Unknown):
            return self._target.resolve(operation, self._target_ids)
        return outcome

    def _is_divisible(self, operation: Operation, outcome: Outcome) -> bool:
        is_refused = isinstance(outcome, Rejected) and outcome.status != GONE
        is_hopeless = operation.external_id in self._hopeless
        return is_refused and not is_hopeless and bool(halves(operation))

    def _send_parts(
        self, recorded: Recorded, refusal: Outcome, stop: Event
    ) -> tuple[Recorded, Outcome]:
        """Send a refused change of a group in ever smaller parts; return what to note in the end.

        One member that the target does not take must not keep the others out. What was taken is
        in the ledger by then.
        """
        waiting = deque(halves(recorded.operation))
        taken, failed = [], (recorded, refusal)
        for _ in range(PARTS_AT_MOST):
            if not waiting or stop.is_set():
                break
            part = Recorded(recorded.row_id, waiting.popleft())
            with closing(self._send([part])) as answers:
                outcome = self._settled(*next(answers))
            if isinstance(outcome, Applied):
                self._record([(part, outcome)])
                taken.append((part, outcome))
            elif isinstance(outcome, Rejected) and (smaller := halves(part.operation)):
                waiting.extend(smaller)
            else:
                failed = (part, outcome)
        if not taken:
            self._hopeless.add(recorded.operation.external_id)
        is_taken = not waiting and failed[1] is refusal
        return taken[-1] if is_taken else failed

    def _count(self, answers: Sequence[tuple[Recorded, Outcome]], counts: Counter[str]) -> None:
        for _, outcome in answers:
            counts[type(outcome).__name__.lower()] += 1
        self._record(answers)

    def _record(self, answers: Sequence[tuple[Recorded, Outcome]]) -> None:
        if not answers:
            return
        self._ledger.record(self._cycle_id, self._name, answers, self._clock.now())
        for recorded, outcome in answers:
            self._learn(recorded.operation, outcome)

    def _learn(self, operation: Operation, outcome: Outcome) -> None:
        """Keep the ids that this cycle goes by as the ledger has them."""
        ids = self._target_ids
        match outcome:
            case Applied() if operation.kind is OperationKind.DELETE:
                ids.pop(operation.external_id, None)
            case Applied(target_id=target_id):
                ids.pop(operation.succeeds, None)
                ids[operation.external_id] = target_id
            case Rejected(status=status) if status == GONE and operation.target_id is not None:
                ids.pop(operation.succeeds or operation.external_id, None)

    def _address(
        self, window: Sequence[Recorded]
    ) -> tuple[list[Recorded], list[tuple[Recorded, Outcome]]]:
        """Fill in ids that this cycle has learnt; set apart what has nothing to refer to."""
        ready: list[Recorded] = []
        waiting: list[tuple[Recorded, Outcome]] = []
        for recorded in window:
            operation = recorded.operation
            if operation.kind is OperationKind.CREATE:
                if operation.external_id in self._in_doubt:
                    words = "an earlier creation is in doubt, and the target cannot say"
                    waiting.append((recorded, Unavailable(words)))
                else:
                    ready.append(recorded)
                continue
            target_id = operation.target_id or self._target_ids.get(operation.external_id)
            if target_id is None:
                waiting.append((recorded, Unavailable("the resource itself is not there yet")))
                continue
            ids = self._target_ids
            addressed = replace(
                operation,
                target_id=target_id,
                members_added=tuple(key for key in operation.members_added if key in ids),
                members_removed=tuple(key for key in operation.members_removed if key in ids),
            )
            if _has_nothing_left(addressed):
                waiting.append((recorded, Unavailable("its members are not there yet")))
            else:
                ready.append(Recorded(recorded.row_id, addressed))
        return ready, waiting


def _together(
    answers: Iterable[tuple[Operation, Outcome]], stop: Event
) -> Iterator[list[tuple[Operation, Outcome]]]:
    """Yield answers as many at a time as are written down together."""
    some = []
    for answer in answers:
        some.append(answer)
        if len(some) >= RECORDED_TOGETHER or stop.is_set():
            yield some
            some = []
    if some:
        yield some


def _has_nothing_left(operation: Operation) -> bool:
    return operation.kind is OperationKind.UPDATE and not (
        operation.changes or operation.members_added or operation.members_removed
    )


def _windows(recorded: Sequence[Recorded]) -> Iterator[list[Recorded]]:
    """Yield runs of operations that may be sent at the same time.

    A new phase waits for the one before; two operations on one resource are never in one window,
    nor are one that gives a name up and one that gets it.
    """
    for _, phase in groupby(recorded, key=_phase):
        window: list[Recorded] = []
        touched: set[str | None] = set()
        for one in phase:
            key, wanted = one.operation.external_id, claimed_name(one.operation)
            if len(window) >= WINDOW or not touched.isdisjoint({key, wanted}):
                yield window
                window, touched = [], set()
            window.append(one)
            touched |= {key, freed_name(one.operation)} - {None}
        if window:
            yield window


def _phase(recorded: Recorded) -> tuple[bool, str, bool]:
    operation = recorded.operation
    is_deletion = operation.kind is OperationKind.DELETE
    is_creation = operation.kind is OperationKind.CREATE and operation.resource_type == "Group"
    return is_deletion, operation.resource_type, is_creation
