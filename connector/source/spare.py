"""A connection opened ahead, so that whoever sends a password need not wait for TCP and TLS.

It carries nobody's identity, is taken once, and is closed after its one bind. A server may have
given it up unseen; so it is asked something before a password goes over it.
"""

from __future__ import annotations

from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

from connector.errors import SourceUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from connector.source.ldap import LdapConnection

# As long as it takes to type a password. AD hangs up on who says nothing for two minutes.
KEPT_SECONDS = 30.0


class Spare:
    """At most one connection that nobody uses yet; safe to use from several threads."""

    def __init__(
        self, connect: Callable[[], LdapConnection], kept_seconds: float = KEPT_SECONDS
    ) -> None:
        self._connect = connect
        self._kept_seconds = kept_seconds
        self._lock = Lock()
        self._is_held = False
        self._ready: LdapConnection | None = None
        self._gone = Event()

    def prepare(self) -> None:
        """Open one in the background, unless there is one, or it is being opened."""
        with self._lock:
            if self._is_held:
                return
            self._is_held = True
        Thread(target=self._hold, name="spare", daemon=True).start()

    def take(self) -> LdapConnection | None:
        """Return the connection, which is the caller's from now on; None if there is none."""
        with self._lock:
            taken, self._ready = self._ready, None
            if taken is not None:
                self._gone.set()
            return taken

    def close(self) -> None:
        """Hang up, if there is one."""
        left = self.take()
        if left is not None:
            left.close()

    def _hold(self) -> None:
        """Open a connection, and close it if nobody takes it in time."""
        try:
            opened = self._connect()
        except SourceUnavailable:  # whoever needs a connection meets the same, and says so
            opened = None
        with self._lock:
            self._gone.clear()
            self._ready = opened
        if opened is not None and not self._gone.wait(self._kept_seconds):
            self.close()
        with self._lock:
            self._is_held = False
