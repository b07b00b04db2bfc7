"""What proves a person besides the password: the kinds, what somebody has, a proof. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


_LONGEST_NAME = 64


class FactorKind(StrEnum):
    """The kinds of factors, the strongest first."""

    PASSKEY = "passkey"  # a WebAuthn credential: platform passkey or security key, user verified
    DUO = "duo"
    TOTP = "totp"
    RECOVERY_CODE = "recovery-code"
    BYPASS_CODE = "bypass-code"

    @property
    def is_phishing_resistant(self) -> bool:
        """Return whether a page of somebody else cannot get a proof that is good here."""
        return self is FactorKind.PASSKEY

    @property
    def is_enrolled_by_person(self) -> bool:
        """Return whether people add it themselves; recovery codes come with those."""
        return self in {FactorKind.PASSKEY, FactorKind.TOTP}


@dataclass(frozen=True, slots=True)
class EnrolledFactor:
    """A factor that somebody has, as pages and reports show it; it holds no secret.

    Attributes:
        factor_id: Its name among all factors.
        external_id: Whose it is.
        kind: What it is.
        name: What the person calls it.
        created_at: When it was enrolled.
        used_at: When it last let the person in, or None.
        disabled_at: When it stopped to, or None.
        remaining: Of codes: how many are left. None for what is not used up.
        disabled_for: A word of `Reason` why it stopped; "" if it did not.

    """

    factor_id: str
    external_id: str
    kind: FactorKind
    name: str
    created_at: datetime
    used_at: datetime | None
    disabled_at: datetime | None
    remaining: int | None
    disabled_for: str = ""

    @property
    def is_usable(self) -> bool:
        """Return whether it can prove its person now."""
        return self.disabled_at is None and self.remaining != 0


@dataclass(frozen=True, slots=True)
class Proof:
    """A factor was proved.

    Attributes:
        kind: What it is.
        external_id: Whose it is.
        factor_id: Which one.
        at: When.

    """

    kind: FactorKind
    external_id: str
    factor_id: str
    at: datetime


def usable_kinds(factors: Iterable[EnrolledFactor]) -> tuple[FactorKind, ...]:
    """Return the kinds of which one can be used, the strongest first."""
    found = {factor.kind for factor in factors if factor.is_usable}
    return tuple(kind for kind in FactorKind if kind in found)


def clean_name(name: str, default: str) -> str:
    """Return what somebody calls a factor, in one short line of visible characters.

    >>> clean_name("  my   phone ", "Passkey"), clean_name(" ", "Passkey")
    ('my phone', 'Passkey')

    """
    visible = "".join(each if each.isprintable() else " " for each in name)
    return " ".join(visible.split())[:_LONGEST_NAME].strip() or default
