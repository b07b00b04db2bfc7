"""How a login ends: let in, or turned away, each time with an answer and a row of the audit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from connector.errors import PolicyDenied
from connector.idp.message.assertion import SignOn
from connector.idp.message.authn_request import from_json
from connector.idp.names import PASSWORD_CLASS, UNSPECIFIED_CLASS
from connector.idp.policy import Deny, decide
from connector.idp.reason import Reason
from connector.idp.session import SsoSession
from connector.idp.transaction import digest_of
from connector.idp.view import NextStep, SendResponse, ShowDenied
from connector.idp.vouched import AD, Vouched
from connector.idp.vouched import from_json as read_outcome

if TYPE_CHECKING:
    from datetime import datetime

    from connector.directory.person import DirectoryUser
    from connector.idp.application.service_provider import Application
    from connector.idp.parts import LoginParts
    from connector.idp.transaction import LoginTransaction

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


def proof_of(transaction: LoginTransaction) -> Vouched:
    """Return how a login that verified somebody did so: by a password of ours, or an upstream."""
    if transaction.verified_at is None:
        message = f"login {transaction.transaction_id} verified nobody"
        raise ValueError(message)
    outcome = read_outcome(transaction.vouched) if transaction.vouched else None
    if isinstance(outcome, Vouched):
        return replace(outcome, context_class=outcome.context_class or UNSPECIFIED_CLASS)
    person, at = transaction.external_id, transaction.verified_at
    return Vouched(AD, "", person, at, PASSWORD_CLASS)


@dataclass(frozen=True, slots=True)
class Departure:
    """The end of one login.

    Attributes:
        parts: Of the identity provider.
        transaction: The login.
        application: Where the person is going.
        address: Where the browser is.

    """

    parts: LoginParts
    transaction: LoginTransaction
    application: Application
    address: str

    def enter_anew(self, old_cookie: str | None) -> NextStep:
        """Let in whom this login verified, and begin their SSO session."""
        now, cookie = self.parts.clock.now(), self.parts.new_token(32)
        proof = proof_of(self.transaction)
        ends_at = now + self.parts.settings.sessions.lifetime
        session = SsoSession(
            cookie_digest=digest_of(cookie),
            session_index=f"_{self.parts.random(16).hex()}",
            external_id=self.transaction.external_id,
            email=self.transaction.email,
            address=self.address,
            authenticated_at=proof.authenticated_at,
            used_at=now,
            expires_at=min(ends_at, proof.ends_at or ends_at),
            source=proof.upstream,
            context_class=proof.context_class,
            authority=proof.authority,
        )
        view = self._respond(session, now)
        if isinstance(view, ShowDenied):
            return view
        ends = digest_of(old_cookie) if old_cookie else None
        if not self._answer(now, begins=session, ends=ends):
            return ShowDenied(self.application.name, EXPIRED)
        self._record_entry(session, "password" if session.source == AD else "upstream")
        return replace(view, sso_cookie=cookie)

    def enter_again(self, session: SsoSession) -> NextStep:
        """Let in whom an SSO session knows."""
        now = self.parts.clock.now()
        view = self._respond(session, now)
        if isinstance(view, ShowDenied):
            return view
        if not self._answer(now):
            return ShowDenied(self.application.name, EXPIRED)
        self.parts.store.touch_session(session.cookie_digest, now)
        self._record_entry(session, "session")
        return view

    def refuse(self, reason: str) -> NextStep:
        """Answer the service provider that there will be no assertion, and why."""
        now, request = self.parts.clock.now(), from_json(self.transaction.request)
        if not self._answer(now):
            return ShowDenied(self.application.name, EXPIRED)
        self.parts.record(
            "login.refused", reason, application=self.application.name, address=self.address
        )
        return self.parts.answerer.refuse(self.application, request, reason, now)

    def _respond(self, session: SsoSession, now: datetime) -> SendResponse | ShowDenied:
        """Return the answer, or that the person may not enter after all."""
        request = from_json(self.transaction.request)
        sign_on = SignOn(
            session.session_index,
            session.authenticated_at,
            session.context_class,
            session.authority,
        )
        try:
            user = require_entry(self.parts, session.external_id, self.application, now)
            return self.parts.answerer.respond(user, self.application, request, sign_on, now)
        except PolicyDenied as error:
            self.parts.record(
                "login.denied",
                error.reason,
                actor=session.external_id,
                application=self.application.name,
                address=self.address,
            )
            return ShowDenied(self.application.name, DENIED)

    def _answer(
        self, now: datetime, *, begins: SsoSession | None = None, ends: bytes | None = None
    ) -> bool:
        """Keep that the answer goes out; False if one did already."""
        transaction_id = self.transaction.transaction_id
        return self.parts.store.answer(transaction_id, now, begins=begins, ends=ends)

    def _record_entry(self, session: SsoSession, proof: str) -> None:
        upstream = {} if session.source == AD else {"source": session.source}
        self.parts.record(
            "login.succeeded",
            actor=session.external_id,
            application=self.application.name,
            address=self.address,
            details={"proof": proof, "session_index": session.session_index, **upstream},
        )
