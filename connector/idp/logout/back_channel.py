"""Tell applications from server to server, all at once, and keep what each said."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from connector.errors import ApplicationUnavailable, RequestRefused
from connector.idp.logout.telling import LEASE, told_event
from connector.idp.logout.wire import request_by_soap
from connector.idp.logout_transaction import LOGOUT_LIFETIME, Channel, DeliveryState
from connector.idp.message.logout_response import parse_logout_response
from connector.idp.message.soap import read_envelope
from connector.idp.names import MessageKind
from connector.idp.reason import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from connector.idp.logout.parts import LogoutParts
    from connector.idp.logout_transaction import Delivery, Logout
    from connector.idp.message.logout_response import LogoutResponse

# Nobody who signs out waits longer than that, and no cycle.
PATIENCE_SECONDS = 6.0
AT_ONCE = 16
AT_THE_END = 1_000
# How much one cycle delivers; what is left is due again in the next.
CLAIMED_AT_MOST = 200
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one delivery.

    Attributes:
        reason: A word of `Reason`; "" if the session there has ended.
        problem: What kept it from answering, in words.

    """

    reason: str = ""
    problem: str = ""


def deliver_due(parts: LogoutParts) -> int:
    """Tell again whom it is time to tell; return how many were to be told."""
    now = parts.login.clock.now()
    due = parts.logouts.claim_due(now, now + LEASE, CLAIMED_AT_MOST)
    deliver(parts, due)
    return len(due)


def deliver(
    parts: LogoutParts, due: Sequence[tuple[Logout, Delivery]], *, has_browser: bool = False
) -> None:
    """Tell applications by SOAP and keep how it went, within `PATIENCE_SECONDS` or little more.

    Args:
        parts: Of single logout.
        due: Whom to tell of what; nobody else tells them meanwhile.
        has_browser: Whether who does not answer can be reached through a browser instead.

    """
    if not due:
        return
    crew = ThreadPoolExecutor(min(AT_ONCE, len(due)), thread_name_prefix="logout")
    try:
        futures = [crew.submit(_ask, parts, *pair) for pair in due]
        wait(futures, PATIENCE_SECONDS)
        late = Result(Reason.APPLICATION_SILENT, f"no answer within {PATIENCE_SECONDS:g} s")
        for future, (logout, delivery) in zip(futures, due, strict=True):
            result = future.result() if future.done() else late
            _note(parts, logout, delivery, result, has_browser=has_browser)
    finally:
        crew.shutdown(wait=False, cancel_futures=True)


def _ask(parts: LogoutParts, logout: Logout, delivery: Delivery) -> Result:
    login = parts.login
    application = login.registry.by_slug(delivery.application)
    asked = application and request_by_soap(login, application, logout, delivery)
    if not asked:
        return Result(Reason.APPLICATION_UNTOLD, "it takes no messages from servers any more")
    url, envelope = asked
    try:
        message = read_envelope(parts.soap.send(url, envelope), MessageKind.RESPONSE)
        response = parse_logout_response(
            message, login.registry, now=login.clock.now(), endpoints=login.settings.endpoints
        )
    except ApplicationUnavailable as error:
        return Result(Reason.APPLICATION_SILENT, str(error))
    except RequestRefused as error:
        return Result(Reason.APPLICATION_SILENT, f"its answer is not taken: {error}")
    return _judge(response, delivery, is_private=url.startswith("https:"))


def _judge(response: LogoutResponse, delivery: Delivery, *, is_private: bool) -> Result:
    """Return what an answer comes to; over plain http it must be signed."""
    problem = ""
    if (response.in_response_to, response.issuer) != (delivery.request_id, delivery.entity_id):
        problem = "its answer is to something else"
    elif not response.is_signed and not is_private:
        problem = "its answer is neither signed nor by https"
    if problem:
        return Result(Reason.APPLICATION_SILENT, problem)
    if not response.is_success:
        return Result(Reason.APPLICATION_REFUSED, f"it answers {response.status[:200]}")
    return Result()


def _note(
    parts: LogoutParts, logout: Logout, delivery: Delivery, result: Result, *, has_browser: bool
) -> None:
    now = parts.login.clock.now()
    event = told_event(logout, delivery, now, result.reason, result.problem)
    if not result.reason:
        parts.logouts.note(
            delivery.request_id,
            event,
            state=DeliveryState.SIGNED_OUT,
            answered_at=now,
            due_at=None,
        )
        return
    tried_count = delivery.tried_count + 1
    due_at = _due_at(delivery, result, tried_count, now)
    changes: dict[str, Any] = {"tried_count": tried_count, "due_at": due_at}
    application = parts.login.registry.by_slug(delivery.application)
    if has_browser and application and application.service_provider.front_slo():
        # It may keep the browser, too: it is visited after all others.
        number = delivery.number + AT_THE_END
        changes |= {"channel": Channel.BROWSER, "state": DeliveryState.WAITING, "number": number}
    else:
        changes |= {"state": _FAILED.get(result.reason, DeliveryState.SILENT)}
    # Of one that is tried again and again the first failure is told, and the last.
    is_news = delivery.tried_count == 0 or due_at is None
    parts.logouts.note(delivery.request_id, event if is_news else None, **changes)


_FAILED: Mapping[str, DeliveryState] = MappingProxyType(
    {
        Reason.APPLICATION_REFUSED: DeliveryState.REFUSED,
        Reason.APPLICATION_UNTOLD: DeliveryState.UNTOLD,
    }
)


def _due_at(delivery: Delivery, result: Result, tried_count: int, now: datetime) -> datetime | None:
    """Return when to try again: after one minute, two, four, up to an hour; None: not any more."""
    if result.reason == Reason.APPLICATION_UNTOLD:
        return None
    due_at = now + min(_FIRST_PAUSE * 2 ** (tried_count - 1), _LONGEST_PAUSE)
    return due_at if due_at < delivery.created_at + LOGOUT_LIFETIME else None
