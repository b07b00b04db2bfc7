"""Attempts at passwords, counted before they are made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, func, insert, select, update

from connector.idp.lockout import SPENT_PERIOD
from connector.idp.reason import Reason
from state.engine import table_of, writing
from state.identity import PasswordAttemptRow

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Engine, ScalarSelect

    from connector.idp.lockout import Attempt, LockoutPolicy

_ATTEMPTS = table_of(PasswordAttemptRow)
_SPENT = "spent"  # neither a person nor a network


def _count_of(name: str) -> ScalarSelect[int]:
    """Return how many attempts have a value in a column, as part of a statement."""
    column = _ATTEMPTS.c[name]
    is_counted = _ATTEMPTS.c.at > bindparam("since", type_=_ATTEMPTS.c.at.type)
    counted = select(func.count()).select_from(_ATTEMPTS)
    return counted.where(is_counted, column == bindparam(name, type_=column.type)).scalar_subquery()


# To build such statements costs more than to run them.
_COUNTS = select(_count_of("password_mac"), _count_of("account"), _count_of("network"))
_ADD = insert(_ATTEMPTS)
_OF_ONE = _ATTEMPTS.c.id == bindparam("attempt_id")
_MARK = update(_ATTEMPTS).where(_OF_ONE).values(password_mac=bindparam("password_mac"))
_FORGET = delete(_ATTEMPTS).where(_OF_ONE)
_FORGET_ALL = delete(_ATTEMPTS).where(_ATTEMPTS.c.account == bindparam("account"))
_FORGET_OLD = delete(_ATTEMPTS).where(_ATTEMPTS.c.at <= bindparam("since"))


class AttemptStore:
    """Attempts that were not followed by a success.

    Every method raises StateError if the database cannot be used.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take_attempt(self, attempt: Attempt, policy: LockoutPolicy) -> int | Reason:
        """Count an attempt and return its number, or why the password is not even tried."""
        values = {"account": attempt.account, "network": attempt.network, "at": attempt.at}
        known = {"password_mac": attempt.password_mac, "since": attempt.at - policy.window}
        with writing(self._engine) as connection:
            same, of_account, of_network = connection.execute(_COUNTS, values | known).one()
            if same:
                return Reason.SAME_WRONG_PASSWORD
            if of_account >= policy.account_count or of_network >= policy.network_count:
                return Reason.TOO_MANY_ATTEMPTS
            done = connection.execute(_ADD, values | {"password_mac": b""})
            connection.execute(_FORGET_OLD, known)
            (attempt_id,) = done.inserted_primary_key or (0,)
            return int(attempt_id)

    def mark_wrong(self, attempt_id: int, password_mac: bytes) -> None:
        """Keep that the password of an attempt was wrong."""
        with writing(self._engine) as connection:
            connection.execute(_MARK, {"attempt_id": attempt_id, "password_mac": password_mac})

    def keep_spent(self, password_mac: bytes, at: datetime, policy: LockoutPolicy) -> None:
        """Take a password that was given up for a wrong one, as long as the directory may not."""
        until = at + SPENT_PERIOD
        values = {"account": _SPENT, "network": _SPENT, "at": until - policy.window}
        with writing(self._engine) as connection:
            connection.execute(_ADD, values | {"password_mac": password_mac})

    def forget_attempt(self, attempt_id: int) -> None:
        """Take an attempt back that could not be made."""
        with writing(self._engine) as connection:
            connection.execute(_FORGET, {"attempt_id": attempt_id})

    def clear_attempts(self, account: str) -> int:
        """Forget the attempts at an account whose password was right; return how many."""
        with writing(self._engine) as connection:
            return connection.execute(_FORGET_ALL, {"account": account}).rowcount
