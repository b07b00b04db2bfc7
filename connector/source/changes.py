"""Read what changed since a watermark (step 3), by DirSync or by uSNChanged.

Both tell which entries changed; these are then looked up one by one, so that they come exactly as
a full read gives them. What happens meanwhile has a higher number than the new watermark, which
was taken before, and comes again with the next read.

Two things do not show in what changed (seen with Samba; MS-ADTS says the same of AD): an entry
beneath a unit that was renamed, of which only the unit changes, so all that stands beneath it is
read again; and who is in a group, as seen from the member, which is why its groups are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from connector.errors import WatermarkLost
from connector.source.batch import Departure, MemberChange, Page, Proof, Watermark
from connector.source.decode import external_id_of
from connector.source.dir_sync import read_dir_sync
from connector.source.ldap import Query, Refused
from connector.source.root import restored_words
from connector.source.searches import any_of, narrowed
from connector.source.session import Shortfall, entries_of, is_below, pages_of
from connector.source.tally import Tally, take_with_groups
from connector.source.trace import (
    SIGHTED,
    Sighting,
    departure_of,
    in_batches,
    locate,
    settle,
    to_sightings,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping
    from datetime import datetime

    from connector.source.entry import EntryKind, SourceEntry
    from connector.source.ldap_decoder import RawEntry
    from connector.source.searches import Searches
    from connector.source.session import Session

# More than that, and a full read is no slower and leaves less to remember.
CHANGES_AT_MOST = 50_000
BENEATH_AT_MOST = 5_000
UNITS_AT_MOST = 100
# So many at once look like a right that was lost; a full read looks closer.
UNMATCHED_AT_MOST = 500


@dataclass(slots=True)
class Changes:
    """Which entries changed, anywhere in the domain.

    Attributes:
        sightings: Where they are now.
        members: Of groups of which nothing else changed: names that came (True) or went (False).
        cookie: Where DirSync goes on; b"" if it was not used.

    """

    sightings: list[Sighting]
    members: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)
    cookie: bytes = b""


def read_changes_pages(
    session: Session, since: Watermark, read_at: datetime
) -> Generator[Page, None, Proof]:
    """Yield what changed; raise WatermarkLost if that cannot be told."""
    refuse_untold(session, since)
    tally = Tally()
    try:
        changes = _list_changes(session, since)
        yield from _take_changes(session, changes, tally)
    except Shortfall as error:
        message = f"what changed cannot be told: {error}"
        raise WatermarkLost(message) from error
    reason = tally.reason()
    mark = session.root.watermark(read_at, changes.cookie)
    return Proof(not reason, reason, mark, is_full=False)


def refuse_untold(session: Session, since: Watermark) -> None:
    """Raise WatermarkLost if the changes since a watermark cannot be told."""
    root = session.root
    if root.is_older_than(since):
        raise WatermarkLost(restored_words(root, since))
    if untold := session.searches.untold():
        words = ", ".join(untold)
        message = f"the mapping or a filter depends on {words}, of which the server tells no change"
        raise WatermarkLost(message)
    if not session.base:
        message = f"the search base is not there: {session.searches.base}"
        raise WatermarkLost(message)
    if not is_below(session.base, root.domain):
        message = f"{session.base} is not in the domain of {root.server} ({root.domain or 'none'})"
        raise WatermarkLost(message)
    if not since.cookie and not (root.is_copy_of(since) and since.highest_usn):
        message = f"the last read was of another copy of the directory than that of {root.server}"
        raise WatermarkLost(message)


def list_by_usn(session: Session, since: Watermark) -> Iterator[Sighting]:
    """Yield what has changed on this server since its watermark.

    Raises:
        Shortfall: if not everything came.

    """
    text = f"(uSNChanged>={since.highest_usn + 1})"
    size = session.searches.users.page_size
    query = Query(session.domain, text, SIGHTED, size, sees_deleted=True)
    return to_sightings(entries_of(session.connection, query))


def _list_changes(session: Session, since: Watermark) -> Changes:
    if not since.cookie:
        return Changes(_at_most(list_by_usn(session, since), CHANGES_AT_MOST, "entries changed"))
    try:
        synced = read_dir_sync(session, since.cookie, CHANGES_AT_MOST)
    except Refused as error:
        message = f"DirSync does not go on where the last read ended: {error}"
        raise WatermarkLost(message) from error
    gone = [Sighting(one, "", is_deleted=True, is_container=False) for one in synced.deleted]
    size = session.searches.users.page_size
    others = list(locate(session, (*synced.changed, *synced.members), size))
    return Changes([*gone, *others], synced.members, synced.cookie)


def _take_changes(session: Session, changes: Changes, tally: Tally) -> Iterator[Page]:
    units = [one for one in changes.sightings if one.is_container and not one.is_deleted]
    if len(units) > UNITS_AT_MOST:
        message = f"{len(units)} units changed: a full read is quicker"
        raise WatermarkLost(message)
    departures, inside = _sort(session, changes.sightings)
    changed_at = {
        one.external_id: one.changed_at for one in changes.sightings if one.changed_at is not None
    }
    yield Page((), departures=tuple(departures), changed_at=changed_at)
    searches = session.searches.with_groups()
    members_only = [one for one in inside if one in changes.members]
    yield from _take_inside(
        session, searches, [one for one in inside if one not in changes.members], tally
    )
    yield from _take_members(session, members_only, changes.members)
    for unit in units:
        yield from _take_beneath(session, searches, unit, tally)


def _sort(session: Session, sightings: list[Sighting]) -> tuple[list[Departure], list[str]]:
    departures, inside = [], []
    for sighting in sightings:
        departure = departure_of(session, sighting)
        if departure is not None:
            departures.append(departure)
        else:
            inside.append(sighting.external_id)
    return departures, inside


def _take_inside(
    session: Session, searches: Searches, inside: list[str], tally: Tally
) -> Iterator[Page]:
    unmatched_count = 0
    for some in in_batches(inside):
        settled = settle(session, searches, some)
        unmatched_count += len(settled.unmatched)
        if unmatched_count > UNMATCHED_AT_MOST:
            message = f"{unmatched_count} entries changed that the filters do not find"
            raise WatermarkLost(message)
        entries = [
            entry
            for kind, raws in settled.found.items()
            for entry in _take(session, kind, raws, tally)
        ]
        yield Page(tuple(entries), departures=settled.unmatched)


def _take(
    session: Session, kind: EntryKind, raws: list[RawEntry], tally: Tally
) -> list[SourceEntry]:
    keeps_groups = session.searches.asks_for_groups
    return take_with_groups(session.connection, kind, raws, tally, keeps_groups=keeps_groups)


def _take_members(
    session: Session, groups: list[str], members: Mapping[str, Mapping[str, bool]]
) -> Iterator[Page]:
    """Yield the changed members of those groups that the search for groups finds."""
    for some in in_batches(groups):
        query = narrowed(session.searches.groups, any_of(some))
        plain = Query(query.base, query.filter, ("objectGUID",), query.page_size)
        ours = [external_id_of(raw) for raw in entries_of(session.connection, plain)]
        changes = tuple(_to_member_change(one, members[one]) for one in ours)
        yield Page((), member_changes=changes)


def _to_member_change(group_id: str, names: Mapping[str, bool]) -> MemberChange:
    added = tuple(name for name, is_member in names.items() if is_member)
    return MemberChange(group_id, added, tuple(name for name in names if name not in set(added)))


def _take_beneath(
    session: Session, searches: Searches, unit: Sighting, tally: Tally
) -> Iterator[Page]:
    """Yield what stands beneath a unit that changed: it may have been renamed or moved."""
    name = unit.distinguished_name
    if is_below(session.domain, name):
        return  # the domain itself has no other name
    if is_below(session.base, name):
        message = f"{name} changed, in which everything stands: a full read is needed"
        raise WatermarkLost(message)
    if not is_below(name, session.base):
        yield Page((), departures=tuple(_departed_beneath(session, name)))
        return
    for kind, query in searches.by_kind.items():
        count = 0
        here = Query(name, query.filter, query.attributes, query.page_size)
        for page in pages_of(session.connection, here):
            count += len(page.entries)
            if count > BENEATH_AT_MOST:
                message = f"{name} changed, in which more than {BENEATH_AT_MOST} entries stand"
                raise WatermarkLost(message)
            yield Page(tuple(_take(session, kind, page.entries, tally)))


def _departed_beneath(session: Session, name: str) -> Iterator[Departure]:
    """Yield what stands beneath a unit outside of the base; perhaps it came from there."""
    size = session.searches.users.page_size
    query = Query(name, session.searches.either_filter, SIGHTED, size)
    found = to_sightings(entries_of(session.connection, query))
    for sighting in _at_most(found, BENEATH_AT_MOST, f"entries stand in {name}, which changed"):
        departure = departure_of(session, sighting)
        if departure is not None:
            yield departure


def _at_most(found: Iterator[Sighting], limit: int, words: str) -> list[Sighting]:
    sightings = []
    for sighting in found:
        sightings.append(sighting)
        if len(sightings) > limit:
            message = f"more than {limit} {words}: a full read is quicker"
            raise WatermarkLost(message)
    return sightings
