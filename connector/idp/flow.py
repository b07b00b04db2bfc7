"""One login from request to answer: the dispatcher reads how far it is, and decides what is next.

The steps never call each other. What was proven is in the store, bound to one browser, so a form
that skips a step, repeats one or comes from elsewhere finds nothing to stand on. Every end of a
login, good or bad, is in the audit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from connector.errors import LoginError, RequestRefused
from connector.idp.authenticator.password import Claim
from connector.idp.departure import EXPIRED, Departure, require_entry
from connector.idp.federation import Detour, attach, check_password, proof_of, receive, still_opens
from connector.idp.message.authn_request import (
    AuthnRequest,
    from_json,
    parse_authn_request,
    to_json,
)
from connector.idp.parts import DirectoryLookup, LoginParts, LoginSettings
from connector.idp.portal import find_live_session, find_session, find_signed_in
from connector.idp.reason import Reason
from connector.idp.transaction import LoginTransaction, Step, digest_of, is_step_token, step_token
from connector.idp.view import (
    AskEmail,
    AskPassword,
    NextStep,
    SendResponse,
    SendToSource,
    ShowDenied,
    SignedIn,
)
from connector.idp.vouched import AD

if TYPE_CHECKING:
    from datetime import datetime

    from connector.idp.application.service_provider import Application
    from connector.idp.binding import BoundMessage

__all__ = [
    "AskEmail",
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
]

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")
_BROWSER = re.compile(r"[A-Za-z0-9_-]{43}")

# Keys of messages: what a browser is told. The audit has the reason.
FAILED = "failed"
INVALID_EMAIL = "invalid-email"
TOO_MANY = "too-many"
UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class LoginFlow:
    """The logins of one identity provider; safe to call from several threads."""

    parts: LoginParts

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

    def bind_browser(self, transaction_id: str, browser: str | None) -> str:
        """Give the login to the browser that comes first, and return its cookie's value.

        Raises:
            RequestRefused: if another browser has it already, or there is no such login.

        """
        value = browser if browser and _BROWSER.fullmatch(browser) else self.parts.new_token(32)
        if not self.parts.store.bind_browser(transaction_id, digest_of(value)):
            self._load(transaction_id, value)
        return value

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
        transaction = self._load(transaction_id, browser)
        request = from_json(transaction.request)
        application = self._application(transaction)
        if transaction.answered_at is not None:
            return ShowDenied(application.name, EXPIRED)
        departure = Departure(self.parts, application, request, address, transaction_id)
        if transaction.vouched and transaction.verified_at is None:
            refused = Detour(self.parts, transaction, application, address).come_back()
            transaction = self._load(transaction_id, browser)
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
        transaction = self._enter(transaction_id, browser, Step.EMAIL, step_token)
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
        transaction = self._enter(transaction_id, browser, Step.PASSWORD, step_token)
        self.parts.store.set_email(transaction.transaction_id, "")

    def leave_source(self, transaction_id: str, browser: str | None, step_token: str) -> None:
        """Go back from an upstream to the question who the person is ("Not you?").

        Raises:
            RequestRefused: if the form is not of this login, browser and step.

        """
        transaction = self._enter(transaction_id, browser, Step.SOURCE, step_token)
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
        transaction = self._enter(transaction_id, browser, Step.PASSWORD, step_token)
        now = self.parts.clock.now()
        application = self._application(transaction)
        user = self.parts.directory.find_login(transaction.email.casefold())
        claim = Claim(transaction.email.casefold(), user, password, address)
        try:
            self._verify(claim, transaction, application, now)
        except LoginError as error:
            self.parts.store.set_error(transaction.transaction_id, _message_key(error.reason))
            self.parts.record(
                "login.failed",
                error.reason,
                actor=user.external_id if user else "",
                application=application.name,
                address=address,
                details={"email": transaction.email},
            )

    def session_of(self, sso_cookie: str | None) -> SignedIn | None:
        """Return who is signed in, and what is open to them."""
        return find_signed_in(self.parts, sso_cookie)

    # What the steps above share.

    def _request_of_portal(self, slug: str, address: str) -> AuthnRequest:
        application = self.parts.registry.by_slug(slug)
        if application is None:
            self.parts.record("request.refused", Reason.APPLICATION_UNKNOWN, address=address)
            raise RequestRefused(Reason.APPLICATION_UNKNOWN)
        service_provider = application.service_provider
        acs_url = application.portal_acs_url or service_provider.default_acs().url
        return AuthnRequest("", service_provider.entity_id, application.slug, acs_url)

    def _answer_at_once(
        self, request: AuthnRequest, sso_cookie: str | None, address: str
    ) -> SendResponse | None:
        """Return the answer to a request of somebody who is signed in; None for all others."""
        if not sso_cookie or request.unmet or request.force_authn:
            return None
        application = self.parts.registry.by_slug(request.application)
        session = find_live_session(self.parts, sso_cookie)
        if session is None or application is None:
            return None
        if not still_opens(self.parts, session, application, address):
            return None
        try:
            return Departure(self.parts, application, request, address).enter_at_once(session)
        except LoginError:  # the page of a stored login says so, and the audit why
            return None

    def _depart(
        self, departure: Departure, transaction: LoginTransaction, sso_cookie: str | None
    ) -> NextStep | None:
        """Return how the login ends, or None if the person has yet to be asked."""
        request = departure.request
        if request.unmet:
            return departure.refuse(request.unmet)
        if transaction.verified_at is not None:
            return departure.enter_anew(
                transaction.external_id, transaction.email, proof_of(transaction), sso_cookie
            )
        application, address = departure.application, departure.address
        session = None if request.force_authn else find_session(self.parts, sso_cookie)
        if session is not None and still_opens(self.parts, session, application, address):
            return departure.enter_again(session)
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
        return AskPassword(name, token, transaction.email, transaction.error)

    def _add(self, request: AuthnRequest, now: datetime) -> str:
        transaction = LoginTransaction(
            transaction_id=self.parts.new_token(16),
            created_at=now,
            expires_at=now + self.parts.settings.login_lifetime,
            application=request.application,
            request=to_json(request),
        )
        is_new = self.parts.store.add_transaction(
            transaction, issuer=request.issuer, request_id=request.request_id
        )
        if not is_new:
            raise RequestRefused(Reason.REQUEST_REPLAYED)
        return transaction.transaction_id

    def _load(self, transaction_id: str, browser: str | None) -> LoginTransaction:
        """Return the login, if it is this browser's."""
        transaction = self.parts.store.transaction(transaction_id, self.parts.clock.now())
        if transaction is None:
            raise RequestRefused(Reason.TRANSACTION_UNKNOWN)
        if not browser or transaction.browser_digest != digest_of(browser):
            self.parts.record(
                "login.refused", Reason.OTHER_BROWSER, application=transaction.application
            )
            raise RequestRefused(Reason.OTHER_BROWSER)
        return transaction

    def _enter(
        self, transaction_id: str, browser: str | None, step: Step, token: str
    ) -> LoginTransaction:
        """Return the login, if it is at this step and the form was made for it."""
        transaction = self._load(transaction_id, browser)
        reason = ""
        if transaction.answered_at is not None or transaction.verified_at is not None:
            reason = Reason.TRANSACTION_ENDED
        elif not is_step_token(token, self.parts.secret, transaction, step):
            reason = Reason.STEP_TOKEN
        elif transaction.step is not step:
            reason = Reason.STEP_SKIPPED
        if reason:
            self.parts.record("login.refused", reason, application=transaction.application)
            raise RequestRefused(reason)
        return transaction

    def _verify(
        self, claim: Claim, transaction: LoginTransaction, application: Application, now: datetime
    ) -> None:
        """Keep that the person proved the password and may enter, or raise why not."""
        verified = check_password(self.parts, claim, application, now)
        require_entry(self.parts, verified.external_id, application, now)
        self.parts.store.set_verified(transaction.transaction_id, verified.external_id, now)

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
        case Reason.SOURCE_UNAVAILABLE:
            return UNAVAILABLE
        case _:
            return FAILED
