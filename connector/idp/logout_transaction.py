"""A logout in progress: whose sessions ended and why, and which applications have to be told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

# So long an application that does not answer is told again, and a browser may finish.
LOGOUT_LIFETIME = timedelta(hours=24)
_DIGEST_BYTES = 32


class Cause(StrEnum):
    """Why sessions end."""

    PERSON = "person"
    APPLICATION = "application"
    LEAVER = "leaver"
    POLICY = "policy"
    HELP_DESK = "help-desk"
    PASSWORD = "password"


class Channel(StrEnum):
    """How an application is told."""

    SOAP = "soap"
    BROWSER = "browser"
    NONE = "none"


class DeliveryState(StrEnum):
    """How far one application is."""

    WAITING = "waiting"
    SENT = "sent"
    SIGNED_OUT = "signed-out"
    REFUSED = "refused"
    SILENT = "silent"
    UNTOLD = "untold"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One application that has to be told.

    Attributes:
        request_id: ID of the LogoutRequest; the answer names it.
        number: Its place in the order.
        application: Its slug.
        application_name: For pages and the audit.
        entity_id: Of its service provider.
        external_id: The person.
        name_id: As it was told.
        name_id_format: URI, likewise.
        session_index: Likewise.
        channel: How it is told next.
        state: How far it is.
        created_at: When the session ended.
        due_at: When it is told by SOAP next; None: never again.
        tried_count: How often it was told by SOAP.
        answered_at: When it said that the session there has ended.

    """

    request_id: str
    number: int
    application: str
    application_name: str
    entity_id: str
    external_id: str
    name_id: str
    name_id_format: str
    session_index: str
    channel: Channel
    state: DeliveryState
    created_at: datetime
    due_at: datetime | None = None
    tried_count: int = 0
    answered_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Return whether a browser may still be sent there."""
        return self.state in {DeliveryState.WAITING, DeliveryState.SENT}


@dataclass(frozen=True, slots=True)
class Origin:
    """The service provider that asked, and gets the answer.

    Attributes:
        application: Slug of the application.
        request_id: ID of its request.
        binding: How it asked; the answer goes the same way if it can.
        relay_state: Goes back with the answer.
        is_refused: It may not end the session that it names.

    """

    application: str
    request_id: str
    binding: str
    relay_state: str = ""
    is_refused: bool = False


@dataclass(frozen=True, slots=True)
class Logout:
    """A logout, as it is stored.

    Attributes:
        logout_id: In the URL of its pages.
        created_at: When it was asked for.
        expires_at: When it is forgotten.
        external_id: The person; "" as long as it is not known.
        cause: Why.
        origin: The service provider that asked; None if it was somebody else.
        changed_at: Of a leaver: when the source changed, or at least when that was read.
        browser_digest: SHA-256 of the cookie of the browser it belongs to; b"" until its first GET.
        cookie_digests: Those of the SSO sessions that ended, one after the other.
        asked_for: Of a request that proves nothing: the request, until the person says yes.
        ended_at: When the sessions ended; None as long as the person has not said yes.
        deliveries: Whom it concerns, in order.

    """

    logout_id: str
    created_at: datetime
    expires_at: datetime
    external_id: str
    cause: Cause
    origin: Origin | None = None
    changed_at: datetime | None = None
    browser_digest: bytes = b""
    cookie_digests: bytes = b""
    asked_for: bytes = b""
    ended_at: datetime | None = None
    deliveries: tuple[Delivery, ...] = ()

    @property
    def session_count(self) -> int:
        """Return how many of our sessions ended, up to some number that is kept."""
        return len(self.cookie_digests) // _DIGEST_BYTES

    @property
    def is_complete(self) -> bool:
        """Return whether every application said that the session there has ended."""
        return all(each.state is DeliveryState.SIGNED_OUT for each in self.deliveries)

    def ended(self, cookie_digest: bytes) -> bool:
        """Return whether the session of that cookie is one that ended."""
        size = _DIGEST_BYTES
        starts = range(0, len(self.cookie_digests), size)
        return any(self.cookie_digests[at : at + size] == cookie_digest for at in starts)
