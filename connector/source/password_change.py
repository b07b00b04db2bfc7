"""What the source says about a new password: AD's codes as words (pure)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connector.source.password import PasswordVerdict

# Win32 code at the beginning (MS-ADTS section 3.1.1.3.1.9): "0000052D: AtrErr: DSID-03190F80, ..."
_CODE = re.compile(r"^\s*([0-9a-f]{8}):", re.IGNORECASE)


class ChangeVerdict(StrEnum):
    """What became of a change of a password.

    WRONG_PASSWORD is about the old one, and counts like a bind with it. AGAINST_RULES is the one
    code for all rules; those after it say which, where that can be told.
    """

    CHANGED = "changed"
    WRONG_PASSWORD = "wrong-password"
    LOCKED_OUT = "locked-out"
    NOT_ALLOWED = "not-allowed"
    AGAINST_RULES = "against-rules"
    TOO_SHORT = "too-short"
    TOO_LONG = "too-long"
    NOT_COMPLEX = "not-complex"
    CONTAINS_NAME = "contains-name"
    USED_BEFORE = "used-before"
    TOO_YOUNG = "too-young"
    NOT_SENDABLE = "not-sendable"
    UNRECOGNISED = "unrecognised"


_BY_CODE = MappingProxyType(
    {
        "00000005": ChangeVerdict.NOT_ALLOWED,  # ERROR_ACCESS_DENIED
        "00000056": ChangeVerdict.WRONG_PASSWORD,  # ERROR_INVALID_PASSWORD
        "0000052b": ChangeVerdict.WRONG_PASSWORD,  # ERROR_WRONG_PASSWORD
        "0000052c": ChangeVerdict.NOT_SENDABLE,  # ERROR_ILL_FORMED_PASSWORD
        "0000052d": ChangeVerdict.AGAINST_RULES,  # ERROR_PASSWORD_RESTRICTION
        "00000775": ChangeVerdict.LOCKED_OUT,  # ERROR_ACCOUNT_LOCKED_OUT
    }
)
# Samba 4.17 adds which rule it was; AD never does.
_BY_TEXT = MappingProxyType(
    {
        "too short": ChangeVerdict.TOO_SHORT,
        "complexity": ChangeVerdict.NOT_COMPLEX,
        "already used": ChangeVerdict.USED_BEFORE,
        "too young": ChangeVerdict.TOO_YOUNG,
    }
)
# What Samba 4.17 says, without a code, where the right to change the password is lacking.
_SAMBA_WITHOUT_RIGHT = "error in module acl"


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """What came of a change.

    Attributes:
        verdict: Whether it was made, or why not.
        words: What the server said to a refusal, on one line, for operators.
        sign_in: What the same server says to the new password; None if it was not asked or did
            not answer.

    """

    verdict: ChangeVerdict
    words: str = ""
    sign_in: PasswordVerdict | None = None


def parse_refusal(diagnostic_message: str) -> ChangeVerdict:
    """Return why a change was refused, from the text beside the LDAP result.

    >>> parse_refusal("0000052D: AtrErr: DSID-03190F80, problem 1005 (CONSTRAINT_ATT_TYPE)")
    <ChangeVerdict.AGAINST_RULES: 'against-rules'>
    >>> parse_refusal("0000052D: Constraint violation - the password is too short.")
    <ChangeVerdict.TOO_SHORT: 'too-short'>

    """
    if _SAMBA_WITHOUT_RIGHT in diagnostic_message:
        return ChangeVerdict.NOT_ALLOWED
    found = _CODE.match(diagnostic_message)
    verdict = _BY_CODE.get(found[1].lower() if found else "", ChangeVerdict.UNRECOGNISED)
    if verdict is ChangeVerdict.AGAINST_RULES:
        folded = diagnostic_message.lower()
        return next((rule for words, rule in _BY_TEXT.items() if words in folded), verdict)
    return verdict
