"""Sign-ons by the clock: a few browsers at a time, driven by one loop in one thread."""

from __future__ import annotations

import itertools
import select
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.peers.browser import require_response

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.peers.browser import Answer, Browser

# Of so many pages one is kept, to be checked when nobody waits.
KEPT_EVERY = 100


@dataclass(slots=True)
class Load:
    """Sign-ons that were done.

    Attributes:
        seconds: From the first request to the last answer.
        waits: Of each sign-on: seconds from when it was due to the page with the Response.
        pages: Some of the pages.

    """

    seconds: float = 0.0
    waits: list[float] = field(default_factory=list)
    pages: list[bytes] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Return sign-ons a second."""
        return len(self.waits) / self.seconds

    def percentile(self, share: float) -> float:
        """Return the seconds within which that share of the sign-ons was done."""
        ordered = sorted(self.waits)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def note(self, wait: float, answer: Answer) -> None:
        require_response(answer)
        if len(self.waits) % KEPT_EVERY == 0:
            self.pages.append(answer.body)
        self.waits.append(wait)


def sign_on(
    browsers: Sequence[Browser],
    jars: Sequence[dict[str, str]],
    urls: Iterable[str],
    *,
    seconds: float,
    rate: float = 0,
) -> Load:
    """Sign on for so many seconds, and return when the last one is done.

    Args:
        browsers: Each does one sign-on at a time.
        jars: Cookies of those who are signed in, more than there are browsers; they take turns.
        urls: Where a sign-on begins, enough of them.
        seconds: For how long sign-ons are begun.
        rate: How many a second, evenly spread; one that finds no browser free waits, and that
            counts. 0: as soon as a browser is free.

    """
    waiting, people, free, load = iter(urls), itertools.cycle(jars), list(browsers), Load()
    due_at: dict[Browser, float] = {}
    begun = time.perf_counter()
    count = 0
    while True:
        now = time.perf_counter()
        due = begun + count / rate if rate else now
        if free and due <= now and due < begun + seconds:
            browser = free.pop()
            browser.cookies = next(people)
            browser.ask(next(waiting))
            due_at[browser] = due
            count += 1
            continue
        if not due_at and due >= begun + seconds:
            load.seconds = now - begun
            return load
        patience = due - now if free and due > now else None
        for browser in select.select([*due_at], [], [], patience)[0]:
            answer = browser.take()
            if answer is None:
                continue
            if answer.location:
                browser.ask(answer.location)
                continue
            load.note(time.perf_counter() - due_at.pop(browser), answer)
            free.append(browser)
