"""The door to LDAP (RFC 4511): connections, pages of a search, password checks (step 1)."""

from __future__ import annotations

import ssl
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from connector.errors import SourceUnavailable
from connector.source.ldap_controls import DIR_SYNC, SHOW_DELETED, dir_sync_control
from connector.source.ldap_decoder import MalformedMessage
from connector.source.ldap_library import (
    exceptions,
    ldap3,
    paged_search_control,
    parse_filter,
    results,
    search_operation,
)
from connector.source.ldap_tls import open_socket, secure, to_servers
from connector.source.ldap_wire import make_library_connection
from connector.source.ldap_words import one_line, to_words
from connector.source.password import PasswordVerdict, parse_verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from connector.settings import SourceSettings
    from connector.source.ldap_decoder import RawEntry
    from connector.source.ldap_tls import Endpoint, Servers

_START_TLS = "1.3.6.1.4.1.1466.20037"
_PAGED_RESULTS = "1.2.840.113556.1.4.319"
_EVERYTHING = "(objectClass=*)"

# Results that say that a search did not give everything; the connection goes on.
_SHORTFALLS = {
    results.RESULT_TIME_LIMIT_EXCEEDED: "the server's time limit cut the search",
    results.RESULT_SIZE_LIMIT_EXCEEDED: "the server's size limit cut the search",
    results.RESULT_ADMIN_LIMIT_EXCEEDED: "an administrative limit cut the search",
    results.RESULT_NO_SUCH_OBJECT: "the search base is not there",
    results.RESULT_REFERRAL: "the server refers to another one",
}
_NOT_TO_BE_SEEN = {
    results.RESULT_NO_SUCH_OBJECT,
    results.RESULT_REFERRAL,
    results.RESULT_INSUFFICIENT_ACCESS_RIGHTS,
}
# Results of a bind that say something about the server, nothing about the password.
_BUSY = {results.RESULT_BUSY, results.RESULT_UNAVAILABLE}
_BROKEN = {results.RESULT_OPERATIONS_ERROR, results.RESULT_PROTOCOL_ERROR, results.RESULT_OTHER}


_Said = TypeVar("_Said")


class NextServer(SourceUnavailable):
    """This server cannot be spoken to; another one may."""


class Refused(SourceUnavailable):
    """The server does not do what was asked for; the connection goes on."""


@dataclass(frozen=True, slots=True)
class Query:
    """A search of a subtree.

    Attributes:
        base: Distinguished name.
        filter: RFC 4515.
        attributes: Which are asked for.
        page_size: Entries an answer (RFC 2696).
        sees_deleted: Whether what was deleted is searched, too.

    """

    base: str
    filter: str
    attributes: tuple[str, ...]
    page_size: int
    sees_deleted: bool = False


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One answer to a search.

    Attributes:
        entries: As they came.
        cookie: Asks for the next page on the same connection; b"" after the last.
        shortfall: Why there is more than came, in words; "" otherwise.
        reference_count: Continuation references among them, which are not followed.

    """

    entries: list[RawEntry]
    cookie: bytes
    shortfall: str
    reference_count: int


@dataclass(frozen=True, slots=True)
class SyncPage:
    """Some of what changed, by DirSync.

    Attributes:
        entries: With those of the attributes asked for that changed.
        cookie: Asks for what comes after, on any server of the domain.
        is_last: Whether there is nothing more for now.

    """

    entries: list[RawEntry]
    cookie: bytes
    is_last: bool


class LdapConnection:
    """A connection to one server, inside TLS."""

    def __init__(self, endpoint: Endpoint, servers: Servers) -> None:
        """Connect.

        Raises:
            NextServer: if that does not succeed in time.

        """
        self.endpoint = endpoint
        self._asked: int | None = None
        self._arrived: SearchPage | None = None
        deadline = time.monotonic() + servers.patience_seconds
        self._library, self._strategy = make_library_connection(
            endpoint, servers.patience_seconds, deadline
        )
        with self._translated(NextServer):
            self._strategy.adopt(open_socket(endpoint, deadline))
            try:
                self._secure(servers)
            except BaseException:
                self.close()
                raise

    def bind(self, name: str, password: str) -> PasswordVerdict:
        """Prove who we are by a password; return what the server says about it.

        Raises:
            NextServer: if the server is too busy to look at it.
            SourceUnavailable: if no answer came, or none about the password.

        """
        # Bytes, because ldap3 would rewrite a string by SASLprep, which AD does not.
        self._library.user, self._library.password = name, _to_bytes(password)
        self._library.authentication = ldap3.SIMPLE
        try:
            with self._translated(SourceUnavailable), suppress(exceptions.LDAPOperationResult):
                self._library.bind(read_server_info=False)
        finally:
            self._library.password = None
        result = self._library.result
        if result["result"] in _BUSY:
            raise NextServer(self._words_of(result))
        if result["result"] in _BROKEN:
            raise SourceUnavailable(self._words_of(result))
        self._strategy.deadline = None
        return _to_verdict(result)

    def ask(self, query: Query, cookie: bytes) -> None:
        """Ask for a page; the server works on it until `take` is called.

        Raises:
            SourceUnavailable: if the connection broke.

        """
        paging = paged_search_control(True, query.page_size, cookie)  # noqa: FBT003 - critical
        controls = [paging, *(SHOW_DELETED if query.sees_deleted else ())]
        self._send(query.base, query.filter, ldap3.SUBTREE, query.attributes, controls)

    def take(self) -> SearchPage:
        """Return the page that was asked for.

        Raises:
            SourceUnavailable: if the connection broke, or the server cannot go on.

        """
        page, self._arrived = self._arrived or self._receive_page(), None
        return page

    def sync(self, query: Query, cookie: bytes, *, as_ourselves: bool) -> SyncPage:
        """Return what changed since a cookie, by DirSync; the base must be that of the domain.

        Args:
            query: What of it is wanted: an entry comes if one of these attributes changed.
            cookie: b"" for everything that there is.
            as_ourselves: Ask only for what we may read anyway.

        Raises:
            Refused: if we may not, or the cookie is none.
            SourceUnavailable: if the connection broke.

        """
        control = dir_sync_control(cookie, as_ourselves=as_ourselves)
        self._send(query.base, query.filter, ldap3.SUBTREE, query.attributes, [control])
        result = self._receive()
        given = result.get("controls", {}).get(DIR_SYNC)
        if result["result"] in _BUSY:
            raise SourceUnavailable(self._words_of(result))
        if result["result"] != results.RESULT_SUCCESS or given is None:
            raise Refused(self._words_of(result))
        value = given["value"]
        return SyncPage(self._strategy.entries, value["cookie"], not value["more_results"])

    def read(
        self, base: str, attributes: Sequence[str], *, sees_deleted: bool = False
    ) -> RawEntry | None:
        """Return one entry, or None if it is not there, or not for us to see.

        Raises:
            SourceUnavailable: if the connection broke, or the server refuses.

        """
        if self._asked is not None:
            self._arrived = self._receive_page()
        controls = list(SHOW_DELETED) if sees_deleted else None
        self._send(base, _EVERYTHING, ldap3.BASE, attributes, controls)
        result = self._receive()
        if result["result"] in _NOT_TO_BE_SEEN:
            return None
        if result["result"] != results.RESULT_SUCCESS:
            raise SourceUnavailable(self._words_of(result))
        return self._strategy.entries[0] if self._strategy.entries else None

    def certificate_ends_at(self) -> datetime | None:
        """Return until when the server's certificate is valid."""
        certificate = self._library.socket.getpeercert() or {}
        if "notAfter" not in certificate:
            return None
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)

    def close(self) -> None:
        """Say good-bye and hang up; a connection that is gone already is no error."""
        try:
            self._library.unbind()
        except (exceptions.LDAPException, OSError):
            self._strategy.close()

    def _secure(self, servers: Servers) -> None:
        if not self.endpoint.is_ldaps:
            self._library.extended(_START_TLS)
            if not self._strategy.is_idle:
                message = "more than the answer to StartTLS came in clear"
                raise exceptions.LDAPSessionTerminatedByServerError(message)
        self._library.socket = secure(
            self._library.socket,
            self.endpoint,
            servers.context,
            self._strategy.remaining_seconds(),
        )

    def _send(
        self, base: str, text: str, scope: str, attributes: Sequence[str], controls: Any
    ) -> None:
        limits = 0, 0, False  # of size and time: the server's own; types and values
        forms = True, True  # escape and encode what the filter holds
        with self._translated(SourceUnavailable):
            request = search_operation(
                base, text, scope, ldap3.DEREF_NEVER, list(attributes), *limits, *forms
            )
            self._asked = self._library.send("searchRequest", request, controls)

    def _receive(self) -> dict[str, Any]:
        """Return the result of the search that was sent, whichever it is."""
        asked, self._asked = self._asked, None
        with self._translated(SourceUnavailable), suppress(exceptions.LDAPOperationResult):
            self._library.result = self._library.get_response(asked)[1]
        result: dict[str, Any] = self._library.result
        return result

    def _receive_page(self) -> SearchPage:
        result = self._receive()
        cookie, shortfall = b"", ""
        controls = result.get("controls", {})
        if result["result"] in _SHORTFALLS:
            shortfall = " ".join((_SHORTFALLS[result["result"]], *(result["referrals"] or ())))
        elif result["result"] != results.RESULT_SUCCESS:
            raise SourceUnavailable(self._words_of(result))
        elif _PAGED_RESULTS in controls:
            cookie = controls[_PAGED_RESULTS]["value"]["cookie"]
        else:
            shortfall = "a page came without saying whether there are more"
        strategy = self._strategy
        return SearchPage(strategy.entries, cookie, shortfall, strategy.reference_count)

    @contextmanager
    def _translated(self, kind: type[SourceUnavailable]) -> Iterator[None]:
        try:
            yield
        except (exceptions.LDAPException, MalformedMessage, OSError) as error:
            raise kind(self._words(error)) from error

    def _words(self, error: Exception) -> str:
        return f"{self.endpoint.url}: {to_words(error)}"

    def _words_of(self, result: dict[str, Any]) -> str:
        return f"{self.endpoint.url}: {one_line(result['description'], result['message'])}"


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
            connection = LdapConnection(endpoint, servers)
            try:
                return connection, introduce(connection)
            except BaseException:
                connection.close()
                raise
        except NextServer as error:
            reasons.append(str(error))
    raise SourceUnavailable("; ".join(reasons) or "no server is configured")


class LdapPasswordCheck:
    """Asks the source about passwords, each time over a connection of its own."""

    def __init__(self, settings: SourceSettings) -> None:
        """Prepare; nothing is connected yet.

        Raises:
            ConfigurationError: if a password would go out in clear.

        """
        self._servers = to_servers(settings)

    def check(self, bind_name: str, password: str) -> PasswordVerdict:
        """Return what the first server that can be spoken to says; no second one is asked.

        A bind without a password succeeds and proves nothing (RFC 4513 section 5.1.2), and some
        servers end a text at its first NUL, so neither is ever sent.

        Raises:
            SourceUnavailable: if no server says anything.

        """
        if not _is_sendable(bind_name.strip()) or not _is_sendable(password):
            return PasswordVerdict.WRONG_PASSWORD
        connection, verdict = connect_any(
            self._servers, lambda connection: connection.bind(bind_name, password)
        )
        connection.close()
        return verdict


def find_filter_fault(text: str) -> str:
    """Return what is wrong with a filter (RFC 4515), or ""."""
    try:
        parse_filter(text, None, True, True, None, False)  # noqa: FBT003 - ldap3's signature
    except (exceptions.LDAPException, IndexError, ValueError) as error:
        return f"is no LDAP filter: {error}"
    return ""


def _to_verdict(result: dict[str, Any]) -> PasswordVerdict:
    if result["result"] == results.RESULT_SUCCESS:
        return PasswordVerdict.ACCEPTED
    if result["result"] == results.RESULT_INVALID_CREDENTIALS:
        return parse_verdict(result["message"])
    return PasswordVerdict.UNRECOGNISED


def _to_bytes(password: str) -> bytes:
    """Return the password as sent; environment variables may hold bytes that are not UTF-8."""
    return password.encode("utf-8", "surrogateescape")


def _is_sendable(text: str) -> bool:
    """Return whether a text has an unambiguous form on the wire."""
    try:
        return bool(text) and b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False
