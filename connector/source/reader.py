"""Read an Active Directory: everything, what changed, or one person (step 3)."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from connector.errors import SourceUnavailable, WatermarkLost
from connector.source.batch import Batch, Page, Proof, Watermark
from connector.source.changes import read_changes_pages
from connector.source.connecting import connect_any, introduce_ourselves
from connector.source.decode import to_moment
from connector.source.dir_sync import start_cookie
from connector.source.domain import read_policy
from connector.source.full import FullRead, sees_deleted
from connector.source.ldap import NextServer
from connector.source.ldap_decoder import MalformedMessage
from connector.source.ldap_tls import to_servers
from connector.source.person import read_person_pages
from connector.source.root import read_root
from connector.source.searches import Wanted, to_searches
from connector.source.session import Session
from connector.source.watch import LdapWatch

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from datetime import datetime, timedelta

    from connector.clock import Clock
    from connector.settings import SourceSettings
    from connector.source.domain import DomainPolicy
    from connector.source.ldap import LdapConnection
    from connector.source.ldap_tls import Endpoint, Servers
    from connector.source.roll_call import RollCall
    from connector.source.root import Root

__all__ = ["LdapSource", "SourceCheck", "Wanted"]


@dataclass(frozen=True, slots=True)
class SourceCheck:
    """What an operator wants to know about a source before the first cycle.

    Attributes:
        server: URL of the server that answered, as configured.
        host_name: What it calls itself (dNSHostName); "" if it does not say.
        clock_skew: How far its clock is ahead of ours; None if it does not say.
        certificate_ends_at: Until when its certificate is valid; None if it does not say.
        is_base_there: Whether the search base is there, and ours to see.
        changes_by: How changes are read: "DirSync", "uSNChanged", or "" if only all can be read.
        sees_deleted: Whether the account may see what was deleted.
        untold: Attributes that are asked for, and of whose change the server tells nothing.
        policy: What the domain demands of passwords; None if it does not say.

    """

    server: str
    host_name: str
    clock_skew: timedelta | None
    certificate_ends_at: datetime | None
    is_base_there: bool
    changes_by: str
    sees_deleted: bool
    untold: tuple[str, ...]
    policy: DomainPolicy | None


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
        self._searches = to_searches(settings, wanted)
        self._names: dict[str, str] = {}  # what servers call themselves, by URL

    def read_full(self, roll: RollCall, since: Watermark | None) -> Batch:
        """Return all users, then all groups, then what became of the rest; to be read once.

        Iterating it raises SourceUnavailable if no server can be read, or the connection breaks.

        Args:
            roll: Who is known. An entry that still has its digest is only listed in
                `Page.unchanged`.
            since: Of the last read, complete or not, full or not; its server is tried first.

        """
        return Batch(self._full_pages(roll, since))

    def read_changes(self, since: Watermark) -> Batch:
        """Return what changed since a watermark, and how each entry is now; to be read once.

        Entries come with `group_names`, whether or not they are as known. Iterating it raises
        WatermarkLost if the changes cannot be told, and SourceUnavailable like a full read.
        """
        return Batch(self._changed_pages(since))

    def read_person(self, name: str) -> Batch:
        """Return the person with that objectGUID, mail, UPN, sAMAccountName or name; or nobody.

        It is like a read of changes of that one entry, for an objectGUID with the evidence if it is
        gone. Its watermark says when that was; other entries were not looked at, so no read of
        changes may begin there. Iterating it raises SourceUnavailable like a full read.
        """
        return Batch(self._person_pages(name))

    def watch(self) -> LdapWatch:
        """Return an open connection that says whether something changed.

        Raises:
            SourceUnavailable: with the reasons of all servers.

        """
        return LdapWatch(self._connect(next(reversed(self._names.values()), "")))

    def check(self) -> SourceCheck:
        """Connect, bind and look around; read no people.

        Raises:
            SourceUnavailable: with the reasons of all servers.

        """
        with self._session(self._connect("")) as session:
            return self._look_around(session)

    def _look_around(self, session: Session) -> SourceCheck:
        connection, root = session.connection, session.root
        untold = session.searches.untold()
        can_tell = bool(session.base and root.highest_usn and root.invocation_id and not untold)
        by_dir_sync = can_tell and bool(start_cookie(connection, session.domain))
        return SourceCheck(
            server=connection.endpoint.url,
            host_name=root.host_name,
            clock_skew=_to_skew(root.server_time, self._clock.now()),
            certificate_ends_at=connection.certificate_ends_at(),
            is_base_there=bool(session.base),
            changes_by="DirSync" if by_dir_sync else "uSNChanged" if can_tell else "",
            sees_deleted=bool(session.base) and sees_deleted(session),
            untold=untold,
            policy=read_policy(connection),
        )

    def _full_pages(self, roll: RollCall, since: Watermark | None) -> Generator[Page, None, Proof]:
        read_at = self._clock.now()
        with self._session(self._connect(since.server if since else "")) as session:
            cookie = self._start_cookie(session) if session.root.domain else b""
            reading = FullRead(session, self._settings, roll, since, read_at, cookie)
            return (yield from reading.pages())

    def _changed_pages(self, since: Watermark) -> Generator[Page, None, Proof]:
        read_at = self._clock.now()
        connection = self._connect(since.server) if since.cookie else self._connect_copy(since)
        with self._session(connection) as session:
            return (yield from read_changes_pages(session, since, read_at))

    def _person_pages(self, name: str) -> Generator[Page, None, Proof]:
        read_at = self._clock.now()
        with self._session(self._connect("")) as session:
            return (yield from read_person_pages(session, name, read_at))

    @contextmanager
    def _session(self, connection: LdapConnection) -> Iterator[Session]:
        """Yield a session over a connection, which ends with it."""
        try:
            root = self._read_root(connection)
            base = connection.read(self._settings.base, ("objectGUID",))
            name = base.name.decode(errors="replace") if base is not None else ""
            yield Session(connection, root, self._searches, name)
        except MalformedMessage as error:
            message = f"{connection.endpoint.url}: {error}"
            raise SourceUnavailable(message) from error
        finally:
            connection.close()

    def _start_cookie(self, session: Session) -> bytes:
        """Return where DirSync goes on from now; on a connection of its own, which may break.

        A server that has much to look through before it says so is not waited for.
        """
        try:
            connection = self._connect(session.root.server)
        except SourceUnavailable:
            return b""
        try:
            return start_cookie(connection, session.root.domain)
        except SourceUnavailable:
            return b""
        finally:
            connection.close()

    def _read_root(self, connection: LdapConnection) -> Root:
        root = read_root(connection)
        self._names.pop(connection.endpoint.url, None)
        self._names[connection.endpoint.url] = root.server
        return root

    def _connect(self, server: str) -> LdapConnection:
        """Return a connection, bound; to that server if it can be spoken to."""
        return connect_any(self._ordered(server), self._introduce)[0]

    def _connect_copy(self, since: Watermark) -> LdapConnection:
        """Return a connection to the copy of the directory that a watermark is of.

        Raises:
            WatermarkLost: if only others can be spoken to.

        """
        others: list[str] = []

        def introduce(connection: LdapConnection) -> None:
            self._introduce(connection)
            root = self._read_root(connection)
            if not root.is_copy_of(since):
                others.append(root.server)
                message = f"{connection.endpoint.url}: it has not the copy of {since.server}"
                raise NextServer(message)

        try:
            return connect_any(self._ordered(since.server), introduce)[0]
        except SourceUnavailable as error:
            if not others:
                raise
            message = f"changes since the last read of {since.server} cannot be told: {error}"
            raise WatermarkLost(message) from error

    def _ordered(self, server: str) -> Servers:
        """Return the servers, that one first."""

        def is_other(endpoint: Endpoint) -> bool:
            return server not in {endpoint.host, endpoint.url, self._names.get(endpoint.url)}

        return replace(
            self._servers, endpoints=tuple(sorted(self._servers.endpoints, key=is_other))
        )

    def _introduce(self, connection: LdapConnection) -> None:
        introduce_ourselves(connection, self._settings)


def _to_skew(server_time: str, now: datetime) -> timedelta | None:
    """Return how far a server is ahead, by its own time; None if it does not say."""
    moment = to_moment(server_time)
    return moment - now if moment is not None else None
