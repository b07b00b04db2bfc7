"""The page on which somebody chooses a new password in the middle of a login."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from connector.idp.new_password import DIFFERS, WRONG_OLD, TypedPasswords
from connector.idp.reason import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import timedelta

    from connector.idp.view import AskNewPassword
    from connector.source.password_rules import PasswordRules
    from connector.web.words import Words

OLD, NEW, REPEATED = "password", "new_password", "new_password_again"
# Why the page is shown: that is no fault of anybody's.
_OCCASIONS: Final = frozenset({Reason.PASSWORD_EXPIRED, Reason.MUST_CHANGE_PASSWORD})
_FIELDS: Final = MappingProxyType({WRONG_OLD: OLD, DIFFERS: REPEATED})
_ABOUT_NEW: Final = "new-"


def read_passwords(fields: Mapping[str, str]) -> TypedPasswords:
    """Return what the form sent."""
    return TypedPasswords(*(fields.get(name, "") for name in (OLD, NEW, REPEATED)))


def page_values(view: AskNewPassword, words: Words) -> dict[str, object]:
    """Return what the page shows besides the view."""
    return {
        "rules": rules_in_words(view.rules, words),
        "is_occasion": view.error in _OCCASIONS,
        "at_fault": field_at_fault(view.error),
    }


def field_at_fault(error: str) -> str:
    """Return the name of the field that a message is about; "" for none.

    >>> field_at_fault("new-password-too-short"), field_at_fault("password-expired")
    ('new_password', '')

    """
    return _FIELDS.get(error, NEW if error.startswith(_ABOUT_NEW) else "")


def rules_in_words(rules: PasswordRules | None, words: Words) -> list[str]:
    """Return what a new password must be like, a sentence for each rule."""
    return list(_sentences(rules, words)) if rules else []


def _sentences(rules: PasswordRules, words: Words) -> Iterator[str]:
    if rules.min_length > 1:
        yield words.text("rule-length", count=words.number(rules.min_length))
    if rules.is_complex:
        yield words.text("rule-kinds")
        yield words.text("rule-name")
    if rules.history_count:
        yield words.several("rule-history", rules.history_count)
    if rules.min_age:
        yield words.text("rule-age", time=_time_in_words(rules.min_age, words))


def _time_in_words(time: timedelta, words: Words) -> str:
    hours = max(1, round(time.total_seconds() / 3600))
    return words.several("hours", hours) if hours % 24 else words.several("days", hours // 24)
