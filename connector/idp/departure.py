"""How a login ends: let in, or turned away, each time with an answer and a row of the audit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from connector.audit import AuditEvent
from connector.errors import LoginError, NotProvisioned
from connector.idp.device_memory import remember, renew
from connector.idp.entry import require_account, require_proof, wants_second
from connector.idp.evidence import of_session
from connector.idp.message.assertion import SignOn
from connector.idp.reason import Reason
from connector.idp.session import Participant, SsoSession, remembered_until
from connector.idp.store.sign_ons import Ending
from connector.idp.transaction import digest_of
from connector.idp.view import NextStep, SendHome, SendResponse, ShowDenied, ShowNotReady
from connector.idp.vouched import AD
from connector.packed import values_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from connector.directory.person import DirectoryUser
    from connector.idp.application.service_provider import Application
    from connector.idp.device_memory import Remembering
    from connector.idp.evidence import Evidence
    from connector.idp.message.authn_request import AuthnRequest
    from connector.idp.parts import LoginParts
    from connector.idp.view import DeviceCookie
    from connector.idp.visit import Visit
    from connector.idp.vouched import Vouched

# Keys of messages: what the page says. The audit has the reason.
DENIED = "denied"
EXPIRED = "expired"
_WORDS: Mapping[str, str] = MappingProxyType(
    {
        Reason.NOT_IN_GROUP: "not-allowed",
        Reason.NOT_ACTIVE: "not-allowed",
        Reason.STATUS_DISABLED: "account-disabled",
        Reason.STATUS_LOCKED_OUT: "account-locked",
        Reason.NETWORK_REFUSED: "policy-denied",
        Reason.COUNTRY_REFUSED: "policy-denied",
        Reason.POLICY_DENIES: "policy-denied",
        Reason.BROWSER_TOO_OLD: "browser-too-old",
        Reason.FACTOR_MISSING: "factor-missing",
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


@dataclass(frozen=True, slots=True)
class Entrant:
    """Whom a login has verified.

    Attributes:
        external_id: The person.
        email: As typed, for pages.
        user: Likewise, as the directory has them; the policy lets them in.
        proof: Who says who they are, and since when.
        evidence: What they have proved.
        remembering: What is to be remembered of the device; None for nothing.

    """

    external_id: str
    email: str
    user: DirectoryUser
    proof: Vouched
    evidence: Evidence
    remembering: Remembering | None = None


@dataclass(frozen=True, slots=True)
class Departure:
    """The end of one login.

    Attributes:
        parts: Of the identity provider.
        application: Where the person is going.
        request: What is answered.
        visit: The request at hand.
        transaction_id: The login; "" if it is answered at once, and was never stored.

    """

    parts: LoginParts
    application: Application
    request: AuthnRequest
    visit: Visit
    transaction_id: str = ""

    def enter_anew(self, entrant: Entrant, old_cookie: str | None) -> NextStep:
        """Let in whom this login verified, and begin their SSO session."""
        now, cookie = self.parts.clock.now(), self.parts.new_token(32)
        session = self._session(entrant, digest_of(cookie), now)
        try:
            view = self._respond(self._with_account(entrant.user), session, now)
        except LoginError as error:
            return self.deny(entrant.external_id, error)
        ending = self._ending(
            now,
            self._entry(session, session.first, now),
            begins=session,
            ends=digest_of(old_cookie) if old_cookie else None,
            tells=self._told(session, view, now),
        )
        if not self.parts.store.answer(ending):
            return ShowDenied(self.application.name, EXPIRED)
        return replace(view, sso_cookie=cookie, device=self._remember(entrant))

    def enter_again(self, session: SsoSession, user: DirectoryUser) -> NextStep | None:
        """Let in whom an SSO session knows, and the policy lets in; None to have them sign in anew.

        Args:
            session: That they have.
            user: The person.

        """
        now, person = self.parts.clock.now(), session.external_id
        try:
            view = self._respond(self._with_account(user), session, now)
        except LoginError as error:
            return None if error.reason in _WORTH_ASKING else self.deny(person, error)
        is_kept = self._keep_use(session, view, now)
        return view if is_kept else ShowDenied(self.application.name, EXPIRED)

    def enter_at_once(self, session: SsoSession) -> SendResponse | None:
        """Let in whom an SSO session knows.

        None if the request was answered before, or the session has ended meanwhile.

        Raises:
            LoginError: if they may not enter, or not yet; nothing is kept of that.

        """
        now = self.parts.clock.now()
        user = require_proof(
            self.parts,
            session.external_id,
            self.application,
            self.visit,
            of_session(session),
            wants_second=wants_second(self.request, self.application, session.context_class),
        )
        view = self._respond(require_account(self.parts, user, self.application), session, now)
        is_kept = self._keep_use(session, view, now)
        return view if is_kept and isinstance(view, SendResponse) else None

    def _remember(self, entrant: Entrant) -> DeviceCookie | None:
        """Return the new cookie of the device; None if it keeps what it has."""
        evidence, wanted = entrant.evidence, entrant.remembering
        if evidence.second and wanted:
            person, second = entrant.external_id, evidence.second
            return remember(self.parts, person, second, self.visit, wanted)
        if evidence.remembered_at is not None and not evidence.second:
            return renew(self.parts, entrant.external_id, self.visit)
        return None

    def _session(self, entrant: Entrant, cookie_digest: bytes, now: datetime) -> SsoSession:
        """Return the session that begins; one that adds a factor to another ends when that does."""
        proof, evidence = entrant.proof, entrant.evidence
        ends_at = evidence.first_at + self.parts.settings.sessions.lifetime
        return SsoSession(
            cookie_digest=cookie_digest,
            session_index=f"_{self.parts.random(16).hex()}",
            external_id=entrant.external_id,
            email=entrant.email,
            address=self.visit.address,
            authenticated_at=proof.authenticated_at,
            used_at=now,
            expires_at=min(ends_at, proof.ends_at or ends_at),
            source=proof.upstream,
            context_class=proof.context_class,
            authority=proof.authority,
            first=evidence.first,
            second=evidence.second or "",
            second_at=evidence.second_at,
            remembered_at=evidence.remembered_at,
            remembered_for=evidence.remembered_for,
            remembered_by=evidence.remembered_by or "",
            user_agent=self.visit.user_agent,
        )

    def refuse(self, reason: str) -> NextStep:
        """Tell the person, or at once the service provider, that there will be no assertion."""
        return self._stop("login.refused", reason)

    def _with_account(self, user: DirectoryUser) -> DirectoryUser:
        """Return the person as the application knows them; give them an account there if need be.

        Raises:
            NotProvisioned: if they have no account in time.

        """
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
            address=self.visit.address,
            details={"target": self.application.target, "words": words},
        )

    def _respond(
        self, user: DirectoryUser, session: SsoSession, now: datetime
    ) -> SendResponse | SendHome:
        """Return the answer; for a page of ours, the way there.

        Raises:
            PolicyDenied: if the directory has no name for them that the application would take.

        """
        if not self.application.slug:
            return SendHome(self.request.relay_state)
        sign_on = SignOn(
            session.session_index,
            session.authenticated_at,
            session.context_class,
            session.authority,
            has_second_factor=session.first == "passkey" or bool(session.second),
        )
        directory, answerer = self.parts.directory, self.parts.answerer
        groups = directory.group_names(user.external_id) if self.application.reads_groups else ()
        # It is looked into for every attribute.
        user = replace(user, document=values_of(user.document))
        return answerer.respond(user, self.application, self.request, sign_on, now, groups)

    def _told(
        self, session: SsoSession, view: SendResponse | SendHome, now: datetime
    ) -> Participant | None:
        """Return that the application is told of the session, and by which name; None for ours."""
        if isinstance(view, SendHome):
            return None
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

    def _keep_use(self, session: SsoSession, view: SendResponse | SendHome, now: datetime) -> bool:
        """Keep that the answer goes out; False if one did already, or the session has ended."""
        entry, told = self._entry(session, "session", now), self._told(session, view, now)
        return self.parts.store.answer(
            self._ending(now, entry, uses=session.cookie_digest, tells=told)
        )

    def deny(self, external_id: str, error: LoginError) -> NextStep:
        """Say that somebody may not enter, or not yet."""
        if isinstance(error, NotProvisioned) and not self.request.is_passive:
            self.parts.audit.record(self._event("login.denied", error.reason, external_id))
            return ShowNotReady(self.application.name)
        # Which rule of which layer says so, if one does.
        message = "" if str(error) == error.reason else str(error)
        return self._stop("login.denied", error.reason, external_id, message)

    def _stop(self, name: str, reason: str, actor: str = "", message: str = "") -> NextStep:
        """Say why there is no assertion: on a page that leads back, or without a page if passive.

        The page may be shown again; what it sends back says nothing of anybody.
        """
        now, event = self.parts.clock.now(), self._event(name, reason, actor, message)
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

    def _event(self, name: str, reason: str, actor: str, message: str = "") -> AuditEvent:
        now, application = self.parts.clock.now(), self.application.name
        details = {"message": message} if message else {}
        return AuditEvent(
            now, name, "failure", reason, actor, application, self.visit.address, details
        )

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
        if session.second:
            details["second"] = session.second
        elif session.remembered_at:
            details["second"] = "remembered-device"
        if session.source != AD:
            details["source"] = session.source
        if session.user_agent and proof != "session":
            details["browser"] = session.user_agent
        return AuditEvent(
            now,
            "login.succeeded",
            "success",
            actor=session.external_id,
            application=self.application.name,
            address=self.visit.address,
            details=details,
        )
