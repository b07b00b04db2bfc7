"""When to ask again; pure values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, Literal

from connector.target.pace import Quota

if TYPE_CHECKING:
    from collections.abc import Mapping

ResetUnit = Literal["seconds", "milliseconds", "epoch"]

# The target did not take the request, for certain (RFC 6585 section 4, RFC 9110 section 15.6.4).
RETRIED: Final = frozenset({429, 503})
_RESET_HEADERS: Final = ("x-ratelimit-reset", "x-mimecast-ratelimit-reset", "ratelimit-reset")
_LIMIT_HEADERS: Final = ("x-ratelimit-limit", "x-mimecast-ratelimit-limit", "ratelimit-limit")
_REMAINING_HEADERS: Final = ("x-ratelimit-remaining", "ratelimit-remaining")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How patient we are.

    Attributes:
        first_delay: Before the second attempt, when the target does not say.
        ceiling: The longest delay that we choose ourselves.
        patience: How long a target may put us off without taking anything at all.
        connect_attempts: How often a connection is tried.

    """

    first_delay: timedelta = timedelta(seconds=0.5)
    ceiling: timedelta = timedelta(seconds=60)
    patience: timedelta = timedelta(minutes=5)
    connect_attempts: int = 4


def delay_before_retry(
    policy: RetryPolicy,
    *,
    status: int,
    attempt: int,
    retry_after: timedelta | None = None,
    jitter: float = 1.0,
) -> timedelta | None:
    """Return how long to wait before the next attempt, or None to give up.

    Args:
        policy: The limits.
        status: HTTP status code that ended the attempt.
        attempt: 1 for the first try.
        retry_after: What the target asked for; it replaces the computed delay. None: nothing.
        jitter: Random, 0.0-1.0: where in the upper half of the computed delay to come out, so
            that many do not come back at once.

    >>> delay_before_retry(RetryPolicy(), status=429, attempt=1, retry_after=timedelta(seconds=30))
    datetime.timedelta(seconds=30)
    >>> delay_before_retry(RetryPolicy(), status=503, attempt=3, jitter=1.0)
    datetime.timedelta(seconds=2)
    >>> delay_before_retry(RetryPolicy(), status=409, attempt=1) is None
    True

    """
    if status not in RETRIED:
        return None
    if retry_after is not None:
        return retry_after if retry_after <= policy.patience else None
    return backoff(policy, attempt=attempt, jitter=jitter)


def backoff(policy: RetryPolicy, *, attempt: int, jitter: float) -> timedelta:
    """Return a delay that doubles with each attempt, up to the ceiling.

    >>> [backoff(RetryPolicy(), attempt=n, jitter=0.0).total_seconds() for n in (1, 2, 20)]
    [0.25, 0.5, 30.0]

    """
    # 2 to the 32nd is beyond any ceiling, and no more than a timedelta can hold.
    doubled = policy.first_delay * (1 << min(attempt - 1, 32))
    return min(doubled, policy.ceiling) * (0.5 + jitter / 2)


def parse_retry_after(
    headers: Mapping[str, str], now: datetime, reset_unit: ResetUnit, ceiling: timedelta
) -> timedelta | None:
    """Return how long the target asks us to wait, or None if it does not say.

    Retry-After (RFC 9110 section 10.2.3) counts first. X-RateLimit-Reset has no standard, and
    its unit may be other than the dialect says, so it is believed up to `ceiling` only.

    >>> parse_retry_after({"retry-after": "7"}, datetime.now(UTC), "seconds", timedelta(minutes=1))
    datetime.timedelta(seconds=7)

    """
    asked = _seconds_or_date(headers.get("retry-after", "").strip(), now)
    if asked is not None:
        return asked
    reset = _number(headers, _RESET_HEADERS)
    return None if reset is None else min(_from_reset(reset, now, reset_unit), ceiling)


def delay_when_spent(
    headers: Mapping[str, str], now: datetime, reset_unit: ResetUnit, ceiling: timedelta
) -> timedelta | None:
    """Return how long to pause after a success that used up the quota, or None to go on."""
    if _number(headers, _REMAINING_HEADERS) != 0:
        return None
    reset = _number(headers, _RESET_HEADERS)
    return None if reset is None else min(_from_reset(reset, now, reset_unit), ceiling)


def parse_quota(headers: Mapping[str, str], now: datetime, reset_unit: ResetUnit) -> Quota | None:
    """Return what an answer says of the allowance, or None if it does not say.

    >>> told = {"x-ratelimit-limit": "100", "x-ratelimit-reset": "1"}
    >>> parse_quota(told, datetime.now(UTC), "seconds")
    Quota(limit=100.0, reset_seconds=1.0)

    """
    limit = _number(headers, _LIMIT_HEADERS)
    reset = _number(headers, _RESET_HEADERS) if limit else None
    if not limit or reset is None:
        return None
    return Quota(limit, _from_reset(reset, now, reset_unit).total_seconds())


def _seconds_or_date(text: str, now: datetime) -> timedelta | None:
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text), 10**9))
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(moment - now, timedelta())


def _number(headers: Mapping[str, str], names: tuple[str, ...]) -> float | None:
    for name in names:
        try:
            number = float(headers.get(name, ""))
        except ValueError:
            continue
        if math.isfinite(number) and number >= 0:
            return number
    return None


def _from_reset(reset: float, now: datetime, unit: ResetUnit) -> timedelta:
    seconds = {
        "seconds": reset,
        "milliseconds": reset / 1000,
        "epoch": max(reset - now.timestamp(), 0.0),
    }[unit]
    return timedelta(seconds=min(seconds, 10**9))
