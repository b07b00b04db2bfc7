"""Which applications were told of which session, written with the answer that tells them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, delete, insert, or_, select, update

from connector.idp.session import Participant
from state.engine import batches, reading, table_of
from state.identity import SessionParticipantRow, SsoSessionRow
from state.prepared import Prepared

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sqlalchemy import Connection, Engine, Row

    from state.handle import Handle

PARTICIPANTS = table_of(SessionParticipantRow)
_SESSIONS = table_of(SsoSessionRow)

# Somebody who goes back and forth is not noted each time; nobody asks to the minute.
_NOTED_EVERY = timedelta(minutes=10)
_IS_THIS = and_(
    PARTICIPANTS.c.sso_index == bindparam("of_index"),
    PARTICIPANTS.c.application == bindparam("of_application"),
)
_IS_KNOWN = Prepared(
    select(
        and_(
            PARTICIPANTS.c.name_id == bindparam("name_id"),
            PARTICIPANTS.c.session_index == bindparam("session_index"),
            PARTICIPANTS.c.told_at > bindparam("long_ago"),
        ).label("is_so")
    ).where(_IS_THIS)
)
_INSERT = Prepared(insert(PARTICIPANTS))
_CHANGING = ("name_id", "name_id_format", "session_index", "told_at", "expires_at")
_UPDATE = Prepared(
    update(PARTICIPANTS).where(_IS_THIS).values({key: bindparam(key) for key in _CHANGING})
)
_REPLACED = Prepared(
    select(_SESSIONS.c.session_index).where(
        _SESSIONS.c.cookie_digest == bindparam("digest"),
        _SESSIONS.c.external_id == bindparam("person"),
    )
)
_FORGET = Prepared(delete(PARTICIPANTS).where(_IS_THIS))
_CARRY_OVER = Prepared(
    update(PARTICIPANTS)
    .where(PARTICIPANTS.c.sso_index == bindparam("of_index"))
    .values(sso_index=bindparam("to_index"))
)


def note_told(handle: Handle, told: Participant) -> None:
    """Keep that an application was told, within a transaction that writes."""
    key = {"of_index": told.sso_index, "of_application": told.application}
    as_told = {"name_id": told.name_id, "session_index": told.session_index}
    long_ago = {"long_ago": told.told_at - _NOTED_EVERY}
    known = _IS_KNOWN.first(handle, key | as_told | long_ago)
    if known is None:
        _INSERT.run(handle, _to_values(told))
    elif not known.is_so:
        _UPDATE.run(handle, key | {name: getattr(told, name) for name in _CHANGING})


def carry_over(handle: Handle, cookie_digest: bytes, successor: Participant) -> None:
    """Let a session that replaces one of the same person in the same browser take over from it.

    Args:
        handle: In a transaction that writes.
        cookie_digest: Of the session that is replaced, and has not been deleted yet.
        successor: Whom the new session tells first; what was known of that application is old.

    """
    session = {"digest": cookie_digest, "person": successor.external_id}
    former = _REPLACED.first(handle, session)
    if former is None:
        return
    belongs = {"of_index": former.session_index}
    _FORGET.run(handle, belongs | {"of_application": successor.application})
    _CARRY_OVER.run(handle, belongs | {"to_index": successor.sso_index})


def take_out(connection: Connection, condition: Any) -> tuple[Participant, ...]:
    """Delete some, within a transaction that writes; return them, who was told first first."""
    rows = connection.execute(
        select(PARTICIPANTS).where(condition).order_by(PARTICIPANTS.c.told_at)
    ).all()
    connection.execute(delete(PARTICIPANTS).where(condition))
    return tuple(map(_to_participant, rows))


class ParticipantStore:
    """Who was told of whose session.

    Every method raises StateError if the database cannot be used.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(
        self, entity_id: str, name_id: str, session_indexes: Collection[str]
    ) -> tuple[Participant, ...]:
        """Return the participants of a service provider that were told one of these indexes.

        Without an index: those that were told that name.
        """
        is_meant = PARTICIPANTS.c.name_id == name_id
        if session_indexes:
            is_meant = PARTICIPANTS.c.session_index.in_(session_indexes)
        return self._where(PARTICIPANTS.c.entity_id == entity_id, is_meant)

    def of_session(self, sso_index: str) -> tuple[Participant, ...]:
        """Return who was told of a session."""
        return self._where(PARTICIPANTS.c.sso_index == sso_index)

    def of_person(self, external_id: str) -> tuple[Participant, ...]:
        """Return who was told of a person's sessions, of those that are over too."""
        return self._where(PARTICIPANTS.c.external_id == external_id)

    def holders(self, external_ids: Iterable[str] | None = None) -> frozenset[str]:
        """Return who has a session, or may have one at an application; of these people only."""
        found = set[str]()
        with reading(self._engine) as connection:
            for table in (_SESSIONS, PARTICIPANTS):
                statement = select(table.c.external_id).distinct()
                if external_ids is None:
                    found.update(connection.scalars(statement))
                    continue
                for some in batches(frozenset(external_ids)):
                    wanted = statement.where(table.c.external_id.in_(some))
                    found.update(connection.scalars(wanted))
        return frozenset(found)

    def holders_at(self, application: str, external_ids: Iterable[str]) -> frozenset[str]:
        """Return who of these people may have a session at an application."""
        found = set[str]()
        is_there = PARTICIPANTS.c.application == application
        statement = select(PARTICIPANTS.c.external_id).where(is_there).distinct()
        with reading(self._engine) as connection:
            for some in batches(frozenset(external_ids)):
                wanted = statement.where(PARTICIPANTS.c.external_id.in_(some))
                found.update(connection.scalars(wanted))
        return frozenset(found)

    def _where(self, *conditions: Any) -> tuple[Participant, ...]:
        statement = select(PARTICIPANTS).where(*conditions).order_by(PARTICIPANTS.c.told_at)
        with reading(self._engine) as connection:
            return tuple(map(_to_participant, connection.execute(statement)))


def is_of(sso_indexes: Collection[str], external_id: str, application: str) -> Any:
    """Return the condition for the participants of sessions, or of a person at an application.

    Args:
        sso_indexes: Of the sessions.
        external_id: Of the person; "" for nobody besides.
        application: Slug; "" for all of them.

    """
    of_person = PARTICIPANTS.c.external_id == external_id
    if application:
        of_person = and_(of_person, PARTICIPANTS.c.application == application)
    of_session = PARTICIPANTS.c.sso_index.in_(sso_indexes)
    return or_(of_session, of_person) if external_id else of_session


def _to_values(participant: Participant) -> dict[str, Any]:
    return {column.name: getattr(participant, column.name) for column in PARTICIPANTS.columns}


def _to_participant(row: Row[Any]) -> Participant:
    return Participant(**row._mapping)  # noqa: SLF001 - public in spite of its name
