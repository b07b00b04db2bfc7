"""One login from request to answer: the dispatcher reads how far it is, and decides what is next.

The steps never call each other. What was proven is in the store, bound to one browser, so a form
that skips a step, repeats one or comes from elsewhere finds nothing to stand on. Every end of a
login, good or bad, is in the audit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from connector.errors import LoginError, PolicyDenied, RequestRefused
from connector.idp.admission import enter_step, give_to_browser, load_login
from connector.idp.at_once import answer_at_once
from connector.idp.authenticator.password import Claim, MustChange
from connector.idp.departure import EXPIRED, Departure, require_entry
from connector.idp.federation import (
    Detour,
    attach,
    check_password,
    may_be_met_elsewhere,
    proof_of,
    receive,
    still_opens,
)
from connector.idp.message.authn_request import (
    AuthnRequest,
    from_json,
    parse_authn_request,
    to_json,
    unasked_request,
)
from connector.idp.new_password import NewPassword, TypedPasswords
from connector.idp.parts import DirectoryLookup, LoginParts, LoginSettings
from connector.idp.portal import find_live_session, find_session, find_signed_in
from connector.idp.reason import Reason
from connector.idp.transaction import LoginTransaction, Step, step_token
from connector.idp.view import (
    AskEmail,
    AskNewPassword,
    AskPassword,
    NextStep,
    SendResponse,
    SendToSource,
    ShowDenied,
    SignedIn,
)
from connector.idp.vouched import AD

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from connector.idp.application.service_provider import Application
    from connector.idp.binding import BoundMessage

__all__ = [
    "AskEmail",
    "AskNewPassword",
    "AskPassword",
    "DirectoryLookup",
    "LoginFlow",
    "LoginParts",
    "LoginSettings",
    "NextStep",
    "SendResponse",
    "SendToSource",
    "ShowDenied",
    "SignedIn",
    "TypedPasswords",
]

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")

# Keys of messages: what a browser is told. The audit has the reason.
FAILED = "failed"
INVALID_EMAIL = "invalid-email"
TOO_MANY = "too-many"
UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class LoginFlow:
    """The logins of one identity provider; safe to call from several threads.

    Attributes:
        parts: What they are made of.
        end_sign_ons: Ends everything that somebody is signed on to, by external_id.

    """

    parts: LoginParts
    end_sign_ons: Callable[[str], None]

    def begin(
        self, message: BoundMessage, address: str, sso_cookie: str | None = None
    ) -> str | SendResponse:
        """Take in an AuthnRequest; return the id of the login that begins with it, or its answer.

        It is answered at once if whoever holds the cookie may enter without a question.

        Raises:
            RequestRefused: if it is not acceptable.

        """
        now = self.parts.clock.now()
        try:
            request = parse_authn_request(
                message, self.parts.registry, now=now, endpoints=self.parts.settings.endpoints
            )
            return self._answer_at_once(request, sso_cookie, address) or self._add(request, now)
        except RequestRefused as error:
            details = {"message": str(error)}
            self.parts.record("request.refused", error.reason, address=address, details=details)
            raise

    def begin_at_portal(
        self, slug: str, address: str, sso_cookie: str | None = None
    ) -> str | SendResponse:
        """Begin a login that no service provider asked for; return as `begin` does.

        Raises:
            RequestRefused: if there is no such application.

        """
        request = self._request_of_portal(slug, address)
        return self._answer_at_once(request, sso_cookie, address) or self._add(
            request, self.parts.clock.now()
        )

    def login_url(self, slug: str) -> str:
        """Return where the portal sends people for that application; "" if they begin here."""
        application = self.parts.registry.by_slug(slug)
        return application.login_url if application else ""

    def bind_browser(self, transaction_id: str, browser: str | None) -> str:
        """Give the login to the browser that comes first, and return its cookie's value.

        Raises:
            RequestRefused: if another browser has it already, or there is no such login.

        """
        return give_to_browser(self.parts, transaction_id, browser)

    def next_step(
        self,
        transaction_id: str,
        browser: str | None,
        sso_cookie: str | None,
        address: str = "",
    ) -> NextStep:
        """Return what to show.

        Raises:
            RequestRefused: if there is no such login, or it is another browser's.

        """
        transaction = load_login(self.parts, transaction_id, browser)
        request = from_json(transaction.request)
        application = self._application(transaction)
        if transaction.answered_at is not None:
            return ShowDenied(application.name, EXPIRED)
        departure = Departure(self.parts, application, request, address, transaction_id)
        if transaction.vouched and transaction.verified_at is None:
            refused = Detour(self.parts, transaction, application, address).come_back()
            transaction = load_login(self.parts, transaction_id, browser)
            if refused and request.is_passive:
                return departure.refuse(refused)
        detour = Detour(self.parts, transaction, application, address)
        return self._depart(departure, transaction, sso_cookie) or self._ask(detour)

    def submit_email(
        self, transaction_id: str, browser: str | None, step_token: str, email: str
    ) -> None:
        """Take what the person typed; whether anybody has that address does not show.

        Raises:
            RequestRefused: if the form is not of this login, browser and step.

        """
        transaction = enter_step(self.parts, transaction_id, browser, step_token, Step.EMAIL)
        typed = email.strip()
        if _EMAIL.fullmatch(typed) and typed.isprintable():
            self.parts.store.set_email(transaction.transaction_id, typed)
        else:
            self.parts.store.set_email(transaction.transaction_id, "", INVALID_EMAIL)

    def forget_email(self, transaction_id: str, browser: str | None, step_token: str) -> None:
        """Go back to the question who the person is ("Not you?").

        Raises:
            RequestRefused: if the form is not of this login, browser and step.

        """
        steps = Step.PASSWORD, Step.NEW_PASSWORD
        transaction = enter_step(self.parts, transaction_id, browser, step_token, *steps)
        self.parts.store.set_email(transaction.transaction_id, "")

    def leave_source(self, transaction_id: str, browser: str | None, step_token: str) -> None:
        """Go back from an upstream to the question who the person is ("Not you?").

        Raises:
            RequestRefused: if the form is not of this login, browser and step.

        """
        transaction = enter_step(self.parts, transaction_id, browser, step_token, Step.SOURCE)
        self.parts.store.set_email(transaction.transaction_id, "")

    def take_answer(self, message: BoundMessage, address: str) -> str:
        """Take in what an upstream answers, and return the id of the login that waited for it.

        Raises:
            UpstreamRefused: if it is not to be believed.
            RequestRefused: if nobody asked for it, and it is for no application of ours.

        """
        received = receive(self.parts, message, address)
        if received.transaction_id:
            return received.transaction_id
        request = self._request_of_portal(received.relay_state, address)
        transaction_id = self._add(request, self.parts.clock.now())
        attach(self.parts, transaction_id, received.outcome)
        return transaction_id

    def submit_password(
        self, transaction_id: str, browser: str | None, step_token: str, password: str, address: str
    ) -> None:
        """Check the password, then whether the person may enter; `next_step` shows what came of it.

        Raises:
            RequestRefused: if the form is not of this login, browser and step.

        """
        transaction = enter_step(self.parts, transaction_id, browser, step_token, Step.PASSWORD)
        now = self.parts.clock.now()
        application = self._application(transaction)
        user = self.parts.directory.find_login(transaction.email.casefold())
        claim = Claim(transaction.email.casefold(), user, password, address)
        try:
            self._verify(claim, transaction, application, now)
        except LoginError as error:
            self._fail(transaction, error, user.external_id if user else "", address)

    def submit_new_password(
        self,
        transaction_id: str,
        browser: str | None,
        step_token: str,
        typed: TypedPasswords,
        address: str,
    ) -> None:
        """Change a password that has expired; `next_step` shows what came of it.

        Raises:
            RequestRefused: if the form is not of this login, browser and step.

        """
        transaction = enter_step(self.parts, transaction_id, browser, step_token, Step.NEW_PASSWORD)
        application = self._application(transaction)
        try:
            self._new_password(transaction, application, address).take(typed)
        except PolicyDenied as error:
            self._fail(transaction, error, transaction.external_id, address)

    def session_of(self, sso_cookie: str | None) -> SignedIn | None:
        """Return who is signed in, and what is open to them."""
        return find_signed_in(self.parts, sso_cookie)

    # What the steps above share.

    def _request_of_portal(self, slug: str, address: str) -> AuthnRequest:
        try:
            return unasked_request(self.parts.registry.by_slug(slug), self.parts.clock.now())
        except RequestRefused as error:
            self.parts.record("request.refused", error.reason, address=address)
            raise

    def _answer_at_once(
        self, request: AuthnRequest, sso_cookie: str | None, address: str
    ) -> SendResponse | None:
        session = find_live_session(self.parts, sso_cookie)
        return answer_at_once(self.parts, request, session, address)

    def _depart(
        self, departure: Departure, transaction: LoginTransaction, sso_cookie: str | None
    ) -> NextStep | None:
        """Return how the login ends, or None if the person has yet to be asked."""
        request, application, address = departure.request, departure.application, departure.address
        if request.unmet and not may_be_met_elsewhere(self.parts, request, application, address):
            return departure.refuse(request.unmet)
        if transaction.verified_at is not None:
            return departure.enter_anew(
                transaction.external_id, transaction.email, proof_of(transaction), sso_cookie
            )
        session = None if request.force_authn else find_session(self.parts, sso_cookie)
        may_stay = session and still_opens(self.parts, session, application, address)
        if session and may_stay and (end := departure.enter_again(session)) is not None:
            return end
        if request.is_passive and not self.parts.routes.only_upstream(application.slug, address):
            return departure.refuse(Reason.PASSIVE_WITHOUT_SESSION)
        return None

    def _ask(self, detour: Detour) -> NextStep:
        if detour.source() != AD:
            return detour.leave()
        transaction, name = detour.stay(), detour.application.name
        token = step_token(self.parts.secret, transaction, transaction.step)
        if transaction.step is Step.EMAIL:
            return AskEmail(name, token, error=transaction.error)
        if transaction.step is Step.NEW_PASSWORD:
            return self._new_password(transaction, detour.application).ask(token)
        self.parts.authenticator.check.prepare()
        return AskPassword(name, token, transaction.email, transaction.error)

    def _new_password(
        self, transaction: LoginTransaction, application: Application, address: str = ""
    ) -> NewPassword:
        return NewPassword(self.parts, transaction, application, address, self.end_sign_ons)

    def _add(self, request: AuthnRequest, now: datetime) -> str:
        transaction = LoginTransaction(
            transaction_id=self.parts.new_token(16),
            created_at=now,
            expires_at=now + self.parts.settings.login_lifetime,
            application=request.application,
            request=to_json(request),
            email=request.subject if _EMAIL.fullmatch(request.subject) else "",
        )
        is_new = self.parts.store.add_transaction(
            transaction, issuer=request.issuer, request_id=request.request_id
        )
        if not is_new:
            raise RequestRefused(Reason.REQUEST_REPLAYED)
        return transaction.transaction_id

    def _verify(
        self, claim: Claim, transaction: LoginTransaction, application: Application, now: datetime
    ) -> None:
        """Keep that the person proved the password and may enter, or raise why not."""
        verified = check_password(self.parts, claim, application, now)
        require_entry(self.parts, verified.external_id, application, now)
        if isinstance(verified, MustChange):
            self._new_password(transaction, application, claim.address).begin(verified)
            return
        self.parts.store.set_verified(transaction.transaction_id, verified.external_id, now)

    def _fail(
        self, transaction: LoginTransaction, error: LoginError, actor: str, address: str
    ) -> None:
        """Ask for the password (again), and keep in the audit why."""
        message = {"message": str(error)} if str(error) != error.reason else {}
        self.parts.store.set_person(transaction.transaction_id, "", _message_key(error.reason))
        self.parts.record(
            "login.failed",
            error.reason,
            actor=actor,
            application=self._application(transaction).name,
            address=address,
            details={"email": transaction.email} | message,
        )

    def _application(self, transaction: LoginTransaction) -> Application:
        application = self.parts.registry.by_slug(transaction.application)
        if application is None:  # taken out of the configuration while somebody signed in
            raise RequestRefused(Reason.APPLICATION_UNKNOWN)
        return application


def _message_key(reason: str) -> str:
    """Return what the browser is told: one thing, unless it would help nobody but the person."""
    match reason:
        case Reason.TOO_MANY_ATTEMPTS:
            return TOO_MANY
        case Reason.SOURCE_UNAVAILABLE | Reason.PASSWORD_UNANSWERED:
            return UNAVAILABLE
        case _:
            return FAILED
