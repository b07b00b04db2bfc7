"""How close the learnt pace comes to what targets allow, in simulated time."""

from __future__ import annotations

import heapq
import math
import random
from dataclasses import dataclass, field

import pytest

from connector.target.pace import Pace, Quota

WORKERS, SLOWEST, CLIENT_RATE, SECONDS = 16, 0.002, 1500, 100


@dataclass
class Windows:
    """So many requests in each second; a new second begins at this part of ours."""

    limit: int
    phase: float
    second: int = -1
    count: int = 0

    def take(self, now: float) -> bool:
        second = math.floor(now + self.phase)
        if second != self.second:
            self.second, self.count = second, 0
        is_taken = self.count < self.limit
        self.count += is_taken
        return is_taken

    def wait(self, now: float) -> float:
        return math.ceil(math.floor(now + self.phase) + 1 - now - self.phase)


@dataclass
class Bucket:
    """So many tokens come in a second; it begins full."""

    limit: int
    capacity: float
    level: float = math.inf
    at: float = 0.0

    def take(self, now: float) -> bool:
        self.level = min(self.capacity, self.level + (now - self.at) * self.limit)
        self.at = now
        is_taken = self.level >= 1
        self.level -= is_taken
        return is_taken

    def wait(self, now: float) -> float:
        return 1.0


@dataclass
class Client:
    """Workers that share one pace and one pause, as the exchange has them."""

    limiter: Windows | Bucket
    says: str
    pace: Pace = field(default_factory=Pace)
    taken: int = 0
    refused: int = 0

    def run(self, seconds: float, seed: int) -> float:
        """Return what part of the allowance was used."""
        chance = random.Random(seed)
        events = [(chance.random() / 1000, number, "begin", 0, 0.0) for number in range(WORKERS)]
        heapq.heapify(events)
        paused_until = busy_until = 0.0
        while events[0][0] < seconds:
            now, worker, what, attempt, asked_at = heapq.heappop(events)
            if what != "arrive" and paused_until > now:
                then = (paused_until, worker, "begin", attempt, 0.0)
            elif what == "begin":
                then = (now + self.pace.take_turn(now), worker, "ask", attempt, 0.0)
            elif what == "ask":
                busy_until = max(busy_until, now) + 1 / CLIENT_RATE
                at = busy_until + chance.expovariate(1 / SLOWEST)
                then = (at, worker, "arrive", attempt, now)
            elif self.limiter.take(now):
                self.taken += 1
                told = Quota(self.limiter.limit, self.limiter.wait(now))
                self.pace.note_taken(now, told if self.says == "headers" else None)
                then = (now, worker, "begin", 0, 0.0)
            else:
                self.refused += 1
                wait = self.limiter.wait(now)
                if self.says == "nothing":
                    wait = 0.5 * 2**attempt * (0.5 + chance.random() / 2)
                self.pace.note_refused(now, asked_at, wait)
                paused_until = max(paused_until, now + wait)
                then = (now, worker, "begin", attempt + 1, 0.0)
            heapq.heappush(events, then)
        return self.taken / (self.limiter.limit * seconds)


@pytest.mark.parametrize("says", ["headers", "retry-after", "nothing"])
@pytest.mark.parametrize("limit", [100, 300, 1000])
@pytest.mark.parametrize("seed", range(4))
def test_nearly_all_that_is_allowed_in_each_second_is_used(says: str, limit: int, seed: int):
    client = Client(Windows(limit, seed / 3.7), says)

    assert 0.93 <= client.run(SECONDS, seed) <= 1.0
    assert client.refused <= 60


@pytest.mark.parametrize("limit", [100, 1000])
def test_a_bucket_of_tokens_is_kept_near_to_empty(limit: int):
    client = Client(Bucket(limit, limit), "retry-after")

    assert client.run(SECONDS, 1) >= 0.93


def test_a_target_that_tells_its_limit_hardly_ever_refuses():
    client = Client(Windows(300, 0.3), "headers")
    client.run(SECONDS, 7)

    assert client.refused == 0


def test_less_than_before_is_noticed_and_more_than_before_is_found():
    client = Client(Windows(400, 0.3), "retry-after")
    client.run(30, 1)
    client.limiter.limit = 100
    assert 0.7 <= _again(client, 60) <= 1.0

    client.limiter.limit = 200
    assert _again(client, 300) >= 0.7


def _again(client: Client, seconds: float) -> float:
    """Go on with the same pace, its clock at nought again."""
    pace = client.pace
    shift = client.shift = getattr(client, "shift", 0.0) + 10_000

    class Later:
        def take_turn(self, now: float) -> float:
            return pace.take_turn(now + shift)

        def note_taken(self, now: float, quota: Quota | None) -> None:
            pace.note_taken(now + shift, quota)

        def note_refused(self, now: float, asked_at: float, wait: float) -> None:
            pace.note_refused(now + shift, asked_at + shift, wait)

    later = Client(client.limiter, client.says, Later())
    return later.run(seconds, 3)


def test_no_limit_means_no_waiting():
    pace = Pace()
    for number in range(1000):
        assert pace.take_turn(number / 5000) == 0
        pace.note_taken(number / 5000)

    assert pace.rate is None


def test_a_configured_rate_is_never_exceeded():
    pace = Pace(10)
    waits = [pace.take_turn(0.0) for _ in range(21)]

    assert waits[20] - waits[0] == pytest.approx(2.0, abs=0.2)
    pace.note_taken(0.0, Quota(1000, 1))
    assert pace.rate == 10


def test_a_quota_by_the_hour_makes_nobody_slow():
    pace = Pace()
    pace.note_taken(0.0, Quota(5000, 3))
    pace.note_taken(1.0, Quota(5000, 3600))

    assert pace.rate is None


def test_a_long_wait_says_nothing_of_a_rate():
    pace = Pace()
    pace.note_taken(0.0)
    pace.note_refused(0.1, 0.05, 42.0)

    assert pace.rate is None
