"""Sign-ons by the clock: a few browsers at a time, driven by one loop in one thread.

Each sign-on comes over a connection of its own, since each is somebody else's.
"""

from __future__ import annotations

import itertools
import select
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.peers.browser import Browser, require_response

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.peers.browser import Answer
    from benchmarks.peers.identity_provider import IdentityProvider

AT_A_TIME = 2
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
    provider: IdentityProvider,
    jars: Sequence[dict[str, str]],
    urls: Iterable[str],
    *,
    seconds: float,
    rate: float = 0,
) -> Load:
    """Sign on for so many seconds, and return when the last one is done.

    Args:
        provider: Where.
        jars: Cookies of those who are signed in, more than `AT_A_TIME`; they take turns.
        urls: Where a sign-on begins, enough of them.
        seconds: For how long sign-ons are begun.
        rate: How many a second, evenly spread; one that has to wait for others waits, and that
            counts. 0: one after the other without a pause.

    """
    waiting, people, load = iter(urls), itertools.cycle(jars), Load()
    due_at: dict[Browser, float] = {}
    begun = time.perf_counter()
    count = 0
    while True:
        now = time.perf_counter()
        due = begun + count / rate if rate else now
        is_free, is_over = len(due_at) < AT_A_TIME, due >= begun + seconds
        if is_free and due <= now and not is_over:
            browser = Browser(provider, next(people))
            browser.ask(next(waiting))
            due_at[browser] = due
            count += 1
            continue
        if is_over and not due_at:
            load.seconds = now - begun
            return load
        patience = due - now if is_free and due > now else None
        for browser in select.select([*due_at], [], [], patience)[0]:
            answer = browser.take()
            if answer is None:
                continue
            if answer.location:
                browser.ask(answer.location)
                continue
            load.note(time.perf_counter() - due_at.pop(browser), answer)
            browser.close()
