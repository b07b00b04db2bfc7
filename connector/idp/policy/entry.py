"""Whether account and groups let somebody into an application, whatever they prove."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from connector.idp.policy.decision import Allow, Deny
from connector.idp.reason import Reason

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from connector.directory.person import DirectoryUser


class Admitting(Protocol):
    """What says who may enter an application."""

    @property
    def groups(self) -> frozenset[str]:
        """Return the casefolded names of groups whose members may, nested ones included."""
        ...

    @property
    def admits_everybody(self) -> bool:
        """Return whether whoever is active may."""
        ...


@dataclass(frozen=True, slots=True)
class Entrance:
    """As much of an application as says who may enter it.

    Attributes:
        name: On the pages and in the audit.
        slug: Unique.
        groups: Casefolded distinguished names of groups whose members may enter, nested included.
        admits_everybody: Whoever is active may enter.

    """

    name: str
    slug: str
    groups: frozenset[str] = frozenset()
    admits_everybody: bool = False


def admits(entrance: Admitting, groups: Collection[str]) -> bool:
    """Return whether members of these groups may enter; where no group is named, nobody may.

    Args:
        entrance: Of the application.
        groups: Casefolded distinguished names of all groups of a person, nested ones included.

    """
    return entrance.admits_everybody or not entrance.groups.isdisjoint(groups)


def may_enter(
    user: DirectoryUser, groups: Collection[str], entrance: Admitting, now: datetime
) -> Allow | Deny:
    """Return whether the person may enter the application at that moment.

    Args:
        user: The person.
        groups: As `admits` takes them.
        entrance: Of the application.
        now: Accounts end at a moment.

    """
    if not user.is_active(now):
        return Deny(Reason.NOT_ACTIVE)
    return Allow() if admits(entrance, groups) else Deny(Reason.NOT_IN_GROUP)
