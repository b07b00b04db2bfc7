"""Whom to tell that a session is over, and how; and what the audit says of it. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from connector.audit import AuditEvent
from connector.idp.logout_transaction import Channel, Delivery, DeliveryState
from connector.idp.names import Binding

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from datetime import datetime

    from connector.idp.application.service_provider import Application, Registry
    from connector.idp.logout_transaction import Logout
    from connector.idp.session import Participant

# Who tells an application has so long before somebody else does it instead.
LEASE = timedelta(minutes=1)
_ORDER = (Channel.SOAP, Channel.BROWSER, Channel.NONE)


def channel_of(application: Application | None, *, has_browser: bool) -> Channel:
    """Return how an application is told first.

    From server to server if it can: that needs no cookie, and nothing that the person would have
    to wait for. None is one that was taken out of the configuration.
    """
    if application is None:
        return Channel.NONE
    if application.service_provider.find_slo(Binding.SOAP) is not None:
        return Channel.SOAP
    if has_browser and application.service_provider.front_slo() is not None:
        return Channel.BROWSER
    return Channel.NONE


def to_deliveries(
    told: Iterable[Participant],
    registry: Registry,
    new_id: Callable[[], str],
    now: datetime,
    *,
    has_browser: bool,
    last: Collection[str] = (),
) -> tuple[Delivery, ...]:
    """Return what has to be delivered; those by SOAP first, and the caller has them for `LEASE`.

    Args:
        told: Who has to be told, in the order in which they were told of the session.
        registry: How they can be told.
        new_id: Returns a fresh XML ID.
        now: When the session ended.
        has_browser: Whether a browser of the person's is there to be sent around.
        last: Slugs of applications that may keep it: they are visited last.

    """
    found = [_to_delivery(each, registry, new_id(), now, has_browser=has_browser) for each in told]
    found.sort(key=lambda one: (_ORDER.index(one.channel), one.application in last))
    return tuple(replace(each, number=number) for number, each in enumerate(found))


def _to_delivery(
    told: Participant, registry: Registry, request_id: str, now: datetime, *, has_browser: bool
) -> Delivery:
    application = registry.by_slug(told.application)
    channel = channel_of(application, has_browser=has_browser)
    state = DeliveryState.UNTOLD if channel is Channel.NONE else DeliveryState.WAITING
    return Delivery(
        request_id=request_id,
        number=0,
        application=told.application,
        application_name=told.application if application is None else application.name,
        entity_id=told.entity_id,
        external_id=told.external_id,
        name_id=told.name_id,
        name_id_format=told.name_id_format,
        session_index=told.session_index,
        channel=channel,
        state=state,
        created_at=now,
        due_at=now + LEASE if channel is Channel.SOAP else None,
    )


def ended_event(
    logout: Logout, told: Sequence[Participant], now: datetime, address: str = "", by: str = ""
) -> AuditEvent | None:
    """Return what the audit says of sessions that ended; None if none did.

    Args:
        logout: By which they did.
        told: Who knew of them, the application that asked included.
        now: When.
        address: Of the browser, or of the server that asked.
        by: Name of the help desk's person.

    """
    if not logout.cookie_digests and not told:
        return None
    details = {
        "cause": logout.cause.value,
        "applications": ", ".join(each.application for each in told),
    }
    untold = [
        each.application_name for each in logout.deliveries if each.state is DeliveryState.UNTOLD
    ]
    if untold:
        details["untold"] = ", ".join(untold)
    if by:
        details["by"] = by
    if logout.changed_at is not None:
        details |= {
            "changed_at": logout.changed_at.isoformat(),
            "seconds": seconds_between(logout.changed_at, now),
        }
    return AuditEvent(
        now,
        "session.ended",
        "success",
        actor=logout.external_id,
        address=address,
        details=details,
    )


def told_event(
    logout: Logout, delivery: Delivery, now: datetime, reason: str = "", problem: str = ""
) -> AuditEvent:
    """Return what the audit says of an application that answered, or did not.

    Args:
        logout: The logout.
        delivery: The application, as it was told.
        now: When.
        reason: A word of `Reason` if it is not signed out there.
        problem: What kept it from answering, in words.

    """
    details = {
        "cause": logout.cause.value,
        "channel": delivery.channel.value,
        "ended_at": delivery.created_at.isoformat(),
        "seconds": seconds_between(delivery.created_at, now),
    }
    if logout.changed_at is not None:
        details |= {
            "changed_at": logout.changed_at.isoformat(),
            "seconds_since_change": seconds_between(logout.changed_at, now),
        }
    if problem:
        details["problem"] = problem
    return AuditEvent(
        now,
        "logout.failed" if reason else "logout.answered",
        "failure" if reason else "success",
        reason,
        actor=delivery.external_id,
        application=delivery.application_name,
        details=details,
    )


def seconds_between(start: datetime, end: datetime) -> str:
    """Return seconds as text, to the hundredth; a clock that is ahead of ours gives 0.

    >>> from datetime import datetime
    >>> seconds_between(datetime(2026, 11, 2, 8), datetime(2026, 11, 2, 8, 0, 1, 234567))
    '1.23'

    """
    return f"{max((end - start).total_seconds(), 0):.2f}"
