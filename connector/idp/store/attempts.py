"""Attempts at passwords, counted before they are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Integer, bindparam, delete, func, insert, select, update

from connector.idp.lockout import SPENT_PERIOD
from connector.idp.reason import Reason
from state.engine import reading, table_of, writing
from state.identity import PasswordAttemptRow

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection, Engine, ScalarSelect, Select

    from connector.idp.lockout import Attempt, LockoutPolicy

_ATTEMPTS = table_of(PasswordAttemptRow)
_AT, _EXPIRES = _ATTEMPTS.c.at, _ATTEMPTS.c.expires_at
_NOW = bindparam("now", type_=_AT.type)
_OF_ACCOUNT = _ATTEMPTS.c.account == bindparam("of_account")
_OF_NETWORK = _ATTEMPTS.c.network == bindparam("of_network")
_IN_WINDOW = bindparam("since", type_=_AT.type) < _AT


def _nth(found: Select[Any], limit: str) -> ScalarSelect[Any]:
    """Return the latest moment but so many as reach a limit, or NULL if it is not reached.

    It looks at no more rows than that, however many there are.
    """
    skipped = bindparam(f"{limit}_skipped", type_=Integer)
    asked = bindparam(f"{limit}_asked", type_=Integer)
    return found.order_by(_AT.desc()).limit(asked).offset(skipped).scalar_subquery()


# To build such statements costs more than to run them.
_SAME = (
    select(func.count())
    .select_from(_ATTEMPTS)
    .where(
        _ATTEMPTS.c.account.in_([bindparam("of_account"), bindparam("spent")]),
        _ATTEMPTS.c.password_mac == bindparam("mac"),
        _EXPIRES > _NOW,
    )
    .scalar_subquery()
)
_REACHED = select(
    _nth(select(_EXPIRES).where(_OF_ACCOUNT, _EXPIRES > _NOW), "account"),
    _nth(select(_AT).where(_OF_NETWORK, _IN_WINDOW), "network"),
    _nth(select(_AT).where(_IN_WINDOW), "overall"),
    _SAME,
)
_ADD = insert(_ATTEMPTS)
_PROLONG = update(_ATTEMPTS).where(_OF_ACCOUNT).values(expires_at=bindparam("until"))
_OF_ONE = _ATTEMPTS.c.id == bindparam("attempt_id")
_MARK = update(_ATTEMPTS).where(_OF_ONE).values(password_mac=bindparam("mac"))
_FORGET = delete(_ATTEMPTS).where(_OF_ONE)
_FORGET_ALL = delete(_ATTEMPTS).where(_OF_ACCOUNT)
_FORGET_OLD = delete(_ATTEMPTS).where(_EXPIRES <= _NOW)


class AttemptStore:
    """Attempts that were not followed by a success.

    Every method raises StateError if the database cannot be used.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take_attempt(self, attempt: Attempt, policy: LockoutPolicy) -> int | Reason:
        """Count an attempt and return its number, or why the password is not even tried."""
        with writing(self._engine) as connection:
            reached, is_same = _look(connection, attempt, policy)
            if is_same:
                return Reason.SAME_WRONG_PASSWORD
            if reached:
                return next(iter(reached))
            connection.execute(_FORGET_OLD, {"now": attempt.at})
            until = attempt.at + policy.account_window
            connection.execute(_PROLONG, {"of_account": attempt.account, "until": until})
            return _add(connection, attempt.account, attempt.network, attempt.at, until)

    def open_at(self, attempt: Attempt, policy: LockoutPolicy) -> datetime | None:
        """Return when an attempt may be made, at the earliest; None for at once."""
        with reading(self._engine) as connection:
            reached, _ = _look(connection, attempt, policy)
            return max(reached.values(), default=None)

    def mark_wrong(self, attempt_id: int, password_mac: bytes) -> None:
        """Keep that the password of an attempt was wrong."""
        with writing(self._engine) as connection:
            connection.execute(_MARK, {"attempt_id": attempt_id, "mac": password_mac})

    def keep_spent(self, account: str, password_mac: bytes, at: datetime) -> None:
        """Take a password that was given up for a wrong one, as long as the directory may not."""
        with writing(self._engine) as connection:
            _add(connection, _spent(account), "", at, at + SPENT_PERIOD, password_mac)

    def forget_attempt(self, attempt_id: int) -> None:
        """Take an attempt back that could not be made."""
        with writing(self._engine) as connection:
            connection.execute(_FORGET, {"attempt_id": attempt_id})

    def clear_attempts(self, account: str) -> int:
        """Forget the attempts at an account whose password was right; return how many."""
        with writing(self._engine) as connection:
            return connection.execute(_FORGET_ALL, {"of_account": account}).rowcount


def _look(
    connection: Connection, attempt: Attempt, policy: LockoutPolicy
) -> tuple[Mapping[Reason, datetime], bool]:
    """Return which limits are reached until when, and whether the password is known as wrong."""
    values = {
        "of_account": attempt.account,
        "spent": _spent(attempt.account),
        "of_network": attempt.network,
        "mac": attempt.password_mac,
        "now": attempt.at,
        "since": attempt.at - policy.window,
        **_asked("account", policy.account_count),
        **_asked("network", policy.network_count),
        **_asked("overall", policy.overall_count),
    }
    account, network, overall, same = connection.execute(_REACHED, values).one()
    found = {
        Reason.TOO_MANY_ATTEMPTS: account,
        Reason.TOO_MANY_FROM_ADDRESS: network and network + policy.window,
        Reason.TOO_MANY_OVERALL: overall and overall + policy.window,
    }
    return {reason: until for reason, until in found.items() if until}, bool(same)


def _asked(limit: str, count: int | None) -> dict[str, int]:
    return {f"{limit}_skipped": (count or 1) - 1, f"{limit}_asked": int(count is not None)}


def _add(
    connection: Connection,
    account: str,
    network: str,
    at: datetime,
    until: datetime,
    password_mac: bytes = b"",
) -> int:
    values = {"account": account, "network": network, "at": at, "expires_at": until}
    done = connection.execute(_ADD, values | {"password_mac": password_mac})
    (attempt_id,) = done.inserted_primary_key or (0,)
    return int(attempt_id)


def _spent(account: str) -> str:
    """Return what a password is kept under that was given up: it is no failure of the account."""
    return f"spent:{account}"
