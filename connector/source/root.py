"""What a server says about itself (RFC 4512 section 5.1; MS-ADTS section 3.1.1.3.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from connector.source.batch import Watermark
from connector.source.decode import text_of, to_guid, values_of

if TYPE_CHECKING:
    from datetime import datetime

    from connector.source.ldap import LdapConnection

HIGHEST_USN = "highestCommittedUSN"
_ROOT = ("dnsHostName", "currentTime", "dsServiceName", "defaultNamingContext", HIGHEST_USN)


@dataclass(frozen=True, slots=True)
class Root:
    """A server, and how far its database has come.

    Attributes:
        server: dNSHostName, else its URL as configured.
        host_name: dNSHostName; "" if it does not say.
        invocation_id: Identity of its copy of the database; "" if it has none.
        highest_usn: highestCommittedUSN; 0 if unknown.
        domain: Distinguished name of its domain; "" if it has none.
        server_time: Its clock, as GeneralizedTime; "" if it does not say.

    """

    server: str
    host_name: str
    invocation_id: str
    highest_usn: int
    domain: str
    server_time: str

    def is_copy_of(self, mark: Watermark) -> bool:
        """Return whether a watermark was made with this very copy of the database."""
        return bool(self.invocation_id) and self.invocation_id == mark.invocation_id

    def is_older_than(self, mark: Watermark) -> bool:
        """Return whether the copy is an older one than that of the watermark (USN rollback)."""
        return self.is_copy_of(mark) and self.highest_usn < mark.highest_usn

    def watermark(self, read_at: datetime, cookie: bytes) -> Watermark:
        """Return the watermark of a read that begins now."""
        return Watermark(self.server, self.invocation_id, self.highest_usn, read_at, cookie)


def read_root(connection: LdapConnection) -> Root:
    """Return what the server says about itself."""
    root = connection.read("", _ROOT)
    service = text_of(root, b"dsServiceName")
    settings_entry = connection.read(service, ("invocationId",)) if service else None
    invocation = values_of(settings_entry, b"invocationId") if settings_entry else []
    usn = text_of(root, HIGHEST_USN.encode())
    host_name = text_of(root, b"dnsHostName")
    return Root(
        server=host_name or connection.endpoint.url,
        host_name=host_name,
        invocation_id=to_guid(invocation[0]) if invocation else "",
        highest_usn=int(usn) if usn.isdecimal() else 0,
        domain=text_of(root, b"defaultNamingContext"),
        server_time=text_of(root, b"currentTime"),
    )


def restored_words(root: Root, mark: Watermark) -> str:
    """Return in words that a server's database is older than it was."""
    return (
        f"{root.server} was restored from a backup: its highestCommittedUSN is"
        f" {root.highest_usn}, and was {mark.highest_usn} at the last read"
    )
