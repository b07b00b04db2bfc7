"""Whether what was proved does: in this sign-on, or in a browser that is remembered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from connector.idp.factor import FactorKind
from connector.idp.policy.circumstances import FirstFactor
from connector.idp.policy.finding import Ago, Effect, Finding
from connector.idp.policy.points import Frequency, Points, Remembering
from connector.idp.reason import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta

    from connector.idp.policy.circumstances import Circumstances
    from connector.idp.policy.layers import Effective


def usable(effective: Effective) -> Iterator[Finding]:
    """Yield which kinds of factors count."""
    if effective.points.phishing_resistant:
        yield Finding("phishing_resistant", "only passkeys count")
    if effective.kinds:
        yield Finding("factors", "what counts: {}", (Choice(effective.kinds),))
    else:
        none = "none of them counts: refused"
        yield Finding("factors", none, (), Effect.DENY, Reason.FACTOR_MISSING)


def proof_that_counts(
    known: Circumstances, kinds: tuple[FactorKind, ...]
) -> tuple[FactorKind | None, datetime | None]:
    """Return which factor was proved last of those that count, and when; None for none.

    A passkey as the first factor is a second one as well: the device has verified the person.
    """
    second = known.second if known.second in kinds else None
    if known.first is not FirstFactor.PASSKEY or FactorKind.PASSKEY not in kinds:
        return second, known.second_at if second else None
    if second is None or _is_before(known.second_at, known.first_at):
        return FactorKind.PASSKEY, known.first_at
    return second, known.second_at


def remembered_for(points: Points) -> timedelta | None:
    """Return for how long a remembered browser is not asked again; None: it always is."""
    wanted, longest = points.second_factor, points.remembered_for
    if points.remembered_devices is Remembering.OFF or wanted is Frequency.LOGIN:
        return None
    return longest if wanted is Frequency.SESSION else min(longest, wanted)


@dataclass(frozen=True, slots=True)
class Choice:
    """Kinds of factors, of which one is wanted.

    >>> str(Choice((FactorKind.PASSKEY, FactorKind.DUO, FactorKind.TOTP)))
    'passkey, duo or totp'

    Attributes:
        kinds: At least one.

    """

    kinds: tuple[FactorKind, ...]

    def __str__(self) -> str:
        """Return them in words."""
        *most, last = self.kinds
        return f"{', '.join(most)} or {last}" if most else str(last)


def proved(known: Circumstances, effective: Effective) -> Finding:
    """Return whether a proof of this sign-on does, or one is asked for.

    How often one is wanted says until when a proof does.
    """
    wanted = effective.points.second_factor
    kind, at = proof_that_counts(known, effective.kinds)
    if kind is None:
        if known.second is None:
            return Finding("second_factor", "none was proved yet", (), Effect.ASK)
        other = "{} was proved, which does not count here"
        return Finding("second_factor", other, (known.second,), Effect.ASK)
    if not known.is_in_session:
        return Finding("second_factor", "{} was proved in this login", (kind,), Effect.ALLOW)
    form, values = "{} was proved {}, in an earlier login", (kind, Ago(known.now, at))
    if wanted is Frequency.LOGIN:
        return Finding("second_factor", form + ": every login wants one", values, Effect.ASK)
    if wanted is not Frequency.SESSION and (at is None or known.now - at >= wanted):
        return Finding("second_factor", form + ": too long ago", values, Effect.ASK)
    return Finding("second_factor", form, values, Effect.ALLOW)


def _is_before(one: datetime | None, other: datetime | None) -> bool:
    return one is None or (other is not None and one < other)


def remembered(known: Circumstances, effective: Effective) -> Finding:
    """Return whether the browser is remembered, so that it is not asked."""
    when = (Ago(known.now, known.remembered_at),)
    if problem := _why_not_remembered(known, effective):
        return Finding("remembered_devices", problem, when)
    return Finding("remembered_devices", "this browser was remembered {}", when, Effect.ALLOW)


def _why_not_remembered(known: Circumstances, effective: Effective) -> str:
    """Return why this browser is asked; "" if it is remembered, and that does."""
    at, lasting = known.remembered_at, remembered_for(effective.points)
    problem = ""
    if effective.points.remembered_devices is Remembering.OFF:
        problem = "no browser is remembered"
    elif lasting is None:
        problem = "does not count: every login wants a factor"
    elif at is None:
        problem = "this browser is not remembered"
    elif not _is_trusted(known, effective):
        problem = "this browser is remembered by a factor that does not count here"
    elif known.now - at >= lasting:
        problem = "this browser was remembered {}: too long ago"
    return problem


def _is_trusted(known: Circumstances, effective: Effective) -> bool:
    """Return whether the factor that a browser is remembered by counts here."""
    if known.remembered_by is None:
        return not effective.points.phishing_resistant
    return known.remembered_by in effective.kinds
