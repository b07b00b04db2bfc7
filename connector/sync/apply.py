"""The second half of a cycle: send a plan to its target, run by run (steps 9 to 12)."""

from __future__ import annotations

import gc
from collections import Counter, deque
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import groupby, islice
from typing import TYPE_CHECKING

from connector.errors import TargetUnavailable
from connector.planner.division import halves
from connector.planner.operation import OperationKind
from connector.planner.order import claimed_name, freed_name
from connector.planner.seen import see
from connector.sync.addresses import Addresses
from connector.sync.ledger import Recorded
from connector.sync.links import GONE
from connector.sync.ports import Progress, Status
from connector.target.outcome import Applied, Rejected, Unavailable, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from threading import Event

    from connector.clock import Clock
    from connector.planner.operation import Operation
    from connector.sync.ledger import Ledger
    from connector.sync.ports import Listener, Target
    from connector.sync.review import Reviewed
    from connector.target.outcome import Outcome

# So many in a row that a target does not take mean that it is gone, not that it is choosy.
STREAK = 16
# Of a group that the target refuses: so many requests to find out which member is the reason.
PARTS_AT_MOST = 32
# As many operations are marked as sent, or answers written down, in one transaction as the target
# takes in that time, within bounds; after a kill about twice as many are in doubt and looked up one
# by one.
WINDOW_SECONDS = 0.2
SMALLEST_WINDOW, LARGEST_WINDOW = 32, 2048


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a plan.

    Attributes:
        status: Done, with failures, stopped, or failed because the target went away.
        reason: Why not done, in words; "" if done.
        counts: How many operations ended applied, rejected, unavailable or unknown.
        is_settled: Whether nothing is left to do, but for what was refused.
        has_surprises: Whether the target held more of ours than the plan knew of.

    """

    status: Status
    reason: str
    counts: Counter[str]
    is_settled: bool = False
    has_surprises: bool = False


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
        self._target_ids = Addresses(ledger, name)
        self._in_doubt: set[str] = set()
        # A group that was there already brought members that the plan did not know of.
        self._has_surprises = False
        # Groups of which the target took no part; they are not divided again in this cycle.
        self._hopeless: set[str] = set()

    def settle_doubts(self) -> None:
        """Ask the target what became of operations that an earlier cycle left in doubt."""
        for recorded in self._ledger.in_doubt(self._name):
            outcome = self._settled(recorded.operation, Unknown("no answer"))
            self._record([(recorded, outcome)])
            if isinstance(outcome, Unknown):
                self._in_doubt.add(recorded.operation.external_id)

    def deliver(self, reviewed: Reviewed, listener: Listener, stop: Event) -> Delivery:
        """Send a plan; return what became of it.

        The plan is in the ledger before anything is sent. `stop` ends it between two operations.
        """
        self._target_ids.load_for(reviewed.plan.operations)
        recorded = self._ledger.record_plan(
            self._cycle_id,
            reviewed.plan,
            self._clock.now(),
            is_approved=reviewed.is_approved,
        )
        # A plan is no garbage, and to look through a large one again and again takes long.
        gc.freeze()
        try:
            return self._deliver(recorded, listener, stop)
        finally:
            gc.unfreeze()

    def _deliver(self, recorded: Sequence[Recorded], listener: Listener, stop: Event) -> Delivery:
        counts, flow = Counter[str](), _Flow()
        for run in _runs(recorded):
            for answers in self._send_run(run, flow, stop):
                self._count(answers, counts)
                listener(Progress("send", self._name, counts.total(), len(recorded)))
            if not stop.is_set() and flow.is_target_gone(counts.total()):
                return Delivery(Status.FAILED, f"target unavailable: {flow.reason}", counts)
            if stop.is_set():
                break
        if stop.is_set() and counts.total() < len(recorded):
            return Delivery(Status.STOPPED, "stopped between two operations", counts)
        return self._delivered(counts, len(recorded))

    def _delivered(self, counts: Counter[str], count: int) -> Delivery:
        failed_count = counts.total() - counts["applied"]
        is_settled = not (counts["unknown"] or counts["unavailable"])
        status = Status.FAILURES if failed_count else Status.DONE
        reason = f"{failed_count} of {count} operations failed" if failed_count else ""
        return Delivery(
            status, reason, counts, is_settled=is_settled, has_surprises=self._has_surprises
        )

    def _send_run(
        self, run: Sequence[Recorded], flow: _Flow, stop: Event
    ) -> Iterator[list[tuple[Recorded, Outcome]]]:
        """Send what may be in flight at the same time; yield what to write down, some at a time.

        What waits for something else is never sent; it is yielded first.
        """
        ready, waiting = self._address(run)
        if waiting:
            yield waiting
        refused = []
        # However this ends, nothing is in flight afterwards: what was not written down is in doubt.
        with closing(self._target.send(self._marked(ready, flow), self._target_ids)) as answers:
            for some in _together(answers, flow, stop):
                noted = []
                for operation, outcome in some:
                    recorded = flow.take(operation, outcome)
                    if self._is_divisible(operation, outcome):
                        refused.append((recorded, outcome))
                    else:
                        noted.append((recorded, self._settled(operation, outcome)))
                yield noted
                if stop.is_set():
                    break
        if flow.left and not stop.is_set():
            yield [(one, Unavailable(flow.reason)) for one in flow.left.values()]
            flow.left.clear()
        # Who is stopped does not stay to ask: what is left is in doubt until the next cycle.
        for recorded, refusal in refused:
            yield [self._send_parts(recorded, refusal, stop)]

    def _marked(self, ready: Sequence[Recorded], flow: _Flow) -> Iterator[Operation]:
        """Yield operations as the target asks for them, each marked as sent before."""
        coming = iter(ready)
        while window := list(islice(coming, flow.window)):
            begun_at = self._clock.now()
            self._ledger.mark_sent(window, begun_at)
            flow.give(window)
            for one in window:
                if flow.streak >= STREAK:
                    return
                yield one.operation
            flow.fit((self._clock.now() - begun_at).total_seconds())

    def _settled(self, operation: Operation, outcome: Outcome) -> Outcome:
        """Return an outcome, found out by looking if it is unknown."""
        if not isinstance(outcome, Unknown):
            return outcome
        if operation.kind in {OperationKind.CREATE, OperationKind.DELETE}:
            return self._target.resolve(operation, self._target_ids)
        return self._look_at(operation)

    def _look_at(self, operation: Operation) -> Outcome:
        """Return whether a change has been done; the ledger goes by what is there in any case.

        What is wanted may be another thing by now: who was to be enabled, and is not any more,
        must not keep the access that nobody has written down.
        """
        owner = operation.succeeds or operation.external_id
        target_id = operation.target_id or self._target_ids.get(owner)
        if target_id is None:
            return Unavailable("the resource itself is not there")
        try:
            resource = self._target.read(operation.resource_type, target_id)
        except TargetUnavailable as error:
            return Unknown(str(error))
        if resource is None:
            return Rejected(GONE, "gone at the target")
        seen = see(operation, resource, self._target_ids)
        if self._ledger.note_seen(self._name, operation, seen, self._clock.now()):
            self._learn(operation, Applied(target_id))
        if seen.is_done and not operation.succeeds:
            return Applied(target_id)
        return Unavailable("its answer was lost; to be sent again")

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
            with closing(self._target.send([part.operation], self._target_ids)) as answers:
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
                ids.forget(operation.external_id)
            case Applied(target_id=target_id, member_ids=member_ids):
                self._has_surprises |= bool(member_ids)
                if operation.succeeds:
                    ids.forget(operation.succeeds)
                ids.learn(operation.external_id, target_id)
            case Rejected(status=status) if status == GONE and operation.target_id is not None:
                ids.forget(operation.succeeds or operation.external_id)

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


@dataclass(slots=True)
class _Flow:
    """How the sending goes.

    Attributes:
        window: So many are marked as sent, or written down, together.
        left: Marked as sent and not answered, by the id of the object.
        streak: So many in a row that the target did not take.
        reason: Why it did not take the last of those.

    """

    window: int = SMALLEST_WINDOW
    left: dict[int, Recorded] = field(default_factory=dict)
    streak: int = 0
    reason: str = ""

    def give(self, window: Sequence[Recorded]) -> None:
        self.left |= {id(one.operation): one for one in window}

    def take(self, operation: Operation, outcome: Outcome) -> Recorded:
        if isinstance(outcome, Unavailable):
            self.streak, self.reason = self.streak + 1, outcome.reason
        else:
            self.streak = 0
        return self.left.pop(id(operation))

    def fit(self, seconds: float) -> None:
        """Fit the window to the pace of the target, which took the last one in so many seconds."""
        taken = self.window * WINDOW_SECONDS / seconds if seconds > 0 else 0
        # Twice at most: the first are taken at once, before any is answered.
        wanted = max(len(self.left), min(int(taken), 2 * self.window))
        self.window = max(SMALLEST_WINDOW, min(wanted, LARGEST_WINDOW))

    def is_target_gone(self, total_count: int) -> bool:
        return bool(self.streak) and (self.streak >= STREAK or self.streak == total_count)


def _together(
    answers: Iterable[tuple[Operation, Outcome]], flow: _Flow, stop: Event
) -> Iterator[list[tuple[Operation, Outcome]]]:
    """Yield answers as many at a time as are written down together."""
    some = []
    for answer in answers:
        some.append(answer)
        if len(some) >= flow.window or stop.is_set():
            yield some
            some = []
    if some:
        yield some


def _has_nothing_left(operation: Operation) -> bool:
    return operation.kind is OperationKind.UPDATE and not (
        operation.changes or operation.members_added or operation.members_removed
    )


def _runs(recorded: Sequence[Recorded]) -> Iterator[list[Recorded]]:
    """Yield runs of operations that may be sent at the same time.

    A new phase waits for the one before; two operations on one resource are never in one run,
    nor are one that gives a name up and one that gets it.
    """
    for _, phase in groupby(recorded, key=_phase):
        run: list[Recorded] = []
        touched: set[str | None] = set()
        for one in phase:
            key, wanted = one.operation.external_id, claimed_name(one.operation)
            if not touched.isdisjoint({key, wanted}):
                yield run
                run, touched = [], set()
            run.append(one)
            touched |= {key, freed_name(one.operation)} - {None}
        if run:
            yield run


def _phase(recorded: Recorded) -> tuple[bool, str, bool]:
    operation = recorded.operation
    is_deletion = operation.kind is OperationKind.DELETE
    is_creation = operation.kind is OperationKind.CREATE and operation.resource_type == "Group"
    return is_deletion, operation.resource_type, is_creation
