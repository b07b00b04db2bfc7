"""What a cycle needs of the stages, and what it tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from connector.clock import Clock
    from connector.mapping.resource import MappedResource, MappingProblem
    from connector.planner.compare import Deprovision, Mode
    from connector.planner.operation import Operation
    from connector.planner.safety import Limits
    from connector.planner.view import AttributeView
    from connector.source.batch import Batch, Watermark
    from connector.source.entry import SourceEntry
    from connector.source.roll_call import RollCall
    from connector.target.outcome import Outcome
    from state.engine import Engine


class Source(Protocol):
    """The directory that is read."""

    def read_full(self, roll: RollCall, since: Watermark | None) -> Batch:
        """Return all entries; those whose digest is the known one only answer the roll call."""
        ...

    def read_changes(self, since: Watermark) -> Batch:
        """Return what has changed; raise WatermarkLost if that cannot be told."""
        ...

    def read_person(self, name: str) -> Batch:
        """Return one person, by key, address, login or distinguished name; or nobody."""
        ...

    def watch(self) -> Watch:
        """Return what tells that something has changed; raise SourceUnavailable if it cannot."""
        ...


class Watch(Protocol):
    """An open line to the source, to be asked several times a second."""

    def position(self) -> int:
        """Return a number that moves whenever anything may have changed."""
        ...

    def close(self) -> None:
        """Let go of the line."""
        ...


class Target(Protocol):
    """A connection to one target."""

    def send(
        self, operations: Iterable[Operation], target_ids: Mapping[str, str]
    ) -> Generator[tuple[Operation, Outcome], None, None]:
        """Send the operations, several at a time; yield each with its outcome as it comes.

        Operations are taken as they are sent, in the thread of the caller. Closing it waits for
        requests in flight and sends no other.
        """
        ...

    def resolve(self, operation: Operation, target_ids: Mapping[str, str]) -> Outcome:
        """Ask the target what became of an operation whose outcome is unknown."""
        ...

    def count(self, resource_type: str) -> int:
        """Return how many resources of a type the target holds, ours or not.

        Raises TargetUnavailable if it does not say.
        """
        ...

    def read(self, resource_type: str, target_id: str) -> Mapping[str, Any] | None:
        """Return one resource, or None if it is not there."""
        ...

    def read_all(self, resource_type: str) -> Iterator[Mapping[str, Any]]:
        """Yield every resource of a type; raise TargetUnavailable if not all can be listed."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


class SignOff(Protocol):
    """Those who are signed on, to be looked at as soon as the directory has changed."""

    def after_reading(self, changed_at: Mapping[str, datetime]) -> None:
        """End the sign-ons of whoever may not have them any more; never raise.

        Args:
            changed_at: When the source says that those changed whom it has just told, by
                external_id, as far as it says so.

        """
        ...


@dataclass(frozen=True, slots=True)
class TargetPort:
    """One target as configured.

    Attributes:
        name: As configured.
        connect: Opens a connection; nothing is sent by it.
        groups: Whose members are in scope; "*" for everybody.
        push_groups: Which groups are kept there.
        mode: How much a cycle may do.
        deprovision: What becomes of leavers.
        grace: How long a disabled account is kept.
        limits: The guard.
        view: How much of a resource it takes.
        first_cycle: Whether the first plan is held for "review" if the target is not empty, or
            is to be "send" at once.
        drift: What is done about what others change there of what is ours.
        drift_every: Time from one comparison with what is there to the next.

    """

    name: str
    connect: Callable[[], Target]
    groups: str | tuple[str, ...]
    push_groups: str | tuple[str, ...]
    mode: Mode
    deprovision: Deprovision
    grace: timedelta
    limits: Limits
    view: AttributeView
    first_cycle: Literal["review", "send"] = "review"
    drift: Literal["report", "repair", "off"] = "report"
    drift_every: timedelta = timedelta(hours=24)

    @property
    def fingerprint(self) -> bytes:
        """Return what changes when who is wanted there, or in which form, may have changed."""
        kept = (self.groups, self.push_groups, self.mode, self.deprovision, self.grace)
        return blake2b(repr((kept, self.view.fingerprint)).encode(), digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that a cycle works with.

    Attributes:
        source: The directory that is read.
        map_entry: The mapping of users and groups.
        mapping_fingerprint: Changes when the mapping does.
        engine: The state database.
        targets: In the order in which they are served.
        clock: Tells the time.
        lock_path: The lock of cycles, unless the database keeps it (PostgreSQL).
        full_every: How often everything is read, and compared, however little changed.
        sign_off: Looks after those who are signed on; None if nobody signs on here.

    """

    source: Source
    map_entry: Callable[[SourceEntry], MappedResource | MappingProblem]
    mapping_fingerprint: str
    engine: Engine
    targets: tuple[TargetPort, ...]
    clock: Clock
    lock_path: Path
    full_every: timedelta = timedelta(hours=24)
    sign_off: SignOff | None = None


class Status(StrEnum):
    """How a cycle, or its part at one target, ended; from best to worst."""

    DONE = "done"
    STOPPED = "stopped"
    FAILURES = "done with failures"
    HELD = "held"
    FAILED = "failed"


def worst(statuses: Sequence[Status]) -> Status:
    """Return the worst of these; a cycle is as good as its worst part.

    >>> worst([Status.DONE, Status.HELD, Status.FAILURES])
    <Status.HELD: 'held'>

    """
    order = list(Status)
    return max(statuses, key=order.index, default=Status.DONE)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a cycle is.

    Attributes:
        phase: "read", "plan", "send", "compare" or "wait".
        subject: The target's name, or whom we wait for.
        done_count: So many done.
        total_count: Of so many; None if unknown.

    """

    phase: str
    subject: str
    done_count: int
    total_count: int | None


Listener = Callable[[Progress], None]
"""Is told how far a cycle is; must not block."""
