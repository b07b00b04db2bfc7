"""What a person can be told: values that say what happened to their sign-on (pure).

A `kind` of factor is a word such as "passkey" or "totp" (see `connector.idp.factor`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Occasion:
    """When something happened, and from where.

    Attributes:
        at: When, aware.
        address: Of the browser; "" if none took part, as at the help desk.
        user_agent: As the browser sent it; "" likewise.

    """

    at: datetime
    address: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class FactorAdded:
    """A factor was enrolled.

    Attributes:
        kind: Of factor.
        name: As the person named it, or "".

    """

    word: ClassVar[str] = "factor-added"
    occasion: Occasion
    kind: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class FactorRemoved:
    """A factor was removed.

    Attributes:
        kind: Of factor.
        name: As the person had named it, or "".
        is_by_help_desk: Whether somebody else did it.

    """

    word: ClassVar[str] = "factor-removed"
    occasion: Occasion
    kind: str
    name: str = ""
    is_by_help_desk: bool = False


@dataclass(frozen=True, slots=True)
class FactorRenamed:
    """A factor has another name."""

    word: ClassVar[str] = "factor-renamed"
    occasion: Occasion
    kind: str
    former_name: str
    name: str


@dataclass(frozen=True, slots=True)
class FactorDisabled:
    """A factor takes no answers any more: too many were wrong, or it is there twice."""

    word: ClassVar[str] = "factor-disabled"
    occasion: Occasion
    kind: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class RecoveryCodesMade:
    """Recovery codes were made; all earlier ones are void."""

    word: ClassVar[str] = "recovery-codes-made"
    occasion: Occasion


@dataclass(frozen=True, slots=True)
class RecoveryCodeUsed:
    """Somebody signed in with a recovery code.

    Attributes:
        remaining: How many are left.

    """

    word: ClassVar[str] = "recovery-code-used"
    occasion: Occasion
    remaining: int


@dataclass(frozen=True, slots=True)
class BypassCodeIssued:
    """The help desk made a bypass code.

    Attributes:
        until: When it ends.
        uses: How often it can be used.

    """

    word: ClassVar[str] = "bypass-code-issued"
    occasion: Occasion
    until: datetime
    uses: int


@dataclass(frozen=True, slots=True)
class BypassCodeUsed:
    """Somebody signed in with a bypass code.

    Attributes:
        remaining: How often it can still be used.

    """

    word: ClassVar[str] = "bypass-code-used"
    occasion: Occasion
    remaining: int


@dataclass(frozen=True, slots=True)
class DeviceRemembered:
    """A browser is not asked for a second factor any more.

    Attributes:
        until: When it is asked again.

    """

    word: ClassVar[str] = "device-remembered"
    occasion: Occasion
    until: datetime


@dataclass(frozen=True, slots=True)
class FactorsReset:
    """The help desk removed all factors."""

    word: ClassVar[str] = "factors-reset"
    occasion: Occasion


@dataclass(frozen=True, slots=True)
class AccountLockedOut:
    """Nobody gets in with this account for a while.

    Attributes:
        until: When that ends; None: when the help desk ends it.

    """

    word: ClassVar[str] = "account-locked-out"
    occasion: Occasion
    until: datetime | None = None


Notice = (
    FactorAdded
    | FactorRemoved
    | FactorRenamed
    | FactorDisabled
    | RecoveryCodesMade
    | RecoveryCodeUsed
    | BypassCodeIssued
    | BypassCodeUsed
    | DeviceRemembered
    | FactorsReset
    | AccountLockedOut
)
