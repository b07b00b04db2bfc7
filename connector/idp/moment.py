"""Moments as SAML writes them (Core section 1.3.3)."""

from __future__ import annotations

from datetime import UTC, datetime


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
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
