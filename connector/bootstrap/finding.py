"""What `connector check` says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `connector check`.

    Attributes:
        level: "ok", "warn" or "fail".
        subject: What was looked at.
        words: What was found, and what to do about it.

    """

    level: str
    subject: str
    words: str
