"""A login's way over Duo: there, and back to the browser that was sent.

The login keeps, sealed, what has to come back: the state tells which login it is, the nonce binds
Duo's word to it. Both are good once.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from connector.errors import DuoUnavailable, FactorRefused, RequestRefused
from connector.idp.enrolment import CHOOSE
from connector.idp.factor import FactorKind, Proof
from connector.idp.policy.points import Frequency
from connector.idp.reason import Reason
from connector.idp.view import SendToDuo

if TYPE_CHECKING:
    from connector.directory.person import DirectoryUser
    from connector.idp.authenticator.duo import DuoFactor
    from connector.idp.authenticator.duo_answer import DuoAnswer
    from connector.idp.second_factor import SecondFactor

PURPOSE: Final = "Duo"
_STATE_BYTES = 16


def transaction_of(state: str) -> str:
    """Return the id of the login that a state names; "" if it names none.

    >>> transaction_of("login-id.more")
    ''
    >>> transaction_of("a" * 22 + "b" * 22)
    'aaaaaaaaaaaaaaaaaaaaaa'

    """
    return state[:_HALF] if len(state) == 2 * _HALF else ""


# 16 bytes in base64 without padding: the id of a login, and what nobody can guess.
_HALF = 22


@dataclass(frozen=True, slots=True)
class DuoTrip:
    """The way of one login.

    Attributes:
        stage: The login, which knows the person.
        duo: Asks Duo.

    """

    stage: SecondFactor
    duo: DuoFactor

    def leave(self, *, remembers: bool) -> SendToDuo | None:
        """Return where to send the browser; None if the person may go on without Duo.

        Raises:
            FactorRefused: if they have no name there.
            DuoUnavailable: if Duo does not answer, and nobody goes on without.

        """
        parts, transaction = self.stage.parts, self.stage.transaction
        state = transaction.transaction_id + parts.new_token(_STATE_BYTES)
        nonce, now = parts.new_token(_STATE_BYTES), parts.clock.now()
        name, is_forced = self.stage.application.name, self._is_forced
        try:
            url = self.duo.ask(
                self.duo.name_of(self._user()),
                state,
                nonce,
                now,
                application_name=name,
                is_forced=is_forced,
            )
        except DuoUnavailable as error:
            if not (error.may_pass and self.stage.may_be_excused):
                raise
            self._excuse(error)
            return None
        kept = {"state": state, "nonce": nonce, "remembers": remembers}
        if is_forced:
            kept["fresh_since"] = now.isoformat()
        pending = parts.factors.close(
            json.dumps(kept).encode(), transaction.transaction_id, PURPOSE
        )
        # Whoever took long over an enrolment begins it anew: what it had to know gives way.
        enrolling = CHOOSE if transaction.enrolling else ""
        parts.store.set_stage(transaction.transaction_id, pending=pending, enrolling=enrolling)
        return SendToDuo(name, url)

    def come_back(self, answer: DuoAnswer) -> tuple[Proof, bool]:
        """Return what Duo says, and whether the device is to be remembered.

        Raises:
            RequestRefused: if the login waits for no such answer.
            FactorRefused: if Duo does not vouch for the person.
            DuoUnavailable: if it cannot be asked what the answer is worth.

        """
        parts, transaction = self.stage.parts, self.stage.transaction
        if not transaction.pending:
            raise RequestRefused(Reason.STEP_SKIPPED)
        kept = json.loads(
            parts.factors.open(transaction.pending, transaction.transaction_id, PURPOSE)
        )
        if not hmac.compare_digest(str(kept.get("state", "")).encode(), answer.state.encode()):
            raise RequestRefused(Reason.STEP_SKIPPED)
        parts.store.set_stage(transaction.transaction_id, pending=b"")
        since = kept.get("fresh_since")
        proof = self.duo.check(
            answer.require_code(),
            kept["nonce"],
            self.duo.name_of(self._user()),
            parts.clock.now(),
            transaction.external_id,
            fresh_since=datetime.fromisoformat(since) if since else None,
        )
        return proof, bool(kept["remembers"])

    @property
    def _is_forced(self) -> bool:
        """Return whether a device that Duo remembers is not enough."""
        return self.stage.judgement.effective.points.second_factor is Frequency.LOGIN

    def _user(self) -> DirectoryUser:
        user = self.stage.parts.directory.user(self.stage.transaction.external_id)
        if user is None:
            raise FactorRefused(Reason.FACTOR_UNKNOWN)
        return user

    def _excuse(self, error: DuoUnavailable) -> None:
        """Let the person go on without Duo, as the operator wants it; the audit says so."""
        parts, transaction = self.stage.parts, self.stage.transaction
        parts.store.set_stage(transaction.transaction_id, is_excused=True, error="", chosen="")
        parts.record(
            "factor.passed_by",
            actor=transaction.external_id,
            application=self.stage.application.name,
            address=self.stage.visit.address,
            details={"factor": FactorKind.DUO, "because": str(error)},
        )
