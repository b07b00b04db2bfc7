"""What was learnt of a target by its answers, or by a probe of it: values.

A lesson is what the dialect file ought to say, by the key that it stands under there. So lessons
are laid over a dialect, shown to people as they would write them, and kept as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from connector.target.dialect import Dialect

Lessons = Mapping[str, Any]

NOTHING: Final[Lessons] = MappingProxyType({})
PUT: Final[Lessons] = MappingProxyType({"update.verb": "put"})
REMOVAL_BY_LIST: Final[Lessons] = MappingProxyType({"members.removal": "list"})
REMOVAL_BY_FILTER: Final[Lessons] = MappingProxyType({"members.removal": "filter"})
NO_BULK: Final[Lessons] = MappingProxyType({"bulk.use": "never"})
# Not of the dialect: a removal was seen to have its effect, so that no other is looked at.
REMOVAL_SEEN: Final = "members.removal_seen"
REMOVAL_PROVEN: Final[Lessons] = MappingProxyType({REMOVAL_SEEN: True})

_KEYS: Final = frozenset(
    {
        "user.letter_case",
        "update.verb",
        "update.form",
        "update.booleans",
        "members.removal",
        "members.in_create",
        "read.page_size",
        "read.reliable_filters",
        "write.delete",
        "write.conflict_statuses",
        "bulk.use",
        "bulk.max_operations",
        "bulk.max_bytes",
    }
)


class Memory(Protocol):
    """Keeps what was learnt of one target until the next connection."""

    def load(self) -> Lessons:
        """Return what was learnt before."""
        ...

    def save(self, lessons: Lessons) -> None:
        """Keep this too; of two about the same thing the later counts."""
        ...


def learned(dialect: Dialect, lessons: Lessons) -> Dialect:
    """Return the dialect as the target turned out to speak it.

    >>> from connector.target.dialect import Dialect
    >>> learned(Dialect(), {"update.verb": "put", "of a later version": 1}).update.verb
    'put'

    """
    for key, value in lessons.items():
        if key in _KEYS:
            section, _, name = key.partition(".")
            taken = {name: tuple(value) if isinstance(value, list) else value}
            dialect = replace(dialect, **{section: replace(getattr(dialect, section), **taken)})
    return dialect
