"""The forms by which a person says who they are, and proves it first: e-mail, password, passkey."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from connector.errors import AuthenticationFailed, LoginError, PolicyDenied, RequestRefused
from connector.idp.admission import enter_step
from connector.idp.authenticator.password import Claim, MustChange
from connector.idp.challenge import Purpose, answered_challenge, challenge, stamp
from connector.idp.entry import require_entry
from connector.idp.federation import answers_for, check_password, own_claim
from connector.idp.happening import tell_disabled
from connector.idp.home import application_of
from connector.idp.lockout import LIMITS
from connector.idp.new_password import TOO_MANY, NewPassword
from connector.idp.reason import Reason
from connector.idp.transaction import Step
from connector.idp.view import PasskeyQuestion
from connector.idp.vouched import AD

if TYPE_CHECKING:
    from collections.abc import Callable

    from connector.directory.person import DirectoryUser
    from connector.idp.application.service_provider import Application
    from connector.idp.new_password import TypedPasswords
    from connector.idp.parts import LoginParts
    from connector.idp.transaction import LoginTransaction
    from connector.idp.visit import Visit

EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")

# Keys of messages: what a browser is told. The audit has the reason.
FAILED = "failed"
INVALID_EMAIL = "invalid-email"
UNAVAILABLE = "unavailable"
PASSKEY_FAILED = "passkey-failed"
_QUESTIONS = (Step.EMAIL, Step.PASSWORD)
# "Not you?" is on every page that names somebody.
_NAMING = (Step.PASSWORD, Step.NEW_PASSWORD, Step.FACTOR, Step.ENROL)


@dataclass(frozen=True, slots=True)
class FirstFactor:
    """The forms of the first half of a login; each returns nothing, `next_step` shows what came.

    Each raises RequestRefused if the form is not of this login, browser and step.

    Attributes:
        parts: Of the identity provider.
        end_sign_ons: Ends everything that somebody is signed on to, by external_id.

    """

    parts: LoginParts
    end_sign_ons: Callable[[str], None]

    def submit_email(
        self, transaction_id: str, browser: str | None, step_token: str, email: str
    ) -> None:
        """Take what the person typed; whether anybody has that address does not show."""
        transaction = enter_step(self.parts, transaction_id, browser, step_token, Step.EMAIL)
        typed = email.strip()
        if EMAIL.fullmatch(typed) and typed.isprintable():
            self.parts.store.set_email(transaction.transaction_id, typed)
        else:
            self.parts.store.set_email(transaction.transaction_id, "", INVALID_EMAIL)

    def forget_email(self, transaction_id: str, browser: str | None, step_token: str) -> None:
        """Go back to the question who the person is ("Not you?")."""
        transaction = enter_step(self.parts, transaction_id, browser, step_token, *_NAMING)
        self.parts.store.set_email(transaction.transaction_id, "")

    def leave_source(self, transaction_id: str, browser: str | None, step_token: str) -> None:
        """Go back from an upstream to the question who the person is ("Not you?")."""
        transaction = enter_step(self.parts, transaction_id, browser, step_token, Step.SOURCE)
        self.parts.store.set_email(transaction.transaction_id, "")

    def submit_password(
        self,
        transaction_id: str,
        browser: str | None,
        step_token: str,
        password: str,
        visit: Visit,
    ) -> None:
        """Check the password, then whether the person may enter."""
        transaction = enter_step(self.parts, transaction_id, browser, step_token, Step.PASSWORD)
        user = self.parts.directory.find_login(transaction.email.casefold())
        claim = _claim(transaction, user, password, visit)
        try:
            self._verify(claim, transaction, visit)
        except LoginError as error:
            self._fail(transaction, error, user.external_id if user else "", visit)

    def submit_new_password(
        self,
        transaction_id: str,
        browser: str | None,
        step_token: str,
        typed: TypedPasswords,
        visit: Visit,
    ) -> None:
        """Change a password that has expired."""
        transaction = enter_step(self.parts, transaction_id, browser, step_token, Step.NEW_PASSWORD)
        application = application_of(self.parts, transaction)
        try:
            self.new_password(transaction, application, visit).take(typed)
        except PolicyDenied as error:
            self._fail(transaction, error, transaction.external_id, visit)

    def submit_passkey(
        self,
        transaction_id: str,
        browser: str | None,
        step_token: str,
        answer: PasskeyAnswer,
        visit: Visit,
    ) -> None:
        """Sign in whom a passkey names, without a password."""
        transaction = enter_step(self.parts, transaction_id, browser, step_token, *_QUESTIONS)
        try:
            self._take_passkey(transaction, answer, visit)
        except LoginError as error:
            if isinstance(error, RequestRefused):
                raise
            self.parts.store.set_email(
                transaction.transaction_id, transaction.email, PASSKEY_FAILED
            )
            owner = getattr(error, "owner", "")
            self._record_failure(transaction, error, owner, visit)
            tell_disabled(self.parts, owner, visit, error)

    def passkey_question(self, transaction: LoginTransaction) -> PasskeyQuestion | None:
        """Return how to sign in by a passkey alone; None if the policy does not offer it there.

        It names nobody's passkeys: that would tell who exists (WebAuthn section 14.6.2).
        """
        effective = self.parts.policies.effective_for(transaction.application, frozenset())
        if not effective.points.passwordless:
            return None
        asked_at = stamp(self.parts.clock.now())
        made = challenge(self.parts.secret, transaction, Purpose.SIGN_IN, asked_at)
        return PasskeyQuestion(self.parts.factors.passkeys.request_options(made, None), asked_at)

    def new_password(
        self, transaction: LoginTransaction, application: Application, visit: Visit
    ) -> NewPassword:
        """Return the step in which an expired password is changed."""
        return NewPassword(self.parts, transaction, application, visit, self.end_sign_ons)

    def wait(self, transaction: LoginTransaction, visit: Visit) -> timedelta:
        """Return how long no password is taken; zero unless the page has to say so."""
        if transaction.error != TOO_MANY:
            return timedelta(0)
        user = self.parts.directory.find_login(transaction.email.casefold())
        claim = _claim(transaction, user, "", visit)
        own = own_claim(self.parts, claim, application_of(self.parts, transaction))
        return self.parts.authenticator.wait(own, self.parts.clock.now())

    def _take_passkey(
        self, transaction: LoginTransaction, answer: PasskeyAnswer, visit: Visit
    ) -> None:
        now, application = self.parts.clock.now(), application_of(self.parts, transaction)
        wanted = answered_challenge(
            self.parts.secret, transaction, Purpose.SIGN_IN, answer.asked_at, now
        )
        if not self.parts.store.count_try(transaction):
            raise RequestRefused(Reason.STEP_SKIPPED)
        proof = self.parts.factors.passkeys.check(answer.response, wanted, None, now)
        user = require_entry(self.parts, proof.external_id, application)
        if not answers_for(self.parts, AD, user, application, visit.address):
            raise AuthenticationFailed(Reason.OTHER_SOURCE, "an upstream answers for them")
        email = next(iter(user.login_names), transaction.email)
        self.parts.store.set_email(transaction.transaction_id, email)
        self.parts.keep_identity(
            transaction, user.external_id, "passkey", application.name, visit.address
        )

    def _verify(self, claim: Claim, transaction: LoginTransaction, visit: Visit) -> None:
        """Keep that the person proved the password and may enter, or raise why not."""
        now, application = self.parts.clock.now(), application_of(self.parts, transaction)
        verified = check_password(self.parts, claim, application, now)
        require_entry(self.parts, verified.external_id, application)
        if isinstance(verified, MustChange):
            self.new_password(transaction, application, visit).begin(verified)
            return
        self.parts.keep_identity(
            transaction, verified.external_id, "password", application.name, visit.address
        )

    def _fail(
        self, transaction: LoginTransaction, error: LoginError, actor: str, visit: Visit
    ) -> None:
        """Ask for the password (again), and keep in the audit why."""
        self.parts.store.set_person(transaction.transaction_id, "", _message_key(error.reason))
        self._record_failure(transaction, error, actor, visit)

    def _record_failure(
        self, transaction: LoginTransaction, error: LoginError, actor: str, visit: Visit
    ) -> None:
        message = {"message": str(error)} if str(error) != error.reason else {}
        self.parts.record(
            "login.failed",
            error.reason,
            actor=actor,
            application=application_of(self.parts, transaction).name,
            address=visit.address,
            details={"email": transaction.email} | message,
        )


@dataclass(frozen=True, slots=True)
class PasskeyAnswer:
    """What the form of a passkey sends.

    Attributes:
        response: JSON of the PublicKeyCredential (WebAuthn section 5.1).
        asked_at: As it was in the question.

    """

    response: str
    asked_at: str


def _claim(
    transaction: LoginTransaction, user: DirectoryUser | None, password: str, visit: Visit
) -> Claim:
    return Claim(transaction.email.casefold(), user, password, visit.address, visit.device)


def _message_key(reason: str) -> str:
    """Return what the browser is told: one thing, unless it would help nobody but the person."""
    match reason:
        case _ if reason in LIMITS:
            return TOO_MANY
        case Reason.SOURCE_UNAVAILABLE | Reason.PASSWORD_UNANSWERED:
            return UNAVAILABLE
        case _:
            return FAILED
