"""Logins in progress, sign-ons, and requests already taken, committed (step 8)."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from connector.audit import append
from connector.idp.session import SsoSession
from connector.idp.store.participants import PARTICIPANTS, carry_over, note_told
from connector.idp.transaction import LoginTransaction
from state.engine import reading, table_of, writing
from state.handle import glancing, keeping
from state.identity import (
    LoginTransactionRow,
    SsoSessionRow,
    UsedRequestRow,
)
from state.prepared import Prepared

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection, Engine, Row, Update

    from connector.audit import AuditEvent
    from connector.idp.session import Participant
    from state.handle import Handle


_TRANSACTIONS = table_of(LoginTransactionRow)
_SESSIONS = table_of(SsoSessionRow)
_REQUESTS = table_of(UsedRequestRow)


# To build such statements costs more than to run them.
_OF_ID = _TRANSACTIONS.c.id == bindparam("transaction_id")
_FIND = select(_TRANSACTIONS).where(_OF_ID, _TRANSACTIONS.c.expires_at > bindparam("now"))
_OPEN = update(_TRANSACTIONS).where(_OF_ID, _TRANSACTIONS.c.answered_at.is_(None))
_OPEN_TO_ALL = _OPEN.where(_TRANSACTIONS.c.browser_digest == b"")
_COUNT_TRY = _OPEN.where(_TRANSACTIONS.c.tries == bindparam("seen")).values(
    tries=_TRANSACTIONS.c.tries + 1
)
# Tries are not forgotten with the rest: they count for the login.
_NOTHING_PROVED: Final[Mapping[str, Any]] = MappingProxyType(
    {
        **dict.fromkeys(("external_id", "sent_to", "first", "second", "chosen", "enrolling"), ""),
        **dict.fromkeys(("vouched", "pending", "upgrades"), b""),
        **dict.fromkeys(("verified_at", "second_at"), None),
        "remember_seconds": 0,
        "is_memory_shared": False,
        "is_excused": False,
    }
)
_ANSWER = Prepared(_OPEN.values(answered_at=bindparam("at")))
_VERIFY = Prepared(
    _OPEN.values(
        external_id=bindparam("person"),
        verified_at=bindparam("at"),
        first=bindparam("by"),
        error=bindparam("message"),
    )
)
_OF_COOKIE = _SESSIONS.c.cookie_digest == bindparam("digest")
_FIND_SESSION = Prepared(select(_SESSIONS).where(_OF_COOKIE))
_BEGIN_SESSION = Prepared(insert(_SESSIONS))
_END_SESSION = Prepared(delete(_SESSIONS).where(_OF_COOKIE))
_TOUCH_SESSION = Prepared(update(_SESSIONS).where(_OF_COOKIE).values(used_at=bindparam("at")))
_TAKE_REQUEST = Prepared(insert(_REQUESTS))


@dataclass(frozen=True, slots=True)
class Ending:
    """How a login ends, to be kept in one transaction.

    Attributes:
        at: When.
        event: For the audit.
        transaction_id: The login; "" for one that is answered at once, and was never stored.
        issuer: Of the request that is answered at once.
        request_id: Of the same; "" if nobody asked.
        forgotten_at: Until when that request is known, so that it is not taken twice.
        begins: The SSO session that begins.
        ends: Digest of the cookie whose session ends, because the new one replaces it.
        uses: Digest of the cookie whose session let the person in.
        tells: The application that learns who the person is.

    """

    at: datetime
    event: AuditEvent
    transaction_id: str = ""
    issuer: str = ""
    request_id: str = ""
    forgotten_at: datetime | None = None
    begins: SsoSession | None = None
    ends: bytes | None = None
    uses: bytes | None = None
    tells: Participant | None = None


class _SessionEnded(Exception):
    """The session that was to let the person in has ended meanwhile."""


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
        values = {"transaction_id": transaction_id, "now": now}
        with reading(self._engine) as connection:
            row = connection.execute(_FIND, values).one_or_none()
        return None if row is None else _to_transaction(row)

    def bind_browser(self, transaction_id: str, browser_digest: bytes) -> bool:
        """Give the login to a browser, unless one has it; return whether it was given."""
        values = {"transaction_id": transaction_id, "browser_digest": browser_digest}
        return self._update(_OPEN_TO_ALL, values)

    def set_email(self, transaction_id: str, email: str, error: str = "") -> None:
        """Keep what was typed ("" to ask anew), and the message to show; an upstream is left."""
        values = {"email": email, "error": error, "transaction_id": transaction_id}
        self._update(_OPEN, {**_NOTHING_PROVED, **values})

    def set_person(self, transaction_id: str, external_id: str, error: str) -> None:
        """Keep who proved a password that has to be changed ("" to ask for it anew), and why."""
        values = {"external_id": external_id, "error": error}
        self._update(_OPEN, values | {"transaction_id": transaction_id})

    def set_verified(self, transaction_id: str, by: str, event: AuditEvent) -> None:
        """Keep who proved who they are, in the login and in the audit.

        Args:
            transaction_id: The login.
            by: What they proved it by, see `LoginTransaction.first`.
            event: Who and when.

        """
        values: dict[str, Any] = {"transaction_id": transaction_id, "by": by, "message": ""}
        values |= {"person": event.actor, "at": event.at}
        with keeping(self._engine) as handle:
            _VERIFY.run(handle, values)
            append(handle, event)

    def set_stage(self, transaction_id: str, **changes: Any) -> None:
        """Keep how far the second factor of a login has come: attributes of `LoginTransaction`."""
        self._update(_OPEN, changes | {"transaction_id": transaction_id})

    def count_try(self, transaction: LoginTransaction) -> bool:
        """Count an answer to the question for a factor; False if the question was answered before.

        So nobody gets more tries by sending several at once, and no challenge serves twice.
        """
        known = {"transaction_id": transaction.transaction_id, "seen": transaction.tries}
        return self._update(_COUNT_TRY, known)

    def answer(self, ending: Ending) -> bool:
        """Keep that the Response goes out, and why; False if one did already.

        Also False if the session that lets the person in has ended meanwhile: who ends it has then
        not seen this application among those to be told.
        """
        try:
            with keeping(self._engine) as handle:
                if not _end(handle, ending):
                    return False
                _keep_session(handle, ending)
                append(handle, ending.event)
        except (IntegrityError, _SessionEnded):  # the request was taken before
            return False
        return True

    def _update(self, statement: Update, values: dict[str, Any]) -> bool:
        """Note something about a login that is not answered; return whether it was there."""
        with writing(self._engine) as connection:
            return bool(connection.execute(statement, values).rowcount == 1)

    # SSO sessions.

    def session(self, cookie_digest: bytes) -> SsoSession | None:
        """Return the session of a cookie, alive or not."""
        with glancing(self._engine) as handle:
            row = _FIND_SESSION.first(handle, {"digest": cookie_digest})
        return None if row is None else SsoSession(**row._asdict())

    def sessions_of(self, external_id: str) -> tuple[SsoSession, ...]:
        """Return the sessions of a person, alive or not, the oldest first."""
        statement = select(_SESSIONS).where(_SESSIONS.c.external_id == external_id)
        with reading(self._engine) as connection:
            rows = connection.execute(statement.order_by(_SESSIONS.c.authenticated_at))
            return tuple(map(_to_session, rows))

    def delete_expired(self, now: datetime) -> None:
        """Delete logins, sessions and requests whose time is over."""
        with writing(self._engine) as connection:
            _delete_expired(connection, now)


def _keep_session(handle: Handle, ending: Ending) -> None:
    """Keep what becomes of sessions, and who was told of them."""
    if ending.ends is not None:
        if ending.tells is not None:
            carry_over(handle, ending.ends, ending.tells)
        _END_SESSION.run(handle, {"digest": ending.ends})
    if ending.begins is not None:
        _BEGIN_SESSION.run(handle, _session_values(ending.begins))
    used = {"digest": ending.uses, "at": ending.at}
    if ending.uses is not None and not _TOUCH_SESSION.run(handle, used):
        raise _SessionEnded
    if ending.tells is not None:
        note_told(handle, ending.tells)


def _end(handle: Handle, ending: Ending) -> bool:
    """Note that a login is answered, or the request of one that is answered at once."""
    if ending.transaction_id:
        values = {"transaction_id": ending.transaction_id, "at": ending.at}
        return _ANSWER.run(handle, values) == 1
    if ending.request_id:
        values = {"issuer": ending.issuer, "request_id": ending.request_id}
        _TAKE_REQUEST.run(handle, values | {"expires_at": ending.forgotten_at})
    return True


def _delete_expired(connection: Connection, now: datetime) -> None:
    for table in (_TRANSACTIONS, _SESSIONS, _REQUESTS, PARTICIPANTS):
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
