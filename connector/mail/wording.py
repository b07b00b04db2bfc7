"""What a notice says, in the words of a language (pure).

Every English text stands here once, in a table or within `_`; it is the key of the other languages.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from connector.mail.browser import describe
from connector.mail.notice import (
    AccountLockedOut,
    BypassCodeIssued,
    BypassCodeUsed,
    DeviceRemembered,
    FactorAdded,
    FactorDisabled,
    FactorRemoved,
    FactorRenamed,
    FactorsReset,
    RecoveryCodeUsed,
)
from connector.mail.plain import unlinked
from connector.mail.translation import translated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from connector.mail.notice import Notice, Occasion
    from connector.mail.translation import Language

    Translate = Callable[[str], str]

# So few recovery codes are worth a word.
_FEW = 3


# By what happened, and to which kind of factor; "" for all others.
_HEADLINES: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("factor-added", "passkey"): "A passkey was added to your sign-on",
        ("factor-added", "totp"): "An authenticator app was added to your sign-on",
        ("factor-added", ""): "A second factor was added to your sign-on",
        ("factor-removed", "passkey"): "A passkey was removed from your sign-on",
        ("factor-removed", "totp"): "An authenticator app was removed from your sign-on",
        ("factor-removed", ""): "A second factor was removed from your sign-on",
        ("factor-renamed", "passkey"): "A passkey of your sign-on has another name",
        ("factor-renamed", "totp"): "An authenticator app of your sign-on has another name",
        ("factor-renamed", ""): "A second factor of your sign-on has another name",
        ("factor-disabled", "passkey"): "A passkey of your sign-on was switched off",
        ("factor-disabled", "totp"): "An authenticator app of your sign-on was switched off",
        ("factor-disabled", ""): "A second factor of your sign-on was switched off",
        ("recovery-codes-made", ""): "New recovery codes were made for your sign-on",
        ("recovery-code-used", ""): "A recovery code was used to sign in",
        ("bypass-code-issued", ""): "The help desk made a code for your sign-on",
        ("bypass-code-used", ""): "A code of the help desk was used to sign in",
        ("device-remembered", ""): "A browser was remembered for your sign-on",
        ("factors-reset", ""): "The help desk removed all second factors of your sign-on",
        ("account-locked-out", ""): "Your sign-on was locked",
    }
)
_MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "factor-disabled": (
            "There were too many wrong answers, or there seem to be two of it. Sign in another way,"
            " and set it up anew where your devices and keys are listed."
        ),
        "recovery-codes-made": "All earlier recovery codes are void.",
        "bypass-code-issued": (
            "With such a code and your password you get in without your second factor."
        ),
        "device-remembered": "Until then that browser is asked for no second factor.",
        "factors-reset": "When you sign in the next time, you may be asked to set up a new one.",
        "account-locked-out": (
            "There were too many wrong passwords or codes. Nobody gets in until then."
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Wording:
    """What is said.

    Attributes:
        headline: What happened, without a full stop; the subject, and how the message begins.
        details: Names and values.
        meaning: What that means, or "".
        advice: What to do if it was them, and if it was not.

    """

    headline: str
    details: tuple[tuple[str, str], ...]
    meaning: str
    advice: tuple[str, str]


def word(notice: Notice, language: Language) -> Wording:
    """Return what a notice says."""
    _ = partial(translated, language=language)
    return Wording(
        headline=_headline(notice, _),
        details=tuple(_details(notice, _)),
        meaning=_meaning(notice, _),
        advice=_advice(notice, _),
    )


def _headline(notice: Notice, _: Translate) -> str:
    kind = getattr(notice, "kind", "")
    return _(_HEADLINES.get((notice.word, kind)) or _HEADLINES[notice.word, ""])


def _details(notice: Notice, _: Translate) -> Iterator[tuple[str, str]]:
    """Yield what is known of it; of names only what is harmless."""
    match notice:
        case FactorAdded(name=name) | FactorRemoved(name=name) | FactorDisabled(name=name):
            yield _("Name"), unlinked(name)
        case FactorRenamed(former_name=former_name, name=name):
            yield _("Former name"), unlinked(former_name)
            yield _("New name"), unlinked(name)
        case RecoveryCodeUsed(remaining=remaining):
            yield _("Codes left"), str(remaining)
        case BypassCodeUsed(remaining=remaining):
            yield _("Can still be used"), _times(remaining, _)
        case BypassCodeIssued(uses=uses, until=until):
            yield _("Can be used"), _times(uses, _)
            yield _("Valid until"), moment(until, _)
        case DeviceRemembered(until=until):
            yield _("Remembered until"), moment(until, _)
        case AccountLockedOut(until=until) if until is not None:
            yield _("Locked until"), moment(until, _)
        case _:
            pass
    yield from _circumstances(notice.occasion, _)


def _circumstances(occasion: Occasion, _: Translate) -> Iterator[tuple[str, str]]:
    yield _("Time"), moment(occasion.at, _)
    if occasion.address:
        yield _("Address"), unlinked(occasion.address)
    if occasion.user_agent:
        name, system = describe(occasion.user_agent)
        both = _("{browser} on {system}") if name and system else "{browser}{system}"
        yield _("Browser"), both.format(browser=name, system=system) or _("one we do not know")


def _meaning(notice: Notice, _: Translate) -> str:
    text = _MEANINGS.get(notice.word, "")
    match notice:
        case FactorRemoved(is_by_help_desk=True):
            text = "The help desk did that."
        case RecoveryCodeUsed(remaining=0):
            text = "It was the last one. Make new ones, where your devices and keys are listed."
        case RecoveryCodeUsed(remaining=remaining) if remaining <= _FEW:
            text = "Few are left. Make new ones, where your devices and keys are listed."
        case AccountLockedOut(until=None):
            text = "There were too many wrong passwords or codes. The help desk can unlock it."
        case _:
            pass
    return _(text) if text else ""


def _advice(notice: Notice, _: Translate) -> tuple[str, str]:
    match notice:
        case BypassCodeIssued() | FactorsReset() | FactorRemoved(is_by_help_desk=True):
            return (
                _("If you asked the help desk for it, there is nothing to do."),
                _("If you did not, somebody may pretend to be you. Tell the help desk at once."),
            )
        case AccountLockedOut() | FactorDisabled():
            return (
                _("If you mistyped it yourself, there is nothing else to do."),
                _("If it was not you, somebody is trying to sign in as you. Tell the help desk."),
            )
        case _:
            return (
                _("If that was you, there is nothing to do."),
                _(
                    "If it was not you, somebody else can sign in as you."
                    " Change your password and tell the help desk at once."
                ),
            )


def _times(count: int, _: Translate) -> str:
    if count <= 0:
        return _("not any more")
    return _("once") if count == 1 else _("{count} times").format(count=count)


def moment(at: datetime, _: Translate) -> str:
    """Return a moment in words, in UTC.

    >>> from datetime import datetime
    >>> moment(datetime(2026, 11, 2, 8, 5, tzinfo=UTC), str)
    'Monday, 2 November 2026, 08:05 UTC'

    """
    in_utc = at.astimezone(UTC)
    return _("{weekday}, {day} {month} {year}, {time} UTC").format(
        weekday=_(_WEEKDAYS[in_utc.weekday()]),
        day=in_utc.day,
        month=_(_MONTHS[in_utc.month - 1]),
        year=in_utc.year,
        time=f"{in_utc:%H:%M}",
    )


_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
