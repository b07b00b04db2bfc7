"""When cycles run: by the clock, or now because somebody asks (APScheduler 3.11)."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from connector.errors import ConfigurationError, Fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

_JOB = "cycle"


class Schedule:
    """Runs one callable by the clock; a wish for "now" during a run makes it run again after."""

    def __init__(self, run: Callable[[str], bool], *, every: timedelta, cron: str | None) -> None:
        self._run = run
        self._wish = threading.Event()
        self._busy = threading.Lock()
        self._trigger = (
            parse_cron(cron)
            if cron
            else IntervalTrigger(seconds=int(every.total_seconds()), timezone="UTC")
        )
        self._scheduler = BackgroundScheduler(
            timezone="UTC",
            executors={"default": ThreadPoolExecutor(1)},
            # A run that is late still runs, once, however many were missed.
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def also(self, run: Callable[[], None], every: timedelta) -> None:
        """Run something small besides, again and again; for the first time when `every` is over."""
        trigger = IntervalTrigger(seconds=int(every.total_seconds()), timezone="UTC")
        self._scheduler.add_job(run, trigger)

    def start(self, first_at: datetime) -> None:
        """Start the clock; the first run is at that moment."""
        self._scheduler.add_job(
            self._tick, self._trigger, args=["schedule"], id=_JOB, next_run_time=first_at
        )
        self._scheduler.start()

    def run_now(self) -> None:
        """Run as soon as possible: at once, or right after the run that is under way."""
        self._wish.set()
        # The scheduler drops a "now" while the job runs; a thread of our own does not.
        threading.Thread(target=self._grant, name="run-now", daemon=True).start()

    def run(self, trigger: str) -> bool:
        """Run now in this thread, after the run that is under way; return what the run returns."""
        with self._busy:
            return self._run(trigger)

    def next_run_at(self) -> datetime | None:
        """Return when the next run by the clock is due."""
        job = self._scheduler.get_job(_JOB)
        due: datetime | None = job.next_run_time if job else None
        return due

    def stop(self) -> None:
        """Start nothing any more, and wait for the run that is under way."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)
        with self._busy:
            self._wish.clear()

    def _tick(self, trigger: str) -> None:
        self.run(trigger)

    def _grant(self) -> None:
        with self._busy:
            # Several wishes before a run starts are one run.
            if self._wish.is_set():
                self._wish.clear()
                self._run("request")


def parse_cron(line: str) -> CronTrigger:
    """Return the trigger that a crontab line says, in UTC.

    Raises:
        ConfigurationError: if it is none.

    """
    try:
        return CronTrigger.from_crontab(line, timezone="UTC")
    except ValueError as error:
        problem = f"not a crontab line: {error}"
        raise ConfigurationError([Fault("connector.toml", "schedule.cron", problem)]) from error
