"""Logins in progress, sign-ons, and requests already taken, committed (step 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from connector.idp.session import SsoSession
from connector.idp.transaction import LoginTransaction
from state.engine import reading, table_of, writing
from state.identity import (
    LoginTransactionRow,
    SsoSessionRow,
    UsedRequestRow,
)

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Engine, Row


_TRANSACTIONS = table_of(LoginTransactionRow)
_SESSIONS = table_of(SsoSessionRow)
_REQUESTS = table_of(UsedRequestRow)


class SignOnStore:
    """Logins in progress, SSO sessions, and requests already taken.

    Every method raises StateError if the database cannot be used.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # Logins in progress.

    def add_transaction(
        self, transaction: LoginTransaction, *, issuer: str, request_id: str
    ) -> bool:
        """Keep a new login, and that its request was taken; False if it was taken before.

        A request_id of "" is one that nobody sent. What has expired goes in the same transaction.
        """
        now, until = transaction.created_at, transaction.expires_at
        try:
            with writing(self._engine) as connection:
                _delete_expired(connection, now)
                if request_id:
                    connection.execute(
                        insert(_REQUESTS).values(
                            issuer=issuer, request_id=request_id, expires_at=until
                        )
                    )
                connection.execute(insert(_TRANSACTIONS).values(_transaction_values(transaction)))
        except IntegrityError:
            return False
        return True

    def transaction(self, transaction_id: str, now: datetime) -> LoginTransaction | None:
        """Return a login that has not expired."""
        statement = select(_TRANSACTIONS).where(
            _TRANSACTIONS.c.id == transaction_id, _TRANSACTIONS.c.expires_at > now
        )
        with reading(self._engine) as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else _to_transaction(row)

    def bind_browser(self, transaction_id: str, browser_digest: bytes) -> bool:
        """Give the login to a browser, unless one has it; return whether it was given."""
        return self._update(transaction_id, {"browser_digest": browser_digest}, unless="browser")

    def set_email(self, transaction_id: str, email: str, error: str = "") -> None:
        """Keep what was typed ("" to ask anew), and the message to show; an upstream is left."""
        values = {"email": email, "error": error, "sent_to": "", "vouched": b""}
        self._update(transaction_id, values)

    def set_error(self, transaction_id: str, error: str) -> None:
        """Keep the message to show."""
        self._update(transaction_id, {"error": error})

    def set_verified(self, transaction_id: str, external_id: str, at: datetime) -> None:
        """Keep who proved who they are."""
        self._update(transaction_id, {"external_id": external_id, "verified_at": at, "error": ""})

    def answer(
        self,
        transaction_id: str,
        at: datetime,
        *,
        begins: SsoSession | None = None,
        ends: bytes | None = None,
    ) -> bool:
        """Keep that the Response goes out; False if one did already.

        Args:
            transaction_id: The login.
            at: Now.
            begins: The SSO session that begins with it.
            ends: Digest of the cookie that the new session's replaces.

        """
        with writing(self._engine) as connection:
            done = connection.execute(
                update(_TRANSACTIONS)
                .where(_TRANSACTIONS.c.id == transaction_id, _TRANSACTIONS.c.answered_at.is_(None))
                .values(answered_at=at)
            )
            if done.rowcount != 1:
                return False
            if ends is not None:
                connection.execute(delete(_SESSIONS).where(_SESSIONS.c.cookie_digest == ends))
            if begins is not None:
                connection.execute(insert(_SESSIONS).values(_session_values(begins)))
        return True

    def _update(self, transaction_id: str, values: dict[str, Any], unless: str = "") -> bool:
        statement = update(_TRANSACTIONS).where(
            _TRANSACTIONS.c.id == transaction_id, _TRANSACTIONS.c.answered_at.is_(None)
        )
        if unless == "browser":
            statement = statement.where(_TRANSACTIONS.c.browser_digest == b"")
        with writing(self._engine) as connection:
            return bool(connection.execute(statement.values(values)).rowcount == 1)

    # SSO sessions.

    def session(self, cookie_digest: bytes) -> SsoSession | None:
        """Return the session of a cookie, alive or not."""
        statement = select(_SESSIONS).where(_SESSIONS.c.cookie_digest == cookie_digest)
        with reading(self._engine) as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else _to_session(row)

    def touch_session(self, cookie_digest: bytes, at: datetime) -> None:
        """Keep that a session was used."""
        statement = update(_SESSIONS).where(_SESSIONS.c.cookie_digest == cookie_digest)
        with writing(self._engine) as connection:
            connection.execute(statement.values(used_at=at))

    def end_session(self, cookie_digest: bytes) -> None:
        """End the session of a cookie."""
        with writing(self._engine) as connection:
            connection.execute(delete(_SESSIONS).where(_SESSIONS.c.cookie_digest == cookie_digest))

    def end_sessions_of(self, external_id: str) -> int:
        """End every session of a person; return how many there were."""
        with writing(self._engine) as connection:
            done = connection.execute(
                delete(_SESSIONS).where(_SESSIONS.c.external_id == external_id)
            )
            return int(done.rowcount)

    def delete_expired(self, now: datetime) -> None:
        """Delete logins, sessions and requests whose time is over."""
        with writing(self._engine) as connection:
            _delete_expired(connection, now)


def _delete_expired(connection: Connection, now: datetime) -> None:
    for table in (_TRANSACTIONS, _SESSIONS, _REQUESTS):
        connection.execute(delete(table).where(table.c.expires_at <= now))


def _transaction_values(transaction: LoginTransaction) -> dict[str, Any]:
    names = [column.name for column in _TRANSACTIONS.columns if column.name != "id"]
    return {"id": transaction.transaction_id} | {name: getattr(transaction, name) for name in names}


def _to_transaction(row: Row[Any]) -> LoginTransaction:
    values = dict(row._mapping)  # noqa: SLF001 - public in spite of its name
    return LoginTransaction(transaction_id=values.pop("id"), **values)


def _session_values(session: SsoSession) -> dict[str, Any]:
    return {column.name: getattr(session, column.name) for column in _SESSIONS.columns}


def _to_session(row: Row[Any]) -> SsoSession:
    return SsoSession(**row._mapping)  # noqa: SLF001 - public in spite of its name
