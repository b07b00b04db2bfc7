"""Logouts: sessions end, and who has to be told of it is kept in the same transaction."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import delete, exists, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from connector.audit import append
from connector.errors import RequestRefused
from connector.idp.logout_transaction import (
    Cause,
    Channel,
    Delivery,
    DeliveryState,
    Logout,
    Origin,
)
from connector.idp.reason import Reason
from connector.idp.store.participants import PARTICIPANTS, is_of, take_out
from state.engine import reading, table_of, upsert, writing
from state.flush import flush
from state.identity import (
    LogoutDeliveryRow,
    LogoutRow,
    SsoSessionRow,
    UsedRequestRow,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from datetime import datetime

    from sqlalchemy import Connection, Engine

    from connector.audit import AuditEvent
    from connector.idp.session import Participant

    # Who is told, and what the audit says of it.
    Tell = Callable[[Logout, tuple[Participant, ...]], tuple[Logout, AuditEvent | None]]

_LOGOUTS = table_of(LogoutRow)
_DELIVERIES = table_of(LogoutDeliveryRow)
_SESSIONS = table_of(SsoSessionRow)
_REQUESTS = table_of(UsedRequestRow)

# Of the sessions of one person, so many can be told from others by their cookie afterwards.
_COOKIES_AT_MOST = 64
_OPEN = [DeliveryState.WAITING.value, DeliveryState.SENT.value]


@dataclass(frozen=True, slots=True)
class Ends:
    """What ends.

    Attributes:
        sso_indexes: Sessions.
        external_id: Or all of a person; "" for nobody.
        application: Slug: only what that person has at this application, and no session of ours.

    """

    sso_indexes: Collection[str] = ()
    external_id: str = ""
    application: str = ""


class Taken(NamedTuple):
    """A request that is taken in once."""

    issuer: str
    request_id: str
    forgotten_at: datetime


class LogoutStore:
    """Logouts in progress.

    Every method raises StateError if the database cannot be used.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, logout: Logout, taken: Taken) -> None:
        """Keep a logout by which nothing has ended, and that its request was taken.

        Raises:
            RequestRefused: if the request was taken before.

        """
        with _taking(self._engine, taken) as connection:
            _delete_expired(connection, logout.created_at)
            connection.execute(insert(_LOGOUTS).values(_to_values(logout)))

    def end(self, logout: Logout, ends: Ends, tell: Tell, taken: Taken | None = None) -> Logout:
        """End sessions, and keep who has to be told; return the logout as it is kept.

        Args:
            logout: Why; a new one, or one that the person has said yes to.
            ends: What ends.
            tell: Returns whom to tell, of those who were told of the sessions.
            taken: The request that asked for it, if it has not been taken in before.

        Raises:
            RequestRefused: if the request was taken before.

        """
        with _taking(self._engine, taken) as connection:
            _delete_expired(connection, logout.created_at)
            cookies = _end_sessions(connection, ends)
            told = take_out(connection, is_of(ends.sso_indexes, ends.external_id, ends.application))
            logout, event = tell(replace(logout, cookie_digests=b"".join(cookies)), told)
            statement = upsert(connection.dialect, _LOGOUTS)
            connection.execute(statement, _to_values(logout))
            for delivery in logout.deliveries:
                values = _plain(asdict(delivery)) | {"logout_id": logout.logout_id}
                connection.execute(insert(_DELIVERIES).values(values))
            if event is not None:
                append(connection, event)
        # A session that came back with the power would be worse than a slower sign-out.
        flush(self._engine)
        return logout

    def logout(self, logout_id: str, now: datetime) -> Logout | None:
        """Return a logout that has not expired, with its deliveries."""
        is_this = _LOGOUTS.c.id == logout_id
        of_this = select(_DELIVERIES).where(_DELIVERIES.c.logout_id == logout_id)
        with reading(self._engine) as connection:
            statement = select(_LOGOUTS).where(is_this, _LOGOUTS.c.expires_at > now)
            row = connection.execute(statement).mappings().one_or_none()
            rows = connection.execute(of_this.order_by(_DELIVERIES.c.number)).mappings().all()
        if row is None:
            return None
        return _to_logout(dict(row), tuple(_to_delivery(dict(each)) for each in rows))

    def of_browser(self, browser_digest: bytes, now: datetime) -> str | None:
        """Return the id of the latest logout of a browser."""
        statement = (
            select(_LOGOUTS.c.id)
            .where(_LOGOUTS.c.browser_digest == browser_digest, _LOGOUTS.c.expires_at > now)
            .order_by(_LOGOUTS.c.created_at.desc())
        )
        with reading(self._engine) as connection:
            return connection.execute(statement.limit(1)).scalar()

    def bind_browser(self, logout_id: str, browser_digest: bytes, *, is_theirs: bool) -> bool:
        """Give a logout to the browser that comes first; return whether it was given.

        Args:
            logout_id: The logout.
            browser_digest: Of the browser's cookie.
            is_theirs: Whether the session that ended was that browser's. Through another one no
                application is told: it would sign somebody else out there.

        """
        is_free = (_LOGOUTS.c.id == logout_id, _LOGOUTS.c.browser_digest == b"")
        by_browser = (
            _DELIVERIES.c.logout_id == logout_id,
            _DELIVERIES.c.channel == Channel.BROWSER.value,
            _DELIVERIES.c.state.in_(_OPEN),
        )
        with writing(self._engine) as connection:
            done = connection.execute(
                update(_LOGOUTS).where(*is_free).values(browser_digest=browser_digest)
            )
            if done.rowcount == 1 and not is_theirs:
                untold = {"state": DeliveryState.UNTOLD.value}
                connection.execute(update(_DELIVERIES).where(*by_browser).values(untold))
        return bool(done.rowcount == 1)

    # Deliveries.

    def delivery(self, request_id: str) -> tuple[Logout, Delivery] | None:
        """Return the delivery that a LogoutRequest of ours belongs to, and its logout."""
        found = self._joined(_DELIVERIES.c.request_id == request_id)
        return found[0] if found else None

    def silent_applications(self, before: datetime) -> frozenset[str]:
        """Return the slugs of applications that did not send a browser back of late.

        Args:
            before: When a browser must have been sent there, so that it might be back by now.

        """
        statement = (
            select(_DELIVERIES.c.application)
            .where(
                _DELIVERIES.c.channel == Channel.BROWSER.value,
                _DELIVERIES.c.state.in_([DeliveryState.SENT.value, DeliveryState.SILENT.value]),
                _DELIVERIES.c.created_at < before,
            )
            .distinct()
        )
        with reading(self._engine) as connection:
            return frozenset(connection.scalars(statement))

    def of_person(self, external_id: str) -> list[tuple[Logout, Delivery]]:
        """Return the deliveries of a person's logouts that are still known, the latest first."""
        return self._joined(_DELIVERIES.c.external_id == external_id)

    def note(self, request_id: str, event: AuditEvent | None = None, **changes: Any) -> bool:
        """Keep how far a delivery is, unless it was answered before; return whether it was kept.

        Args:
            request_id: Which.
            event: For the audit.
            changes: New values of `Delivery`, by name.

        """
        is_open = _DELIVERIES.c.state != DeliveryState.SIGNED_OUT.value
        statement = update(_DELIVERIES).where(_DELIVERIES.c.request_id == request_id, is_open)
        with writing(self._engine) as connection:
            done = connection.execute(statement.values(_plain(changes)))
            if done.rowcount == 1 and event is not None:
                append(connection, event)
        return bool(done.rowcount == 1)

    def waiting_counts(self) -> dict[str, int]:
        """Return how many sign-outs each application has yet to be told of, by its name."""
        name = _DELIVERIES.c.application_name
        statement = select(name, func.count()).where(_DELIVERIES.c.due_at.is_not(None))
        with reading(self._engine) as connection:
            return {row[0]: row[1] for row in connection.execute(statement.group_by(name))}

    def claim_due(
        self, now: datetime, until: datetime, limit: int
    ) -> list[tuple[Logout, Delivery]]:
        """Return what is due by SOAP; nobody else gets it until that moment.

        Where the person has signed in anew since, the application is not told any more: it would
        end the new session if it does not look at the index.
        """
        is_over = exists().where(
            PARTICIPANTS.c.external_id == _DELIVERIES.c.external_id,
            PARTICIPANTS.c.application == _DELIVERIES.c.application,
            PARTICIPANTS.c.told_at > _DELIVERIES.c.created_at,
        )
        is_due = _DELIVERIES.c.due_at <= now
        with writing(self._engine) as connection:
            connection.execute(update(_DELIVERIES).where(is_due, is_over).values(due_at=None))
            due = select(_DELIVERIES.c.request_id).where(is_due).order_by(_DELIVERIES.c.due_at)
            request_ids = connection.scalars(due.limit(limit)).all()
            those = _DELIVERIES.c.request_id.in_(request_ids)
            if request_ids:
                connection.execute(update(_DELIVERIES).where(those).values(due_at=until))
        return self._joined(those) if request_ids else []

    def _joined(self, condition: Any) -> list[tuple[Logout, Delivery]]:
        statement = (
            select(*_DELIVERIES.c, *(column.label(f"of_{column.name}") for column in _LOGOUTS.c))
            .join(_LOGOUTS, _LOGOUTS.c.id == _DELIVERIES.c.logout_id)
            .where(condition)
            .order_by(_LOGOUTS.c.created_at.desc(), _DELIVERIES.c.number)
        )
        with reading(self._engine) as connection:
            return [_to_pair(dict(row)) for row in connection.execute(statement).mappings()]


@contextmanager
def _taking(engine: Engine, taken: Taken | None) -> Iterator[Connection]:
    """Yield a connection that writes, once the request is noted."""
    with writing(engine) as connection:
        if taken is not None:
            values = {
                "issuer": taken.issuer,
                "request_id": taken.request_id,
                "expires_at": taken.forgotten_at,
            }
            try:
                connection.execute(insert(_REQUESTS).values(values))
            except IntegrityError as error:
                raise RequestRefused(Reason.REQUEST_REPLAYED) from error
        yield connection


def _end_sessions(connection: Connection, ends: Ends) -> list[bytes]:
    """Delete sessions; return the digests of their cookies."""
    if ends.application:
        return []
    is_meant: Any = _SESSIONS.c.session_index.in_(ends.sso_indexes)
    if ends.external_id:
        is_meant = or_(is_meant, _SESSIONS.c.external_id == ends.external_id)
    digests = list(connection.scalars(select(_SESSIONS.c.cookie_digest).where(is_meant)))
    connection.execute(delete(_SESSIONS).where(is_meant))
    return digests[:_COOKIES_AT_MOST]


def _delete_expired(connection: Connection, now: datetime) -> None:
    connection.execute(delete(_LOGOUTS).where(_LOGOUTS.c.expires_at <= now))


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as columns take them: words as text."""
    return {
        name: value.value if isinstance(value, Enum) else value for name, value in values.items()
    }


def _to_values(logout: Logout) -> dict[str, Any]:
    origin = b"" if logout.origin is None else json.dumps(asdict(logout.origin)).encode()
    names = [column.name for column in _LOGOUTS.columns if column.name not in {"id", "origin"}]
    plain = _plain({name: getattr(logout, name) for name in names})
    return {"id": logout.logout_id, "origin": origin, **plain}


def _to_logout(values: Mapping[str, Any], deliveries: tuple[Delivery, ...] = ()) -> Logout:
    rest = dict(values)
    origin, cause = rest.pop("origin"), Cause(rest.pop("cause"))
    return Logout(
        logout_id=rest.pop("id"),
        origin=Origin(**json.loads(origin)) if origin else None,
        cause=cause,
        deliveries=deliveries,
        **rest,
    )


def _to_delivery(values: Mapping[str, Any]) -> Delivery:
    rest = {name: value for name, value in values.items() if name != "logout_id"}
    channel, state = Channel(rest.pop("channel")), DeliveryState(rest.pop("state"))
    return Delivery(channel=channel, state=state, **rest)


def _to_pair(values: dict[str, Any]) -> tuple[Logout, Delivery]:
    of_logout = {
        name.removeprefix("of_"): values.pop(name) for name in list(values) if name[:3] == "of_"
    }
    return _to_logout(of_logout), _to_delivery(values)
