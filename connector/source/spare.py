"""A connection opened ahead, so that whoever sends a password need not wait for TCP and TLS.

It carries nobody's identity, is taken once, and is closed after its one bind. A server may have
given it up unseen; so it is asked something before a password goes over it.
"""

from __future__ import annotations

from threading import Condition, Event, Thread
from typing import TYPE_CHECKING

from connector.errors import SourceUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from connector.source.ldap import LdapConnection

# As long as it takes to type a password. AD hangs up on who says nothing for two minutes.
KEPT_SECONDS = 30.0
# Who is faster than that waits for the one that is being opened: another would take longer.
COMING_SECONDS = 0.3


class Spare:
    """At most one connection that nobody uses yet; safe to use from several threads.

    A thread opens it, and closes it if nobody wants one for a while; taking it wakes nobody.
    """

    def __init__(
        self, connect: Callable[[], LdapConnection], kept_seconds: float = KEPT_SECONDS
    ) -> None:
        self._connect = connect
        self._kept_seconds = kept_seconds
        self._lock = Condition()
        self._ready: LdapConnection | None = None
        self._is_coming = False
        self._is_awaited = False
        self._is_wanted = Event()
        self._thread: Thread | None = None

    def prepare(self) -> None:
        """Open one in the background, unless there is one, or it is being opened."""
        with self._lock:
            if self._is_coming or self._ready is not None:
                return
            self._is_coming = True
            self._is_wanted.set()
            if self._thread is None:
                self._thread = Thread(target=self._serve, name="spare", daemon=True)
                self._thread.start()

    def take(self) -> LdapConnection | None:
        """Return the connection, which is the caller's from now on; None if there is none."""
        with self._lock:
            if self._is_coming and not self._is_awaited:
                self._is_awaited = True
                self._lock.wait_for(lambda: not self._is_coming, COMING_SECONDS)
                self._is_awaited = False
            taken, self._ready = self._ready, None
            return taken

    def close(self) -> None:
        """Hang up, if there is one."""
        left = self.take()
        if left is not None:
            left.close()

    def _serve(self) -> None:
        """Open a connection whenever one is wanted, until none has been for a while."""
        while self._is_wanted.wait(self._kept_seconds) or self._is_needed():
            self._is_wanted.clear()
            try:
                opened = self._connect()
            except SourceUnavailable:  # whoever needs a connection meets the same, and says so
                opened = None
            with self._lock:
                self._ready, self._is_coming = opened, False
                self._lock.notify_all()
        self.close()

    def _is_needed(self) -> bool:
        """Return whether one was wanted at the last moment; otherwise the thread may end."""
        with self._lock:
            if not self._is_coming:
                self._thread = None
            return self._is_coming
