"""Every factor that people can prove, at one place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from connector.errors import RequestRefused
from connector.idp.factor import FactorKind, usable_kinds
from connector.idp.keys.seal import Place, SealRefused
from connector.idp.reason import Reason

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from connector.idp.authenticator.bypass_code import BypassCodes
    from connector.idp.authenticator.duo import DuoFactor
    from connector.idp.authenticator.passkey import PasskeyFactor
    from connector.idp.authenticator.recovery_code import RecoveryCodes
    from connector.idp.authenticator.totp import TotpFactor
    from connector.idp.factor import Proof
    from connector.idp.keys.seal import Seal
    from connector.idp.store.factors import FactorStore


class TypedFactor(Protocol):
    """A factor that is proved by something to type."""

    def check(self, external_id: str, code: str, now: datetime) -> Proof:
        """Return that the person has it; raise FactorRefused if not."""
        ...


@dataclass(frozen=True, slots=True)
class Factors:
    """The factors of one identity provider.

    Attributes:
        store: Who has which.
        passkeys: Passkeys and security keys.
        totp: Authenticator apps.
        recovery_codes: What people keep on paper.
        bypass_codes: What the help desk gives.
        seal: Seals what a login has to remember.
        random: Returns that many unpredictable bytes.
        duo: Duo; None if the organisation has none.

    """

    store: FactorStore
    passkeys: PasskeyFactor
    totp: TotpFactor
    recovery_codes: RecoveryCodes
    bypass_codes: BypassCodes
    seal: Seal
    random: Callable[[int], bytes] = field(repr=False)
    duo: DuoFactor | None = None

    def usable_kinds(self, external_id: str, now: datetime) -> tuple[FactorKind, ...]:
        """Return the kinds that a person can prove, the strongest first."""
        enrolled = {*usable_kinds(self.store.of_person(external_id, now))}
        # One that was made for a host that we had before is still theirs, but proves nothing here.
        if FactorKind.PASSKEY in enrolled and not self.passkeys.is_usable_by(external_id):
            enrolled.remove(FactorKind.PASSKEY)
        if self.duo is not None:  # it knows by itself who has what, and enrols those who have none
            enrolled.add(FactorKind.DUO)
        return tuple(kind for kind in FactorKind if kind in enrolled)

    def typed(self, kind: FactorKind) -> TypedFactor:
        """Return the factor that is typed."""
        typed: dict[FactorKind, TypedFactor] = {
            FactorKind.TOTP: self.totp,
            FactorKind.RECOVERY_CODE: self.recovery_codes,
            FactorKind.BYPASS_CODE: self.bypass_codes,
        }
        return typed[kind]

    def close(self, content: bytes, transaction_id: str, purpose: str) -> bytes:
        """Return what a login has to remember for a purpose, sealed."""
        return self.seal.close(content, _place(transaction_id, purpose), self.random)

    def open(self, sealed: bytes, transaction_id: str, purpose: str) -> bytes:
        """Return what a login remembered.

        Raises:
            RequestRefused: if it is of another login or for another purpose, or the sealing key is
                another one by now.

        """
        try:
            return self.seal.open(sealed, _place(transaction_id, purpose))
        except SealRefused as error:
            raise RequestRefused(Reason.TRANSACTION_ENDED, str(error)) from error


def _place(transaction_id: str, purpose: str) -> Place:
    return Place("login in progress", f"{transaction_id} {purpose}")
