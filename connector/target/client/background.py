"""The thread that asyncio lives in: plain functions outside, coroutines inside."""

from __future__ import annotations

import asyncio
import queue
import threading
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence

Given = TypeVar("Given")
Made = TypeVar("Made")

# Answers that nobody has taken yet, at most: what a slow reader may lose in a crash is bounded.
_BACKLOG: Final = 256


class Background:
    """An event loop in a thread of its own."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, Made]) -> Made:
        """Return what the coroutine returns."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

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
        things: Sequence[Given],
        work: Callable[[Given], Awaitable[Made]],
        *,
        at_once: int,
    ) -> Generator[tuple[Given, Made], None, None]:
        """Do work on many things, several at once; yield each with what it made, as it comes.

        Closing the iterator lets those under way finish, and starts no other.
        """
        crew = _Crew(things, work, self._loop)
        done = asyncio.run_coroutine_threadsafe(crew.work(at_once), self._loop)
        try:
            while (pair := crew.take()) is not None:
                yield pair
        finally:
            self._loop.call_soon_threadsafe(crew.stop)
            done.result()


class _Crew:
    """Workers that share one list of things and one queue of what they made."""

    def __init__(
        self,
        things: Sequence[Given],
        work: Callable[[Given], Awaitable[Made]],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._things = iter(things)
        self._work = work
        self._loop = loop
        self._made: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._is_stopped = False

    async def work(self, at_once: int) -> None:
        """Work until nothing is left; the queue ends with None, whatever happens."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(at_once):
                    group.create_task(self._work_on())
        finally:
            self._made.put(None)

    def take(self) -> Any:
        """Return the next pair; None at the end. Called from outside the thread."""
        pair = self._made.get()
        if not self._has_room.is_set() and self._made.qsize() < _BACKLOG // 2:
            self._loop.call_soon_threadsafe(self._has_room.set)
        return pair

    def stop(self) -> None:
        """Start no other."""
        self._is_stopped = True
        self._has_room.set()

    async def _work_on(self) -> None:
        for thing in self._things:
            self._made.put((thing, await self._work(thing)))
            if self._made.qsize() >= _BACKLOG and not self._is_stopped:
                self._has_room.clear()
                await self._has_room.wait()
            if self._is_stopped:
                return
