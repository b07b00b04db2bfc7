"""Authenticator apps: time-based one-time passwords (RFC 6238), each taken once.

SHA-1, six digits and thirty seconds, because that is what all apps understand. The clock is ours;
a code of the step before or after is taken too (RFC 6238 section 5.2).
"""

from __future__ import annotations

import hmac
from base64 import b32encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pyotp
import segno

from connector.errors import FactorRefused
from connector.idp.authenticator.written_code import in_groups
from connector.idp.factor import EnrolledFactor, FactorKind, Proof, clean_name
from connector.idp.keys.seal import Place, SealRefused
from connector.idp.reason import Reason

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from connector.idp.keys.seal import Seal
    from connector.idp.store.factors import FactorStore
    from connector.idp.store.totp_seeds import TotpSeed, TotpSeedStore

APPS_AT_MOST: Final = 5
_SEED_BYTES: Final = 20  # RFC 4226 section 4, requirement R6: 160 bits
_STEP_SECONDS: Final = 30
_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class TotpFactor:
    """Enrols authenticator apps, and checks their codes.

    Attributes:
        factors: Counts failures.
        seeds: Keeps the seeds.
        seal: Seals them.
        random: Returns that many unpredictable bytes.
        window: How many steps before and after the present one are taken.

    """

    factors: FactorStore
    seeds: TotpSeedStore
    seal: Seal
    random: Callable[[int], bytes] = field(repr=False)
    window: int = 1

    def new_seed(self) -> bytes:
        """Return what a new app and we share."""
        return self.random(_SEED_BYTES)

    def uri(self, seed: bytes, account: str, issuer: str) -> str:
        """Return what apps read from a QR code.

        Args:
            seed: As `new_seed` returns it.
            account: Whose it is, such as an e-mail address.
            issuer: Our name.

        """
        return _totp(seed).provisioning_uri(name=account, issuer_name=issuer)

    def svg(self, uri: str) -> str:
        """Return a QR code as an SVG element of class "qr", without a size or style of its own."""
        code = segno.make(uri, error="m", micro=False)
        return code.svg_inline(svgclass="qr", lineclass=None, omitsize=True, light="#fff")

    def spelled(self, seed: bytes) -> str:
        """Return a seed to be typed: base32 in groups of four."""
        return in_groups(b32encode(seed).decode(), 4, " ")

    def enrol(
        self, external_id: str, seed: bytes, code: str, name: str, now: datetime
    ) -> EnrolledFactor:
        """Keep a new app, once it has shown that it has the seed.

        Raises:
            FactorRefused: if the code is not of that seed, or the person has too many apps.

        """
        steps = self._steps(seed, _to_digits(code), now)
        if not steps:
            raise FactorRefused(Reason.CODE_WRONG)
        factor_id = self.random(16).hex()
        factor = EnrolledFactor(
            factor_id=factor_id,
            external_id=external_id,
            kind=FactorKind.TOTP,
            name=clean_name(name, "Authenticator app"),
            created_at=now,
            used_at=None,
            disabled_at=None,
            remaining=None,
        )
        sealed = self.seal.close(seed, _place(external_id, factor_id), self.random)
        self.seeds.add(factor, sealed, steps[-1], APPS_AT_MOST)
        return factor

    def check(self, external_id: str, code: str, now: datetime) -> Proof:
        """Return that a person has one of their apps at hand.

        Raises:
            FactorRefused: if the code is of none of them, or was taken before.

        """
        digits = _to_digits(code)
        enrolled = self.seeds.of_person(external_id)
        usable = [seed for seed in enrolled if not seed.is_disabled]
        if not usable:
            raise FactorRefused(Reason.FACTOR_DISABLED if enrolled else Reason.FACTOR_UNKNOWN)
        reason = Reason.CODE_WRONG
        for seed in usable:
            steps = self._steps(self._open(external_id, seed), digits, now)
            # The latest last: of two steps with the same code, neither can be taken twice.
            if steps and self.seeds.take_step(seed.factor_id, steps[-1], now):
                return Proof(FactorKind.TOTP, external_id, seed.factor_id, now)
            reason = Reason.CODE_USED if steps else reason
        disabled = self.factors.fail([seed.factor_id for seed in usable], now)
        raise FactorRefused(reason, disabled_ids=disabled)

    def _open(self, external_id: str, seed: TotpSeed) -> bytes:
        try:
            return self.seal.open(seed.sealed, _place(external_id, seed.factor_id))
        except SealRefused as error:
            raise FactorRefused(Reason.FACTOR_SEALED, str(error)) from error

    def _steps(self, seed: bytes, digits: str, now: datetime) -> list[int]:
        """Return the time steps near the present one of which that is the code, in order."""
        totp, present = _totp(seed), int(now.timestamp()) // _STEP_SECONDS
        steps = range(max(present - self.window, 0), present + self.window + 1)
        return [step for step in steps if hmac.compare_digest(totp.generate_otp(step), digits)]


def _totp(seed: bytes) -> pyotp.TOTP:
    return pyotp.TOTP(b32encode(seed).decode(), digits=_DIGITS, interval=_STEP_SECONDS)


def _place(external_id: str, factor_id: str) -> Place:
    return Place("factor_totp_seed", f"{external_id} {factor_id}")


def _to_digits(code: str) -> str:
    """Return what was typed without spaces.

    Raises:
        FactorRefused: if it cannot be a code; that is no attempt.

    """
    digits = "".join(code.split())
    if len(digits) != _DIGITS or not (digits.isascii() and digits.isdigit()):
        raise FactorRefused(Reason.CODE_MALFORMED)
    return digits
