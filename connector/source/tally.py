"""Take raw entries in: which are new or changed, and what stood in the way."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from connector.source.batch import Page
from connector.source.decode import (
    UnreadableEntry,
    external_id_of,
    to_entry,
    to_words,
    values_of,
)
from connector.source.entry import EntryKind
from connector.source.ldap_decoder import RawEntry, digest_of
from connector.source.ranges import complete_ranges, is_ranged
from connector.source.roll_call import Standing
from connector.source.searches import MEMBER_OF

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connector.source.entry import SourceEntry
    from connector.source.ldap import LdapConnection, SearchPage
    from connector.source.roll_call import RollCall

_NAMED_COUNT = 3
_MEMBER_OF = MEMBER_OF.encode()


@dataclass(slots=True)
class Tally:
    """What one read noticed so far."""

    user_count: int = 0
    reference_count: int = 0
    doubts: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    def note(self, kind: EntryKind, page: SearchPage) -> None:
        """Count what a page holds, and keep its shortfall."""
        self.reference_count += page.reference_count
        self.user_count += len(page.entries) if kind is EntryKind.USER else 0
        if page.shortfall:
            self.doubts.append(f"{kind}s: {page.shortfall}")

    def reason(self) -> str:
        """Return why not everything is as it should be, or ""."""
        reasons = list(self.doubts)
        if self.unreadable:
            count = len(self.unreadable)
            reasons.append(f"{count} entries cannot be taken: {first_of(self.unreadable)}")
        return "; ".join(reasons)


def first_of(names: list[str]) -> str:
    """Return the first of some names, and how many more there are.

    >>> first_of(["a", "b", "c", "d", "e"])
    'a; b; c; and 2 more'

    """
    more = len(names) - _NAMED_COUNT
    return "; ".join([*names[:_NAMED_COUNT], *([f"and {more} more"] if more > 0 else [])])


def take_page(
    connection: LdapConnection,
    kind: EntryKind,
    raws: list[RawEntry],
    roll: RollCall,
    tally: Tally,
) -> Page:
    """Return what of some entries is new or changed; each answers the roll call."""
    entries: list[SourceEntry] = []
    unchanged: list[str] = []
    for received in raws:
        raw = received
        external_id = external_id_of(raw)
        if not external_id:
            tally.unreadable.append(f"{to_words(raw)}: it shows no objectGUID")
            continue
        try:
            if is_ranged(raw):
                raw = complete_ranges(connection, external_id, raw)
            digest = digest_of(raw)
            standing = roll.answer(external_id, digest)
            if standing is Standing.UNCHANGED:
                unchanged.append(external_id)
            elif standing is Standing.CHANGED:
                entries.append(to_entry(kind, external_id, raw, digest))
        except UnreadableEntry as error:
            roll.answer(external_id, b"")  # it has come, however it looks
            tally.unreadable.append(f"{to_words(raw)}: {error}")
    return Page(tuple(entries), tuple(unchanged))


def take_with_groups(
    connection: LdapConnection,
    kind: EntryKind,
    raws: Iterable[RawEntry],
    tally: Tally,
    *,
    keeps_groups: bool,
) -> list[SourceEntry]:
    """Return entries that were asked for with their groups.

    Args:
        connection: Gives the rest of long lists.
        kind: Of all of them.
        raws: As they came.
        tally: Notes who cannot be taken.
        keeps_groups: Whether memberOf is an attribute like others, too, as in a full read.

    """
    entries = []
    for received in raws:
        raw = received
        external_id = external_id_of(raw)
        if not external_id:
            tally.unreadable.append(f"{to_words(raw)}: it shows no objectGUID")
            continue
        try:
            if is_ranged(raw):
                raw = complete_ranges(connection, external_id, raw)
            names = tuple(name.decode(errors="replace") for name in values_of(raw, _MEMBER_OF))
            plain = raw if keeps_groups else _without_groups(raw)
            entry = to_entry(kind, external_id, plain, digest_of(plain))
            entries.append(replace(entry, group_names=names))
        except UnreadableEntry as error:
            tally.unreadable.append(f"{to_words(raw)}: {error}")
    return entries


def _without_groups(raw: RawEntry) -> RawEntry:
    """Return the entry as a full read would give it, so that its digest is the same."""
    own = _MEMBER_OF.lower()
    parts = {key: part for key, part in raw.parts.items() if key.partition(b";")[0] != own}
    return RawEntry(raw.name, parts)
