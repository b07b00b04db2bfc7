"""A notice as a message (RFC 5322): short plain text, with nothing to click but the help link.

Pure: the moment and the Message-ID are arguments.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import partial
from typing import TYPE_CHECKING

from connector.mail.plain import one_line, unlinked
from connector.mail.translation import translated
from connector.mail.wording import word

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from connector.mail.notice import Notice
    from connector.mail.translation import Language
    from connector.mail.wording import Wording

# What becomes of it on the way does not depend on what servers between can carry.
_ENCODING = "quoted-printable"
# RFC 5322 section 2.1.1 asks for less; some servers cut longer subjects off.
_SUBJECT_AT_MOST = 120


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What all messages have in common.

    Attributes:
        organization: In the subject.
        help_url: Where the help desk is, or "".
        sender: The address that they come from.
        sender_name: Shown beside it.
        reply_to: Where answers go; "": nobody reads them.

    """

    organization: str
    help_url: str
    sender: str
    sender_name: str = ""
    reply_to: str = ""


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a message is for.

    Attributes:
        address: See `plain.to_mailbox`.
        name: As the person is called, or "".
        language: What they read.

    """

    address: str
    name: str
    language: Language


def compose(
    notice: Notice, letterhead: Letterhead, recipient: Recipient, message_id: str, at: datetime
) -> EmailMessage:
    """Return the message that tells somebody of a notice.

    Args:
        notice: What happened.
        letterhead: Who says so.
        recipient: To whom.
        message_id: Globally unique, without angle brackets.
        at: When it is written.

    """
    wording = word(notice, recipient.language)
    text = "\n".join(_lines(wording, letterhead, recipient))
    return addressed(letterhead, recipient, wording.headline, text, (message_id, at))


def addressed(
    letterhead: Letterhead,
    recipient: Recipient,
    subject: str,
    text: str,
    stamp: tuple[str, datetime],
) -> EmailMessage:
    """Return a message of ours with that subject and text; the stamp is its Message-ID and time."""
    message_id, at = stamp
    message = EmailMessage(SMTP.clone(utf8=not recipient.address.isascii()))
    name = _for_header(letterhead.sender_name or letterhead.organization)
    message["From"] = Address(name, addr_spec=letterhead.sender)
    message["To"] = _address_of(recipient)
    if letterhead.reply_to:
        message["Reply-To"] = Address(addr_spec=letterhead.reply_to)
    message.set_raw("Subject", _encoded_subject(f"{letterhead.organization}: {subject}"))
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{message_id}>"
    # RFC 3834 section 5: no vacation notices, please. Exchange heeds its own header only.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(text, cte=_ENCODING)
    message["Content-Language"] = recipient.language.value
    return message


def _encoded_subject(text: str) -> str:
    """Return a subject as it is sent, in encoded words where it needs them (RFC 2047).

    Those of Python 3.11's `EmailMessage` come with blanks that readers see.
    """
    subject = _for_header(text, _SUBJECT_AT_MOST)
    charset = "ascii" if subject.isascii() else "utf-8"
    return Header(subject, charset, header_name="Subject").encode()


def _for_header(text: str, limit: int = 60) -> str:
    """Return a text that stays what it is in a header.

    What looks like an encoded word (RFC 2047) would be decoded by the library, line ends included,
    and those would begin headers of their own.

    >>> _for_header("=?utf-8?q?=0aBcc:_eve@evil.example?=")
    '= ?utf-8?q?=0aBcc:_eve@evil.example?='

    """
    return one_line(text.replace("=?", "= ?"), limit)


def _address_of(recipient: Recipient) -> Address:
    local, _, domain = recipient.address.rpartition("@")
    return Address(username=local, domain=domain)


def _lines(wording: Wording, letterhead: Letterhead, recipient: Recipient) -> Iterator[str]:
    _ = partial(translated, language=recipient.language)
    name = unlinked(recipient.name)
    yield _("Hello {name},").format(name=name) if name else _("Hello,")
    yield ""
    yield f"{wording.headline}."
    yield ""
    yield from (f"  {label}: {value}" for label, value in wording.details if value)
    if wording.meaning:
        yield from ("", wording.meaning)
    yield from ("", *wording.advice)
    if letterhead.help_url:
        yield from ("", _("Help desk: {url}").format(url=letterhead.help_url))
    yield from ("", "-- ", one_line(letterhead.organization))
    if letterhead.reply_to:
        yield _("This message was sent by a machine.")
    else:
        yield _("This message was sent by a machine; nobody reads answers to it.")
