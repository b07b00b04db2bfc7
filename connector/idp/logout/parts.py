"""What the dispatcher of logouts is made of; `bootstrap` puts it together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from connector.idp.parts import LoginParts
    from connector.idp.store.logouts import LogoutStore
    from connector.idp.store.participants import ParticipantStore


class SoapSender(Protocol):
    """Sends messages from server to server."""

    def send(self, url: str, envelope: bytes) -> bytes:
        """Return the envelope that comes back; raise ApplicationUnavailable if none does."""
        ...


@dataclass(frozen=True, slots=True)
class LogoutParts:
    """The parts of single logout; all of them are safe to use from several threads.

    Attributes:
        login: Those of the logins.
        logouts: Keeps logouts in progress.
        participants: Knows who was told of whose session.
        soap: Tells applications from server to server.

    """

    login: LoginParts
    logouts: LogoutStore
    participants: ParticipantStore
    soap: SoapSender
