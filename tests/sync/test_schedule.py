"""By the clock or by request: one run at a time, and no wish is lost."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from queue import Queue
from typing import TYPE_CHECKING

import pytest

from connector.errors import ConfigurationError
from connector.sync.schedule import Schedule, parse_cron

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 10
HOUR = timedelta(hours=1)


class Runs:
    """Runs that last until they are let go; counts how many are under way."""

    def __init__(self) -> None:
        self.begun: Queue[str] = Queue()
        self.let_go: Queue[None] = Queue()
        self.under_way = 0
        self.most = 0
        self.ended: list[str] = []

    def __call__(self, trigger: str) -> None:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        self.begun.put(trigger)
        self.let_go.get(timeout=PATIENCE)
        self.under_way -= 1
        self.ended.append(trigger)

    def next_begun(self) -> str:
        return self.begun.get(timeout=PATIENCE)


@pytest.fixture
def runs() -> Runs:
    return Runs()


@contextmanager
def scheduled(runs: Runs, every: timedelta = HOUR, cron: str | None = None) -> Iterator[Schedule]:
    schedule = Schedule(runs, every=every, cron=cron)
    schedule.start(datetime.now(UTC))
    try:
        yield schedule
    finally:
        for _ in range(10):
            runs.let_go.put(None)
        schedule.stop()


def test_the_first_run_is_at_once_and_the_next_is_due_by_the_clock(runs: Runs):
    with scheduled(runs) as schedule:
        assert runs.next_begun() == "schedule"

        due = schedule.next_run_at()
        assert timedelta(minutes=59) < due - datetime.now(UTC) <= HOUR


def test_a_crontab_line_is_in_utc(runs: Runs):
    with scheduled(runs, cron="30 4 * * *") as schedule:
        runs.next_begun()

        due = schedule.next_run_at()
        assert (due.hour, due.minute, due.utcoffset()) == (4, 30, timedelta(0))


def test_now_is_at_once_when_nothing_runs(runs: Runs):
    with scheduled(runs) as schedule:
        runs.next_begun()
        runs.let_go.put(None)

        schedule.run_now()

        assert runs.next_begun() == "request"


def test_now_during_a_run_is_not_lost_and_comes_right_after(runs: Runs):
    with scheduled(runs) as schedule:
        runs.next_begun()

        schedule.run_now()
        assert runs.begun.empty()
        runs.let_go.put(None)

        assert runs.next_begun() == "request"
        assert runs.ended == ["schedule"]
        assert runs.most == 1


def test_many_wishes_during_a_run_are_one_run(runs: Runs):
    with scheduled(runs) as schedule:
        runs.next_begun()
        for _ in range(5):
            schedule.run_now()
        runs.let_go.put(None)
        assert runs.next_begun() == "request"
        runs.let_go.put(None)

    assert runs.ended == ["schedule", "request"]


def test_a_wish_during_a_wished_run_is_another_run(runs: Runs):
    with scheduled(runs) as schedule:
        runs.next_begun()
        runs.let_go.put(None)
        schedule.run_now()
        assert runs.next_begun() == "request"

        schedule.run_now()
        runs.let_go.put(None)

        assert runs.next_begun() == "request"
        assert runs.most == 1


def test_what_is_due_during_a_wished_run_waits_for_it(runs: Runs):
    with scheduled(runs, every=timedelta(seconds=1)) as schedule:
        runs.next_begun()
        runs.let_go.put(None)
        schedule.run_now()
        begun = {runs.next_begun()}
        while "request" not in begun:
            runs.let_go.put(None)
            begun.add(runs.next_begun())
        due = schedule.next_run_at()
        while schedule.next_run_at() == due:
            threading.Event().wait(0.05)

        assert runs.begun.empty()
        runs.let_go.put(None)
        assert runs.next_begun() == "schedule"
        assert runs.most == 1


def test_stopping_waits_for_the_run_under_way(runs: Runs):
    schedule = Schedule(runs, every=HOUR, cron=None)
    schedule.start(datetime.now(UTC))
    runs.next_begun()
    stopping = threading.Thread(target=schedule.stop)

    stopping.start()
    stopping.join(0.2)
    assert stopping.is_alive()
    runs.let_go.put(None)
    stopping.join(PATIENCE)

    assert not stopping.is_alive()
    assert runs.ended == ["schedule"]
    assert schedule.next_run_at() is None


@pytest.mark.parametrize(
    "line",
    ["", "every now and then", "99 * * * *", "* * * *", "* * * * * *", "@daily", "61 24 0 13 8"],
)
def test_a_line_that_is_no_crontab_line_is_refused_with_its_key(line: str):
    with pytest.raises(ConfigurationError) as caught:
        parse_cron(line)

    (fault,) = caught.value.faults
    assert fault.key == "schedule.cron"
    assert fault.problem.startswith("not a crontab line: ")


def test_something_small_is_run_besides_again_and_again(runs: Runs):
    seen: Queue[None] = Queue()
    schedule = Schedule(runs, every=HOUR, cron=None)
    schedule.also(lambda: seen.put(None), timedelta(seconds=1))
    schedule.start(datetime.now(UTC) + HOUR)
    try:
        for _ in range(2):
            seen.get(timeout=PATIENCE)
    finally:
        schedule.stop()
    assert runs.ended == []
