"""Looks at the source several times a second, and has its changes read as they come.

A look costs half a millisecond, so a change is seen at once; what follows it within a moment is
read with it. A source that changes all the time is given a rest after each reading, in proportion
to what the reading took, so that neither it nor we are kept busy.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import structlog

from connector.errors import SourceUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from connector.sync.ports import Source, Watch

log = structlog.get_logger()

LOOK_EVERY_SECONDS = 0.1
# What belongs together in the source often comes in several writes.
GATHER_SECONDS = 0.02
# As long as the last cycle took, until the next one: at most half of the time is spent on it.
REST_FACTOR = 1
# After a failure, twice as long each time.
SHORTEST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0


class Lookout:
    """A thread with an open line to the source."""

    def __init__(self, source: Source, run: Callable[[], bool], stopping: threading.Event) -> None:
        """Prepare.

        Args:
            source: What is looked at.
            run: Reads what has changed; returns whether the source could be read.
            stopping: Set when the daemon ends.

        """
        self._source = source
        self._run = run
        self._stopping = stopping
        self._thread = threading.Thread(target=self._look, name="lookout", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Wait until it has ended; `stopping` is set."""
        if self._thread.is_alive():
            self._thread.join()

    def _look(self) -> None:
        pause = SHORTEST_PAUSE_SECONDS
        while not self._stopping.is_set():
            begun_at = time.monotonic()
            try:
                watch = self._source.watch()
                try:
                    self._follow(watch)
                finally:
                    watch.close()
            except SourceUnavailable as error:
                log.warning("source.out_of_sight", reason=str(error))
            if time.monotonic() - begun_at > LONGEST_PAUSE_SECONDS:
                pause = SHORTEST_PAUSE_SECONDS
            self._stopping.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _follow(self, watch: Watch) -> None:
        """Look until stopped, or until a reading fails; raise SourceUnavailable likewise."""
        # What changed while nobody looked is read first.
        seen: int | None = None
        while not self._stopping.wait(LOOK_EVERY_SECONDS):
            position = watch.position()
            if position == seen:
                continue
            self._stopping.wait(GATHER_SECONDS)
            seen = watch.position()
            begun_at = time.monotonic()
            if not self._run():
                return
            self._stopping.wait(REST_FACTOR * (time.monotonic() - begun_at))
