"""End sessions, for whatever cause, and know who has to be told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from connector.idp.logout.back_channel import deliver
from connector.idp.logout.telling import ended_event, to_deliveries
from connector.idp.logout.wire import new_xml_id
from connector.idp.logout_transaction import LOGOUT_LIFETIME, Cause, Channel, Logout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from connector.audit import AuditEvent
    from connector.idp.logout.parts import LogoutParts
    from connector.idp.session import Participant
    from connector.idp.store.logouts import Ends, Taken


# A browser that was sent somewhere is back within seconds, if it comes back.
_BACK_BY_THEN = timedelta(minutes=1)


def new_logout(parts: LogoutParts, cause: Cause, external_id: str = "") -> Logout:
    """Return a logout that begins now."""
    now = parts.login.clock.now()
    logout_id = parts.login.new_token(16)
    return Logout(logout_id, now, now + LOGOUT_LIFETIME, external_id, cause)


def _nobody(told: Participant) -> bool:
    del told
    return False


@dataclass(frozen=True, slots=True)
class Occasion:
    """On whose word sessions end.

    Attributes:
        address: Of the browser, or of the server that asked.
        by: Name of the help desk's person.
        has_browser: Whether a browser of the person's is there to be sent around.

    """

    address: str = ""
    by: str = ""
    has_browser: bool = False


def end_sessions(
    parts: LogoutParts,
    logout: Logout,
    ends: Ends,
    occasion: Occasion,
    *,
    taken: Taken | None = None,
    knows: Callable[[Participant], bool] = _nobody,
) -> Logout:
    """End sessions for good; return the logout with those who have to be told.

    Args:
        parts: Of single logout.
        logout: Why.
        ends: What ends.
        occasion: On whose word.
        taken: The request that asked for it, to be taken in with it.
        knows: Returns whether a participant need not be told, because it is it that asked.

    Raises:
        RequestRefused: if the request was taken before; nothing ended then.

    """
    now = parts.login.clock.now()
    last = (
        parts.logouts.silent_applications(now - _BACK_BY_THEN)
        if occasion.has_browser
        else frozenset()
    )

    def tell(kept: Logout, told: tuple[Participant, ...]) -> tuple[Logout, AuditEvent | None]:
        deliveries = to_deliveries(
            [each for each in told if not knows(each)],
            parts.login.registry,
            lambda: new_xml_id(parts.login),
            now,
            has_browser=occasion.has_browser,
            last=last,
        )
        kept = replace(kept, ended_at=now, deliveries=deliveries)
        return kept, ended_event(kept, told, now, occasion.address, occasion.by)

    return parts.logouts.end(logout, ends, tell, taken)


def deliver_first(
    parts: LogoutParts, logouts: Iterable[Logout], *, has_browser: bool = False
) -> None:
    """Tell at once, from server to server, whom these logouts concern and can be told so."""
    due = [
        (logout, delivery)
        for logout in logouts
        for delivery in logout.deliveries
        if delivery.channel is Channel.SOAP
    ]
    deliver(parts, due, has_browser=has_browser)
