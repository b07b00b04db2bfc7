"""Attempts at passwords, counted before they are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update

from connector.idp.lockout import SPENT_PERIOD
from connector.idp.reason import Reason
from state.engine import table_of, writing
from state.identity import PasswordAttemptRow

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Engine

    from connector.idp.lockout import Attempt, LockoutPolicy

_ATTEMPTS = table_of(PasswordAttemptRow)
_SPENT = "spent"  # neither a person nor a network


class AttemptStore:
    """Attempts that were not followed by a success.

    Every method raises StateError if the database cannot be used.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take_attempt(self, attempt: Attempt, policy: LockoutPolicy) -> int | Reason:
        """Count an attempt and return its number, or why the password is not even tried."""
        since = attempt.at - policy.window
        with writing(self._engine) as connection:
            if _count(connection, since, _ATTEMPTS.c.password_mac == attempt.password_mac):
                return Reason.SAME_WRONG_PASSWORD
            of_account = _count(connection, since, _ATTEMPTS.c.account == attempt.account)
            of_network = _count(connection, since, _ATTEMPTS.c.network == attempt.network)
            if of_account >= policy.account_count or of_network >= policy.network_count:
                return Reason.TOO_MANY_ATTEMPTS
            statement = insert(_ATTEMPTS).values(
                account=attempt.account, network=attempt.network, at=attempt.at, password_mac=b""
            )
            (attempt_id,) = connection.execute(statement).inserted_primary_key or (0,)
            connection.execute(delete(_ATTEMPTS).where(_ATTEMPTS.c.at <= since))
            return int(attempt_id)

    def mark_wrong(self, attempt_id: int, password_mac: bytes) -> None:
        """Keep that the password of an attempt was wrong."""
        statement = update(_ATTEMPTS).where(_ATTEMPTS.c.id == attempt_id)
        with writing(self._engine) as connection:
            connection.execute(statement.values(password_mac=password_mac))

    def keep_spent(self, password_mac: bytes, at: datetime, policy: LockoutPolicy) -> None:
        """Take a password that was given up for a wrong one, as long as the directory may not."""
        until = at + SPENT_PERIOD
        values = {"account": _SPENT, "network": _SPENT, "at": until - policy.window}
        with writing(self._engine) as connection:
            connection.execute(insert(_ATTEMPTS).values(values | {"password_mac": password_mac}))

    def forget_attempt(self, attempt_id: int) -> None:
        """Take an attempt back that could not be made."""
        with writing(self._engine) as connection:
            connection.execute(delete(_ATTEMPTS).where(_ATTEMPTS.c.id == attempt_id))

    def clear_attempts(self, account: str) -> None:
        """Forget the attempts at an account whose password was right."""
        with writing(self._engine) as connection:
            connection.execute(delete(_ATTEMPTS).where(_ATTEMPTS.c.account == account))


def _count(connection: Connection, since: datetime, condition: Any) -> int:
    statement = select(func.count()).select_from(_ATTEMPTS)
    return connection.scalar(statement.where(_ATTEMPTS.c.at > since, condition)) or 0
