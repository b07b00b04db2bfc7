"""Read one person by any of their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.source.batch import Page, Proof
from connector.source.entry import EntryKind
from connector.source.guid import to_external_id
from connector.source.searches import equal, narrowed
from connector.source.session import entries_of
from connector.source.tally import Tally, take_with_groups
from connector.source.trace import departure_of, locate, settle

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from datetime import datetime

    from connector.source.ldap_decoder import RawEntry
    from connector.source.session import Session

_NAMES = ("mail", "userPrincipalName", "sAMAccountName", "distinguishedName")


def read_person_pages(
    session: Session, name: str, read_at: datetime
) -> Generator[Page, None, Proof]:
    """Yield the entries that bear a name, or what became of the one with that objectGUID."""
    tally = Tally()
    external_id = to_external_id(name)
    if external_id:
        yield from _by_guid(session, external_id, tally)
    else:
        text = f"(|{''.join(equal(attribute, name) for attribute in _NAMES)})"
        query = narrowed(session.searches.with_groups().users, text)
        yield _page(session, EntryKind.USER, list(entries_of(session.connection, query)), tally)
    reason = tally.reason()
    return Proof(not reason, reason, session.root.watermark(read_at, b""), is_full=False)


def _by_guid(session: Session, external_id: str, tally: Tally) -> Iterator[Page]:
    for sighting in list(locate(session, [external_id], session.searches.users.page_size)):
        departure = departure_of(session, sighting)
        if departure is not None:
            yield Page((), departures=(departure,))
            continue
        settled = settle(session, session.searches.with_groups(), [external_id])
        yield Page((), departures=settled.unmatched)
        for kind, raws in settled.found.items():
            yield _page(session, kind, raws, tally)


def _page(session: Session, kind: EntryKind, raws: list[RawEntry], tally: Tally) -> Page:
    keeps_groups = session.searches.asks_for_groups
    taken = take_with_groups(session.connection, kind, raws, tally, keeps_groups=keeps_groups)
    return Page(tuple(taken))
