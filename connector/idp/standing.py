"""What the help desk says of a person, above what Active Directory and the policy say. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class Status(StrEnum):
    """How a person stands."""

    ACTIVE = "active"  # the policy decides
    BYPASS = "bypass"  # in without a second factor
    DISABLED = "disabled"
    LOCKED_OUT = "locked-out"


@dataclass(frozen=True, slots=True)
class Standing:
    """A status that somebody has set.

    Attributes:
        external_id: The person.
        status: How they stand.
        since: When it was set.
        until: When they are active again by themselves, or None.
        by: Login name of the operator who set it.
        reason: In the operator's words, or "".

    """

    external_id: str
    status: Status
    since: datetime
    until: datetime | None
    by: str
    reason: str = ""

    def at(self, now: datetime) -> Status:
        """Return how the person stands at that moment."""
        is_over = self.until is not None and self.until <= now
        return Status.ACTIVE if is_over else self.status
