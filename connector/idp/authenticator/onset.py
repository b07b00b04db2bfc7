"""Say once in the log that a limit of wrong passwords has begun to hold, not at each attempt."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from connector.idp.reason import Reason

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Onsets:
    """Which limits hold, as far as this process has seen; safe to use from several threads."""

    _until: dict[tuple[Reason, str], datetime] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def note(self, limit: Reason, subject: str, now: datetime, window: timedelta) -> None:
        """Keep that an attempt was not taken; a limit begins anew if none was for the window.

        Args:
            limit: Which one it met.
            subject: Whose it is: external_id of the person, the network, or "" for everybody's.
            now: The present moment.
            window: Of the limit.

        """
        with self._lock:
            is_new = (limit, subject) not in self._until or self._until[limit, subject] <= now
            if is_new:
                over = [key for key, until in self._until.items() if until <= now]
                for key in over:
                    del self._until[key]
            self._until[limit, subject] = now + window
        if is_new:
            log.warning("login.limited", reason=limit, subject=subject)
