"""Which searches find the people and groups, made of the settings (pure)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

from connector.errors import ConfigurationError, Fault
from connector.source.entry import EntryKind
from connector.source.ldap import Query, find_filter_fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from connector.settings import SourceSettings

MEMBER_OF = "memberOf"
_USER_NEEDS = ("objectGUID", "userAccountControl", "accountExpires", "sAMAccountName")
_GROUP_NEEDS = ("objectGUID", "member")
# A group may have 1500 values in its page, an entry of a user some twenty.
_GROUP_PAGE_SIZE = 100
_IN_FILTER = re.compile(r"\(\s*([A-Za-z][A-Za-z0-9-]*)")
# What is computed, links back, or belongs to one server alone: it changes without raising the
# uSNChanged of its entry, and DirSync does not tell either.
_UNTOLD = frozenset(
    {
        "memberof",
        "directreports",
        "managedobjects",
        "tokengroups",
        "lastlogon",
        "lastlogoff",
        "logoncount",
        "badpwdcount",
        "badpasswordtime",
        "msds-memberoftransitive",
        "msds-membertransitive",
        "msds-user-account-control-computed",
        "msds-userpasswordexpirytimecomputed",
    }
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which attributes the mapping asks for, in any case."""

    user_attributes: tuple[str, ...]
    group_attributes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Searches:
    """The two searches of a source.

    Attributes:
        users: Finds the people.
        groups: Finds the groups.

    """

    users: Query
    groups: Query

    @property
    def base(self) -> str:
        """Return where both begin."""
        return self.users.base

    @property
    def by_kind(self) -> dict[EntryKind, Query]:
        """Return them in the order in which they are made."""
        return {EntryKind.USER: self.users, EntryKind.GROUP: self.groups}

    @property
    def either_filter(self) -> str:
        """Return the filter of whatever one of them finds."""
        return f"(|{self.users.filter}{self.groups.filter})"

    @property
    def neither_filter(self) -> str:
        """Return the filter of what both certainly do not find.

        A filter that names a value which we may not read is neither true nor false of an entry
        (RFC 4511 section 4.5.1.7), and so is its negation: that entry is not among these.
        """
        return f"(!{self.users.filter})(!{self.groups.filter})"

    @property
    def asks_for_groups(self) -> bool:
        """Return whether the mapping itself wants to know the groups of a person."""
        return any(name.lower() == MEMBER_OF.lower() for name in self.users.attributes)

    def with_groups(self) -> Searches:
        """Return the same, which also ask in which groups an entry is."""
        return Searches(
            *(
                replace(query, attributes=_unique(query.attributes, (MEMBER_OF,)))
                for query in (self.users, self.groups)
            )
        )

    def watched(self) -> tuple[str, ...]:
        """Return the attributes whose change may concern us."""
        named = _IN_FILTER.findall(self.either_filter)
        own = ("name", "isDeleted", "objectClass")
        return _unique(own, (*self.users.attributes, *self.groups.attributes, *named))

    def untold(self) -> tuple[str, ...]:
        """Return those of them whose change no read of changes can notice."""
        return tuple(sorted({name for name in self.watched() if name.lower() in _UNTOLD}))


def to_searches(settings: SourceSettings, wanted: Wanted) -> Searches:
    """Return the searches.

    Raises:
        ConfigurationError: if a filter is none.

    """
    filters = {"user_filter": settings.user_filter, "group_filter": settings.group_filter}
    problems = {key: find_filter_fault(text) for key, text in filters.items()}
    faults = [Fault("", f"source.{key}", problem) for key, problem in problems.items() if problem]
    if faults:
        raise ConfigurationError(faults)
    user_attributes = _unique(_USER_NEEDS, wanted.user_attributes)
    group_attributes = _unique(_GROUP_NEEDS, wanted.group_attributes)
    size = settings.page_size
    return Searches(
        Query(settings.base, settings.user_filter, user_attributes, size),
        Query(settings.base, settings.group_filter, group_attributes, min(size, _GROUP_PAGE_SIZE)),
    )


def narrowed(query: Query, text: str) -> Query:
    """Return a search of what another one finds, as far as a filter fits, too."""
    return replace(query, filter=f"(&{query.filter}{text})")


def any_of(external_ids: Iterable[str]) -> str:
    r"""Return the filter of entries by objectGUID.

    >>> print(any_of(["03020100-0504-0706-0809-0a0b0c0d0e0f"]))
    (|(objectGUID=\00\01\02\03\04\05\06\07\08\09\0a\0b\0c\0d\0e\0f))

    """
    return f"(|{''.join(f'(objectGUID={_escaped(UUID(one).bytes_le)})' for one in external_ids)})"


def equal(attribute: str, text: str) -> str:
    r"""Return the filter of entries that have a value (RFC 4515 section 3).

    >>> print(equal("mail", "a*b"))
    (mail=\61\2a\62)

    """
    return f"({attribute}={_escaped(text.encode())})"


def _escaped(value: bytes) -> str:
    return "".join([f"\\{byte:02x}" for byte in value])


def _unique(needed: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """Return all of them once; the case of attribute names says nothing (RFC 4512 s2.5)."""
    seen = {attribute.lower() for attribute in needed}
    return (*needed, *{name.lower(): name for name in wanted if name.lower() not in seen}.values())
