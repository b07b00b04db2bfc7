"""Run a probe against a target: every step, then the clean-up, whatever happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from connector.errors import TargetUnavailable
from connector.target.probe import CannotProbe, Probe

if TYPE_CHECKING:
    from collections.abc import Callable

    from connector.target.capability import Capability
    from connector.target.dialect import Dialect
    from connector.target.lesson import Lessons
    from connector.target.lookup import Conversation
    from connector.target.probe import Remark

T = TypeVar("T")


class Holder(Protocol):
    """A target with which conversations can be held."""

    def hold(self, conversation: Conversation[T]) -> T:
        """Hold a conversation; raise TargetUnavailable if it got no usable answer."""
        ...

    def discover(self) -> Capability:
        """Return what the target announces."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """What a probe found.

    Attributes:
        lessons: What the dialect file ought to say.
        remarks: The same and more, for people.
        dialect: The dialect with the lessons.

    """

    lessons: Lessons
    remarks: tuple[Remark, ...]
    dialect: Dialect

    def as_values(self) -> dict[str, Any]:
        """Return it for JSON."""
        remarks = [{"subject": one.subject, "words": one.words} for one in self.remarks]
        return {"lessons": dict(self.lessons), "remarks": remarks}


def run_probe(
    target: Holder,
    dialect: Dialect,
    marks: tuple[str, str],
    tell_step: Callable[[str], None],
    tell_left: Callable[[list[str]], None],
) -> Found:
    """Return what a target can do.

    Args:
        target: Is written to, and left as it was.
        dialect: As configured.
        marks: What is in the name of everything that is made, and the domain of the names.
        tell_step: Is told what is tried next.
        tell_left: Is told what could not be removed; also if the probe is interrupted.

    Raises:
        TargetUnavailable: if it cannot be probed, or not to the end.

    """
    capability = target.discover()
    probe = Probe(dialect, *marks, has_bulk=bool(capability.bulk_operations))
    try:
        for name, step in probe.steps():
            tell_step(name)
            target.hold(step())
    except CannotProbe as error:
        raise TargetUnavailable(str(error)) from None
    finally:
        tell_step("cleaning up")
        left = target.hold(probe.clean_up())
        if left:
            tell_left(left)
    return Found(probe.lessons, tuple(probe.remarks), probe.dialect)
