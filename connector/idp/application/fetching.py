"""Fetch metadata anew, each document at its time; one process of the program does."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from connector.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from connector.idp.application.feed import Description, Feed
    from connector.idp.application.metadata_client import MetadataClient

RETRY = timedelta(minutes=10)
LEAST_INTERVAL = timedelta(minutes=5)
LOOK_SECONDS = 60.0
NOTED_EVERY = timedelta(days=1)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of one document.

    Attributes:
        kind: "application" or "upstream".
        name: Of whom it describes.
        url: Of the document.
        is_new: Whether another document was there than before.
        problem: Why it could not be fetched; "" if it was.

    """

    kind: str
    name: str
    url: str
    is_new: bool
    problem: str = ""


def fetch_one(feed: Feed[Description], client: MetadataClient, now: datetime) -> Fetched:
    """Fetch a document now; whatever goes wrong is said, not raised."""
    try:
        is_new = feed.refresh(client, now)
    except ConfigurationError as error:
        return Fetched(feed.kind, feed.name, feed.url, is_new=False, problem=str(error))
    return Fetched(feed.kind, feed.name, feed.url, is_new)


@dataclass(slots=True)
class Fetcher:
    """Knows when which document is due; used by one thread.

    Attributes:
        feeds: Gives the documents, as they are configured now.
        client: Fetches, and keeps copies.
        now: Tells the time.
        every: Time from one fetch to the next, unless the document asks for less.

    """

    feeds: Callable[[], Sequence[Feed[Description]]]
    client: MetadataClient
    now: Callable[[], datetime]
    every: timedelta
    _failed_at: dict[str, datetime] = field(default_factory=dict)

    def look(self, *, is_forced: bool = False) -> list[Fetched]:
        """Fetch what is due, or everything; return what came of it."""
        now = self.now()
        found = []
        for feed in self.feeds():
            if is_forced or self._is_due(feed, now):
                fetched = fetch_one(feed, self.client, now)
                self._note(fetched, now)
                found.append(fetched)
        return found

    def _is_due(self, feed: Feed[Description], now: datetime) -> bool:
        failed_at = self._failed_at.get(feed.url)
        if failed_at is not None:
            return now >= failed_at + RETRY
        copy = self.client.copy_of(feed.url)
        if copy is None:
            return True
        try:
            asked = feed.read(copy.document).cache_duration
        except ConfigurationError:
            return True
        interval = min(self.every, max(asked, LEAST_INTERVAL)) if asked else self.every
        return now >= copy.fetched_at + interval

    def _note(self, fetched: Fetched, now: datetime) -> None:
        """Log what is news: another document, the first of several failures, the end of them."""
        if fetched.problem:
            if fetched.url not in self._failed_at:
                whose = {fetched.kind: fetched.name}
                log.warning("metadata.fetch_failed", **whose, reason=fetched.problem)
            self._failed_at[fetched.url] = now
            return
        had_failed = self._failed_at.pop(fetched.url, None) is not None
        if fetched.is_new or had_failed:
            log.info("metadata.fetched", **{fetched.kind: fetched.name}, is_new=fetched.is_new)


class FetchLoop:
    """Fetches in a thread of its own, from `start` to `stop`; says what is to be known daily."""

    def __init__(self, fetcher: Fetcher, notes: Callable[[], Iterable[str]]) -> None:
        self._fetcher = fetcher
        self._notes = notes
        self._noted_at = fetcher.now()
        self._woken = threading.Event()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="metadata", daemon=True)

    def start(self) -> None:
        """Fetch what is due, now and every time that something is."""
        self._thread.start()

    def fetch_all(self) -> None:
        """Fetch everything, due or not, without waiting for it."""
        self._woken.set()

    def stop(self) -> None:
        """Fetch no more; what is under way is given up with the process."""
        self._is_stopping = True
        self._woken.set()

    def _run(self) -> None:
        is_forced = False
        while not self._is_stopping:
            try:
                self._fetcher.look(is_forced=is_forced)
                self._note_daily()
            except ConfigurationError as error:  # of a file that was edited meanwhile
                log.warning("applications.kept", reason=str(error))
            is_forced = self._woken.wait(LOOK_SECONDS)
            self._woken.clear()

    def _note_daily(self) -> None:
        """Log once a day what the operator should know, such as metadata that is about to end."""
        now = self._fetcher.now()
        if now - self._noted_at >= NOTED_EVERY:
            self._noted_at = now
            for note in self._notes():
                log.warning("applications.noted", note=note)
