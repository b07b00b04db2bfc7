"""Which entries changed, by DirSync (MS-ADTS section 3.1.1.3.4.1.3).

Its cookie holds for every server of the domain. An entry is told only if one of the attributes
asked for changed, and comes with nothing but these.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from connector.errors import WatermarkLost
from connector.source.decode import external_id_of, text_of
from connector.source.ldap import Query, Refused
from connector.source.ldap_decoder import split_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector.source.ldap import LdapConnection, SyncPage
    from connector.source.ldap_decoder import RawEntry
    from connector.source.session import Session

_NOBODY = "(objectGUID=" + 16 * "\\00" + ")"
_EVERYBODY = "(objectClass=*)"
_PAGES_AT_MOST = 10_000
_COME, _GONE = b"member;range=1-1", b"member;range=0-0"
# What comes unasked, whatever changed.
_ALWAYS = frozenset({b"objectguid", b"instancetype", b"parentguid"})
# A name comes as <GUID=...>;<SID=...>;CN=... (section 3.1.1.3.4.1.5).
_EXTENSION = re.compile(r"(?:<[^>]*>;)+")


@dataclass(slots=True)
class Synced:
    """What changed, by external_id.

    Attributes:
        cookie: Where to go on.
        changed: In any way, in the order in which they came.
        deleted: No more there.
        members: Of groups of which nothing else changed: names that came (True) or went (False).

    """

    cookie: bytes
    changed: dict[str, None] = field(default_factory=dict)
    deleted: dict[str, None] = field(default_factory=dict)
    members: dict[str, dict[str, bool]] = field(default_factory=dict)


def start_cookie(connection: LdapConnection, domain: str) -> bytes:
    """Return the cookie of what changes from now on; b"" if we may not use DirSync.

    Raises:
        SourceUnavailable: if the connection broke.

    """
    # Nothing of what is there already is asked for; the cookie still says up to where.
    query = Query(domain, _NOBODY, ("objectGUID",), 0)
    try:
        *_, last = _sync_pages(connection, query, b"")
    except Refused:
        return b""
    return last.cookie


def read_dir_sync(session: Session, cookie: bytes, limit: int) -> Synced:
    """Return what changed in the domain since a cookie.

    Raises:
        Refused: if the cookie is none, or we may not.
        WatermarkLost: if more changed than the limit.

    """
    query = Query(session.domain, _EVERYBODY, session.searches.watched(), 0)
    synced = Synced(cookie)
    for page in _sync_pages(session.connection, query, cookie):
        synced.cookie = page.cookie
        for raw in page.entries:
            _note(synced, raw)
        if len(synced.changed) + len(synced.deleted) + len(synced.members) > limit:
            message = f"more than {limit} entries changed: a full read is quicker"
            raise WatermarkLost(message)
    return synced


def _sync_pages(connection: LdapConnection, query: Query, cookie: bytes) -> Iterator[SyncPage]:
    """Yield the pages, read with the right of replication or, without it, as ourselves."""
    as_ourselves = False
    for _ in range(_PAGES_AT_MOST):
        try:
            page = connection.sync(query, cookie, as_ourselves=as_ourselves)
        except Refused:
            if as_ourselves:
                raise
            as_ourselves = True
            continue
        yield page
        cookie = page.cookie
        if page.is_last:
            return
    message = f"{connection.endpoint.url}: {_PAGES_AT_MOST} pages by DirSync, and no end"
    raise Refused(message)


def _note(synced: Synced, raw: RawEntry) -> None:
    external_id = external_id_of(raw)
    if text_of(raw, b"isDeleted").upper() == "TRUE":
        synced.deleted[external_id] = None
        synced.members.pop(external_id, None)
        synced.changed.pop(external_id, None)
        return
    synced.deleted.pop(external_id, None)  # it was restored meanwhile
    told = {name for name, part in raw.parts.items() if name not in _ALWAYS}
    if external_id in synced.changed or not told or told - {_COME, _GONE}:
        synced.changed[external_id] = None
        synced.members.pop(external_id, None)
        return
    names = synced.members.setdefault(external_id, {})
    for description, is_member in ((_GONE, False), (_COME, True)):
        for value in split_values(raw.parts.get(description, b"")):
            names[_EXTENSION.sub("", value.decode(errors="replace"), count=1)] = is_member
