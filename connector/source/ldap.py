"""The door to LDAP (RFC 4511): connections, pages of a search, passwords (step 1)."""

from __future__ import annotations

import ssl
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from connector.errors import SourceUnavailable
from connector.source.ldap_controls import DIR_SYNC, SHOW_DELETED, dir_sync_control
from connector.source.ldap_decoder import MalformedMessage
from connector.source.ldap_library import (
    exceptions,
    ldap3,
    modify_operation,
    paged_search_control,
    parse_filter,
    results,
    search_operation,
)
from connector.source.ldap_tls import open_socket, secure
from connector.source.ldap_wire import make_library_connection
from connector.source.ldap_words import one_line, to_words
from connector.source.password import PasswordUnanswered, PasswordVerdict, parse_verdict
from connector.source.password_change import ChangeVerdict, PasswordChange, parse_refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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


class NextServer(SourceUnavailable):
    """This server cannot be spoken to; another one may."""


class TooSlow(NextServer):
    """This server did not answer within the time that it was given."""


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

    def __init__(self, endpoint: Endpoint, servers: Servers, seconds: float | None = None) -> None:
        """Connect.

        Args:
            endpoint: The server.
            servers: How it is approached.
            seconds: How long connecting and TLS may take together; None for the usual patience.

        Raises:
            TooSlow: if that takes longer.
            NextServer: if it does not succeed.

        """
        self.endpoint = endpoint
        self._asked: int | None = None
        self._arrived: SearchPage | None = None
        self._patience_seconds = servers.patience_seconds
        deadline = time.monotonic() + (servers.patience_seconds if seconds is None else seconds)
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
            PasswordUnanswered: if no answer came.
            SourceUnavailable: if there was none about the password.

        """
        # Bytes, because ldap3 would rewrite a string by SASLprep, which AD does not.
        self._library.user, self._library.password = name, _to_bytes(password)
        self._library.authentication = ldap3.SIMPLE
        self._strategy.deadline = time.monotonic() + self._patience_seconds
        try:
            with self._translated(PasswordUnanswered), suppress(exceptions.LDAPOperationResult):
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

    def change_password(self, name: str, old: bytes, new: bytes) -> PasswordChange:
        """Give an account a new password in place of the old one, which the server checks.

        Args:
            name: Distinguished name, or <GUID=...>.
            old: Value of unicodePwd (MS-ADTS section 3.1.1.3.1.5.1).
            new: Likewise.

        Raises:
            NextServer: if the server did not look at it: it is busy, or takes no changes.
            PasswordUnanswered: if no answer came; the change may have been made.

        """
        changes = [(ldap3.MODIFY_DELETE, [old]), (ldap3.MODIFY_ADD, [new])]
        request = modify_operation(name, {"unicodePwd": changes}, auto_encode=False)
        with self._translated(PasswordUnanswered):
            self._asked = self._library.send("modifyRequest", request)
        result = self._receive(PasswordUnanswered)
        match result["result"]:
            case results.RESULT_SUCCESS:
                return PasswordChange(ChangeVerdict.CHANGED)
            case results.RESULT_CONSTRAINT_VIOLATION:
                verdict = parse_refusal(result["message"])
            case results.RESULT_INSUFFICIENT_ACCESS_RIGHTS:
                verdict = ChangeVerdict.NOT_ALLOWED
            case code if code in _BUSY or code == results.RESULT_REFERRAL:
                # A read-only domain controller refers to one that can be written to.
                raise NextServer(self._words_of(result))
            case _:
                verdict = ChangeVerdict.UNRECOGNISED
        return PasswordChange(verdict, self._words_of(result))

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

    def is_answered(self, seconds: float) -> bool:
        """Return whether the server still answers here, without saying who we are."""
        self._strategy.deadline = time.monotonic() + seconds
        try:
            self._strategy.ask_whether_alive()
        except (exceptions.LDAPException, OSError):
            return False
        return True

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

    def _receive(self, kind: type[SourceUnavailable] = SourceUnavailable) -> dict[str, Any]:
        """Return the result of what was sent, whichever it is."""
        asked, self._asked = self._asked, None
        with self._translated(kind), suppress(exceptions.LDAPOperationResult):
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
            is_slow = kind is NextServer and isinstance(error, TimeoutError)
            raise (TooSlow if is_slow else kind)(self._words(error)) from error

    def _words(self, error: Exception) -> str:
        return f"{self.endpoint.url}: {to_words(error)}"

    def _words_of(self, result: dict[str, Any]) -> str:
        return f"{self.endpoint.url}: {one_line(result['description'], result['message'])}"


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
