"""Moments as they are typed: so long from now, or a date."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta


def parse_moment(
    text: str,
    from_now: Callable[[timedelta], datetime],
    *,
    option: str,
    such_as: tuple[str, str],
) -> datetime:
    """Return the moment that a duration or a date says; times without a zone are UTC.

    Args:
        text: As it was typed.
        from_now: Returns the moment that is so far from now, on the side that is meant.
        option: Where it was typed, such as "--since".
        such_as: A duration and a moment that make sense there.

    Raises:
        BadParameter: if it says none.

    """
    from datetime import UTC, datetime

    from connector.settings.values import DurationTooLong, parse_duration

    try:
        return from_now(parse_duration(text))
    except DurationTooLong as error:
        raise typer.BadParameter(str(error), param_hint=option) from error
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        duration, moment = such_as
        message = f"{text} is no duration such as {duration}, and no moment such as {moment}"
        raise typer.BadParameter(message, param_hint=option) from error
