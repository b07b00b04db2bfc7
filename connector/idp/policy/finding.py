"""What one point of a policy says of one sign-on."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

from connector.idp.reason import Reason

if TYPE_CHECKING:
    from datetime import datetime

STATUS, ACCESS = "status", "access"
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


class Effect(Enum):
    """What a finding decides."""

    NOTHING = auto()
    DENY = auto()
    AGAIN = auto()  # after signing in anew
    ALLOW = auto()
    ASK = auto()  # for a second factor


class Finding(NamedTuple):
    """What one point says.

    Attributes:
        point: Its name in `Points`; `STATUS` for the help desk, `ACCESS` for account and groups.
        form: What it says here, for an operator, with {} for each value.
        values: They are put into words only for whoever reads them: no sign-on does.
        effect: What it decides if nothing before it did.
        reason: Why, of those that refuse.

    """

    point: str
    form: str
    values: tuple[object, ...] = ()
    effect: Effect = Effect.NOTHING
    reason: Reason = Reason.POLICY_DENIES

    @property
    def words(self) -> str:
        """Return what it says.

        >>> Finding("countries_refuse", "{} is none of them", ("DE",)).words
        'DE is none of them'

        """
        return self.form.format(*self.values)


class Ago(NamedTuple):
    """How long ago a moment was, roughly.

    >>> from datetime import datetime
    >>> str(Ago(datetime(2026, 11, 29, 12, 0), datetime(2026, 11, 29, 9, 30)))
    '2 h ago'

    Attributes:
        now: The present.
        moment: The other one; None if it is not known.

    """

    now: datetime
    moment: datetime | None

    def __str__(self) -> str:
        """Return it in the largest unit that fits."""
        if self.moment is None:
            return "at a time not known"
        seconds = max(0, int((self.now - self.moment).total_seconds()))
        size, unit = next((each for each in _UNITS if seconds >= each[0]), (1, "s"))
        return f"{seconds // size} {unit} ago"

    def __format__(self, specification: str) -> str:
        """Return the same within other words."""
        del specification
        return str(self)
