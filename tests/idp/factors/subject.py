"""What the suite asks of every kind of factor, one class a kind."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

import pyotp

from connector.idp.authenticator.bypass_code import BypassCodes
from connector.idp.authenticator.passkey import PasskeyFactor, relying_party
from connector.idp.authenticator.recovery_code import RecoveryCodes
from connector.idp.authenticator.totp import TotpFactor
from connector.idp.authenticator.written_code import pepper_of
from connector.idp.factor import FactorKind
from connector.idp.store.codes import CodeStore
from connector.idp.store.factors import FactorStore
from connector.idp.store.passkeys import PasskeyStore
from connector.idp.store.totp_seeds import TotpSeedStore
from tests.idp.keyring import SEAL
from tests.parts.software_authenticator import SoftwareAuthenticator, to_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Engine

    from connector.idp.factor import EnrolledFactor, Proof

PEPPER = pepper_of(b"secret of the identity provider")


class Subject(Protocol):
    """A kind of factor, and somebody who has it."""

    kind: FactorKind
    is_disabled_by_failures: bool

    def enrol(self, external_id: str, now: datetime) -> EnrolledFactor:
        """Have somebody enrol one."""
        ...

    def answer(self, external_id: str, now: datetime) -> object:
        """Return what its owner would show at that moment; another one each time."""
        ...

    def wrong_answer(self, external_id: str, now: datetime) -> object:
        """Return what somebody would show who has not got it."""
        ...

    def check(self, external_id: str, answer: object, now: datetime) -> Proof:
        """Check an answer."""
        ...

    def secrets(self) -> list[bytes]:
        """Return what must be nowhere in clear."""
        ...


@dataclass
class Totp:
    """An authenticator app."""

    engine: Engine
    random: Callable[[int], bytes]
    kind: FactorKind = FactorKind.TOTP
    is_disabled_by_failures: bool = True
    seeds: dict[str, bytes] = field(default_factory=dict)

    @property
    def factor(self) -> TotpFactor:
        return TotpFactor(FactorStore(self.engine), TotpSeedStore(self.engine), SEAL, self.random)

    def enrol(self, external_id: str, now: datetime) -> EnrolledFactor:
        seed = self.factor.new_seed()
        self.seeds[external_id] = seed
        # A minute ago, so that the code of this moment is not used up.
        before = now - timedelta(minutes=1)
        return self.factor.enrol(external_id, seed, code_of(self.factor, seed, before), "", before)

    def answer(self, external_id: str, now: datetime) -> str:
        return code_of(self.factor, self.seeds[external_id], now)

    def wrong_answer(self, external_id: str, now: datetime) -> str:
        near = {
            code_of(self.factor, self.seeds[external_id], now + timedelta(seconds=30 * n))
            for n in (-1, 0, 1)
        }
        return next(code for code in ("000000", "000001", "000002", "000003") if code not in near)

    def check(self, external_id: str, answer: str, now: datetime) -> Proof:
        return self.factor.check(external_id, answer, now)

    def secrets(self) -> list[bytes]:
        spelled = [self.factor.spelled(seed).replace(" ", "") for seed in self.seeds.values()]
        return [*self.seeds.values(), *(text.encode() for text in spelled)]


def code_of(factor: TotpFactor, seed: bytes, now: datetime) -> str:
    """Return what the app shows at that moment."""
    return pyotp.parse_uri(factor.uri(seed, "ann", "Corp")).at(now)


@dataclass
class Recovery:
    """Codes on paper."""

    engine: Engine
    random: Callable[[int], bytes]
    kind: FactorKind = FactorKind.RECOVERY_CODE
    is_disabled_by_failures: bool = True
    papers: dict[str, list[str]] = field(default_factory=dict)
    shown: list[str] = field(default_factory=list)

    @property
    def factor(self) -> RecoveryCodes:
        return RecoveryCodes(CodeStore(self.engine), PEPPER, self.random)

    def enrol(self, external_id: str, now: datetime) -> EnrolledFactor:
        codes = self.factor.issue(external_id, now)
        self.papers[external_id] = list(codes)
        self.shown += codes
        return FactorStore(self.engine).of_person(external_id, now)[-1]

    def answer(self, external_id: str, now: datetime) -> str:
        return self.papers[external_id].pop()

    def wrong_answer(self, external_id: str, now: datetime) -> str:
        return "0000-1111-2222-3333-4444-5555"

    def check(self, external_id: str, answer: str, now: datetime) -> Proof:
        return self.factor.check(external_id, answer, now)

    def secrets(self) -> list[bytes]:
        return [form.encode() for code in self.shown for form in (code, code.replace("-", ""))]


@dataclass
class Bypass:
    """Codes that the help desk reads out."""

    engine: Engine
    random: Callable[[int], bytes]
    kind: FactorKind = FactorKind.BYPASS_CODE
    is_disabled_by_failures: bool = True
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def factor(self) -> BypassCodes:
        return BypassCodes(CodeStore(self.engine), PEPPER, self.random)

    def enrol(self, external_id: str, now: datetime) -> EnrolledFactor:
        code = self.factor.issue(external_id, timedelta(hours=1), 1, "dana", now)
        self.notes[external_id] = code
        return FactorStore(self.engine).of_person(external_id, now)[-1]

    def answer(self, external_id: str, now: datetime) -> str:
        return self.notes[external_id]

    def wrong_answer(self, external_id: str, now: datetime) -> str:
        return "000 000 000" if self.notes[external_id] != "000 000 000" else "111 111 111"

    def check(self, external_id: str, answer: str, now: datetime) -> Proof:
        return self.factor.check(external_id, answer, now)

    def secrets(self) -> list[bytes]:
        return [form.encode() for c in self.notes.values() for form in (c, c.replace(" ", ""))]


PARTY = relying_party("https://sso.corp.example", "Corp")


@dataclass
class Passkeys:
    """A passkey in an authenticator that counts."""

    engine: Engine
    random: Callable[[int], bytes]
    kind: FactorKind = FactorKind.PASSKEY
    is_disabled_by_failures: bool = False
    authenticators: dict[str, SoftwareAuthenticator] = field(default_factory=dict)

    @property
    def factor(self) -> PasskeyFactor:
        return PasskeyFactor(
            FactorStore(self.engine), PasskeyStore(self.engine), PARTY, self.random
        )

    def enrol(self, external_id: str, now: datetime) -> EnrolledFactor:
        authenticator = self.authenticators.setdefault(external_id, SoftwareAuthenticator())
        challenge = self.random(32)
        options = self.factor.creation_options(external_id, external_id, external_id, challenge)
        made = authenticator.create(options)
        return self.factor.enrol(external_id, made, challenge, "", now)

    def answer(self, external_id: str, now: datetime) -> tuple[str, bytes]:
        challenge = self.random(32)
        options = self.factor.request_options(challenge, None)
        return self.authenticators[external_id].get(options), challenge

    def wrong_answer(self, external_id: str, now: datetime) -> tuple[str, bytes]:
        text, challenge = self.answer(external_id, now)
        values = json.loads(text)
        values["response"]["signature"] = to_text(b"\x30\x06\x02\x01\x01\x02\x01\x01")
        return json.dumps(values), challenge

    def check(self, external_id: str, answer: tuple[str, bytes], now: datetime) -> Proof:
        return self.factor.check(*answer, external_id, now)

    def secrets(self) -> list[bytes]:
        keys = [one.key for each in self.authenticators.values() for one in each.credentials]
        return [key.private_numbers().private_value.to_bytes(32) for key in keys]


SUBJECTS = (Passkeys, Totp, Recovery, Bypass)
