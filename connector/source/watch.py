"""Notice that something changed, at the price of half a millisecond a look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.errors import SourceUnavailable
from connector.source.decode import text_of
from connector.source.root import HIGHEST_USN

if TYPE_CHECKING:
    from connector.source.ldap import LdapConnection


class LdapWatch:
    """An open connection to one server, for one thread; who keeps it opens another if it breaks."""

    def __init__(self, connection: LdapConnection) -> None:
        self._connection = connection

    def position(self) -> int:
        """Return a number that moves whenever anything in the directory changes.

        Raises:
            SourceUnavailable: if the connection broke, or the server says no such number.

        """
        usn = text_of(self._connection.read("", (HIGHEST_USN,)), HIGHEST_USN.encode())
        if not usn.isdecimal():
            message = f"{self._connection.endpoint.url}: it does not say its {HIGHEST_USN}"
            raise SourceUnavailable(message)
        return int(usn)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()
