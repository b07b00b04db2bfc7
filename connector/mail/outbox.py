"""Messages that wait to be sent, in the state database; safe for several threads and processes.

Before a message is handed to the server that is noted, and afterwards what the server said. A
process that is killed in between leaves a message of which nobody knows whether the server took
it. It is handed over once more, for a warning that never comes is worse than one that comes twice,
and by its Message-ID it can be told that it is the same. But not a third time: then it is given up
as in doubt, so that a process that dies again and again fills nobody's mailbox.
"""

from __future__ import annotations

from dataclasses import astuple, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, func, insert, or_, select, update

from connector.audit import AuditEvent, append
from connector.mail.letter import Deferred, Entry, GivenUp, Letter, Refused, Taken
from state.engine import reading, table_of, writing
from state.handle import glancing, keeping
from state.mail import MailOutboxRow, MailTallyRow
from state.prepared import Prepared

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from connector.mail.letter import Outcome
    from state.engine import Engine
    from state.handle import Handle

LIFETIME = timedelta(hours=24)
# Longer than the server is ever waited for, so that nobody else sends the same meanwhile.
LEASE = timedelta(minutes=10)
REMEMBERED = timedelta(days=30)
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
# Of handing over without hearing what became of it.
_DOUBTS_AT_MOST = 2

_BOX = table_of(MailOutboxRow)
_TALLY = table_of(MailTallyRow)
# In the order of `Entry`, which in_doubt_count is no part of.
_ENTRY = [
    *(_BOX.c.id, _BOX.c.external_id, _BOX.c.notice, _BOX.c.recipient, _BOX.c.queued_at),
    *(_BOX.c.tried_count, _BOX.c.due_at, _BOX.c.given_up, _BOX.c.problem, _BOX.c.ended_at),
]

_INSERT = Prepared(insert(_BOX))
_DUE = Prepared(select(func.min(_BOX.c.due_at).label("at")))
_COUNT = Prepared(
    update(_TALLY)
    .where(_TALLY.c.outcome == bindparam("of"))
    .values(count=_TALLY.c.count + bindparam("more"))
)
_BEGIN_COUNT = Prepared(insert(_TALLY))


def queue(handle: Handle, letter: Letter) -> None:
    """Keep a message within a transaction that writes; it is sent if that is committed.

    One without an address is given up at once, and the audit says so.
    """
    why = "" if letter.recipient else GivenUp.NO_ADDRESS.value
    entry = Entry(
        letter_id=letter.letter_id,
        external_id=letter.external_id,
        notice=letter.notice,
        recipient=letter.recipient,
        queued_at=letter.queued_at,
        tried_count=0,
        due_at=None if why else letter.queued_at,
        given_up=why,
        problem="the directory has no e-mail address that can be used" if why else "",
        ended_at=letter.queued_at if why else None,
    )
    names = [column.name for column in _ENTRY]
    columns = dict(zip(names, astuple(entry), strict=True))
    message = b"" if why else letter.message
    _INSERT.run(handle, columns | {"message": message, "in_doubt_count": 0})
    _count(handle, "queued")
    if why:
        _count(handle, "given-up")
        append(handle, _event("notice.given_up", entry, letter.queued_at, why))


class Outbox:
    """The messages of one state database.

    Every method raises StateError if the database cannot be used.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, letter: Letter) -> None:
        """Keep a message; when this returns, it will be sent."""
        with keeping(self._engine) as handle:
            queue(handle, letter)

    def is_due(self, now: datetime) -> bool:
        """Return whether there is anything to do; costs next to nothing."""
        with glancing(self._engine) as handle:
            at: datetime | None = _DUE.first(handle, {}).at
        return at is not None and at <= now

    def claim(self, now: datetime) -> Letter | None:
        """Return a message to be handed over right now, which is noted; None if none is due.

        Nobody else gets it before `LEASE` is over.
        """
        is_due = _BOX.c.due_at <= now
        oldest = select(_BOX).where(is_due).order_by(_BOX.c.due_at, _BOX.c.queued_at).limit(1)
        with writing(self._engine) as connection:
            row = connection.execute(oldest).one_or_none()
            if row is None:
                return None
            changes = {
                "due_at": now + LEASE,
                "tried_count": row.tried_count + 1,
                "in_doubt_count": row.in_doubt_count + 1,
            }
            connection.execute(update(_BOX).where(_BOX.c.id == row.id).values(changes))
        return Letter(
            letter_id=row.id,
            external_id=row.external_id,
            notice=row.notice,
            recipient=row.recipient,
            message=row.message,
            queued_at=row.queued_at,
        )

    def note(self, letter_id: str, outcome: Outcome, now: datetime) -> GivenUp | None:
        """Keep what the server said to a message that was claimed; return if it is given up."""
        is_this = _BOX.c.id == letter_id
        with writing(self._engine) as connection:
            row = connection.execute(_KNOWN.where(is_this)).one_or_none()
            if row is None or row.given_up:  # somebody else had it meanwhile
                return None
            entry, doubts = Entry(*row[:-1]), row.in_doubt_count
            match outcome:
                case Taken():
                    connection.execute(delete(_BOX).where(is_this))
                    _count(connection, "sent")
                    append(connection, _event("notice.sent", entry, now))
                    return None
                case Refused(words=words):
                    return _give_up(connection, entry, GivenUp.REFUSED, words, now)
                case Deferred(is_in_doubt=is_in_doubt):
                    doubts -= 0 if is_in_doubt else 1
                    return _postpone(connection, entry, outcome.words, doubts, now)

    def note_unreachable(self, problem: str, now: datetime) -> None:
        """Keep why what is due cannot be sent now; it stays due."""
        with writing(self._engine) as connection:
            is_due = _BOX.c.due_at <= now
            connection.execute(update(_BOX).where(is_due).values(problem=problem))

    def give_up_hopeless(self, now: datetime) -> tuple[Entry, ...]:
        """Give up what is due and too old, or was handed over often enough; return it."""
        is_late = _BOX.c.queued_at <= now - LIFETIME
        is_doubtful = _BOX.c.in_doubt_count >= _DOUBTS_AT_MOST
        hopeless = _KNOWN.where(_BOX.c.due_at <= now, or_(is_late, is_doubtful))
        ended = []
        with writing(self._engine) as connection:
            for row in connection.execute(hopeless).all():
                doubts, entry = row.in_doubt_count, Entry(*row[:-1])
                why = GivenUp.IN_DOUBT if doubts >= _DOUBTS_AT_MOST else GivenUp.TOO_LATE
                _give_up(connection, entry, why, entry.problem, now)
                ended.append(replace(entry, due_at=None, given_up=why.value, ended_at=now))
        return tuple(ended)

    def forget(self, now: datetime) -> None:
        """Delete what was given up longer ago than `REMEMBERED`."""
        with writing(self._engine) as connection:
            connection.execute(delete(_BOX).where(_BOX.c.ended_at < now - REMEMBERED))

    def entries(self, now: datetime) -> tuple[Entry, ...]:
        """Return what waits, and what was given up within `REMEMBERED`; the latest first."""
        is_recent = or_(_BOX.c.ended_at.is_(None), _BOX.c.ended_at >= now - REMEMBERED)
        latest_first = _BOX.c.queued_at.desc(), _BOX.c.id
        statement = select(*_ENTRY).where(is_recent).order_by(*latest_first)
        with reading(self._engine) as connection:
            return tuple(Entry(*row) for row in connection.execute(statement))

    def waiting_count(self) -> int:
        """Return how many wait."""
        statement = select(func.count()).where(_BOX.c.due_at.is_not(None))
        with reading(self._engine) as connection:
            return connection.execute(statement).scalar_one()

    def tally(self) -> dict[str, int]:
        """Return how many were ever "queued", "sent" and "given-up"."""
        with reading(self._engine) as connection:
            counts = {row.outcome: row.count_ for row in connection.execute(_TALLIES)}
        return {"queued": 0, "sent": 0, "given-up": 0} | counts


_KNOWN = select(*_ENTRY, _BOX.c.in_doubt_count)
_TALLIES = select(_TALLY.c.outcome, _TALLY.c.count.label("count_"))


def _postpone(
    connection: Connection, entry: Entry, words: str, doubts: int, now: datetime
) -> GivenUp | None:
    """Have a message tried again: after one minute, two, four, up to an hour, for a day."""
    if doubts >= _DOUBTS_AT_MOST:
        return _give_up(connection, entry, GivenUp.IN_DOUBT, words, now)
    # Beyond that the doubling only makes large numbers.
    doublings = min(entry.tried_count - 1, 10)
    due_at = now + min(_FIRST_PAUSE * 2**doublings, _LONGEST_PAUSE)
    if due_at >= entry.queued_at + LIFETIME:
        return _give_up(connection, entry, GivenUp.TOO_LATE, words, now)
    changes = {"due_at": due_at, "in_doubt_count": doubts, "problem": words}
    connection.execute(update(_BOX).where(_BOX.c.id == entry.letter_id).values(changes))
    return None


def _give_up(
    connection: Connection, entry: Entry, why: GivenUp, problem: str, now: datetime
) -> GivenUp:
    """Keep that a message is not tried any more, and of what it said nothing."""
    changes = {
        "message": b"",
        "due_at": None,
        "given_up": why.value,
        "problem": problem,
        "ended_at": now,
    }
    connection.execute(update(_BOX).where(_BOX.c.id == entry.letter_id).values(changes))
    _count(connection, "given-up")
    append(connection, _event("notice.given_up", entry, now, why.value))
    return why


def _count(handle: Handle, outcome: str) -> None:
    """Count one more; writers take turns, so none is lost."""
    if not _COUNT.run(handle, {"of": outcome, "more": 1}):
        _BEGIN_COUNT.run(handle, {"outcome": outcome, "count": 1})


def _event(name: str, entry: Entry, now: datetime, reason: str = "") -> AuditEvent:
    seconds = max((now - entry.queued_at).total_seconds(), 0)
    details = {
        "notice": entry.notice,
        "tries": str(entry.tried_count),
        "seconds": f"{seconds:.2f}",
    }
    outcome = "failure" if reason else "success"
    return AuditEvent(now, name, outcome, reason, actor=entry.external_id, details=details)
