"""One login from request to answer: the dispatcher reads how far it is, and decides what is next.

The steps never call each other. What was proven is in the store, bound to one browser, so a form
that skips a step, repeats one or comes from elsewhere finds nothing to stand on. Every end of a
login, good or bad, is in the audit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from connector.errors import PolicyDenied, RequestRefused
from connector.idp.admission import give_to_browser, load_login
from connector.idp.at_once import answer_at_once
from connector.idp.departure import EXPIRED, Departure, Entrant
from connector.idp.enrolment import CHOOSE
from connector.idp.entry import judge, wants_second
from connector.idp.evidence import of_session
from connector.idp.factor_forms import FactorForms
from connector.idp.federation import (
    Detour,
    attach,
    may_be_met_elsewhere,
    receive,
    still_opens,
)
from connector.idp.first_factor import EMAIL, FirstFactor
from connector.idp.home import application_of, home_request
from connector.idp.message.authn_request import (
    AuthnRequest,
    from_json,
    parse_authn_request,
    to_json,
    unasked_request,
)
from connector.idp.new_password import TypedPasswords
from connector.idp.parts import DirectoryLookup, LoginParts, LoginSettings
from connector.idp.policy import Allow, SignInAgain
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
from connector.idp.visit import Visit
from connector.idp.vouched import AD

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from connector.idp.binding import BoundMessage
    from connector.idp.session import SsoSession

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
    "Visit",
]

_NOWHERE = Visit()


@dataclass(frozen=True, slots=True)
class LoginFlow:
    """The logins of one identity provider; safe to call from several threads.

    Attributes:
        parts: What they are made of.
        end_sign_ons: Ends everything that somebody is signed on to, by external_id.

    """

    parts: LoginParts
    end_sign_ons: Callable[[str], None]

    @property
    def first(self) -> FirstFactor:
        """Return the forms by which people say and prove who they are."""
        return FirstFactor(self.parts, self.end_sign_ons)

    @property
    def second(self) -> FactorForms:
        """Return the forms by which they prove a second factor, and enrol one."""
        return FactorForms(self.parts)

    def begin(
        self, message: BoundMessage, visit: Visit, sso_cookie: str | None = None
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
            return self._answer_at_once(request, sso_cookie, visit) or self._add(request, now)
        except RequestRefused as error:
            self.parts.record(
                "request.refused",
                error.reason,
                address=visit.address,
                details={"message": str(error)},
            )
            raise

    def begin_at_portal(
        self, slug: str, visit: Visit, sso_cookie: str | None = None
    ) -> str | SendResponse:
        """Begin a login that no service provider asked for; return as `begin` does.

        Raises:
            RequestRefused: if there is no such application.

        """
        request = self._request_of_portal(slug, visit.address)
        return self._answer_at_once(request, sso_cookie, visit) or self._add(
            request, self.parts.clock.now()
        )

    def begin_at_home(self, path: str, *, adds_factor: bool = False) -> str:
        """Begin a login for a page of ours; return its id.

        Args:
            path: Of the page.
            adds_factor: Whether the person wants to add a factor before they see it.

        Raises:
            RequestRefused: if people do not sign in for that page.

        """
        request, now = home_request(path), self.parts.clock.now()
        transaction_id = self._add(request, now)
        if adds_factor:
            self.parts.store.set_stage(transaction_id, enrolling=CHOOSE)
        return transaction_id

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
        visit: Visit = _NOWHERE,
    ) -> NextStep:
        """Return what to show.

        Raises:
            RequestRefused: if there is no such login, or it is another browser's.

        """
        transaction = load_login(self.parts, transaction_id, browser)
        request, address = from_json(transaction.request), visit.address
        application = application_of(self.parts, transaction)
        if transaction.answered_at is not None:
            return ShowDenied(application.name, EXPIRED)
        departure = Departure(self.parts, application, request, visit, transaction_id)
        if transaction.vouched and transaction.verified_at is None:
            refused = Detour(self.parts, transaction, application, address).come_back()
            transaction = load_login(self.parts, transaction_id, browser)
            if refused and request.is_passive:
                return departure.refuse(refused)
        if end := self._depart(departure, transaction, sso_cookie):
            return end
        return self._ask(Detour(self.parts, transaction, application, address), visit)

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

    def session_of(self, sso_cookie: str | None) -> SignedIn | None:
        """Return who is signed in, and what is open to them."""
        return find_signed_in(self.parts, sso_cookie)

    def note_foreign_form(self, address: str) -> None:
        """Keep that a form was posted that no page of ours has made."""
        self.parts.record("login.refused", Reason.OTHER_ORIGIN, address=address)

    # What the steps above share.

    def _request_of_portal(self, slug: str, address: str) -> AuthnRequest:
        try:
            return unasked_request(self.parts.registry.by_slug(slug), self.parts.clock.now())
        except RequestRefused as error:
            self.parts.record("request.refused", error.reason, address=address)
            raise

    def _answer_at_once(
        self, request: AuthnRequest, sso_cookie: str | None, visit: Visit
    ) -> SendResponse | None:
        session = find_live_session(self.parts, sso_cookie)
        return answer_at_once(self.parts, request, session, visit)

    def _depart(
        self, departure: Departure, transaction: LoginTransaction, sso_cookie: str | None
    ) -> NextStep | None:
        """Return how the login ends, or None if the person has yet to be asked."""
        request, application = departure.request, departure.application
        address = departure.visit.address
        if request.unmet and not may_be_met_elsewhere(self.parts, request, application, address):
            return departure.refuse(request.unmet)
        if transaction.verified_at is not None:
            return self._go_on(departure, transaction, sso_cookie)
        session = None if request.force_authn else find_session(self.parts, sso_cookie)
        may_stay = session and still_opens(self.parts, session, application, address)
        if session and may_stay and (end := self._resume(departure, session, sso_cookie)):
            return end
        if request.is_passive and not self.parts.routes.only_upstream(application.slug, address):
            return departure.refuse(Reason.PASSIVE_WITHOUT_SESSION)
        return None

    def _resume(
        self, departure: Departure, session: SsoSession, sso_cookie: str | None
    ) -> NextStep | None:
        """Let in whom a session knows, or ask for what is lacking; None to have them sign in."""
        person, evidence = session.external_id, of_session(session)
        transaction_id = departure.transaction_id
        try:
            judgement = judge(
                self.parts,
                person,
                departure.application,
                departure.visit,
                evidence,
                wants_second=wants_second(
                    departure.request, departure.application, session.context_class
                ),
            )
        except PolicyDenied as error:
            return departure.deny(person, error)
        is_home = not departure.application.slug
        if isinstance(judgement.verdict, Allow) and not is_home:
            return departure.enter_again(session, judgement.user)
        if isinstance(judgement.verdict, SignInAgain) or departure.request.is_passive:
            return None
        # The session stands for the first half of it.
        self.parts.store.set_stage(
            transaction_id,
            external_id=person,
            email=session.email,
            verified_at=session.authenticated_at,
            first=session.first,
            upgrades=session.cookie_digest,
        )
        return self._go_on(departure, self._again(transaction_id), sso_cookie)

    def _go_on(
        self, departure: Departure, transaction: LoginTransaction, sso_cookie: str | None
    ) -> NextStep:
        """Ask whom the login knows for what is lacking, or let them in."""
        person = transaction.external_id
        try:
            stage = self.second.stage(transaction, departure.visit)
            if stage.has_to_begin_anew:
                return self._ask_password(departure, transaction)
            view = stage.ask()
        except PolicyDenied as error:
            return departure.deny(person, error)
        if view is not None and departure.request.is_passive:
            return departure.refuse(Reason.PASSIVE_WITHOUT_SESSION)
        if view is not None:
            return view
        entrant = Entrant(
            person,
            transaction.email,
            stage.judgement.user,
            stage.proof,
            stage.evidence,
            stage.remembering(),
        )
        return departure.enter_anew(entrant, sso_cookie)

    def _ask_password(self, departure: Departure, transaction: LoginTransaction) -> NextStep:
        """Ask somebody for the password who came by a passkey alone, where that is not enough."""
        transaction_id, email = transaction.transaction_id, transaction.email
        self.parts.store.set_email(transaction_id, email, "password-wanted")
        again = self._again(transaction_id)
        address = departure.visit.address
        return self._ask(Detour(self.parts, again, departure.application, address), departure.visit)

    def _again(self, transaction_id: str) -> LoginTransaction:
        """Return a login as it is now that something was kept of it."""
        found = self.parts.store.transaction(transaction_id, self.parts.clock.now())
        if found is None:
            raise RequestRefused(Reason.TRANSACTION_UNKNOWN)
        return found

    def _ask(self, detour: Detour, visit: Visit) -> NextStep:
        if detour.source() != AD:
            return detour.leave()
        transaction, name = detour.stay(), detour.application.name
        token = step_token(self.parts.secret, transaction, transaction.step)
        if transaction.step is Step.NEW_PASSWORD:
            return self.first.new_password(transaction, detour.application, visit).ask(token)
        passkey, error = self.first.passkey_question(transaction), transaction.error
        if transaction.step is Step.EMAIL:
            return AskEmail(name, token, error=error, passkey=passkey)
        self.parts.authenticator.check.prepare()
        wait = self.first.wait(transaction, visit)
        return AskPassword(name, token, transaction.email, error, passkey, wait)

    def _add(self, request: AuthnRequest, now: datetime) -> str:
        transaction = LoginTransaction(
            transaction_id=self.parts.new_token(16),
            created_at=now,
            expires_at=now + self.parts.settings.login_lifetime,
            application=request.application,
            request=to_json(request),
            email=request.subject if EMAIL.fullmatch(request.subject) else "",
        )
        is_new = self.parts.store.add_transaction(
            transaction, issuer=request.issuer, request_id=request.request_id
        )
        if not is_new:
            raise RequestRefused(Reason.REQUEST_REPLAYED)
        return transaction.transaction_id
