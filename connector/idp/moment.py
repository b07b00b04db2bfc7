"""Moments as SAML writes them (Core section 1.3.3)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_DURATION = re.compile(
    r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:[.]\d+)?S)?)?"
)
_UNITS = (
    *(timedelta(days=365), timedelta(days=30), timedelta(days=1)),
    *(timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)),
)


def to_moment(text: str) -> datetime:
    """Return the moment that an xs:dateTime says; without a zone it is UTC (Core section 1.3.3).

    Raises:
        ValueError: if it says none.

    """
    moment = datetime.fromisoformat(text.strip())
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        message = f"out of range: {text}"
        raise ValueError(message) from error


def to_timestamp(moment: datetime) -> str:
    """Return the moment as SAML writes it.

    >>> to_timestamp(datetime(2026, 11, 2, 8, 0, 0, 123456, tzinfo=UTC))
    '2026-11-02T08:00:00.123Z'

    """
    in_utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return f"{in_utc.isoformat(timespec='milliseconds')[:-6]}Z"


def to_duration(text: str) -> timedelta:
    """Return the length of time that an xs:duration says; a month is taken as 30 days.

    >>> to_duration("P1DT6H")
    datetime.timedelta(days=1, seconds=21600)

    Raises:
        ValueError: if it says none, or a negative one.

    """
    found = _DURATION.fullmatch(text.strip())
    if found is None or not any(found.groups()):
        message = f"is not a duration: {text[:40]!r}"
        raise ValueError(message)
    try:
        return sum(
            (int(count or 0) * unit for count, unit in zip(found.groups(), _UNITS, strict=True)),
            timedelta(),
        )
    except OverflowError as error:
        message = f"out of range: {text[:40]!r}"
        raise ValueError(message) from error
