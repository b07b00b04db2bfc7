"""Challenges of WebAuthn that need not be kept: each is good for one question, for five minutes.

A challenge is bound to the login, the browser, the purpose, the moment it was asked and the number
of answers given so far. So an answer to it counts once, and nothing is written when a page is shown
(WebAuthn section 13.4.3).
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from connector.errors import FactorRefused
from connector.idp.reason import Reason

if TYPE_CHECKING:
    from connector.idp.transaction import LoginTransaction

LIFETIME = timedelta(minutes=5)
_LONGEST_NUMBER = 20


class Purpose(StrEnum):
    """What a challenge is for; one is never taken for another."""

    SIGN_IN = "sign-in"
    SECOND_FACTOR = "second-factor"
    ENROLMENT = "enrolment"


def stamp(now: datetime) -> str:
    """Return the moment as a form sends it back."""
    return str(int(now.timestamp()))


def challenge(
    secret: bytes, transaction: LoginTransaction, purpose: Purpose, asked_at: str
) -> bytes:
    """Return the 32 bytes of a challenge."""
    bound = [
        "webauthn challenge",
        purpose,
        transaction.transaction_id,
        transaction.browser_digest.hex(),
        str(transaction.tries),
        asked_at,
    ]
    return hmac.new(secret, "\n".join(bound).encode(), hashlib.sha256).digest()


def answered_challenge(
    secret: bytes, transaction: LoginTransaction, purpose: Purpose, asked_at: str, now: datetime
) -> bytes:
    """Return the challenge that an answer must be to.

    Args:
        secret: Of the logins.
        transaction: The login as it was when it was asked.
        purpose: What the answer is for.
        asked_at: As the form sends it; another moment than that of the question gives another
            challenge.
        now: The present moment.

    Raises:
        FactorRefused: if the question was asked too long ago.

    """
    is_number = asked_at.isascii() and asked_at.isdigit() and len(asked_at) < _LONGEST_NUMBER
    asked = int(asked_at) if is_number else 0
    age = now.astimezone(UTC).timestamp() - asked
    if not -1 <= age <= LIFETIME.total_seconds():
        raise FactorRefused(Reason.PASSKEY_CHALLENGE, "the question has expired")
    return challenge(secret, transaction, purpose, asked_at)
