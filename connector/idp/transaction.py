"""A login in progress, and the tokens that keep its steps in order."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class Step(StrEnum):
    """What a form answers."""

    EMAIL = "email"
    PASSWORD = "password"
    NEW_PASSWORD = "new-password"
    SOURCE = "source"
    FACTOR = "factor"
    ENROL = "enrol"


@dataclass(frozen=True, slots=True)
class LoginTransaction:
    """A login in progress, as it is stored.

    Attributes:
        transaction_id: In the URL of the login pages.
        created_at: When the request came.
        expires_at: When the person has taken too long.
        application: Slug.
        request: The AuthnRequest, as `authn_request.to_json` writes it.
        browser_digest: SHA-256 of the cookie of the browser it belongs to; b"" until its first GET.
        email: As typed, or "".
        external_id: Of the person who proved who they are, or "".
        verified_at: When they did, or None: then the password has to be changed first.
        error: Key of the message to show next, or "".
        answered_at: When the Response went out, or None.
        sent_to: Name of the upstream that the browser was sent to, or "".
        vouched: What it said, as `vouched.to_json` writes it, or b"".
        first: How the person proved who they are: "password", "passkey" or "upstream".
        second: Kind of the second factor that they proved besides; "" for none.
        second_at: When, or None.
        chosen: Kind of the factor that they want to be asked for; "" for the strongest.
        enrolling: Which step of the enrolment of a factor comes next; "" for none.
        pending: What that step has to know, sealed; b"" for nothing.
        upgrades: Digest of the cookie of the session that this login adds a factor to, or b"".
        tries: How often a factor was answered.
        remember_seconds: How long this device is to be remembered; 0: not at all.
        is_memory_shared: Whether for all applications that share.
        is_excused: Whether this login goes on without Duo, which does not answer.

    """

    transaction_id: str
    created_at: datetime
    expires_at: datetime
    application: str
    request: bytes
    browser_digest: bytes = b""
    email: str = ""
    external_id: str = ""
    verified_at: datetime | None = None
    error: str = ""
    answered_at: datetime | None = None
    sent_to: str = ""
    vouched: bytes = field(default=b"", repr=False)
    first: str = ""
    second: str = ""
    second_at: datetime | None = None
    chosen: str = ""
    enrolling: str = ""
    pending: bytes = field(default=b"", repr=False)
    upgrades: bytes = b""
    tries: int = 0
    remember_seconds: int = 0
    is_memory_shared: bool = False
    is_excused: bool = False

    @property
    def step(self) -> Step:
        """Return the step that comes next if nobody is signed in."""
        if self.verified_at is not None:
            return Step.ENROL if self.enrolling else Step.FACTOR
        if self.sent_to:
            return Step.SOURCE
        if not self.email:
            return Step.EMAIL
        return Step.NEW_PASSWORD if self.external_id else Step.PASSWORD


def step_token(secret: bytes, transaction: LoginTransaction, step: Step) -> str:
    """Return what a form of that step must send back; it fits no other step, login or browser."""
    bound = [transaction.transaction_id, step.value, transaction.browser_digest.hex()]
    return hmac.new(secret, "\n".join(bound).encode(), hashlib.sha256).hexdigest()


def is_step_token(token: str, secret: bytes, transaction: LoginTransaction, step: Step) -> bool:
    """Return whether a form sent back what it was given, in constant time."""
    return hmac.compare_digest(token.encode(), step_token(secret, transaction, step).encode())


def digest_of(cookie: str) -> bytes:
    """Return all that is kept of a cookie's value."""
    return hashlib.sha256(cookie.encode()).digest()


def own_token(secret: bytes, cookie_digest: bytes) -> str:
    """Return what a form of a page of ours must send back; it fits no other session."""
    bound = f"own account\n{cookie_digest.hex()}"
    return hmac.new(secret, bound.encode(), hashlib.sha256).hexdigest()


def is_own_token(token: str, secret: bytes, cookie_digest: bytes) -> bool:
    """Return whether a form sent back what it was given, in constant time."""
    return hmac.compare_digest(token.encode(), own_token(secret, cookie_digest).encode())
