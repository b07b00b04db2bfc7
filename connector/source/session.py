"""One connection while it serves one read: where it leads, and whole searches over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from connector.errors import SourceUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector.source.ldap import LdapConnection, Query, SearchPage
    from connector.source.ldap_decoder import RawEntry
    from connector.source.root import Root
    from connector.source.searches import Searches

_EMPTY_PAGES_AT_MOST = 100


class Shortfall(SourceUnavailable):
    """A search did not give everything; the connection goes on."""


@dataclass(frozen=True, slots=True)
class Session:
    """A connection, bound.

    Attributes:
        connection: To one server.
        root: What that server said before anything was read.
        searches: Find the people and groups.
        base: Name of the search base as the server writes it; "" if it is not there.

    """

    connection: LdapConnection
    root: Root
    searches: Searches
    base: str

    @property
    def domain(self) -> str:
        """Return beneath which name everything is that the base's entries may become."""
        is_within = self.root.domain and is_below(self.base, self.root.domain)
        return self.root.domain if is_within else self.base


def pages_of(connection: LdapConnection, query: Query) -> Iterator[SearchPage]:
    """Yield the pages of a search; the last may say that there is more than came."""
    empty_count = 0
    connection.ask(query, b"")
    while True:
        page = connection.take()
        empty_count = 0 if page.entries else empty_count + 1
        if empty_count > _EMPTY_PAGES_AT_MOST:
            message = f"{connection.endpoint.url}: {empty_count} empty pages, and no end"
            raise Shortfall(message)
        if page.cookie:
            # The server looks for the next page while we take this one in.
            connection.ask(query, page.cookie)
        yield page
        if not page.cookie:
            return


def entries_of(connection: LdapConnection, query: Query) -> Iterator[RawEntry]:
    """Yield all that a search finds; another search may be made after the last only.

    Raises:
        Shortfall: if there is more than came.

    """
    for page in pages_of(connection, query):
        if page.shortfall:
            message = f"{connection.endpoint.url}: {page.shortfall}"
            raise Shortfall(message)
        yield from page.entries


def is_below(name: str, base: str) -> bool:
    r"""Return whether an entry is the base, or stands beneath it.

    >>> is_below("CN=Ada,OU=People,DC=corp", "OU=people,DC=corp")
    True
    >>> is_below(r"CN=Ada\,OU=People,DC=corp", "OU=People,DC=corp")
    False

    """
    folded, end = name.lower(), base.lower()
    if not end or folded == end:
        return bool(end)
    if not folded.endswith(f",{end}"):
        return False
    before = folded[: -len(end) - 1]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 0
