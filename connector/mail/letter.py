"""A message on its way: who gets it, how far it is, and what the mail server can say to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to be delivered.

    Attributes:
        letter_id: Of ours; the beginning of its Message-ID.
        external_id: Whom it is for.
        notice: What it tells, a word such as "factor-added".
        recipient: The address; only the part before the @ may hold more than ASCII.
        message: As it is sent (RFC 5322), with CRLF.
        queued_at: When it was queued.

    """

    letter_id: str
    external_id: str
    notice: str
    recipient: str
    message: bytes = field(repr=False)
    queued_at: datetime


class GivenUp(StrEnum):
    """Why a message is not tried any more; a word for the audit and the log."""

    NO_ADDRESS = "mail-no-address"
    REFUSED = "mail-refused"
    TOO_LATE = "mail-too-late"
    IN_DOUBT = "mail-in-doubt"


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of a message that waits or was given up.

    Attributes:
        letter_id: Of the letter.
        external_id: Whom it is for.
        notice: What it tells.
        recipient: The address, or "" if there is none.
        queued_at: When it was queued.
        tried_count: How often the server was asked to take it.
        due_at: When it is tried next; None: not any more.
        given_up: Why not; "" while it waits.
        problem: What kept it from being delivered last, in words, or "".
        ended_at: When it was given up, or None.

    """

    letter_id: str
    external_id: str
    notice: str
    recipient: str
    queued_at: datetime
    tried_count: int
    due_at: datetime | None
    given_up: str
    problem: str
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Taken:
    """The server has taken the message, and sees to it from here on.

    Attributes:
        words: What it said, such as "2.0.0 Ok: queued as 4F2A".

    """

    words: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """The server will never take it (RFC 5321 section 4.2.1: a reply 5yz).

    Attributes:
        words: What it said.
        code: Its reply, or 0 if we saw by ourselves that it cannot take the message.

    """

    words: str
    code: int = 0


@dataclass(frozen=True, slots=True)
class Deferred:
    """The server does not take it now (a reply 4yz), or was not heard to the end.

    Attributes:
        words: What it said, or what went wrong.
        code: Its reply, or 0 if there was none.
        is_in_doubt: Whether it may have taken the message all the same.

    """

    words: str
    code: int = 0
    is_in_doubt: bool = False


Outcome = Taken | Refused | Deferred
