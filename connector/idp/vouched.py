"""What an upstream is asked about a person, and what it says, as a login keeps it to its end."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

AD: Final = "ad"
"""The source of authentication that is always there: passwords of the directory that we read."""


@dataclass(frozen=True, slots=True)
class SentRequest:
    """What an upstream was asked.

    Attributes:
        relay_state: Comes back with the answer; opaque, and known to one browser.
        request_id: XML ID of the AuthnRequest; the answer names it.
        transaction_id: The login that it was asked for.
        upstream: Its name.
        is_forced: The person was to prove who they are, whoever was signed in there.
        sent_at: When.
        expires_at: When the login has taken too long.
        answered_at: When the answer came, or None.

    """

    relay_state: str
    request_id: str
    transaction_id: str
    upstream: str
    is_forced: bool
    sent_at: datetime
    expires_at: datetime
    answered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Vouched:
    """An upstream says that somebody is who they say; whom that concerns here is still open.

    Attributes:
        upstream: Its name.
        authority: Its entity ID.
        person: What it calls the person.
        authenticated_at: When they proved it there.
        context_class: URI of how they did, as it says; "" if it does not.
        ends_at: When what it says ends; None for no end of its own.

    """

    upstream: str
    authority: str
    person: str
    authenticated_at: datetime
    context_class: str = ""
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Declined:
    """An upstream says that it does not vouch for anybody.

    Attributes:
        upstream: Its name.
        reason: A word of `Reason`.
        words: Its status and message, for the audit.

    """

    upstream: str
    reason: str
    words: str = ""


def to_json(outcome: Vouched | Declined) -> bytes:
    """Return the outcome as a row keeps it."""
    return json.dumps(asdict(outcome), default=datetime.isoformat).encode()


def from_json(text: bytes) -> Vouched | Declined:
    """Return the outcome that a row keeps."""
    values = json.loads(text)
    if "reason" in values:
        return Declined(**values)
    for name in ("authenticated_at", "ends_at"):
        values[name] = values[name] and datetime.fromisoformat(values[name])
    return Vouched(**values)
