"""Read all users and groups, and prove that it was all of them (step 3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from connector.errors import ConfigurationError, Fault, SourceUnavailable
from connector.source.batch import Batch, Page, Proof, Watermark
from connector.source.decode import (
    UnreadableEntry,
    external_id_of,
    text_of,
    to_entry,
    to_guid,
    to_words,
    values_of,
)
from connector.source.entry import EntryKind
from connector.source.ldap import Query, connect_any, find_filter_fault
from connector.source.ldap_decoder import MalformedMessage, digest_of
from connector.source.ldap_tls import to_servers
from connector.source.password import PasswordVerdict
from connector.source.ranges import complete_ranges, is_ranged

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence

    from connector.clock import Clock
    from connector.settings import SourceSettings
    from connector.source.entry import SourceEntry
    from connector.source.ldap import LdapConnection, SearchPage
    from connector.source.ldap_decoder import RawEntry

_USER_NEEDS = ("objectGUID", "userAccountControl", "accountExpires", "sAMAccountName")
_GROUP_NEEDS = ("objectGUID", "member")
_ROOT = ("dnsHostName", "currentTime", "dsServiceName", "highestCommittedUSN")
# A group may have 1500 values in its page, an entry of a user some twenty.
_GROUP_PAGE_SIZE = 100
_NAMED_COUNT = 3
_EMPTY_PAGES_AT_MOST = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which attributes the mapping asks for, in any case."""

    user_attributes: tuple[str, ...]
    group_attributes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SourceCheck:
    """What an operator wants to know about a source before the first cycle.

    Attributes:
        server: URL of the server that answered, as configured.
        host_name: What it calls itself (dNSHostName); "" if it does not say.
        clock_skew: How far its clock is ahead of ours; None if it does not say.
        certificate_ends_at: Until when its certificate is valid; None if it does not say.
        is_base_there: Whether the search base is there, and ours to see.

    """

    server: str
    host_name: str
    clock_skew: timedelta | None
    certificate_ends_at: datetime | None
    is_base_there: bool


@dataclass(slots=True)
class _Tally:
    """What one read noticed so far."""

    user_count: int = 0
    reference_count: int = 0
    seen: set[str] = field(default_factory=set)
    doubts: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    def note(self, kind: EntryKind, page: SearchPage) -> None:
        """Count what a page holds, and keep its shortfall."""
        self.reference_count += page.reference_count
        self.user_count += len(page.entries) if kind is EntryKind.USER else 0
        if page.shortfall:
            self.doubts.append(f"{kind}s: {page.shortfall}")

    def reason(self, known_count: int) -> str:
        """Return why absence proves nothing, or ""."""
        reasons = list(self.doubts)
        if self.unreadable:
            named = "; ".join(self.unreadable[:_NAMED_COUNT])
            more = len(self.unreadable) - _NAMED_COUNT
            also = f"; and {more} more" if more > 0 else ""
            reasons.append(f"{len(self.unreadable)} entries cannot be taken: {named}{also}")
        if not self.user_count and known_count and not reasons:
            reasons.append(f"0 users read, {known_count} entries known")
        return "; ".join(reasons)


class LdapSource:
    """An Active Directory."""

    def __init__(self, settings: SourceSettings, wanted: Wanted, clock: Clock) -> None:
        """Prepare; nothing is connected yet.

        Raises:
            ConfigurationError: if a filter, a URL or the CA file is not usable, or the password
                would go out in clear.

        """
        self._settings = settings
        self._servers = to_servers(settings)
        self._clock = clock
        self._queries = _make_queries(settings, wanted)

    def read_full(self, known: Mapping[str, bytes]) -> Batch:
        """Return all users, then all groups, to be read once.

        Iterating it raises SourceUnavailable if no server can be read, or the connection breaks.

        Args:
            known: Digests by external_id. An entry that still has its digest is only listed in
                `Page.unchanged`.

        """
        return Batch(self._read_pages(known))

    def check(self) -> SourceCheck:
        """Connect, bind and look around; read no people.

        Raises:
            SourceUnavailable: with the reasons of all servers.

        """
        connection = self._connect()
        try:
            root = connection.read("", _ROOT)
            return SourceCheck(
                server=connection.endpoint.url,
                host_name=text_of(root, b"dnsHostName"),
                clock_skew=_to_skew(text_of(root, b"currentTime"), self._clock.now()),
                certificate_ends_at=connection.certificate_ends_at(),
                is_base_there=connection.read(self._settings.base, ("objectGUID",)) is not None,
            )
        finally:
            connection.close()

    def _read_pages(self, known: Mapping[str, bytes]) -> Generator[Page, None, Proof]:
        read_at = self._clock.now()
        connection = self._connect()
        try:
            watermark = _read_watermark(connection, read_at)
            tally = _Tally()
            for kind, query in self._queries.items():
                for entries in _read_entries(connection, kind, query, tally):
                    yield _to_page(connection, kind, entries, known, tally)
        except MalformedMessage as error:
            message = f"{connection.endpoint.url}: {error}"
            raise SourceUnavailable(message) from error
        finally:
            connection.close()
        reason = tally.reason(len(known))
        return Proof(not reason, reason, watermark, tally.reference_count)

    def _connect(self) -> LdapConnection:
        name, secret = self._settings.bind_dn, self._settings.password
        connection, verdict = connect_any(
            self._servers,
            lambda connection: connection.bind(name, secret.reveal() if secret else ""),
        )
        if verdict is not PasswordVerdict.ACCEPTED:
            connection.close()
            words = verdict.name.lower().replace("_", " ")
            message = f"{connection.endpoint.url}: bind as {name} refused: {words} ({verdict})"
            raise SourceUnavailable(message)
        return connection


def _make_queries(settings: SourceSettings, wanted: Wanted) -> dict[EntryKind, Query]:
    filters = {"user_filter": settings.user_filter, "group_filter": settings.group_filter}
    problems = {key: find_filter_fault(text) for key, text in filters.items()}
    faults = [Fault("", f"source.{key}", problem) for key, problem in problems.items() if problem]
    if faults:
        raise ConfigurationError(faults)
    group_page_size = min(settings.page_size, _GROUP_PAGE_SIZE)
    user_attributes = _unique(_USER_NEEDS, wanted.user_attributes)
    group_attributes = _unique(_GROUP_NEEDS, wanted.group_attributes)
    return {
        EntryKind.USER: Query(
            settings.base, settings.user_filter, user_attributes, settings.page_size
        ),
        EntryKind.GROUP: Query(
            settings.base, settings.group_filter, group_attributes, group_page_size
        ),
    }


def _unique(needed: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """Return all of them once; the case of attribute names says nothing (RFC 4512 s2.5)."""
    seen = {attribute.lower() for attribute in needed}
    return (*needed, *{name.lower(): name for name in wanted if name.lower() not in seen}.values())


def _read_watermark(connection: LdapConnection, read_at: datetime) -> Watermark:
    """Return where the server stands before the searches, so that nothing after it is missed."""
    root = connection.read("", _ROOT)
    service = text_of(root, b"dsServiceName")
    settings_entry = connection.read(service, ("invocationId",)) if service else None
    invocation = values_of(settings_entry, b"invocationId") if settings_entry else []
    usn = text_of(root, b"highestCommittedUSN")
    return Watermark(
        server=text_of(root, b"dnsHostName") or connection.endpoint.url,
        invocation_id=to_guid(invocation[0]) if invocation else "",
        highest_usn=int(usn) if usn.isdecimal() else 0,
        read_at=read_at,
    )


def _read_entries(
    connection: LdapConnection, kind: EntryKind, query: Query, tally: _Tally
) -> Iterator[list[RawEntry]]:
    """Yield the entries of one search, page by page; note what stood in the way."""
    empty_count = 0
    connection.ask(query, b"")
    while True:
        page = connection.take()
        tally.note(kind, page)
        empty_count = 0 if page.entries else empty_count + 1
        is_endless = empty_count > _EMPTY_PAGES_AT_MOST
        if is_endless:
            tally.doubts.append(f"{kind}s: {empty_count} empty pages, and no end")
        elif page.cookie:
            # The server looks for the next page while we take this one in.
            connection.ask(query, page.cookie)
        if page.entries:
            yield page.entries
        if is_endless or not page.cookie:
            return


def _to_page(
    connection: LdapConnection,
    kind: EntryKind,
    raws: list[RawEntry],
    known: Mapping[str, bytes],
    tally: _Tally,
) -> Page:
    entries: list[SourceEntry] = []
    unchanged: list[str] = []
    for received in raws:
        raw = received
        try:
            external_id = external_id_of(raw)
            if not external_id:
                tally.unreadable.append(f"{to_words(raw)}: it shows no objectGUID")
                continue
            # found by both filters, or moved while it was read
            if external_id in tally.seen:
                continue
            tally.seen.add(external_id)
            if is_ranged(raw):
                raw = complete_ranges(connection, external_id, raw)
            digest = digest_of(raw)
            if known.get(external_id) == digest:
                unchanged.append(external_id)
            else:
                entries.append(to_entry(kind, external_id, raw, digest))
        except UnreadableEntry as error:
            tally.unreadable.append(f"{to_words(raw)}: {error}")
    return Page(tuple(entries), tuple(unchanged))


def _to_skew(server_time: str, now: datetime) -> timedelta | None:
    """Return how far a server is ahead, by its GeneralizedTime (RFC 4517 section 3.3.13).

    >>> _to_skew("20261102080005.0Z", datetime(2026, 11, 2, 8, tzinfo=UTC))
    datetime.timedelta(seconds=5)

    """
    try:
        moment = datetime.strptime(server_time[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return moment - now
