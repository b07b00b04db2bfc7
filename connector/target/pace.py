"""How fast a target may be asked, learnt from its answers; pure, times are arguments.

A target that counts requests by the second makes everybody wait for whole seconds once it refuses.
So we ask evenly, just below what it allows::

    the target says            then
    -------------------------  ------------------------------------------------------------
    its limit, for a short     so many, less a margin
    time (X-RateLimit-*)
    429, to be back soon       what it took lately, less a margin; then a search between what
                               went well and what did not; later it is tried for more again
    429, to be back later      as fast as ever, and then the wait: it counts by the minute or
                               the hour, and to go slowly would only make every change late
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

# Of what is allowed: room for requests that arrive a little earlier than they were meant to.
MARGIN: Final = 0.985
# Windows up to this length are filled evenly.
SHORT_SECONDS: Final = 5.0
# A request that is late may be made up for by one that is early by so much.
_SLACK_SECONDS: Final = 0.01
_LEAST_RATE, _HIGHEST_RATE = 0.5, 1e5
# A rate that went well for so long holds at least one whole second of the target's clock.
_TRIAL_SECONDS: Final = 2.2
# What was refused is tried again after this time, and three times as long whenever it was refused.
_FIRST_HOLD, _LONGEST_HOLD = 30.0, 3600.0
_FIRST_STEP, _LARGEST_STEP = 0.02, 0.5
# So near to each other, what went well and what did not have the limit between them.
_CLOSE: Final = 1.05
# How far from one to the other the next trial goes: a failure costs more than a success brings.
_BOLDNESS: Final = 0.4


@dataclass(frozen=True, slots=True)
class Quota:
    """What an answer says of the allowance.

    Attributes:
        limit: Requests allowed in a window.
        reset_seconds: Until the next window.

    """

    limit: float
    reset_seconds: float


class Pace:
    """When the next request may go."""

    def __init__(self, ceiling: float | None = None) -> None:
        """Begin with no limit but our own.

        Args:
            ceiling: Requests a second at most, whatever the target allows.

        """
        self._ceiling = ceiling
        self._rate: float | None = None
        self._next_at = 0.0
        self._lately: deque[float] = deque()
        self._window_seconds = 0.0
        # The limit is somewhere between what went well and what did not.
        self._good, self._bad = 0.0, math.inf
        self._taken_count = 0
        self._refused_at: float | None = None
        self._resumed_at = 0.0
        self._is_open = True
        self._hold = _FIRST_HOLD
        self._step = _FIRST_STEP

    @property
    def rate(self) -> float | None:
        """Return how many requests go in a second; None for any number."""
        rates = [rate for rate in (self._rate, self._ceiling) if rate is not None]
        return min(rates, default=None)

    def take_turn(self, now: float) -> float:
        """Return in how many seconds the next request may go; its turn is taken then."""
        rate = self.rate
        if rate is None:
            return 0.0
        turn_at = max(self._next_at, now - max(_SLACK_SECONDS, 1 / rate))
        self._next_at = turn_at + 1 / rate
        return max(0.0, turn_at - now)

    def note_taken(self, now: float, quota: Quota | None = None) -> None:
        """Learn from a request that was not refused."""
        self._taken_count += 1
        self._is_open = self._is_open or now >= self._resumed_at
        if quota is not None:
            self._heed(quota)
        elif self._rate is None:
            self._lately.append(now)
            while self._lately[0] <= now - 1:
                self._lately.popleft()
        elif not self._window_seconds and now - self._resumed_at > self._trial_seconds():
            self._go_faster(now)

    def note_refused(self, now: float, asked_at: float, wait_seconds: float) -> None:
        """Learn from a request that came too early, to be asked again after so long."""
        # Others that were under way are refused with the first, or it comes back too early for a
        # target that did not say how long to wait: that is no news.
        if asked_at < self._resumed_at or self._window_seconds or wait_seconds > SHORT_SECONDS:
            return
        if self._is_open:
            self._go_slower(now)
            self._refused_at, self._taken_count = now, 0
        self._is_open = False
        self._resumed_at = self._next_at = now + wait_seconds

    def _heed(self, quota: Quota) -> None:
        """Fill the windows that the target counts by evenly, if they are short."""
        self._window_seconds = max(self._window_seconds, quota.reset_seconds, 1.0)
        rate = max(_LEAST_RATE, MARGIN * quota.limit / self._window_seconds)
        self._rate = rate if self._window_seconds <= SHORT_SECONDS else None

    def _trial_seconds(self) -> float:
        """Return how long to stay with a rate that goes well."""
        return self._hold if self._is_found() else _TRIAL_SECONDS

    def _is_found(self) -> bool:
        return self._bad <= self._good * _CLOSE

    def _go_slower(self, now: float) -> None:
        if self._rate is None or self._refused_at is None:
            self._rate = max(_LEAST_RATE, MARGIN * len(self._lately))
            return
        # What was taken on average since, all waiting included, is certainly allowed.
        allowed = self._taken_count / max(now - self._refused_at, 1.0)
        self._bad = self._rate
        if self._rate > self._good:
            self._good, self._step = max(self._good, allowed), _FIRST_STEP
        else:
            # Less is allowed than was: first a little less, then much.
            self._good = self._rate * (1 - self._step)
            self._step = min(self._step * 2, _LARGEST_STEP)
        self._rate = max(_LEAST_RATE, self._between())

    def _go_faster(self, now: float) -> None:
        was_found = self._is_found()
        self._good = max(self._good, self._rate or _LEAST_RATE)
        self._resumed_at = now
        if was_found:
            # It may have changed since; that is not tried too often.
            self._bad, self._hold = math.inf, min(self._hold * 3, _LONGEST_HOLD)
        self._rate = self._between()

    def _between(self) -> float:
        if self._is_found():
            return self._good
        if self._bad < math.inf:
            return self._good + (self._bad - self._good) * _BOLDNESS
        self._step = min(self._step * 2, _LARGEST_STEP)
        return min(self._good * (1 + self._step), _HIGHEST_RATE)
