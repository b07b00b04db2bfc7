"""What upstreams were asked and have said: each question has one answer, each assertion one use."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from connector.idp.vouched import SentRequest
from state.engine import reading, table_of, writing
from state.identity import LoginTransactionRow, UpstreamRequestRow, UsedAssertionRow

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Engine

_TRANSACTIONS = table_of(LoginTransactionRow)
_REQUESTS = table_of(UpstreamRequestRow)
_ASSERTIONS = table_of(UsedAssertionRow)


class Taking(StrEnum):
    """What became of an answer."""

    TAKEN = "taken"
    REPLAYED = "replayed"
    TOO_LATE = "too-late"


class UpstreamStore:
    """Questions to upstreams, and their answers.

    Every method raises StateError if the database cannot be used.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add_request(self, sent: SentRequest) -> None:
        """Keep what is asked, and that the login waits for that upstream."""
        values = {column.name: getattr(sent, column.name) for column in _REQUESTS.columns}
        with writing(self._engine) as connection:
            for table in (_REQUESTS, _ASSERTIONS):
                connection.execute(delete(table).where(table.c.expires_at <= sent.sent_at))
            connection.execute(insert(_REQUESTS).values(values))
            connection.execute(
                _unanswered(sent.transaction_id).values(sent_to=sent.upstream, vouched=b"")
            )

    def request(self, relay_state: str, now: datetime) -> SentRequest | None:
        """Return what was asked, if there is still time to answer."""
        statement = select(_REQUESTS).where(
            _REQUESTS.c.relay_state == relay_state, _REQUESTS.c.expires_at > now
        )
        with reading(self._engine) as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else SentRequest(*row)

    def take(
        self,
        sent: SentRequest,
        outcome: bytes,
        assertion: tuple[str, str, datetime] | None,
        now: datetime,
    ) -> Taking:
        """Give an answer to the login that waits for it.

        Args:
            sent: What it answers.
            outcome: As `vouched.to_json` writes it.
            assertion: Issuer and ID of the assertion, and until when it could be used; or None.
            now: When.

        """
        try:
            with writing(self._engine) as connection:
                if assertion is not None:
                    _use(connection, *assertion)
                is_first = connection.execute(
                    update(_REQUESTS)
                    .where(
                        _REQUESTS.c.relay_state == sent.relay_state,
                        _REQUESTS.c.answered_at.is_(None),
                    )
                    .values(answered_at=now)
                )
                if is_first.rowcount != 1:
                    return Taking.REPLAYED
                waiting = _unanswered(sent.transaction_id).where(
                    _TRANSACTIONS.c.sent_to == sent.upstream
                )
                given = connection.execute(waiting.values(vouched=outcome, error=""))
                return Taking.TAKEN if given.rowcount == 1 else Taking.TOO_LATE
        except IntegrityError:
            return Taking.REPLAYED

    def use_assertion(self, issuer: str, assertion_id: str, until: datetime) -> bool:
        """Keep that an assertion was used; False if it was before."""
        try:
            with writing(self._engine) as connection:
                _use(connection, issuer, assertion_id, until)
        except IntegrityError:
            return False
        return True

    def attach(self, transaction_id: str, upstream: str, outcome: bytes) -> None:
        """Give what nobody asked for to a login that has just begun."""
        with writing(self._engine) as connection:
            connection.execute(
                _unanswered(transaction_id).values(sent_to=upstream, vouched=outcome)
            )

    def refuse(self, transaction_id: str, error: str) -> None:
        """Keep that what an upstream said does not let anybody in, and the message to show."""
        with writing(self._engine) as connection:
            connection.execute(_unanswered(transaction_id).values(vouched=b"", error=error))


def _unanswered(transaction_id: str) -> Any:
    """Return an update of a login that has verified nobody yet."""
    return update(_TRANSACTIONS).where(
        _TRANSACTIONS.c.id == transaction_id,
        _TRANSACTIONS.c.answered_at.is_(None),
        _TRANSACTIONS.c.verified_at.is_(None),
    )


def _use(connection: Connection, issuer: str, assertion_id: str, until: datetime) -> None:
    values = {"issuer": issuer, "assertion_id": assertion_id, "expires_at": until}
    connection.execute(insert(_ASSERTIONS).values(values))
