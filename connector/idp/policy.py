"""Who may enter which application (step 6). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from connector.idp.reason import Reason

if TYPE_CHECKING:
    from datetime import datetime

    from connector.directory.person import DirectoryUser
    from connector.idp.application.service_provider import Application


@dataclass(frozen=True, slots=True)
class Allow:
    """The person may enter."""


@dataclass(frozen=True, slots=True)
class Deny:
    """The person may not enter."""

    reason: Reason


def decide(
    user: DirectoryUser, groups: frozenset[str], application: Application, now: datetime
) -> Allow | Deny:
    """Return whether the person may enter the application at that moment.

    Args:
        user: The person.
        groups: Casefolded distinguished names of all their groups, nested ones included.
        application: Names the groups that may enter; an application that names none lets in nobody.
        now: Accounts end at a moment.

    """
    if not user.is_active(now):
        return Deny(Reason.NOT_ACTIVE)
    if application.admits_everybody or groups & application.groups:
        return Allow()
    return Deny(Reason.NOT_IN_GROUP)
