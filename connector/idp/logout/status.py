"""What the help desk sees and does: who is signed on where, and the end of all of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from connector.idp.logout.ending import Occasion, deliver_first, end_sessions, new_logout
from connector.idp.logout_transaction import Cause
from connector.idp.store.logouts import Ends

if TYPE_CHECKING:
    from connector.idp.logout.parts import LogoutParts
    from connector.idp.logout_transaction import Delivery, Logout
    from connector.idp.session import Participant, SsoSession


@dataclass(frozen=True, slots=True)
class SignOns:
    """Where somebody is signed on.

    Attributes:
        sessions: Ours that still let in, the oldest first.
        participants: Applications that were told who the person is, ours over or not.
        deliveries: Applications that were told of the end of it within a day, the latest first.

    """

    sessions: tuple[SsoSession, ...]
    participants: tuple[Participant, ...]
    deliveries: tuple[tuple[Logout, Delivery], ...]


def find_sign_ons(parts: LogoutParts, external_id: str) -> SignOns:
    """Return where a person is signed on."""
    now, limits = parts.login.clock.now(), parts.login.settings.sessions
    sessions = parts.login.store.sessions_of(external_id)
    return SignOns(
        tuple(each for each in sessions if each.is_alive(now, limits)),
        parts.participants.of_person(external_id),
        tuple(parts.logouts.of_person(external_id)),
    )


def end_for_new_password(parts: LogoutParts, external_id: str) -> None:
    """End everything of a person who has changed the password: the old one opened it.

    Who waits to be let in does not wait for applications; the next cycle tells them.
    """
    logout = new_logout(parts, Cause.PASSWORD, external_id)
    end_sessions(parts, logout, Ends(external_id=external_id), Occasion())


def revoke(parts: LogoutParts, external_id: str, by: str) -> Logout:
    """End everything of a person, and tell the applications that servers reach.

    Devices that were remembered are forgotten: whoever holds one proves a second factor again.

    Args:
        parts: Of single logout.
        external_id: The person.
        by: Who says so.

    Returns:
        The logout, with what each application said.

    """
    logout = new_logout(parts, Cause.HELP_DESK, external_id)
    parts.login.devices.forget(external_id)
    ended = end_sessions(parts, logout, Ends(external_id=external_id), Occasion(by=by))
    deliver_first(parts, [ended])
    return parts.logouts.logout(ended.logout_id, parts.login.clock.now()) or ended
