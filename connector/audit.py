"""What happened, for good: rows that are only ever added, each chained to the one before it.

A row's digest covers its content and the digest before it, and the head keeps the last one. So a
row that was changed, taken out or put in later shows, as does an end that was cut off. What comes
of a request has its number, as the log and the pages have it, and says where the browser is.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, bindparam, func, insert, or_, select, update
from structlog.contextvars import get_contextvars

from state.audit import AuditHeadRow, AuditRow
from state.engine import reading, table_of
from state.handle import keeping
from state.prepared import Prepared

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from sqlalchemy import Engine, Select

    from state.handle import Handle

_GENESIS = bytes(32)
_BATCH = 500
_ROW = table_of(AuditRow)
_HEAD = table_of(AuditHeadRow)
# Each sign-on adds one.
_INSERT, _END = Prepared(insert(_ROW)), Prepared(select(_HEAD).with_for_update())
_BEGIN = Prepared(insert(_HEAD))
_MOVE_HEAD = Prepared(
    update(_HEAD).values(last_id=bindparam("to_id"), digest=bindparam("to_digest"))
)


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One event.

    Attributes:
        at: When, aware.
        event: What, as `noun.verb_past`, such as "login.refused".
        outcome: "success" or "failure".
        reason: A stable word why, such as "wrong-password"; "" for a success.
        actor: external_id of the person; "" if nobody known.
        application: Name of the application; "" if none.
        address: Where the browser is; "" for where the request at hand comes from.
        details: What else helps later; no secrets. `request` is the number of the request at hand.

    """

    at: datetime
    event: str
    outcome: str
    reason: str = ""
    actor: str = ""
    application: str = ""
    address: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


class Audit:
    """The audit in the state database; safe for writers in several threads and processes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(self, event: AuditEvent) -> None:
        """Add an event; when this returns, it is kept.

        Raises:
            StateError: if it cannot be kept.

        """
        with keeping(self._engine) as handle:
            append(handle, event)

    def recent(
        self, limit: int = 100, *, actor: str = "", event: str = ""
    ) -> tuple[AuditEvent, ...]:
        """Return the latest events, the newest first.

        If asked, of one person only, and of one name, or of one noun such as "login".
        """
        statement = _narrowed(actor, event).order_by(_ROW.c.id.desc()).limit(limit)
        with reading(self._engine) as connection:
            return tuple(_to_event(row) for row in connection.execute(statement))

    def read(
        self, since: datetime | None = None, *, actor: str = "", event: str = ""
    ) -> Iterator[AuditEvent]:
        """Yield the events since then, the oldest first; narrowed as those of `recent`."""
        statement = _narrowed(actor, event).order_by(_ROW.c.id)
        if since is not None:
            statement = statement.where(_ROW.c.at >= since)
        with reading(self._engine) as connection:
            rows = connection.execution_options(yield_per=_BATCH).execute(statement)
            for row in rows:
                yield _to_event(row)

    def first_break(self) -> int | None:
        """Return the number of the first event that is not as it was written, or None.

        One more than the last event there is, if the end was cut off.
        """
        expected_id, previous = 1, _GENESIS
        with reading(self._engine) as connection:
            for row in connection.execute(select(_ROW).order_by(_ROW.c.id)):
                values = {key: row._mapping[key] for key in _CHAINED}  # noqa: SLF001 - public in spite of its name
                digest = _digest(previous, values)
                if row.id != expected_id or row.digest != digest:
                    return expected_id
                expected_id, previous = expected_id + 1, digest
            head = connection.execute(select(_HEAD.c.digest)).scalar()
        return expected_id if (head or _GENESIS) != previous else None


def append(handle: Handle, event: AuditEvent) -> None:
    """Add an event within a transaction that writes; it is kept if that is committed."""
    last_id, previous = _lock_head(handle)
    values = _to_values(last_id + 1, event)
    digest = _digest(previous, values)
    _INSERT.run(handle, values | {"previous_digest": previous, "digest": digest})
    _MOVE_HEAD.run(handle, {"to_id": last_id + 1, "to_digest": digest})


def _narrowed(actor: str, event: str) -> Select[Any]:
    statement = select(_ROW)
    if actor:
        statement = statement.where(_ROW.c.actor == actor)
    if event:
        # Not LIKE, which is of two minds about upper and lower case.
        beginning = f"{event}."
        is_of_noun = func.substr(_ROW.c.event, 1, len(beginning)) == beginning
        statement = statement.where(or_(_ROW.c.event == event, is_of_noun))
    return statement


# To make one costs as much as to use it.
_SORTED = json.JSONEncoder(sort_keys=True)
_CHAINED = ("id", "at", "event", "outcome", "reason", "actor", "application", "address", "details")


def _lock_head(handle: Handle) -> tuple[int, bytes]:
    """Return the end of the chain, held until the transaction ends."""
    found = _END.first(handle, {})
    if found is None:
        _BEGIN.run(handle, {"id": 1, "last_id": 0, "digest": _GENESIS})
        return 0, _GENESIS
    return found.last_id, found.digest


def _to_values(event_id: int, event: AuditEvent) -> dict[str, Any]:
    details, at_hand = dict(event.details), get_contextvars()
    if number := at_hand.get("request_id"):
        details["request"] = number
    return {
        "id": event_id,
        "at": event.at,
        "event": event.event,
        "outcome": event.outcome,
        "reason": str(event.reason),
        "actor": event.actor,
        "application": event.application,
        "address": event.address or at_hand.get("address", ""),
        "details": _SORTED.encode(details),
    }


def _to_event(row: Row[Any]) -> AuditEvent:
    return AuditEvent(
        at=row.at,
        event=row.event,
        outcome=row.outcome,
        reason=row.reason,
        actor=row.actor,
        application=row.application,
        address=row.address,
        details=json.loads(row.details),
    )


def _digest(previous: bytes, values: Mapping[str, Any]) -> bytes:
    parts = [values[key] for key in _CHAINED]
    parts[1] = values["at"].isoformat()
    return hashlib.sha256(previous + json.dumps(parts).encode()).digest()
