"""Which of several servers is spoken to: in order for reads, and within a second for logins."""

from __future__ import annotations

import time
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from connector.errors import SourceUnavailable
from connector.source.ldap import LdapConnection, NextServer, TooSlow
from connector.source.ldap_tls import split_addresses
from connector.source.ldap_words import to_words
from connector.source.password import PasswordUnanswered, PasswordVerdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from connector.settings import SourceSettings
    from connector.source.ldap_tls import Endpoint, Servers

_Said = TypeVar("_Said")

# Two servers may hang, and a third is still found within a second.
QUICK_SECONDS = 0.3
# A server that owes an answer for so long is left alone until it has given it.
STUCK_SECONDS = 1.0
LAST_SECONDS = 60.0


def connect_any(
    servers: Servers, introduce: Callable[[LdapConnection], _Said]
) -> tuple[LdapConnection, _Said]:
    """Return a connection to the first server that can be spoken to, and what it said.

    Args:
        servers: Tried in order.
        introduce: What is done first, such as a bind. NextServer from it means: try the next.

    Raises:
        SourceUnavailable: with the reasons of all servers; or that of `introduce`.

    """
    reasons = []
    for endpoint in servers.endpoints:
        try:
            return _introduced(LdapConnection(endpoint, servers), introduce)
        except NextServer as error:
            reasons.append(str(error))
    raise SourceUnavailable("; ".join(reasons) or "no server is configured")


def introduce_ourselves(connection: LdapConnection, settings: SourceSettings) -> None:
    """Bind as the account that reads.

    Raises:
        NextServer: if the server is too busy, or does not answer.
        SourceUnavailable: if it does not let us in.

    """
    name, secret = settings.bind_dn, settings.password
    try:
        verdict = connection.bind(name, secret.reveal() if secret else "")
    except PasswordUnanswered as error:
        raise NextServer(str(error)) from error
    if verdict is not PasswordVerdict.ACCEPTED:
        words = verdict.name.lower().replace("_", " ")
        message = f"{connection.endpoint.url}: bind as {name} refused: {words} ({verdict})"
        raise SourceUnavailable(message)


class LoginServers:
    """The servers as logins need them: one that fails costs little, and is tried last for a time.

    Each address that a name leads to is a server of its own. All of them get a short time first,
    and those that were merely slow all the time that there is, after the others. Safe to use from
    several threads.
    """

    def __init__(self, servers: Servers, stopwatch: Callable[[], float] = time.monotonic) -> None:
        self._servers = servers
        self._stopwatch = stopwatch
        self._failed_at: dict[Endpoint, float] = {}
        self._asked_at: dict[LdapConnection, float] = {}
        self._lock = Lock()

    def connect(
        self,
        introduce: Callable[[LdapConnection], _Said],
        opened: LdapConnection | None = None,
    ) -> tuple[LdapConnection, _Said]:
        """Return a connection to a server that can be spoken to, and what it said.

        Args:
            introduce: What is done first. NextServer from it means: try the next.
            opened: A connection that is tried before all others.

        Raises:
            PasswordUnanswered: from `introduce`; nobody else is asked then.
            SourceUnavailable: with the reasons of all servers; or that of `introduce`.

        """
        reasons: list[str] = []
        if opened is not None and not self._has_failed(opened.endpoint):
            with suppress(NextServer):  # asked again below, and then its reason is kept
                return self._introduce(opened, introduce)
        elif opened is not None:
            opened.close()
        slow: list[Endpoint] = []
        for endpoint in self._in_order(reasons):
            try:
                return self._try(endpoint, QUICK_SECONDS, introduce)
            except TooSlow:
                slow.append(endpoint)
            except NextServer as error:
                reasons.append(str(error))
        for endpoint in slow:
            try:
                return self._try(endpoint, None, introduce)
            except NextServer as error:
                reasons.append(str(error))
        raise SourceUnavailable("; ".join(reasons) or "no server is configured")

    def connect_again(self, endpoint: Endpoint) -> LdapConnection:
        """Return another connection to a server that was spoken to.

        Raises:
            NextServer: if that cannot be had.

        """
        return LdapConnection(endpoint, self._servers)

    def note_failure(self, endpoint: Endpoint) -> None:
        """Try a server last for some time."""
        now = self._stopwatch()
        with self._lock:
            lately = {one: at for one, at in self._failed_at.items() if now - at < LAST_SECONDS}
            self._failed_at = lately | {endpoint: now}

    def _try(
        self,
        endpoint: Endpoint,
        seconds: float | None,
        introduce: Callable[[LdapConnection], _Said],
    ) -> tuple[LdapConnection, _Said]:
        try:
            connection = LdapConnection(endpoint, self._servers, seconds)
        except NextServer:
            self.note_failure(endpoint)
            raise
        return self._introduce(connection, introduce)

    def _introduce(
        self, connection: LdapConnection, introduce: Callable[[LdapConnection], _Said]
    ) -> tuple[LdapConnection, _Said]:
        with self._lock:
            self._asked_at[connection] = self._stopwatch()
        try:
            found = _introduced(connection, introduce)
        except (NextServer, PasswordUnanswered):
            self.note_failure(connection.endpoint)
            raise
        finally:
            with self._lock:
                del self._asked_at[connection]
        with self._lock:
            self._failed_at.pop(connection.endpoint, None)
        return found

    def _in_order(self, reasons: list[str]) -> Iterator[Endpoint]:
        """Yield the servers, those that failed lately last; keep whose name leads nowhere."""
        failed: list[Endpoint] = []
        for endpoint in self._servers.endpoints:
            for one in self._addresses(endpoint, reasons):
                if self._has_failed(one):
                    failed.append(one)
                else:
                    yield one
        yield from failed

    def _addresses(self, endpoint: Endpoint, reasons: list[str]) -> list[Endpoint]:
        try:
            return split_addresses(endpoint)
        except OSError as error:
            reasons.append(f"{endpoint.url}: {to_words(error)}")
            return []

    def _has_failed(self, endpoint: Endpoint) -> bool:
        now = self._stopwatch()
        with self._lock:
            failed_at = self._failed_at.get(endpoint, now - LAST_SECONDS)
            owed = [at for one, at in self._asked_at.items() if one.endpoint == endpoint]
        return now - failed_at < LAST_SECONDS or any(now - at > STUCK_SECONDS for at in owed)


def _introduced(
    connection: LdapConnection, introduce: Callable[[LdapConnection], _Said]
) -> tuple[LdapConnection, _Said]:
    try:
        return connection, introduce(connection)
    except BaseException:
        connection.close()
        raise
