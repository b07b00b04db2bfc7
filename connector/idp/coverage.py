"""How far people have come with enrolling: as of a group, an application or everybody. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from connector.idp.factor import FactorKind

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

# What counts as a factor of one's own. Codes do not: those of the help desk are soon over, and
# those on paper come with the others. Duo keeps its own list.
ENROLLED_BY_PERSON = tuple(kind for kind in FactorKind if kind.is_enrolled_by_person)


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many of some people have which factors.

    Attributes:
        name: Of the group or application; "" for everybody.
        people_count: How many people they are.
        enrolled_count: How many have a factor of their own that can be used.
        count_by_kind: How many have a usable one of each kind.
        without: external_ids of those who have none of their own, in order.

    """

    name: str
    people_count: int
    enrolled_count: int
    count_by_kind: Mapping[FactorKind, int]
    without: tuple[str, ...]

    @property
    def percent(self) -> int:
        """Return the share of those who have one, rounded down: 100 means everybody."""
        return 100 * self.enrolled_count // self.people_count if self.people_count else 100


def measure(
    name: str, people: Collection[str], kinds: Mapping[str, Mapping[FactorKind, int]]
) -> Coverage:
    """Return how far some people have come.

    >>> measure("Sales", ["ann", "ben"], {"ann": {FactorKind.TOTP: 1}}).percent
    50

    Args:
        name: What they are.
        people: external_ids.
        kinds: How many usable factors of each kind, of everybody who has one.

    """
    none: Mapping[FactorKind, int] = {}
    having = {one: kinds.get(one, none) for one in people}
    without = sorted(
        one for one, found in having.items() if not any(map(found.get, ENROLLED_BY_PERSON))
    )
    return Coverage(
        name=name,
        people_count=len(people),
        enrolled_count=len(people) - len(without),
        count_by_kind={
            kind: sum(kind in found for found in having.values()) for kind in FactorKind
        },
        without=tuple(without),
    )
