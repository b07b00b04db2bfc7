"""What was learnt of each target, kept between runs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import orjson
from sqlalchemy import delete, select

from state.engine import reading, table_of, upsert, writing
from state.provisioning import LessonRow

if TYPE_CHECKING:
    from datetime import datetime

    from connector.clock import Clock
    from connector.target.lesson import Lessons
    from state.engine import Engine

LESSONS = table_of(LessonRow)
# Targets are mended, too: what could not be done a month ago is tried again.
BELIEVED_FOR = timedelta(days=30)


class Learnt(NamedTuple):
    """One thing that was learnt.

    Attributes:
        what: The key of the dialect file that it is about.
        value: What ought to stand there.
        learnt_at: When.
        learnt_by: "answer" to an operation, or "probe".

    """

    what: str
    value: Any
    learnt_at: datetime
    learnt_by: str


class TargetMemory:
    """What was learnt of one target."""

    def __init__(
        self,
        engine: Engine,
        target: str,
        clock: Clock,
        learnt_by: Literal["answer", "probe"] = "answer",
    ) -> None:
        self._engine = engine
        self._target = target
        self._clock = clock
        self._learnt_by = learnt_by

    def all(self) -> list[Learnt]:
        """Return everything that is still believed, by its key."""
        since = self._clock.now() - BELIEVED_FOR
        columns = (LESSONS.c.what, LESSONS.c.value, LESSONS.c.learnt_at, LESSONS.c.learnt_by)
        own = (LESSONS.c.target == self._target, LESSONS.c.learnt_at > since)
        with reading(self._engine) as connection:
            rows = connection.execute(select(*columns).where(*own).order_by(LESSONS.c.what))
            return [Learnt(row[0], orjson.loads(row[1]), row[2], row[3]) for row in rows]

    def load(self) -> Lessons:
        """Return what was learnt before."""
        return {one.what: one.value for one in self.all()}

    def save(self, lessons: Lessons) -> None:
        """Keep this too; of two about the same thing the later counts."""
        rows = [
            {
                "target": self._target,
                "what": what,
                "value": orjson.dumps(value).decode(),
                "learnt_at": self._clock.now(),
                "learnt_by": self._learnt_by,
            }
            for what, value in lessons.items()
        ]
        if rows:
            with writing(self._engine) as connection:
                connection.execute(upsert(connection.dialect, LESSONS), rows)

    def forget(self) -> int:
        """Forget all of it; return how much that was."""
        with writing(self._engine) as connection:
            own = LESSONS.c.target == self._target
            return connection.execute(delete(LESSONS).where(own)).rowcount
