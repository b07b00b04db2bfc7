"""Read everything (step 3), and look for evidence about every known entry that did not come."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

from connector.source.batch import Departure, Page, Proof
from connector.source.canary import canary_doubts
from connector.source.changes import list_by_usn
from connector.source.decode import text_of
from connector.source.root import restored_words
from connector.source.session import Shortfall, pages_of
from connector.source.tally import Tally, first_of, take_page
from connector.source.trace import departure_of, in_batches, locate, settle

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from datetime import datetime

    from connector.settings import SourceSettings
    from connector.source.batch import Watermark
    from connector.source.roll_call import RollCall
    from connector.source.session import Session

# So many look-ups take some ten seconds; more than that is no matter of single people.
LOOKED_FOR_AT_MOST = 50_000
CHANGED_MEANWHILE_AT_MOST = 100_000
# MS-ADTS section 6.1.1.2.4.1.1: a tombstone may be forgotten after that.
_TOMBSTONES_LAST = timedelta(days=60)


@dataclass(slots=True)
class _Search:
    """What was found out about known entries that did not come.

    Attributes:
        unmatched: They are there, and the filters do not find them any more.
        untraced: Nothing could be found out.

    """

    unmatched: list[Departure] = field(default_factory=list)
    untraced: list[str] = field(default_factory=list)

    @property
    def lacking_count(self) -> int:
        return len(self.unmatched) + len(self.untraced)


@dataclass(frozen=True, slots=True)
class FullRead:
    """A full read that is about to be made.

    Attributes:
        session: Where from.
        settings: What is within reason.
        roll: Who is known.
        since: Of the last read, if there was one.
        read_at: When it begins.
        cookie: Where DirSync goes on from before it; b"" if it may not be used.

    """

    session: Session
    settings: SourceSettings
    roll: RollCall
    since: Watermark | None
    read_at: datetime
    cookie: bytes

    def pages(self) -> Generator[Page, None, Proof]:
        """Yield everything, then what became of the rest."""
        tally = Tally()
        for kind, query in self.session.searches.by_kind.items():
            for page in pages_of(self.session.connection, query):
                tally.note(kind, page)
                if page.entries:
                    connection = self.session.connection
                    yield take_page(connection, kind, page.entries, self.roll, tally)
        search = _Search()
        if self.since is not None and self._is_restored:
            tally.doubts.append(restored_words(self.session.root, self.since))
        else:
            yield from self._look_for_missing(tally, search)
        return self._prove(tally, search)

    @property
    def _is_restored(self) -> bool:
        return self.since is not None and self.session.root.is_older_than(self.since)

    def _look_for_missing(self, tally: Tally, search: _Search) -> Iterator[Page]:
        missing = list(islice(self.roll.missing(), LOOKED_FOR_AT_MOST + 1))
        if len(missing) > LOOKED_FOR_AT_MOST:
            words = f"more than {LOOKED_FOR_AT_MOST} of {len(self.roll)} known entries did not come"
            tally.doubts.append(words)
            return
        if missing and not self.session.base:
            search.untraced += missing
            return
        try:
            for some in in_batches(missing):
                yield self._look_for(some, tally, search)
        except Shortfall as error:
            tally.doubts.append(f"entries that did not come cannot be looked for: {error}")
            return
        if self._is_within_reason(tally, search):
            yield Page((), departures=tuple(search.unmatched))

    def _look_for(self, some: list[str], tally: Tally, search: _Search) -> Page:
        """Return what became of a few; those who moved while we read may simply come now."""
        session = self.session
        departures, inside = [], []
        for sighting in locate(session, some, self.settings.page_size):
            departure = departure_of(session, sighting)
            if departure is not None:
                departures.append(departure)
            else:
                inside.append(sighting.external_id)
        settled = settle(session, session.searches, inside) if inside else None
        found = settled.found.items() if settled is not None else ()
        pages = [
            take_page(session.connection, kind, raws, self.roll, tally) for kind, raws in found
        ]
        search.unmatched += settled.unmatched if settled is not None else ()
        traced = {departure.external_id for departure in (*departures, *search.unmatched)}
        came = {one for page in pages for one in page.unchanged}
        came |= {entry.external_id for page in pages for entry in page.entries}
        search.untraced += [one for one in some if one not in traced and one not in came]
        return Page(
            tuple(entry for page in pages for entry in page.entries),
            tuple(one for page in pages for one in page.unchanged),
            tuple(departures),
        )

    def _is_within_reason(self, tally: Tally, search: _Search) -> bool:
        """Return whether so few are lacking that it may be true; note the doubt if not."""
        known_count, lacking_count = len(self.roll), search.lacking_count
        if not tally.user_count and known_count:
            tally.doubts.append(f"0 users read, {known_count} entries known")
            return False
        limit = self.settings.max_shrink
        if lacking_count <= limit.allowed(known_count):
            return True
        tally.doubts.append(
            f"{lacking_count} of {known_count} known entries did not come, and were not found"
            f" deleted or moved; limit {limit.allowed(known_count)} (source.max_shrink: {limit})"
        )
        return False

    def _prove(self, tally: Tally, search: _Search) -> Proof:
        session, since = self.session, self.since
        tally.doubts += canary_doubts(session, self.settings.canaries)
        untraced = tuple(search.untraced)
        is_expected = bool(untraced) and self._expects_evidence()
        if is_expected:
            words = f"{len(untraced)} known entries neither came nor were found deleted"
            tally.doubts.append(f"{words}: {first_of(list(untraced))}")
        elif untraced and since is not None and not session.root.is_copy_of(since):
            tally.doubts.append(
                f"{len(untraced)} known entries did not come from {session.root.server}; the last"
                f" read was of {since.server}, which may be ahead of it"
            )
        reason = tally.reason()
        return Proof(
            not reason,
            reason,
            session.root.watermark(self.read_at, self.cookie),
            tally.reference_count,
            is_restored=self._is_restored,
            untraced=untraced if is_expected else (),
            unproven=() if is_expected else untraced,
            changed_meanwhile=self._changed_meanwhile(tally),
        )

    def _expects_evidence(self) -> bool:
        """Return whether who was deleted since the last read would be found."""
        since = self.since
        if since is None or self.read_at - since.read_at > _TOMBSTONES_LAST:
            return False
        return sees_deleted(self.session)

    def _changed_meanwhile(self, tally: Tally) -> frozenset[str]:
        since, session = self.since, self.session
        if since is None or not since.highest_usn or not session.root.is_copy_of(since):
            return frozenset()
        if self._is_restored or not session.base:
            return frozenset()
        try:
            sightings = islice(list_by_usn(session, since), CHANGED_MEANWHILE_AT_MOST)
            return frozenset(sighting.external_id for sighting in sightings)
        except Shortfall as error:
            tally.doubts.append(f"what changed meanwhile cannot be told: {error}")
            return frozenset()


def sees_deleted(session: Session) -> bool:
    """Return whether the account may see what was deleted; an ordinary one may not."""
    name = f"CN=Deleted Objects,{session.domain}"
    container = session.connection.read(name, ("isDeleted",), sees_deleted=True)
    return text_of(container, b"isDeleted").upper() == "TRUE"
