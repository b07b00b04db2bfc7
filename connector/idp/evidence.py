"""What somebody has proved so far: in a login, or in the session that it left behind. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from connector.idp.factor import FactorKind

if TYPE_CHECKING:
    from datetime import datetime

    from connector.idp.session import SsoSession
    from connector.idp.transaction import LoginTransaction


@dataclass(frozen=True, slots=True)
class Evidence:
    """What somebody has proved.

    Attributes:
        first: How they proved who they are: "password", "passkey" or "upstream".
        first_at: When.
        second: The factor that they proved besides, or None.
        second_at: When.
        remembered_at: When a second factor was proved that this device is remembered by, or None.
        remembered_for: For which application, by its slug; "" for all.
        remembered_by: Of which kind it was.
        used_at: When the session last let them in; None while they sign in.
        is_excused: Whether this login goes on without Duo, which does not answer. It proves nothing
            and ends with the login.

    """

    first: str
    first_at: datetime
    second: FactorKind | None = None
    second_at: datetime | None = None
    remembered_at: datetime | None = None
    remembered_for: str = ""
    remembered_by: FactorKind | None = None
    used_at: datetime | None = None
    is_excused: bool = False

    def remembered_at_for(self, application: str) -> datetime | None:
        """Return since when the device is remembered for an application, or None."""
        return self.remembered_at if self.remembered_for in {"", application} else None

    @property
    def strong_at(self) -> datetime | None:
        """Return when a factor was last proved that is more than a password; None for never."""
        proofs = (self.first_at if self.first == "passkey" else None, self.second_at)
        return max(filter(None, proofs), default=None)


def of_session(session: SsoSession) -> Evidence:
    """Return what a session was begun by."""
    return Evidence(
        session.first,
        session.authenticated_at,
        FactorKind(session.second) if session.second else None,
        session.second_at,
        session.remembered_at,
        session.remembered_for,
        FactorKind(session.remembered_by) if session.remembered_by else None,
        session.used_at,
    )


def of_login(transaction: LoginTransaction, session: SsoSession | None) -> Evidence | None:
    """Return what a login has proved so far; None for nothing.

    Args:
        transaction: The login.
        session: The one that the login adds a factor to, if it does.

    """
    if transaction.verified_at is None:
        return None
    begun = of_session(session) if session else Evidence(transaction.first, transaction.verified_at)
    if not transaction.second:  # a session still stands as it did, however it is added to
        return replace(begun, is_excused=transaction.is_excused)
    second = FactorKind(transaction.second)
    return replace(begun, second=second, second_at=transaction.second_at, used_at=None)
