"""Find out where entries are: deleted, elsewhere, or no longer what the searches look for.

That an entry did not come says nothing by itself; each of these answers is one that the server
gave about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from connector.source.batch import Departure
from connector.source.decode import external_id_of, text_of, to_moment, values_of
from connector.source.ldap import Query
from connector.source.searches import any_of, narrowed
from connector.source.session import entries_of, is_below

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from connector.source.entry import EntryKind
    from connector.source.ldap_decoder import RawEntry
    from connector.source.searches import Searches
    from connector.source.session import Session

SIGHTED = ("objectGUID", "isDeleted", "objectClass", "whenChanged")
# One clause each; some two hundred are looked up within 30 ms.
BATCH_SIZE = 200
_CONTAINERS = frozenset(
    {b"organizationalunit", b"container", b"builtindomain", b"organization", b"locality"}
)


@dataclass(frozen=True, slots=True)
class Sighting:
    """Where an entry is.

    Attributes:
        external_id: Which.
        distinguished_name: Its name now.
        is_deleted: Whether that is the name of what was deleted.
        is_container: Whether others may stand beneath it.
        changed_at: When it last changed on the server that was asked, to the second; None if the
            server does not say.

    """

    external_id: str
    distinguished_name: str
    is_deleted: bool
    is_container: bool
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """What entries within the base are.

    Attributes:
        found: Those that the searches find, by kind.
        unmatched: Those that they certainly do not find.

    """

    found: dict[EntryKind, list[RawEntry]]
    unmatched: tuple[Departure, ...]


def in_batches(external_ids: Iterable[str]) -> Iterator[list[str]]:
    """Yield them a few at a time, as many as one filter may name."""
    waiting = iter(external_ids)
    while some := list(islice(waiting, BATCH_SIZE)):
        yield some


def to_sightings(raws: Iterable[RawEntry]) -> Iterator[Sighting]:
    """Yield where entries are that were asked for `SIGHTED`, deleted ones included."""
    for raw in raws:
        external_id = external_id_of(raw)
        if external_id:
            classes = {value.lower() for value in values_of(raw, b"objectClass")}
            is_deleted = text_of(raw, b"isDeleted").upper() == "TRUE"
            name = raw.name.decode(errors="replace")
            changed_at = to_moment(text_of(raw, b"whenChanged"))
            is_container = bool(classes & _CONTAINERS)
            yield Sighting(external_id, name, is_deleted, is_container, changed_at)


def locate(session: Session, external_ids: Iterable[str], page_size: int) -> Iterator[Sighting]:
    """Yield where entries are; those that we may not see, or that are no more, do not come.

    Raises:
        Shortfall: if a search did not give everything.

    """
    for some in in_batches(external_ids):
        query = Query(session.domain, any_of(some), SIGHTED, page_size, sees_deleted=True)
        yield from to_sightings(list(entries_of(session.connection, query)))


def departure_of(session: Session, sighting: Sighting) -> Departure | None:
    """Return the evidence that an entry is none of ours; None if it stands within the base."""
    if sighting.is_deleted:
        return Departure(sighting.external_id, "", "deleted in Active Directory")
    name = sighting.distinguished_name
    if is_below(name, session.base):
        return None
    return Departure(sighting.external_id, name, f"moved out of {session.base}: it is {name} now")


def settle(session: Session, searches: Searches, external_ids: Sequence[str]) -> Settled:
    """Return what some entries within the base are; of who is neither, nothing can be said.

    Args:
        session: Where to ask.
        searches: As in `session`, perhaps with other attributes.
        external_ids: At most `BATCH_SIZE`.

    Raises:
        Shortfall: if a search did not give everything.

    """
    those = any_of(external_ids)
    found: dict[EntryKind, list[RawEntry]] = {}
    seen: set[str] = set()
    for kind, query in searches.by_kind.items():
        raws = list(entries_of(session.connection, narrowed(query, those)))
        found[kind] = [raw for raw in raws if external_id_of(raw) not in seen]
        seen.update(map(external_id_of, raws))
    if seen.issuperset(external_ids):
        return Settled(found, ())
    rest = any_of(one for one in external_ids if one not in seen)
    text = f"(&{rest}{searches.neither_filter})"
    query = Query(session.base, text, ("objectGUID",), searches.users.page_size)
    return Settled(found, tuple(_unmatched(list(entries_of(session.connection, query)))))


def _unmatched(raws: Iterable[RawEntry]) -> Iterator[Departure]:
    for raw in raws:
        name = raw.name.decode(errors="replace")
        words = f"no longer found by user_filter or group_filter: {name}"
        yield Departure(external_id_of(raw), name, words)
