"""How a login ends: let in, or turned away, each time with an answer and a row of the audit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from connector.audit import AuditEvent
from connector.errors import PolicyDenied
from connector.idp.message.assertion import SignOn
from connector.idp.policy import Deny, decide
from connector.idp.reason import Reason
from connector.idp.session import SsoSession
from connector.idp.store.sign_ons import Ending
from connector.idp.transaction import digest_of
from connector.idp.view import NextStep, SendResponse, ShowDenied

if TYPE_CHECKING:
    from datetime import datetime

    from connector.directory.person import DirectoryUser
    from connector.idp.application.service_provider import Application
    from connector.idp.message.authn_request import AuthnRequest
    from connector.idp.parts import LoginParts

DENIED = "denied"
EXPIRED = "expired"


def require_entry(
    parts: LoginParts, external_id: str, application: Application, now: datetime
) -> DirectoryUser:
    """Return the person, who may enter at that moment.

    Raises:
        PolicyDenied: if they may not.

    """
    user = parts.directory.user(external_id)
    if user is None:
        raise PolicyDenied(Reason.UNKNOWN_USER)
    decision = decide(user, parts.directory.groups_of(external_id), application, now)
    if isinstance(decision, Deny):
        raise PolicyDenied(decision.reason)
    return user


@dataclass(frozen=True, slots=True)
class Departure:
    """The end of one login.

    Attributes:
        parts: Of the identity provider.
        application: Where the person is going.
        request: What is answered.
        address: Where the browser is.
        transaction_id: The login; "" if it is answered at once, and was never stored.

    """

    parts: LoginParts
    application: Application
    request: AuthnRequest
    address: str
    transaction_id: str = ""

    def enter_anew(
        self, external_id: str, email: str, verified_at: datetime, old_cookie: str | None
    ) -> NextStep:
        """Let in whom this login verified, and begin their SSO session."""
        now, cookie = self.parts.clock.now(), self.parts.new_token(32)
        session = SsoSession(
            cookie_digest=digest_of(cookie),
            session_index=f"_{self.parts.random(16).hex()}",
            external_id=external_id,
            email=email,
            address=self.address,
            authenticated_at=verified_at,
            used_at=now,
            expires_at=now + self.parts.settings.sessions.lifetime,
        )
        try:
            view = self._respond(session, now)
        except PolicyDenied as error:
            return self._deny(session, error.reason)
        ends = digest_of(old_cookie) if old_cookie else None
        ending = self._ending(now, self._entry(session, "password", now))
        if not self.parts.store.answer(replace(ending, begins=session, ends=ends)):
            return ShowDenied(self.application.name, EXPIRED)
        return replace(view, sso_cookie=cookie)

    def enter_again(self, session: SsoSession) -> NextStep:
        """Let in whom an SSO session knows."""
        try:
            return self.enter_at_once(session) or ShowDenied(self.application.name, EXPIRED)
        except PolicyDenied as error:
            return self._deny(session, error.reason)

    def enter_at_once(self, session: SsoSession) -> SendResponse | None:
        """Let in whom an SSO session knows, or return None if the request was answered before.

        Raises:
            PolicyDenied: if they may not enter; nothing is kept of that.

        """
        now = self.parts.clock.now()
        view = self._respond(session, now)
        ending = self._ending(now, self._entry(session, "session", now))
        is_kept = self.parts.store.answer(replace(ending, uses=session.cookie_digest))
        return view if is_kept else None

    def refuse(self, reason: str) -> NextStep:
        """Answer the service provider that there will be no assertion, and why."""
        now = self.parts.clock.now()
        event = AuditEvent(
            now,
            "login.refused",
            "failure",
            reason,
            application=self.application.name,
            address=self.address,
        )
        if not self.parts.store.answer(self._ending(now, event)):
            return ShowDenied(self.application.name, EXPIRED)
        return self.parts.answerer.refuse(self.application, self.request, reason, now)

    def _respond(self, session: SsoSession, now: datetime) -> SendResponse:
        """Return the answer.

        Raises:
            PolicyDenied: if the person may not enter after all.

        """
        sign_on = SignOn(session.session_index, session.authenticated_at)
        user = require_entry(self.parts, session.external_id, self.application, now)
        return self.parts.answerer.respond(user, self.application, self.request, sign_on, now)

    def _deny(self, session: SsoSession, reason: str) -> ShowDenied:
        self.parts.record(
            "login.denied",
            reason,
            actor=session.external_id,
            application=self.application.name,
            address=self.address,
        )
        return ShowDenied(self.application.name, DENIED)

    def _ending(self, now: datetime, event: AuditEvent) -> Ending:
        if self.transaction_id:
            return Ending(now, event, self.transaction_id)
        return Ending(
            now,
            event,
            issuer=self.request.issuer,
            request_id=self.request.request_id,
            forgotten_at=now + self.parts.settings.login_lifetime,
        )

    def _entry(self, session: SsoSession, proof: str, now: datetime) -> AuditEvent:
        details = {"proof": proof, "session_index": session.session_index}
        return AuditEvent(
            now,
            "login.succeeded",
            "success",
            actor=session.external_id,
            application=self.application.name,
            address=self.address,
            details=details,
        )
