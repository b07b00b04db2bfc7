"""Recovery codes: ten on paper, each good for one way back in (NIST SP 800-63B-4 section 3.1.2).

24 characters of Crockford's base32 are 120 bits, so that an HMAC and one look-up are enough.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from connector.errors import FactorRefused
from connector.idp.authenticator.written_code import bare, in_groups, mac_of_code
from connector.idp.factor import EnrolledFactor, FactorKind
from connector.idp.reason import Reason

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from connector.idp.factor import Proof
    from connector.idp.store.codes import CodeStore

CODES: Final = 10
_CODE_BYTES: Final = 15
_LENGTH: Final = 24
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LOOK_ALIKES: Final = MappingProxyType(str.maketrans("OIL", "011"))


@dataclass(frozen=True, slots=True)
class RecoveryCodes:
    """Issues recovery codes, and takes them.

    Attributes:
        codes: Keeps them.
        pepper: Keys what is kept, see `written_code.pepper_of`.
        random: Returns that many unpredictable bytes.

    """

    codes: CodeStore
    pepper: bytes = field(repr=False)
    random: Callable[[int], bytes] = field(repr=False)

    def issue(self, external_id: str, now: datetime) -> tuple[str, ...]:
        """Return ten new codes, as people read them; all earlier ones are worth nothing."""
        fresh = tuple(_encode(self.random(_CODE_BYTES)) for _ in range(CODES))
        factor = EnrolledFactor(
            factor_id=self.random(16).hex(),
            external_id=external_id,
            kind=FactorKind.RECOVERY_CODE,
            name="Recovery codes",
            created_at=now,
            used_at=None,
            disabled_at=None,
            remaining=len(fresh),
        )
        self.codes.replace(factor, [self._mac(external_id, code) for code in fresh])
        return tuple(in_groups(code, 4, "-") for code in fresh)

    def check(self, external_id: str, code: str, now: datetime) -> Proof:
        """Return that a person has one of their codes, and use it up.

        Case, spaces and dashes do not matter, nor whether somebody reads O for 0, or I or L for 1.

        Raises:
            FactorRefused: if it is none of theirs, or was used before.

        """
        typed = bare(code).upper().translate(_LOOK_ALIKES)
        if len(typed) != _LENGTH or not set(typed) <= set(_ALPHABET):
            raise FactorRefused(Reason.CODE_MALFORMED)
        mac = self._mac(external_id, typed)
        return self.codes.use(external_id, FactorKind.RECOVERY_CODE, mac, now)

    def _mac(self, external_id: str, code: str) -> bytes:
        return mac_of_code(self.pepper, FactorKind.RECOVERY_CODE, external_id, code)


def _encode(random: bytes) -> str:
    """Return bytes in base32, five bits a character."""
    number = int.from_bytes(random)
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(115, -1, -5))
