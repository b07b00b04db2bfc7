"""People are told of every change of how they sign in: the port of the flow, and who is behind it.

Whatever becomes of a message, the login goes on: it is kept in the state and sent by somebody else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from connector.mail.compose import Recipient, compose
from connector.mail.letter import GivenUp, Letter
from connector.mail.plain import to_mailbox
from connector.mail.translation import language_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from connector.clock import Clock
    from connector.directory.person import DirectoryUser
    from connector.mail.compose import Letterhead
    from connector.mail.notice import Notice
    from connector.mail.outbox import Outbox

_ID_BYTES = 16

log = structlog.get_logger()


class Notices(Protocol):
    """Tells people what happened to their sign-on."""

    def tell(self, user: DirectoryUser, notice: Notice) -> None:
        """Have a person told.

        Args:
            user: Whom.
            notice: What.

        Raises:
            StateError: if that cannot be kept.

        """
        ...


@dataclass(frozen=True, slots=True)
class Silent:
    """Nobody is told: no mail server is configured."""

    def tell(self, user: DirectoryUser, notice: Notice) -> None:
        """Say nothing."""


@dataclass(frozen=True, slots=True)
class Mailed:
    """Tells people by mail, at the address that the directory has now.

    Attributes:
        outbox: Where messages wait.
        letterhead: What all have in common.
        clock: Tells the time.
        random: Returns so many unpredictable bytes.

    """

    outbox: Outbox
    letterhead: Letterhead
    clock: Clock
    random: Callable[[int], bytes] = field(repr=False)

    def tell(self, user: DirectoryUser, notice: Notice) -> None:
        """Queue a message; see `Notices.tell`."""
        letter = self._write(user, notice, self.clock.now())
        self.outbox.add(letter)
        person = {"external_id": letter.external_id, "notice": letter.notice}
        if letter.recipient:
            log.info("mail.queued", **person)
        else:
            log.warning("mail.given_up", **person, reason=GivenUp.NO_ADDRESS.value)

    def _write(self, user: DirectoryUser, notice: Notice, now: datetime) -> Letter:
        letter_id, address = self.random(_ID_BYTES).hex(), address_of(user.document)
        message = b""
        if address:
            domain = self.letterhead.sender.rpartition("@")[2]
            recipient = Recipient(
                address=address,
                name=str(user.document.get("displayName") or ""),
                language=language_of(_preferred_language(user.document)),
            )
            composed = compose(notice, self.letterhead, recipient, f"{letter_id}@{domain}", now)
            message = composed.as_bytes()
        return Letter(letter_id, user.external_id, notice.word, address, message, now)


def address_of(document: Mapping[str, Any]) -> str:
    """Return the address of a SCIM User that mail goes to: the primary one, or the first; or "".

    >>> address_of({"emails": [{"value": "b@x.test"}, {"value": "a@x.test", "primary": True}]})
    'a@x.test'

    """
    emails = [each for each in document.get("emails") or () if isinstance(each, dict)]
    emails.sort(key=lambda each: each.get("primary") is not True)
    usable = (to_mailbox(str(each.get("value") or "")) for each in emails)
    return next((address for address in usable if address), "")


def _preferred_language(document: Mapping[str, Any]) -> str:
    """Return the person's language (RFC 7643 section 4.1.1), or that of their formats, or ""."""
    return str(document.get("preferredLanguage") or document.get("locale") or "")
