"""The forms of the second half of a login: the second factor, and the enrolment of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from connector.errors import PolicyDenied, RequestRefused
from connector.idp.admission import enter_step, load_login
from connector.idp.duo_trip import transaction_of
from connector.idp.factor_answers import FactorAnswers
from connector.idp.home import application_of
from connector.idp.reason import Reason
from connector.idp.second_factor import SecondFactor
from connector.idp.transaction import Step

if TYPE_CHECKING:
    from connector.idp.authenticator.duo_answer import DuoAnswer
    from connector.idp.enrolment import Enrolment
    from connector.idp.first_factor import PasskeyAnswer
    from connector.idp.parts import LoginParts
    from connector.idp.transaction import LoginTransaction
    from connector.idp.view import SendToDuo
    from connector.idp.visit import Visit


@dataclass(frozen=True, slots=True)
class Form:
    """What every form of these steps sends.

    Attributes:
        transaction_id: The login.
        browser: Value of the browser's cookie, or None.
        step_token: As the page had it.

    """

    transaction_id: str
    browser: str | None
    step_token: str


@dataclass(frozen=True, slots=True)
class FactorForms:
    """Takes the forms; each returns nothing, `LoginFlow.next_step` shows what came of it.

    Each raises RequestRefused if the form is not of this login, browser and step, or if it answers
    what was not asked.
    """

    parts: LoginParts

    def choose(self, form: Form, visit: Visit, kind: str) -> None:
        """Ask for another kind of factor."""
        self._answers(form, visit).choose(kind)

    def submit_code(
        self, form: Form, visit: Visit, kind: str, typed: str, *, remembers: bool
    ) -> None:
        """Check a code."""
        self._answers(form, visit).take_code(kind, typed, remembers=remembers)

    def submit_passkey(
        self, form: Form, visit: Visit, answer: PasskeyAnswer, *, remembers: bool
    ) -> None:
        """Check what an authenticator said."""
        self._answers(form, visit).take_passkey(
            answer.response, answer.asked_at, remembers=remembers
        )

    def leave_for_duo(self, form: Form, visit: Visit, *, remembers: bool) -> SendToDuo | None:
        """Return where to send the browser; None if the next page says what to do."""
        return self._answers(form, visit).leave_for_duo(remembers=remembers)

    def come_back_from_duo(self, answer: DuoAnswer, browser: str | None, visit: Visit) -> str:
        """Take in what Duo says of the person of a login, and return the id of that."""
        transaction_id = transaction_of(answer.state)
        transaction = load_login(self.parts, transaction_id, browser)
        if transaction.answered_at is None and transaction.verified_at is not None:
            FactorAnswers(self._judged(transaction, visit)).come_back_from_duo(answer)
        return transaction_id

    def begin_enrolment(self, form: Form, visit: Visit, kind: str) -> None:
        """Begin to add a factor of that kind; "" to choose anew."""
        self._enrolment(form, visit).begin(kind)

    def enrol_totp(self, form: Form, visit: Visit, code: str, name: str) -> None:
        """Add the authenticator app whose first code that is."""
        self._enrolment(form, visit).take_totp(code, name)

    def enrol_passkey(self, form: Form, visit: Visit, answer: PasskeyAnswer, name: str) -> None:
        """Add the passkey that the browser has made."""
        self._enrolment(form, visit).take_passkey(answer.response, answer.asked_at, name)

    def finish_enrolment(self, form: Form, visit: Visit) -> None:
        """Go on, once the recovery codes are kept."""
        self._enrolment(form, visit).finish()

    def stage(self, transaction: LoginTransaction, visit: Visit) -> SecondFactor:
        """Return what a login that knows the person has yet to ask.

        Raises:
            RequestRefused: if the session that it adds a factor to has ended.

        """
        session = None
        if transaction.upgrades:
            session, now = self.parts.store.session(transaction.upgrades), self.parts.clock.now()
            is_theirs = session is not None and session.external_id == transaction.external_id
            is_alive = session is not None and session.is_alive(now, self.parts.settings.sessions)
            if not (is_theirs and is_alive):
                self.parts.store.set_email(transaction.transaction_id, "")
                raise RequestRefused(Reason.STEP_SKIPPED)
        application = application_of(self.parts, transaction)
        return SecondFactor(self.parts, transaction, application, visit, session)

    def _answers(self, form: Form, visit: Visit) -> FactorAnswers:
        return FactorAnswers(self._enter(form, visit, Step.FACTOR))

    def _enrolment(self, form: Form, visit: Visit) -> Enrolment:
        """Return the enrolment, of somebody who has proved what they have to prove first."""
        stage = self._enter(form, visit, Step.ENROL)
        if stage.offered() or not stage.is_enrolling():
            raise RequestRefused(Reason.STEP_SKIPPED)
        return stage.enrolment()

    def _enter(self, form: Form, visit: Visit, step: Step) -> SecondFactor:
        transaction = enter_step(
            self.parts, form.transaction_id, form.browser, form.step_token, step
        )
        return self._judged(transaction, visit)

    def _judged(self, transaction: LoginTransaction, visit: Visit) -> SecondFactor:
        """Return the stage of somebody who may still enter, once they have proved enough."""
        stage = self.stage(transaction, visit)
        try:
            _ = stage.judgement
        except PolicyDenied as error:  # the page of the login says so
            raise RequestRefused(Reason.STEP_SKIPPED) from error
        return stage
