"""A process that can be made to die at any moment: between two statements, two requests, two commits.

A moment is one at which a real process may be killed so that others can tell: before a statement
of SQL, before a commit, after it, before and after anything is asked of a target.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Engine

    from connector.planner.operation import Operation
    from connector.sync.ports import Target
    from connector.target.outcome import Outcome


class Killed(BaseException):
    """The process ends here, as by kill -9: nothing after it is done on purpose."""


@dataclass
class Mortal:
    """Counts moments; once dead, dies again at each one until it is started anew.

    Attributes:
        moments_left: Dies when there are none; None: lives.

    """

    moments_left: int | None = None

    def watch(self, engine: Engine) -> None:
        """Take statements and commits for moments."""
        for name in ("begin", "commit", "before_cursor_execute"):
            event.listen(engine, name, self._moment_of_sql)

    def restart(self) -> None:
        self.moments_left = None

    def moment(self) -> None:
        """Die, if it is time."""
        if self.moments_left is None:
            return
        if self.moments_left <= 0:
            raise Killed
        self.moments_left -= 1

    def _moment_of_sql(self, *unused: object) -> None:
        self.moment()


@dataclass
class MortalTarget:
    """A target, asked by a mortal."""

    inner: Target
    mortal: Mortal

    def send(
        self, operations: Sequence[Operation], target_ids: Mapping[str, str]
    ) -> Iterator[tuple[Operation, Outcome]]:
        self.mortal.moment()
        with closing(self.inner.send(operations, target_ids)) as answers:
            for answer in answers:
                self.mortal.moment()
                yield answer

    def resolve(self, operation: Operation, target_ids: Mapping[str, str]) -> Outcome:
        self.mortal.moment()
        outcome = self.inner.resolve(operation, target_ids)
        self.mortal.moment()
        return outcome

    def read(self, resource_type: str, target_id: str) -> Mapping[str, Any] | None:
        self.mortal.moment()
        return self.inner.read(resource_type, target_id)

    def read_all(self, resource_type: str) -> Iterator[Mapping[str, Any]]:
        return self.inner.read_all(resource_type)

    def count(self, resource_type: str) -> int:
        self.mortal.moment()
        return self.inner.count(resource_type)

    def close(self) -> None:
        """The kernel does that for the dead."""
        self.inner.close()
