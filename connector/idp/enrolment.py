"""The part of a login in which a person adds a factor: choose it, prove it, keep ways back in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from connector.errors import FactorRefused, RequestRefused
from connector.idp.challenge import Purpose, answered_challenge, challenge, stamp
from connector.idp.factor import FactorKind
from connector.idp.happening import occasion, tell
from connector.idp.reason import Reason
from connector.idp.transaction import Step, step_token
from connector.idp.view import (
    AskEnrolment,
    AskPasskeyEnrolment,
    AskTotpEnrolment,
    PasskeyQuestion,
    ShowCodes,
)
from connector.mail.notice import FactorAdded, RecoveryCodesMade

if TYPE_CHECKING:
    from connector.directory.person import DirectoryUser
    from connector.idp.application.service_provider import Application
    from connector.idp.parts import LoginParts
    from connector.idp.transaction import LoginTransaction
    from connector.idp.visit import Visit
    from connector.mail.notice import Notice, Occasion

# What `LoginTransaction.enrolling` says, besides the kind of the factor that is being added.
CHOOSE: Final = "choose"
CODES: Final = "codes"
# What it seals is opened by nothing else.
PURPOSE: Final = "enrolment"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """The enrolment within one login.

    Attributes:
        parts: Of the identity provider.
        transaction: The login.
        application: Where the person is going.
        visit: The request at hand.
        kinds: What may be added, the strongest first.
        is_demanded: Whether they cannot go on without.

    """

    parts: LoginParts
    transaction: LoginTransaction
    application: Application
    visit: Visit
    kinds: tuple[FactorKind, ...]
    is_demanded: bool

    def ask(self) -> AskEnrolment | AskTotpEnrolment | AskPasskeyEnrolment | ShowCodes:
        """Return what to show."""
        transaction, name = self.transaction, self.application.name
        token, email = step_token(self.parts.secret, transaction, Step.ENROL), transaction.email
        match transaction.enrolling:
            case FactorKind.TOTP:
                return self._ask_totp(token)
            case FactorKind.PASSKEY:
                question = self._passkey_question()
                return AskPasskeyEnrolment(name, token, email, question, transaction.error)
            case "codes":
                codes = tuple(json.loads(self._open()))
                return ShowCodes(name, token, email, codes)
            case _:
                error = transaction.error
                return AskEnrolment(name, token, email, self.kinds, error, self.is_demanded)

    def begin(self, kind: str) -> None:
        """Go on with the kind that the person chose; "" to choose anew."""
        if kind == FactorKind.RECOVERY_CODE and kind in self.kinds:
            self.issue_codes()
            return
        pending = b""
        if kind and kind not in self.kinds:
            raise RequestRefused(Reason.STEP_SKIPPED)
        if kind == FactorKind.TOTP:
            pending = self._close(self.parts.factors.totp.new_seed())
        self._set(enrolling=kind or CHOOSE, pending=pending, error="")

    def take_totp(self, code: str, name: str) -> None:
        """Keep the app whose first code is right, or keep why not."""
        if self.transaction.enrolling != FactorKind.TOTP:
            raise RequestRefused(Reason.STEP_SKIPPED)
        seed, person = self._open(), self.transaction.external_id
        self._count_try()
        try:
            made = self.parts.factors.totp.enrol(person, seed, code, name, self.parts.clock.now())
        except FactorRefused as error:
            self._refuse(FactorKind.TOTP, error)
            return
        self._keep(FactorKind.TOTP, made.name)

    def take_passkey(self, response: str, asked_at: str, name: str) -> None:
        """Keep the passkey that the browser made, or keep why not."""
        if self.transaction.enrolling != FactorKind.PASSKEY:
            raise RequestRefused(Reason.STEP_SKIPPED)
        now, person = self.parts.clock.now(), self.transaction.external_id
        self._count_try()
        try:
            wanted = answered_challenge(
                self.parts.secret, self.transaction, Purpose.ENROLMENT, asked_at, now
            )
            made = self.parts.factors.passkeys.enrol(person, response, wanted, name, now)
        except FactorRefused as error:
            self._refuse(FactorKind.PASSKEY, error)
            return
        self._keep(FactorKind.PASSKEY, made.name)

    def finish(self) -> None:
        """Go on, once the person has kept their recovery codes."""
        if self.transaction.enrolling != CODES:
            raise RequestRefused(Reason.STEP_SKIPPED)
        self._set(enrolling="", pending=b"")

    def issue_codes(self) -> None:
        """Make new recovery codes, which replace all others, and show them next."""
        codes = self.parts.factors.recovery_codes.issue(
            self.transaction.external_id, self.parts.clock.now()
        )
        self._tell(RecoveryCodesMade(self._occasion))
        self._set(enrolling=CODES, pending=self._close(json.dumps(codes).encode()))

    def _count_try(self) -> None:
        """Count an answer before it is looked at: one that is sent twice adds one factor.

        Raises:
            RequestRefused: if the question was answered already.

        """
        if not self.parts.store.count_try(self.transaction):
            raise RequestRefused(Reason.STEP_SKIPPED)

    def _keep(self, kind: FactorKind, name: str) -> None:
        """Note that a factor was added, by which the person has proved it too."""
        self._tell(FactorAdded(self._occasion, kind, name))
        # Who was remembered by what they had proves what they have now.
        self.parts.devices.forget(self.transaction.external_id)
        now = self.parts.clock.now()
        self._set(second=kind, second_at=now, enrolling="", pending=b"", error="", chosen="")
        kinds = self.parts.factors.usable_kinds(self.transaction.external_id, now)
        if FactorKind.RECOVERY_CODE not in kinds:
            self.issue_codes()

    def _ask_totp(self, token: str) -> AskTotpEnrolment:
        totp, seed = self.parts.factors.totp, self._open()
        uri = totp.uri(seed, self.transaction.email, self.parts.settings.organization)
        return AskTotpEnrolment(
            self.application.name,
            token,
            self.transaction.email,
            totp.svg(uri),
            uri,
            totp.spelled(seed),
            self.transaction.error,
        )

    def _passkey_question(self) -> PasskeyQuestion:
        asked_at = stamp(self.parts.clock.now())
        made = challenge(self.parts.secret, self.transaction, Purpose.ENROLMENT, asked_at)
        user = self._user()
        shown = str(user.document.get("displayName") or self.transaction.email)
        options = self.parts.factors.passkeys.creation_options(
            user.external_id, self.transaction.email, shown, made
        )
        return PasskeyQuestion(options, asked_at)

    def _user(self) -> DirectoryUser:
        user = self.parts.directory.user(self.transaction.external_id)
        if user is None:
            raise RequestRefused(Reason.TRANSACTION_ENDED)
        return user

    def _refuse(self, kind: FactorKind, error: FactorRefused) -> None:
        key = "code-wrong" if kind is FactorKind.TOTP else "passkey-not-added"
        self._set(error="factor-exists" if error.reason == Reason.FACTOR_EXISTS else key)
        self.parts.record(
            "factor.refused",
            error.reason,
            actor=self.transaction.external_id,
            application=self.application.name,
            address=self.visit.address,
            details={"factor": kind, "message": str(error), "step": "enrolment"},
        )

    @property
    def _occasion(self) -> Occasion:
        return occasion(self.parts, self.visit)

    def _tell(self, notice: Notice) -> None:
        tell(self.parts, self.transaction.external_id, notice)

    def _set(self, **changes: object) -> None:
        self.parts.store.set_stage(self.transaction.transaction_id, **changes)

    def _close(self, content: bytes) -> bytes:
        return self.parts.factors.close(content, self.transaction.transaction_id, PURPOSE)

    def _open(self) -> bytes:
        transaction = self.transaction
        return self.parts.factors.open(transaction.pending, transaction.transaction_id, PURPOSE)
