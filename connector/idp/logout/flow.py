"""The dispatcher of logouts: reads how far one is, and decides what the browser does next.

One application after the other is visited, each step a page of ours, so that nothing depends on
cookies of third parties, or on where an application's forms may lead. What was answered is in the
store, bound to one browser. An application that never sends the browser back strands nobody: the
way back, or any visit to us, leads to a page that goes on without it.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING

from connector.errors import RequestRefused
from connector.idp.logout.ending import Occasion, deliver_first, end_sessions, new_logout
from connector.idp.logout.intake import from_json, take_request, take_response, take_soap
from connector.idp.logout.meaning import Meaning, find_meaning_here
from connector.idp.logout.telling import told_event
from connector.idp.logout.view import (
    AskSignOut,
    AwaitAnswer,
    LogoutView,
    Outcome,
    SendMessage,
    ShowOutcome,
    Told,
)
from connector.idp.logout.wire import answer_by_browser, request_by_browser, status_of
from connector.idp.logout_transaction import (
    LOGOUT_LIFETIME,
    Cause,
    Channel,
    Delivery,
    DeliveryState,
    Logout,
)
from connector.idp.names import MessageKind
from connector.idp.reason import Reason
from connector.idp.store.logouts import Ends
from connector.idp.transaction import digest_of

if TYPE_CHECKING:
    from connector.idp.binding import BoundMessage
    from connector.idp.logout.parts import LogoutParts

_BROWSER = re.compile(r"[A-Za-z0-9_-]{43}")
_CONFIRM, _SKIP = "sign-out", "go-on"
_OUTCOMES = {
    DeliveryState.SIGNED_OUT: Outcome.SIGNED_OUT,
    DeliveryState.REFUSED: Outcome.REFUSED,
    DeliveryState.UNTOLD: Outcome.UNTOLD,
}


@dataclass(frozen=True, slots=True)
class LogoutFlow:
    """The logouts of one identity provider; safe to call from several threads."""

    parts: LogoutParts

    # How a logout begins.

    def begin_at_portal(
        self, sso_cookie: str | None, browser: str | None, address: str
    ) -> tuple[str, str] | None:
        """Sign a person out; return the logout's id and the value of the browser's cookie.

        None if nobody is signed in there.
        """
        login = self.parts.login
        session = login.store.session(digest_of(sso_cookie)) if sso_cookie else None
        if session is None:
            return None
        value = self._browser_value(browser)
        logout = new_logout(self.parts, Cause.PERSON, session.external_id)
        ended = end_sessions(
            self.parts,
            replace(logout, browser_digest=digest_of(value)),
            Ends({session.session_index}),
            Occasion(address, has_browser=True),
        )
        deliver_first(self.parts, [ended], has_browser=True)
        return ended.logout_id, value

    def take(self, message: BoundMessage, address: str) -> str:
        """Take in what a browser brought from a service provider; return the logout's id.

        Raises:
            RequestRefused: if it is not acceptable.

        """
        if message.kind is MessageKind.RESPONSE:
            return take_response(self.parts, message, address)
        return take_request(self.parts, message, address)

    def take_soap(self, content: bytes, address: str) -> bytes:
        """Take in an envelope of a service provider's server; return the envelope of the answer.

        Raises:
            RequestRefused: if it is not acceptable.

        """
        return take_soap(self.parts, content, address)

    # How it goes on.

    def find(self, browser: str | None) -> str | None:
        """Return the id of the latest logout of a browser, or None."""
        if not browser:
            return None
        return self.parts.logouts.of_browser(digest_of(browser), self.parts.login.clock.now())

    def is_unfinished(self, browser: str | None) -> bool:
        """Return whether the browser has applications yet to visit."""
        logout_id = self.find(browser)
        now = self.parts.login.clock.now()
        logout = self.parts.logouts.logout(logout_id, now) if logout_id else None
        return logout is not None and _next_to_visit(logout) is not None

    def bind_browser(self, logout_id: str, browser: str | None, sso_cookie: str | None) -> str:
        """Give the logout to the browser that comes first, and return its cookie's value.

        Raises:
            RequestRefused: if another browser has it already, or there is no such logout.

        """
        value = self._browser_value(browser)
        logout = self._find(logout_id)
        if not logout.browser_digest:
            is_asked = logout.ended_at is None
            is_theirs = is_asked or bool(sso_cookie and logout.ended(digest_of(sso_cookie)))
            self.parts.logouts.bind_browser(logout_id, digest_of(value), is_theirs=is_theirs)
        self._load(logout_id, value)
        return value

    def next_step(
        self,
        logout_id: str,
        browser: str | None,
        sso_cookie: str | None,
        address: str = "",
        *,
        insists: bool = False,
    ) -> LogoutView:
        """Return what to show.

        Args:
            logout_id: The logout.
            browser: The browser's cookie.
            sso_cookie: That of a sign-on, if it has one.
            address: Where the browser is.
            insists: The person wants to go where they were sent before; or, at the end, back to
                the application that asked, although not all are signed out.

        Raises:
            RequestRefused: if there is no such logout, or it is another browser's.

        """
        logout = self._load(logout_id, browser)
        if logout.ended_at is None:
            meaning = self._meaning_here(logout, sso_cookie)
            if meaning.participants:
                return self._ask(logout)
            self._end_asked(logout, Meaning(), address)
            logout = self._load(logout_id, browser)
        while (delivery := _next_to_visit(logout)) is not None:
            view = self._visit(logout, delivery, insists=insists)
            if view is not None:
                return view
            logout = self._load(logout_id, browser)
        return self._outcome(logout, insists=insists)

    def confirm(
        self, logout_id: str, browser: str | None, sso_cookie: str | None, token: str, address: str
    ) -> None:
        """Sign out, as the person has said.

        Raises:
            RequestRefused: if the form is not of this logout, browser and step.

        """
        logout = self._enter(logout_id, browser, _CONFIRM, token)
        if logout.ended_at is None:
            self._end_asked(logout, self._meaning_here(logout, sso_cookie), address)

    def skip(self, logout_id: str, browser: str | None, token: str) -> None:
        """Go on without the application that has not sent the browser back.

        Raises:
            RequestRefused: if the form is not of this logout, browser and step.

        """
        logout = self._enter(logout_id, browser, _SKIP, token)
        delivery = _next_to_visit(logout)
        if delivery is None or delivery.state is not DeliveryState.SENT:
            return
        reason, now = Reason.APPLICATION_SILENT, self.parts.login.clock.now()
        event = told_event(logout, delivery, now, reason, "it did not send the browser back")
        self.parts.logouts.note(delivery.request_id, event, state=DeliveryState.SILENT)

    def ended(self, logout_id: str, sso_cookie: str | None) -> bool:
        """Return whether the session of that cookie is over by this logout."""
        logout = self.parts.logouts.logout(logout_id, self.parts.login.clock.now())
        return bool(logout and sso_cookie and logout.ended(digest_of(sso_cookie)))

    # What the steps above share.

    def _visit(self, logout: Logout, delivery: Delivery, *, insists: bool) -> LogoutView | None:
        """Return the next visit, or that it is not over; None if it can no longer be made."""
        login, request_id = self.parts.login, delivery.request_id
        application = login.registry.by_slug(delivery.application)
        message = None
        if application is not None:
            message = request_by_browser(login, application, logout, delivery)
        if application is None or message is None:
            self.parts.logouts.note(request_id, state=DeliveryState.UNTOLD)
            return None
        if delivery.state is DeliveryState.SENT and not insists:
            return AwaitAnswer(application.name, self._token(logout, _SKIP))
        # Kept before it goes out: who comes back has been there, whatever came of it.
        is_open = self.parts.logouts.note(request_id, state=DeliveryState.SENT)
        return message if is_open else None

    def _outcome(self, logout: Logout, *, insists: bool) -> LogoutView:
        """Return the answer for the application that asked, or the page that says how it went."""
        login, origin = self.parts.login, logout.origin
        application = login.registry.by_slug(origin.application) if origin else None
        answer: SendMessage | None = None
        if origin is not None and application is not None:
            answer = answer_by_browser(login, application, origin, status_of(logout))
        if answer is not None and (logout.is_complete or insists):
            return answer
        told = tuple(
            Told(each.application_name, _OUTCOMES.get(each.state, Outcome.SILENT))
            for each in logout.deliveries
        )
        return ShowOutcome(told, answer.application_name if answer else "")

    def _ask(self, logout: Logout) -> AskSignOut:
        slug = logout.origin.application if logout.origin else ""
        application = self.parts.login.registry.by_slug(slug)
        name = application.name if application else slug
        return AskSignOut(name, self._token(logout, _CONFIRM))

    def _meaning_here(self, logout: Logout, sso_cookie: str | None) -> Meaning:
        """Return what an unsigned request means of the session in this browser."""
        store, participants = self.parts.login.store, self.parts.participants
        session = store.session(digest_of(sso_cookie)) if sso_cookie else None
        if session is None:
            return Meaning()
        told = participants.of_session(session.session_index)
        return find_meaning_here(from_json(logout.asked_for), told)

    def _end_asked(self, logout: Logout, meaning: Meaning, address: str) -> None:
        expires_at = self.parts.login.clock.now() + LOGOUT_LIFETIME
        ended = end_sessions(
            self.parts,
            replace(logout, external_id=meaning.external_id, expires_at=expires_at),
            Ends(meaning.sso_indexes),
            Occasion(address, has_browser=True),
            knows=meaning.participants.__contains__,
        )
        deliver_first(self.parts, [ended], has_browser=True)

    def _find(self, logout_id: str) -> Logout:
        logout = self.parts.logouts.logout(logout_id, self.parts.login.clock.now())
        if logout is None:
            raise RequestRefused(Reason.TRANSACTION_UNKNOWN)
        return logout

    def _load(self, logout_id: str, browser: str | None) -> Logout:
        """Return the logout, if it is this browser's."""
        logout = self._find(logout_id)
        if not browser or logout.browser_digest != digest_of(browser):
            self.parts.login.record("logout.refused", Reason.OTHER_BROWSER)
            raise RequestRefused(Reason.OTHER_BROWSER)
        return logout

    def _enter(self, logout_id: str, browser: str | None, step: str, token: str) -> Logout:
        """Return the logout, if the form was made for this step of it."""
        logout = self._load(logout_id, browser)
        expected = self._token(logout, step)
        if not hmac.compare_digest(token.encode(), expected.encode()):
            self.parts.login.record("logout.refused", Reason.STEP_TOKEN)
            raise RequestRefused(Reason.STEP_TOKEN)
        return logout

    def _token(self, logout: Logout, step: str) -> str:
        """Return what a form of that step must send back; it fits no login."""
        bound = ["logout", logout.logout_id, step, logout.browser_digest.hex()]
        return hmac.new(self.parts.login.secret, "\n".join(bound).encode(), sha256).hexdigest()

    def _browser_value(self, browser: str | None) -> str:
        is_ours = browser is not None and _BROWSER.fullmatch(browser)
        return browser if browser and is_ours else self.parts.login.new_token(32)


def _next_to_visit(logout: Logout) -> Delivery | None:
    """Return the application that the browser is at, or goes to next."""
    for delivery in logout.deliveries:
        if delivery.channel is Channel.BROWSER and delivery.is_open:
            return delivery
    return None
