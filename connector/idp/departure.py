"""How a login ends: let in, or turned away, each time with an answer and a row of the audit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from connector.audit import AuditEvent
from connector.errors import LoginError, NotProvisioned, PolicyDenied
from connector.idp.message.assertion import SignOn
from connector.idp.policy import Deny, may_enter
from connector.idp.reason import Reason
from connector.idp.session import Participant, SsoSession, remembered_until
from connector.idp.store.sign_ons import Ending
from connector.idp.transaction import digest_of
from connector.idp.view import NextStep, SendResponse, ShowDenied, ShowNotReady
from connector.idp.vouched import AD
from connector.packed import values_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from connector.directory.person import DirectoryUser
    from connector.idp.application.service_provider import Application
    from connector.idp.message.authn_request import AuthnRequest
    from connector.idp.parts import LoginParts
    from connector.idp.vouched import Vouched

# Keys of messages: what the page says. The audit has the reason.
DENIED = "denied"
EXPIRED = "expired"
_WORDS: Mapping[str, str] = MappingProxyType(
    {
        Reason.NOT_IN_GROUP: "not-allowed",
        Reason.NOT_ACTIVE: "not-allowed",
        Reason.NO_NAME_ID: "incomplete",
        Reason.ATTRIBUTE_MISSING: "incomplete",
        Reason.OTHER_SUBJECT: "other-subject",
        Reason.AUTHN_CONTEXT_UNSUPPORTED: "no-such-way",
        Reason.NAME_ID_UNSUPPORTED: "unsupported",
        Reason.SUBJECT_UNSUPPORTED: "unsupported",
    }
)
# Whoever signs in once more may come out better.
_WORTH_ASKING = frozenset({Reason.OTHER_SUBJECT, Reason.AUTHN_CONTEXT_UNSUPPORTED})


def require_entry(
    parts: LoginParts, external_id: str, application: Application, now: datetime
) -> DirectoryUser:
    """Return the person, who may enter at that moment.

    Raises:
        PolicyDenied: if they may not.

    """
    standing = parts.directory.standing(external_id)
    if standing is None:
        raise PolicyDenied(Reason.UNKNOWN_USER)
    user, groups = standing
    decision = may_enter(user, groups, application, now)
    if isinstance(decision, Deny):
        raise PolicyDenied(decision.reason)
    return user


def require_account(
    parts: LoginParts, user: DirectoryUser, application: Application
) -> DirectoryUser:
    """Return the person as the application's own accounts know them.

    What was provisioned is what is said of them, so that the two cannot differ.

    Raises:
        NotProvisioned: if they have no account there that can be used.

    """
    if not application.target or parts.accounts is None:
        return user
    account = parts.accounts.find(application.target, user.external_id)
    if account is None or not account.is_active:
        raise NotProvisioned(Reason.NOT_PROVISIONED, f"no account at {application.target}")
    return replace(user, document=values_of(user.document) | values_of(account.document))


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
        self, external_id: str, email: str, proof: Vouched, old_cookie: str | None
    ) -> NextStep:
        """Let in whom this login verified, and begin their SSO session."""
        now, cookie = self.parts.clock.now(), self.parts.new_token(32)
        ends_at = now + self.parts.settings.sessions.lifetime
        session = SsoSession(
            cookie_digest=digest_of(cookie),
            session_index=f"_{self.parts.random(16).hex()}",
            external_id=external_id,
            email=email,
            address=self.address,
            authenticated_at=proof.authenticated_at,
            used_at=now,
            expires_at=min(ends_at, proof.ends_at or ends_at),
            source=proof.upstream,
            context_class=proof.context_class,
            authority=proof.authority,
        )
        try:
            view = self._respond(self._admitted(external_id, now), session, now)
        except LoginError as error:
            return self._deny(session, error)
        ends = digest_of(old_cookie) if old_cookie else None
        means = "password" if session.source == AD else "upstream"
        ending = self._ending(
            now,
            self._entry(session, means, now),
            begins=session,
            ends=ends,
            tells=self._told(session, view, now),
        )
        if not self.parts.store.answer(ending):
            return ShowDenied(self.application.name, EXPIRED)
        return replace(view, sso_cookie=cookie)

    def enter_again(self, session: SsoSession) -> NextStep | None:
        """Let in whom an SSO session knows; None if somebody has to sign in anew for that."""
        now = self.parts.clock.now()
        try:
            view = self._respond(self._admitted(session.external_id, now), session, now)
        except LoginError as error:
            return None if error.reason in _WORTH_ASKING else self._deny(session, error)
        is_kept = self._keep_use(session, view, now)
        return view if is_kept else ShowDenied(self.application.name, EXPIRED)

    def enter_at_once(self, session: SsoSession) -> SendResponse | None:
        """Let in whom an SSO session knows.

        None if the request was answered before, or the session has ended meanwhile.

        Raises:
            LoginError: if they may not enter, or not yet; nothing is kept of that.

        """
        now = self.parts.clock.now()
        user = require_entry(self.parts, session.external_id, self.application, now)
        view = self._respond(require_account(self.parts, user, self.application), session, now)
        return view if self._keep_use(session, view, now) else None

    def refuse(self, reason: str) -> NextStep:
        """Tell the person, or at once the service provider, that there will be no assertion."""
        return self._stop("login.refused", reason)

    def _admitted(self, external_id: str, now: datetime) -> DirectoryUser:
        """Return the person as the application knows them; give them an account there if need be.

        Raises:
            LoginError: if they may not enter, or have no account in time.

        """
        user = require_entry(self.parts, external_id, self.application, now)
        try:
            return require_account(self.parts, user, self.application)
        except NotProvisioned:
            self._provision(user)
        return require_account(self.parts, user, self.application)

    def _provision(self, user: DirectoryUser) -> None:
        if self.parts.accounts is None:
            return
        words = self.parts.accounts.provision(self.application.target, user.external_id)
        self.parts.record(
            "account.provisioned",
            Reason.NOT_PROVISIONED if words else "",
            actor=user.external_id,
            application=self.application.name,
            address=self.address,
            details={"target": self.application.target, "words": words},
        )

    def _respond(self, user: DirectoryUser, session: SsoSession, now: datetime) -> SendResponse:
        """Return the answer.

        Raises:
            PolicyDenied: if the directory has no name for them that the application would take.

        """
        sign_on = SignOn(
            session.session_index,
            session.authenticated_at,
            session.context_class,
            session.authority,
        )
        directory, answerer = self.parts.directory, self.parts.answerer
        groups = directory.group_names(user.external_id) if self.application.reads_groups else ()
        # It is looked into for every attribute.
        user = replace(user, document=values_of(user.document))
        return answerer.respond(user, self.application, self.request, sign_on, now, groups)

    def _told(self, session: SsoSession, view: SendResponse, now: datetime) -> Participant:
        """Return that the application is told of the session, and by which name."""
        return Participant(
            sso_index=session.session_index,
            application=self.application.slug,
            entity_id=self.application.service_provider.entity_id,
            external_id=session.external_id,
            name_id=view.name_id,
            name_id_format=view.name_id_format,
            session_index=session.session_index,
            told_at=now,
            expires_at=remembered_until(now, session),
        )

    def _keep_use(self, session: SsoSession, view: SendResponse, now: datetime) -> bool:
        """Keep that the answer goes out; False if one did already, or the session has ended."""
        entry, told = self._entry(session, "session", now), self._told(session, view, now)
        return self.parts.store.answer(
            self._ending(now, entry, uses=session.cookie_digest, tells=told)
        )

    def _deny(self, session: SsoSession, error: LoginError) -> NextStep:
        if isinstance(error, NotProvisioned) and not self.request.is_passive:
            self.parts.audit.record(self._event("login.denied", error.reason, session.external_id))
            return ShowNotReady(self.application.name)
        return self._stop("login.denied", error.reason, session.external_id)

    def _stop(self, name: str, reason: str, actor: str = "") -> NextStep:
        """Say why there is no assertion: on a page that leads back, or without a page if passive.

        The page may be shown again; what it sends back says nothing of anybody.
        """
        now, event = self.parts.clock.now(), self._event(name, reason, actor)
        if not self.request.is_passive:
            self.parts.audit.record(event)
            words = _WORDS.get(reason, DENIED)
            return ShowDenied(self.application.name, words, self._way_back(reason, now))
        if not self.parts.store.answer(self._ending(now, event)):
            return ShowDenied(self.application.name, EXPIRED)
        return self.parts.answerer.refuse(self.application, self.request, reason, now)

    def _way_back(self, reason: str, now: datetime) -> SendResponse | None:
        """Return what tells the service provider; None if it did not ask."""
        if not self.request.request_id:
            return None
        return self.parts.answerer.refuse(self.application, self.request, reason, now)

    def _event(self, name: str, reason: str, actor: str) -> AuditEvent:
        now, application = self.parts.clock.now(), self.application.name
        return AuditEvent(now, name, "failure", reason, actor, application, self.address)

    def _ending(self, now: datetime, event: AuditEvent, **more: Any) -> Ending:
        if self.transaction_id:
            return Ending(now, event, self.transaction_id, **more)
        return Ending(
            now,
            event,
            issuer=self.request.issuer,
            request_id=self.request.request_id,
            forgotten_at=now + self.parts.settings.login_lifetime,
            **more,
        )

    def _entry(self, session: SsoSession, proof: str, now: datetime) -> AuditEvent:
        details = {"proof": proof, "session_index": session.session_index}
        if session.source != AD:
            details["source"] = session.source
        return AuditEvent(
            now,
            "login.succeeded",
            "success",
            actor=session.external_id,
            application=self.application.name,
            address=self.address,
            details=details,
        )
