"""Refuse an unknown name as slowly as a wrong password, so that the time does not tell who exists.

The alternative, a bind as somebody who cannot exist, would lock nobody out either; but a domain
controller answers it faster than a wrong password (which it also asks the PDC emulator about), and
every typing error would raise an alarm about an unknown account in its log. So we connect as for
anybody, and then wait as long as one of the latest real refusals took: what a connection costs
depends on whether one was ready, which whoever guesses can bring about, and measure.
"""

from __future__ import annotations

import secrets
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_REMEMBERED_COUNT = 64
_BEFORE_THE_FIRST_SECONDS = 0.02


class Pace:
    """How long refusals take of late.

    Args:
        choose: Returns a number from 0 up to below its argument.
        stopwatch: Returns seconds from any fixed moment.
        wait: Waits that many seconds.

    """

    def __init__(
        self,
        choose: Callable[[int], int] = secrets.randbelow,
        stopwatch: Callable[[], float] = time.perf_counter,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._choose = choose
        self._stopwatch = stopwatch
        self._wait = wait
        self._seconds = deque([_BEFORE_THE_FIRST_SECONDS], maxlen=_REMEMBERED_COUNT)
        # Whoever waits is woken a little late; so was whoever waited for the server.
        self._late_seconds = deque([0.0], maxlen=_REMEMBERED_COUNT)

    def begin(self) -> float:
        """Return the moment from which `refused` counts."""
        return self._stopwatch()

    def refused(self, begun: float) -> None:
        """Remember how long a real refusal took."""
        self._seconds.append(self._stopwatch() - begun)

    def pretend(self) -> None:
        """Take as long as one of the latest real refusals."""
        seconds = max(self._one_of(self._seconds) - self._one_of(self._late_seconds), 0.0)
        begun = self._stopwatch()
        self._wait(seconds)
        self._late_seconds.append(max(self._stopwatch() - begun - seconds, 0.0))

    def _one_of(self, remembered: deque[float]) -> float:
        some = tuple(remembered)
        return some[self._choose(len(some))]
