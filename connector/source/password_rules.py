"""What a new password must be like, and which of that a refused one is not (pure).

Active Directory refuses with one code for every rule. Which one it was is found by looking at the
password ourselves, only after the refusal: the directory alone decides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.source.password_change import ChangeVerdict

# MS-SAMR section 3.1.1.7.2: what separates the parts of a displayName, and the shortest that counts
_SEPARATORS = re.compile(r"[,.\-_ #\t]+")
_SHORTEST_NAME = 3
_KINDS_NEEDED = 3
_LONGEST = 256


@dataclass(frozen=True, slots=True)
class PasswordRules:
    """The rules of a domain, or those of one person (msDS-PasswordSettings).

    Attributes:
        min_length: Characters at least.
        history_count: How many of the latest passwords may not be used again.
        is_complex: Whether it needs characters of three kinds, and must not hold the name.
        min_age: How long a password is kept at least.

    """

    min_length: int = 0
    history_count: int = 0
    is_complex: bool = False
    min_age: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose password it is.

    Attributes:
        login: sAMAccountName.
        display_name: displayName.
        set_at: When the password was set; None if it must be changed.

    """

    login: str = ""
    display_name: str = ""
    set_at: datetime | None = None


def find_broken_rule(
    password: str, rules: PasswordRules, owner: Owner, now: datetime
) -> ChangeVerdict | None:
    """Return which rule a password breaks; None if it is none that can be told from outside.

    Those are the history of passwords, and lists of forbidden ones.

    >>> rules, moment = PasswordRules(8, 24, is_complex=True), datetime(2026, 11, 2)
    >>> find_broken_rule("Short.1", rules, Owner(), moment)
    <ChangeVerdict.TOO_SHORT: 'too-short'>
    >>> find_broken_rule("Northwind.Ada", rules, Owner("ada"), moment)
    <ChangeVerdict.CONTAINS_NAME: 'contains-name'>

    """
    if owner.set_at is not None and now < owner.set_at + rules.min_age:
        return ChangeVerdict.TOO_YOUNG
    length = len(password.encode("utf-16-le")) // 2
    if length > _LONGEST:
        return ChangeVerdict.TOO_LONG
    if length < rules.min_length:
        return ChangeVerdict.TOO_SHORT
    if rules.is_complex and count_kinds(password) < _KINDS_NEEDED:
        return ChangeVerdict.NOT_COMPLEX
    if rules.is_complex and _holds_name(password.casefold(), owner):
        return ChangeVerdict.CONTAINS_NAME
    return None


def count_kinds(password: str) -> int:
    """Return of how many kinds the characters are (MS-SAMR section 3.1.1.7.2).

    Capital letters, small letters, digits, letters that are neither, and everything else.

    >>> count_kinds("Summer"), count_kinds("Summer.1"), count_kinds("日本Aa1.")
    (2, 4, 5)

    """
    kinds = set()
    for character in password:
        if character.isupper():
            kinds.add("capital")
        elif character.islower():
            kinds.add("small")
        elif character in "0123456789":
            kinds.add("digit")
        else:
            kinds.add("letter" if character.isalpha() else "other")
    return len(kinds)


def _holds_name(folded: str, owner: Owner) -> bool:
    parts = [owner.login, *_SEPARATORS.split(owner.display_name)]
    return any(len(part) >= _SHORTEST_NAME and part.casefold() in folded for part in parts)
