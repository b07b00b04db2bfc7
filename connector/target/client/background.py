"""The thread that asyncio lives in: plain functions outside, coroutines inside."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable

# What was made waits for more at most so long.
_HELD_SECONDS = 0.02

Given = TypeVar("Given")
Made = TypeVar("Made")


class Background:
    """An event loop in a thread of its own."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, Made]) -> Made:
        """Return what the coroutine returns; who is interrupted while waiting ends it."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def call(self, function: Callable[[], None]) -> None:
        """Call a function in the thread, soon."""
        self._loop.call_soon_threadsafe(function)

    def close(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def spread(
        self,
        things: Iterable[Given],
        work: Callable[[Given], Awaitable[Made]],
        *,
        at_once: int,
    ) -> Generator[tuple[Given, Made], None, None]:
        """Do work on things as they come, several at once; yield each with what it made.

        Things are taken in the thread of the caller, one at a time, and only so far ahead that
        no worker has to wait for the caller: as many wait as are worked on. Closing the iterator
        lets those under way finish, and starts no other.
        """
        crew = _Crew(work, self._loop, at_once)
        done = asyncio.run_coroutine_threadsafe(crew.work(), self._loop)
        waiting = iter(things)
        under_way = 0
        try:
            while True:
                for thing in islice(waiting, 2 * at_once - under_way):
                    crew.give(thing)
                    under_way += 1
                if not under_way:
                    return
                pairs = crew.take()
                if pairs is None:
                    return
                for pair in pairs:
                    under_way -= 1
                    yield pair
        finally:
            self._loop.call_soon_threadsafe(crew.stop)
            done.result()


class _Crew(Generic[Given, Made]):
    """Workers that share what is given to them, and one queue of what they made.

    What they made is handed over together while they have enough to do: each time, the other
    thread has to wake up.
    """

    def __init__(
        self,
        work: Callable[[Given], Awaitable[Made]],
        loop: asyncio.AbstractEventLoop,
        at_once: int,
    ) -> None:
        self._work = work
        self._loop = loop
        self._at_once = at_once
        self._given: deque[Given] = deque()
        self._made: list[tuple[Given, Made]] = []
        self._handed: queue.SimpleQueue[list[tuple[Given, Made]] | None] = queue.SimpleQueue()
        self._is_given = asyncio.Event()
        self._is_stopped = False

    async def work(self) -> None:
        """Work until stopped; the queue ends with None, whatever happens."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._at_once):
                    group.create_task(self._work_on())
        finally:
            self._hand_over()
            self._handed.put(None)

    def give(self, thing: Given) -> None:
        """Have it worked on. Called from outside the thread."""
        self._given.append(thing)
        if not self._is_given.is_set():
            self._loop.call_soon_threadsafe(self._is_given.set)

    def take(self) -> list[tuple[Given, Made]] | None:
        """Return the next pairs, once there are any; None: no more will come. Called likewise."""
        return self._handed.get()

    def stop(self) -> None:
        """Start no other."""
        self._is_stopped = True
        self._is_given.set()

    async def _work_on(self) -> None:
        while not self._is_stopped:
            if self._given:
                thing = self._given.popleft()
                self._note(thing, await self._work(thing))
                continue
            self._is_given.clear()
            # Looked at again: one may have come just before the mark was taken away.
            if not self._given:
                await self._is_given.wait()

    def _note(self, thing: Given, made: Made) -> None:
        self._made.append((thing, made))
        if len(self._given) <= self._at_once // 2:
            self._hand_over()
        elif len(self._made) == 1:
            self._loop.call_later(_HELD_SECONDS, self._hand_over)

    def _hand_over(self) -> None:
        if self._made:
            self._handed.put(self._made)
            self._made = []
