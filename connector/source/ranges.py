"""Collect attributes with more values than AD gives at once (MS-ADTS section 3.1.1.3.1.3.3)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from connector.source.decode import UnreadableEntry
from connector.source.ldap_decoder import RawEntry

if TYPE_CHECKING:
    from connector.source.ldap import LdapConnection

_RANGE = re.compile(rb"(.+);range=(\d+)-(\d+|\*)", re.IGNORECASE)


def is_ranged(entry: RawEntry) -> bool:
    """Return whether an attribute came in part."""
    return b";range=" in b" ".join(entry.parts)


def complete_ranges(connection: LdapConnection, external_id: str, entry: RawEntry) -> RawEntry:
    """Return the entry with all ranges of its attributes.

    It is looked up by its GUID, which stays when the entry is renamed meanwhile.

    Raises:
        UnreadableEntry: if a range is not given; the entry may just have been changed.
        SourceUnavailable: if the connection broke.

    """
    parts = dict(entry.parts)
    for description in entry.parts:
        found = _RANGE.fullmatch(description)
        while found is not None and found[3] != b"*":
            name, first = found[1].decode(), int(found[3]) + 1
            answer = connection.read(f"<GUID={external_id}>", [f"{name};range={first}-*"])
            found = _find_range(answer, first)
            if found is None or answer is None:
                message = f"the values of {name} from number {first} on are not given"
                raise UnreadableEntry(message)
            parts[found[0]] = answer.parts[found[0]]
    return RawEntry(entry.name, parts)


def _find_range(answer: RawEntry | None, first: int) -> re.Match[bytes] | None:
    """Return the range of the answer that begins with that number."""
    for description in answer.parts if answer is not None else ():
        found = _RANGE.fullmatch(description)
        if found is not None and int(found[2]) == first:
            return found
    return None
