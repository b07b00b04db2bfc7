"""Second factors: their kinds, what is shown of them, and that one was proved. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class FactorKind(StrEnum):
    """What people prove themselves by besides a password; the strongest first."""

    PASSKEY = "passkey"
    DUO = "duo"
    TOTP = "totp"
    RECOVERY_CODE = "recovery-code"
    BYPASS_CODE = "bypass-code"

    @property
    def is_phishing_resistant(self) -> bool:
        """Return whether it cannot be used at another site than ours."""
        return self is FactorKind.PASSKEY

    @property
    def is_enrolled_by_person(self) -> bool:
        """Return whether people add it themselves; recovery codes come with these."""
        return self in {FactorKind.PASSKEY, FactorKind.TOTP}


@dataclass(frozen=True, slots=True)
class EnrolledFactor:
    """A factor that somebody has, as pages and reports show it; it holds no secret.

    Attributes:
        factor_id: Which one.
        external_id: Whose.
        kind: What it is.
        name: As its owner calls it.
        created_at: When it was added.
        used_at: When it was last proved, or None.
        disabled_at: Since when it is not taken any more, or None.
        remaining: Of codes: how many are left; None of all else.

    """

    factor_id: str
    external_id: str
    kind: FactorKind
    name: str
    created_at: datetime
    used_at: datetime | None
    disabled_at: datetime | None
    remaining: int | None


@dataclass(frozen=True, slots=True)
class Proof:
    """A factor was proved.

    Attributes:
        kind: What it is.
        external_id: By whom.
        factor_id: Which one.
        at: When.

    """

    kind: FactorKind
    external_id: str
    factor_id: str
    at: datetime
