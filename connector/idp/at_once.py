"""Let in at once whoever is signed in: no login is stored, and nobody is asked anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from connector.errors import LoginError, RequestRefused
from connector.idp.departure import Departure
from connector.idp.federation import still_opens
from connector.idp.message.authn_request import parse_authn_request
from connector.idp.portal import find_live_session
from state.errors import StateError

if TYPE_CHECKING:
    from connector.idp.binding import BoundMessage
    from connector.idp.message.authn_request import AuthnRequest
    from connector.idp.parts import LoginParts
    from connector.idp.session import SsoSession
    from connector.idp.view import SendResponse
    from connector.idp.visit import Visit

# Most requests have a fifth of that, encoded signatures included; to read 64 kB takes 20 ms.
_SHORT_BYTES = 8_192


def answer_at_once(
    parts: LoginParts, request: AuthnRequest, session: SsoSession | None, visit: Visit
) -> SendResponse | None:
    """Return the answer to a request of somebody who is signed in; None for all others."""
    if session is None or request.unmet or request.force_authn:
        return None
    application = parts.registry.by_slug(request.application)
    if application is None:
        return None
    if not still_opens(parts, session, application, visit.address):
        return None
    try:
        return Departure(parts, application, request, visit).enter_at_once(session)
    except LoginError:  # the page of a stored login says so, and the audit why
        return None


@dataclass(frozen=True, slots=True)
class FastLane:
    """The logins that need nobody's patience; one thread may serve many browsers by it.

    It reads, signs and writes a few rows, a millisecond in all. Whatever takes longer is not its
    affair: other logins, those who wait for the database, and all that goes wrong.

    Attributes:
        parts: All that they read and write is on an engine of their own that does not wait
            (`state.engine.open_engine`), so that nobody else can keep them waiting either.

    """

    parts: LoginParts

    def answer(
        self, message: BoundMessage, visit: Visit, sso_cookie: str | None
    ) -> SendResponse | None:
        """Return the answer to an AuthnRequest; None if `LoginFlow.begin` is to take it in.

        Nothing is kept then.
        """
        parts, now = self.parts, self.parts.clock.now()
        if len(message.document) > _SHORT_BYTES:
            return None
        try:
            # First of all: a stranger could have us read and verify much for nothing.
            session = find_live_session(parts, sso_cookie)
            if session is None:
                return None
            request = parse_authn_request(
                message, parts.registry, now=now, endpoints=parts.settings.endpoints
            )
            return answer_at_once(parts, request, session, visit)
        except (RequestRefused, StateError):
            return None
