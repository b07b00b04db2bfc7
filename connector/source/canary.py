"""Entries that must be seen in full: if one is not, a right to read may have been lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.source.decode import values_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from connector.source.ldap_decoder import RawEntry
    from connector.source.session import Session


def canary_doubts(session: Session, names: Iterable[str]) -> Iterator[str]:
    """Yield, in words, which canaries are not to be seen, or do not show what we read."""
    users, groups = session.searches.users.attributes, session.searches.groups.attributes
    for name in names:
        entry = session.connection.read(name, ("objectClass", *users, *groups))
        if entry is None:
            yield f"the canary {name} is not to be seen"
            continue
        hidden = [one for one in (groups if _is_group(entry) else users) if not _shows(entry, one)]
        if hidden:
            yield f"the canary {name} does not show {', '.join(hidden)}"


def _is_group(entry: RawEntry) -> bool:
    return b"group" in {value.lower() for value in values_of(entry, b"objectClass")}


def _shows(entry: RawEntry, attribute: str) -> bool:
    return bool(values_of(entry, attribute.encode()))
