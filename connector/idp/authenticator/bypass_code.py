"""Bypass codes: the help desk reads one out to somebody who has no other factor at hand.

They are short, so they last an hour, belong to one person, and failures are counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from connector.errors import FactorRefused
from connector.idp.authenticator.written_code import bare, in_groups, mac_of_code
from connector.idp.factor import EnrolledFactor, FactorKind
from connector.idp.reason import Reason

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from connector.idp.factor import Proof
    from connector.idp.store.codes import CodeStore

CODES_AT_MOST: Final = 100
_DIGITS: Final = 9


@dataclass(frozen=True, slots=True)
class BypassCodes:
    """Issues bypass codes, and takes them.

    Attributes:
        codes: Keeps them.
        pepper: Keys what is kept, see `written_code.pepper_of`.
        random: Returns that many unpredictable bytes.

    """

    codes: CodeStore
    pepper: bytes = field(repr=False)
    random: Callable[[int], bytes] = field(repr=False)

    def issue(
        self, external_id: str, lifetime: timedelta, uses: int, by: str, now: datetime
    ) -> str:
        """Return a new code, as people read it.

        Args:
            external_id: Whom it lets in.
            lifetime: How long.
            uses: How often, at least once.
            by: Login name of the operator.
            now: The present moment.

        Raises:
            FactorRefused: if the person has a hundred already.

        """
        factor = EnrolledFactor(
            factor_id=self.random(16).hex(),
            external_id=external_id,
            kind=FactorKind.BYPASS_CODE,
            name=f"Bypass code from {by}",
            created_at=now,
            used_at=None,
            disabled_at=None,
            remaining=uses,
        )
        while True:
            code = f"{int.from_bytes(self.random(16)) % 10**_DIGITS:0{_DIGITS}}"
            mac = self._mac(external_id, code)
            if self.codes.add(factor, mac, uses, now + lifetime, CODES_AT_MOST):
                return in_groups(code, 3, " ")

    def check(self, external_id: str, code: str, now: datetime) -> Proof:
        """Return that a person has a code of the help desk, and use it once.

        Raises:
            FactorRefused: if it is none of theirs, or is used up, or too old.

        """
        typed = bare(code)
        if len(typed) != _DIGITS or not (typed.isascii() and typed.isdigit()):
            raise FactorRefused(Reason.CODE_MALFORMED)
        mac = self._mac(external_id, typed)
        return self.codes.use(external_id, FactorKind.BYPASS_CODE, mac, now)

    def _mac(self, external_id: str, code: str) -> bytes:
        return mac_of_code(self.pepper, FactorKind.BYPASS_CODE, external_id, code)
