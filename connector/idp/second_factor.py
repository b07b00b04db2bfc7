"""The second half of a login: what is asked once it is known who the person is.

What the policy demands is asked, the strongest factor that the person has first. Who has none is
led to enrol one, if the policy says so; who has one proves it before another is added.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final

from connector.errors import PolicyDenied
from connector.idp.challenge import Purpose, challenge, stamp
from connector.idp.device_memory import Remembering
from connector.idp.enrolment import CHOOSE, Enrolment
from connector.idp.entry import judge, wants_second, with_device
from connector.idp.evidence import of_login
from connector.idp.factor import FactorKind
from connector.idp.federation import proof_of
from connector.idp.message.authn_request import from_json
from connector.idp.policy import Allow, Ask, Enrol, SignInAgain
from connector.idp.reason import Reason
from connector.idp.transaction import Step, step_token
from connector.idp.view import AskFactor, PasskeyQuestion

if TYPE_CHECKING:
    from connector.idp.application.service_provider import Application
    from connector.idp.entry import Judgement
    from connector.idp.evidence import Evidence
    from connector.idp.parts import LoginParts
    from connector.idp.session import SsoSession
    from connector.idp.transaction import LoginTransaction
    from connector.idp.view import NextStep
    from connector.idp.visit import Visit
    from connector.idp.vouched import Vouched

# Recovery codes come with the first factor, and may be made anew.
ADDED_BY_PERSON: Final = (FactorKind.PASSKEY, FactorKind.TOTP, FactorKind.RECOVERY_CODE)
# How recent the proof has to be by which factors are added and removed.
FRESH: Final = timedelta(minutes=10)
# Pages of ours that show or change what guards the account.
SENSITIVE: Final = frozenset({"/keys"})


@dataclass(frozen=True)
class SecondFactor:
    """What a login that knows the person has yet to ask.

    Attributes:
        parts: Of the identity provider.
        transaction: The login; it has verified somebody.
        application: Where they are going.
        visit: The request at hand.
        session: The one that the login adds a factor to, or None.

    """

    parts: LoginParts
    transaction: LoginTransaction
    application: Application
    visit: Visit
    session: SsoSession | None = None

    @cached_property
    def evidence(self) -> Evidence:
        """Return what was proved so far, and what the device stands for."""
        evidence = of_login(self.transaction, self.session)
        if evidence is None:
            raise PolicyDenied(Reason.PROOF_MISSING)
        person = self.transaction.external_id
        return with_device(self.parts, evidence, person, self.application.slug, self.visit)

    @cached_property
    def proof(self) -> Vouched:
        """Return who says who the person is, and how they proved it first."""
        return proof_of(self.transaction, self.session)

    @cached_property
    def wants_second(self) -> bool:
        """Return whether the application asks for a second factor, whatever the policy says."""
        request = from_json(self.transaction.request)
        return wants_second(request, self.application, self.proof.context_class)

    @property
    def may_be_excused(self) -> bool:
        """Return whether it is the policy alone that asks.

        What an application is told, and who may add or remove factors, depends on a proof.
        """
        return isinstance(self.judgement.verdict, Ask) and not self.wants_second

    @cached_property
    def judgement(self) -> Judgement:
        """Return what the policy says.

        Raises:
            PolicyDenied: if they may not enter, whatever they prove.

        """
        return judge(
            self.parts,
            self.transaction.external_id,
            self.application,
            self.visit,
            self.evidence,
            wants_second=self.wants_second,
        )

    def ask(self) -> NextStep | None:
        """Return what to show; None if nothing is to be asked any more.

        Raises:
            PolicyDenied: if they may not enter, whatever they prove.

        """
        if offered := self.offered():
            return self._ask_factor(offered)
        if self.is_enrolling():
            return self.enrolment().ask()
        if not isinstance(self.judgement.verdict, Allow):
            raise PolicyDenied(Reason.PROOF_MISSING)
        return None

    def offered(self) -> tuple[FactorKind, ...]:
        """Return the kinds of which one has to be proved now, the strongest first.

        Besides what the policy asks for: who has a factor proves it before another is added, or
        whoever knows the password could add one of their own.
        """
        verdict = self.judgement.verdict
        match verdict:
            case Ask(kinds):
                return kinds
            case Enrol(_, after):
                return () if self._is_fresh() else after
            case _:
                return () if self._is_fresh() or not self._is_sensitive() else self.kinds

    @property
    def has_to_begin_anew(self) -> bool:
        """Return whether what was proved does not do here, such as a passkey without password."""
        return isinstance(self.judgement.verdict, SignInAgain)

    def is_enrolling(self) -> bool:
        """Return whether a factor is being added, or has to be."""
        return bool(self.transaction.enrolling) or isinstance(self.judgement.verdict, Enrol)

    def enrolment(self) -> Enrolment:
        """Return the part of the login in which a factor is added."""
        verdict = self.judgement.verdict
        is_demanded = isinstance(verdict, Enrol)
        kinds = verdict.kinds if isinstance(verdict, Enrol) else self._own_kinds()
        return Enrolment(
            self.parts, self.transaction, self.application, self.visit, kinds, is_demanded
        )

    @cached_property
    def kinds(self) -> tuple[FactorKind, ...]:
        """Return the kinds of factors that the person can prove, the strongest first."""
        now = self.parts.clock.now()
        return self.parts.factors.usable_kinds(self.transaction.external_id, now)

    def remembering(self) -> Remembering | None:
        """Return what is to be remembered of the device; None for nothing."""
        seconds = self.transaction.remember_seconds
        if not seconds:
            return None
        slug = "" if self.transaction.is_memory_shared else self.application.slug
        return Remembering(slug, timedelta(seconds=seconds))

    def _is_sensitive(self) -> bool:
        path = from_json(self.transaction.request).relay_state
        is_ours = not self.application.slug and path in SENSITIVE
        return is_ours or self.transaction.enrolling == CHOOSE

    def _own_kinds(self) -> tuple[FactorKind, ...]:
        """Return the kinds that a person who is in may add."""
        return tuple(kind for kind in self.judgement.effective.kinds if kind in ADDED_BY_PERSON)

    def question(self, purpose: Purpose) -> PasskeyQuestion:
        """Return how to ask for a passkey of the person."""
        asked_at = stamp(self.parts.clock.now())
        made = challenge(self.parts.secret, self.transaction, purpose, asked_at)
        person = self.transaction.external_id
        return PasskeyQuestion(self.parts.factors.passkeys.request_options(made, person), asked_at)

    def _is_fresh(self) -> bool:
        strong_at = self.evidence.strong_at
        return strong_at is not None and self.parts.clock.now() - strong_at < FRESH

    def _ask_factor(self, kinds: tuple[FactorKind, ...]) -> AskFactor:
        chosen = self.transaction.chosen
        kind = FactorKind(chosen) if chosen in kinds else kinds[0]
        is_passkey = kind is FactorKind.PASSKEY
        judgement = self.judgement
        is_usual = isinstance(judgement.verdict, Ask)
        return AskFactor(
            self.application.name,
            step_token(self.parts.secret, self.transaction, Step.FACTOR),
            self.transaction.email,
            kind,
            tuple(each for each in kinds if each is not kind),
            self.transaction.error,
            self.question(Purpose.SECOND_FACTOR) if is_passkey else None,
            judgement.remember_for if is_usual else None,
            "" if is_usual else "prove-first",
        )
