"""Targets that fail are left alone for a while, longer each time; the others go on."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import delete, select

from state.engine import reading, table_of, upsert, writing
from state.provisioning import PauseRow

if TYPE_CHECKING:
    from datetime import datetime

    from state.engine import Engine

PAUSES = table_of(PauseRow)
SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(hours=1)


class Pause(NamedTuple):
    """Why and until when a target is left alone.

    Attributes:
        target: Its name.
        failed_count: So many cycles in a row failed there.
        reason: Why the last one did.
        until_at: When a scheduled cycle tries again.

    """

    target: str
    failed_count: int
    reason: str
    until_at: datetime

    def __str__(self) -> str:
        """Return it in words."""
        times = "once" if self.failed_count == 1 else f"{self.failed_count} times in a row"
        return f"left alone until {self.until_at:%H:%M} UTC; it failed {times}: {self.reason}"


class Pauses:
    """The pauses of one state database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, target: str, now: datetime) -> Pause | None:
        """Return the pause that a target is in, or None."""
        found = self._find(target)
        return found if found and found.until_at > now else None

    def note_failure(self, target: str, reason: str, now: datetime) -> Pause:
        """Begin a pause, twice as long as the one before."""
        former = self._find(target)
        failed_count = former.failed_count + 1 if former else 1
        # Beyond that the doubling only makes large numbers.
        length = min(LONGEST, SHORTEST * 2 ** min(failed_count - 1, 10))
        pause = Pause(target, failed_count, reason, now + length)
        with writing(self._engine) as connection:
            connection.execute(upsert(connection.dialect, PAUSES), [pause._asdict()])
        return pause

    def note_answer(self, target: str) -> None:
        """End the pause: the target answers."""
        if self._find(target) is None:
            return
        with writing(self._engine) as connection:
            connection.execute(delete(PAUSES).where(PAUSES.c.target == target))

    def _find(self, target: str) -> Pause | None:
        with reading(self._engine) as connection:
            row = connection.execute(select(PAUSES).where(PAUSES.c.target == target)).first()
        return Pause._make(row) if row else None
