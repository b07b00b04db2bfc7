"""Take in a second factor, and how many wrong ones are taken.

After five wrong answers the password is asked for anew, and ten wrong codes of a person within a
quarter of an hour are enough: a code of six digits is not to be guessed. A passkey cannot be
guessed, so nobody can use these limits to keep its owner out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from connector.errors import AuthenticationFailed, DuoUnavailable, FactorRefused, RequestRefused
from connector.idp.challenge import Purpose, answered_challenge
from connector.idp.duo_trip import DuoTrip
from connector.idp.factor import FactorKind
from connector.idp.happening import occasion, tell, tell_disabled
from connector.idp.lockout import LIMITS, Attempt, LockoutPolicy, mac_of, network_of
from connector.idp.reason import Reason
from connector.mail.notice import BypassCodeUsed, RecoveryCodeUsed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from connector.errors import LoginError
    from connector.idp.authenticator.duo_answer import DuoAnswer
    from connector.idp.factor import Proof
    from connector.idp.second_factor import SecondFactor
    from connector.idp.view import SendToDuo
    from connector.mail.notice import Notice, Occasion

# Tries are never counted anew within a login, so that no challenge comes back.
TRIES_AT_MOST: Final = 5
CODES_AT_MOST: Final = LockoutPolicy(
    account_count=10, network_count=300, overall_count=None, window=timedelta(minutes=15)
)
# Keys of messages; the person has proved the password, so they are told which.
_MESSAGES: Final = MappingProxyType(
    {
        Reason.CODE_USED: "code-used",
        Reason.CODE_EXPIRED: "code-expired",
        Reason.FACTOR_DISABLED: "factor-disabled",
        Reason.TOO_MANY_FAILURES: "factor-disabled",
        Reason.PASSKEY_CLONED: "factor-disabled",
        Reason.PASSKEY_CHALLENGE: "passkey-too-late",
        Reason.PASSKEY_OTHER_PERSON: "passkey-other-person",
        Reason.FACTOR_UNKNOWN: "passkey-unknown",
        **dict.fromkeys(LIMITS, "too-many-codes"),
    }
)
_USUAL: Final = MappingProxyType(
    {FactorKind.PASSKEY: "passkey-failed", FactorKind.DUO: "duo-denied"}
)
_TYPED: Final = frozenset({FactorKind.TOTP, FactorKind.RECOVERY_CODE, FactorKind.BYPASS_CODE})
_TOLD: Final[Mapping[FactorKind, Callable[[Occasion, int], Notice]]] = MappingProxyType(
    {FactorKind.RECOVERY_CODE: RecoveryCodeUsed, FactorKind.BYPASS_CODE: BypassCodeUsed}
)


@dataclass(frozen=True, slots=True)
class FactorAnswers:
    """What a person answers to the question for a factor."""

    stage: SecondFactor

    def choose(self, kind: str) -> None:
        """Ask for another factor."""
        if kind not in self.stage.offered():
            raise RequestRefused(Reason.STEP_SKIPPED)
        self._set(chosen=kind, error="")

    def take_code(self, kind: str, typed: str, *, remembers: bool) -> None:
        """Check a code, and keep what came of it."""
        if kind not in _TYPED or kind not in self.stage.offered():
            raise RequestRefused(Reason.STEP_SKIPPED)
        factor = FactorKind(kind)
        self._count_try()
        try:
            proof = self._check_code(factor, typed)
        except AuthenticationFailed as error:
            self._refuse(factor, error)
            return
        self._keep(proof, remembers=remembers)

    def take_passkey(self, response: str, asked_at: str, *, remembers: bool) -> None:
        """Check what an authenticator said, and keep what came of it."""
        if FactorKind.PASSKEY not in self.stage.offered():
            raise RequestRefused(Reason.STEP_SKIPPED)
        parts, transaction, now = self.stage.parts, self.stage.transaction, self._now()
        self._count_try()
        try:
            wanted = answered_challenge(
                parts.secret, transaction, Purpose.SECOND_FACTOR, asked_at, now
            )
            person = transaction.external_id
            proof = parts.factors.passkeys.check(response, wanted, person, now)
        except AuthenticationFailed as error:
            self._refuse(FactorKind.PASSKEY, error)
            return
        self._keep(proof, remembers=remembers)

    def leave_for_duo(self, *, remembers: bool) -> SendToDuo | None:
        """Return where to send the browser; None if the next page says what to do."""
        if FactorKind.DUO not in self.stage.offered() or self.stage.parts.factors.duo is None:
            raise RequestRefused(Reason.STEP_SKIPPED)
        try:
            return DuoTrip(self.stage, self.stage.parts.factors.duo).leave(remembers=remembers)
        except (FactorRefused, DuoUnavailable) as error:
            self._ask_anew(FactorKind.DUO, error)
            return None

    def come_back_from_duo(self, answer: DuoAnswer) -> None:
        """Take in what Duo says, and keep what came of it."""
        if FactorKind.DUO not in self.stage.offered() or self.stage.parts.factors.duo is None:
            raise RequestRefused(Reason.STEP_SKIPPED)
        self._count_try()
        try:
            proof, remembers = DuoTrip(self.stage, self.stage.parts.factors.duo).come_back(answer)
        except (AuthenticationFailed, DuoUnavailable) as error:
            self._refuse(FactorKind.DUO, error)
            return
        self._keep(proof, remembers=remembers)

    def _check_code(self, kind: FactorKind, typed: str) -> Proof:
        """Return that a code is right.

        Raises:
            AuthenticationFailed: with the reason.

        """
        parts, person, now = self.stage.parts, self.stage.transaction.external_id, self._now()
        account, address = f"factor:{person}", self.stage.visit.address
        mac = mac_of(parts.secret, f"{account}:{kind}", typed)
        attempts = parts.authenticator.attempts
        attempt = Attempt(account, network_of(address), now, mac)
        taken = attempts.take_attempt(attempt, CODES_AT_MOST)
        if isinstance(taken, Reason):
            raise AuthenticationFailed(taken)
        # A wrong one is not marked as such: a code that comes too early is right a little later.
        try:
            proof = parts.factors.typed(kind).check(person, typed, now)
        except FactorRefused as error:
            if error.reason == Reason.CODE_MALFORMED:
                attempts.forget_attempt(taken)
            raise
        attempts.clear_attempts(account)
        return proof

    def _count_try(self) -> None:
        """Count an answer before it is looked at.

        Raises:
            RequestRefused: if the question was answered already.

        """
        transaction = self.stage.transaction
        if not self.stage.parts.store.count_try(transaction):
            raise RequestRefused(Reason.STEP_SKIPPED)

    def _keep(self, proof: Proof, *, remembers: bool) -> None:
        judgement = self.stage.judgement
        lasting = judgement.remember_for if remembers else None
        self._set(
            second=proof.kind,
            second_at=proof.at,
            remember_seconds=int(lasting.total_seconds()) if lasting else 0,
            is_memory_shared=judgement.is_shared,
            error="",
            chosen="",
        )
        self._record("factor.proved", proof.kind, factor_id=proof.factor_id)
        if proof.kind in _TOLD:
            self._tell(_TOLD[proof.kind](self._occasion, self._remaining(proof.kind)))

    def _remaining(self, kind: FactorKind) -> int:
        """Return how many codes of a kind are left."""
        person = self.stage.transaction.external_id
        found = self.stage.parts.factors.store.of_person(person, self._now())
        return sum(each.remaining or 0 for each in found if each.kind is kind)

    def _refuse(self, kind: FactorKind, error: LoginError) -> None:
        """Ask anew, or begin again after too many answers; the audit says why."""
        self._ask_anew(kind, error)
        transaction = self.stage.transaction
        if (transaction.tries + 1) % TRIES_AT_MOST == 0:
            self.stage.parts.store.set_email(transaction.transaction_id, "", "too-many-codes")

    def _ask_anew(self, kind: FactorKind, error: LoginError) -> None:
        usual = _USUAL.get(kind, "code-wrong")
        message = _MESSAGES.get(Reason(error.reason), usual)
        if isinstance(error, DuoUnavailable):
            message = "duo-away"
        elif message == "code-used" and kind is not FactorKind.TOTP:
            message = "code-used-up"
        self._set(error=message)
        self._record("factor.refused", kind, error.reason, message=str(error))
        person, visit = self.stage.transaction.external_id, self.stage.visit
        tell_disabled(self.stage.parts, person, visit, error)

    def _record(self, event: str, kind: FactorKind, reason: str = "", **details: str) -> None:
        self.stage.parts.record(
            event,
            reason,
            actor=self.stage.transaction.external_id,
            application=self.stage.application.name,
            address=self.stage.visit.address,
            details={"factor": kind} | details,
        )

    @property
    def _occasion(self) -> Occasion:
        return occasion(self.stage.parts, self.stage.visit)

    def _tell(self, notice: Notice) -> None:
        tell(self.stage.parts, self.stage.transaction.external_id, notice)

    def _set(self, **changes: object) -> None:
        self.stage.parts.store.set_stage(self.stage.transaction.transaction_id, **changes)

    def _now(self) -> datetime:
        return self.stage.parts.clock.now()
