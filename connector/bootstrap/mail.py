"""The parts of mail: who tells people, the thread that delivers, and what the server says."""

from __future__ import annotations

import secrets
import ssl
from typing import TYPE_CHECKING

from connector.bootstrap.finding import Finding
from connector.bootstrap.opening import idp_of
from connector.clock import SystemClock
from connector.errors import ConfigurationError, ConnectorError, Fault, MailUnavailable
from connector.idp.notices import Mailed, Silent
from connector.mail.compose import Letterhead, Recipient, addressed
from connector.mail.letter import Letter
from connector.mail.outbox import Outbox
from connector.mail.plain import to_mailbox
from connector.mail.post import Post
from connector.mail.smtp import MailServer
from connector.mail.translation import Language

if TYPE_CHECKING:
    from datetime import datetime

    from connector.clock import Clock
    from connector.idp.notices import Notices
    from connector.settings import MailSettings, Settings
    from state.engine import Engine

_SUBJECT = "mail"


def make_notices(settings: Settings, engine: Engine, clock: Clock) -> Notices:
    """Return what tells people of changes of their sign-on; it says nothing without [mail]."""
    if settings.mail is None:
        return Silent()
    return Mailed(Outbox(engine), letterhead_of(settings), clock, secrets.token_bytes)


def make_post(settings: Settings, engine: Engine, clock: Clock) -> Post | None:
    """Return the thread that delivers messages, not started yet; None without [mail].

    Raises:
        ConfigurationError: if the authorities cannot be read.

    """
    if settings.mail is None:
        return None
    return Post(Outbox(engine), make_mail_server(settings.mail), clock)


def forget_given_up(engine: Engine, now: datetime) -> None:
    """Delete messages that were given up a month ago, whether or not there is still a [mail].

    Raises:
        StateError: if the database cannot be used.

    """
    Outbox(engine).forget(now)


def make_mail_server(mail: MailSettings) -> MailServer:
    """Return where messages are handed over.

    Raises:
        ConfigurationError: if the authorities cannot be read.

    """
    return MailServer(
        host=mail.server.host,
        port=mail.server.port,
        tls=mail.tls,
        context=_context(mail),
        sender=mail.sender.address,
        user=mail.user,
        password=mail.password.reveal() if mail.password else "",
    )


def letterhead_of(settings: Settings) -> Letterhead:
    """Return what all messages have in common.

    Raises:
        ConfigurationError: if there is no [mail] or no [idp].

    """
    idp, mail = idp_of(settings), settings.mail
    if mail is None:
        raise ConfigurationError([Fault("connector.toml", "mail", "is missing")])
    return Letterhead(
        organization=idp.organization,
        help_url=idp.help_url,
        sender=mail.sender.address,
        sender_name=mail.sender.name,
        reply_to=mail.reply_to.address if mail.reply_to else "",
    )


def write_test(letterhead: Letterhead, address: str) -> Letter:
    """Return a message by which somebody sees that messages arrive.

    Raises:
        ConnectorError: if that is no address.

    """
    usable, now, letter_id = to_mailbox(address), SystemClock().now(), secrets.token_hex(16)
    if usable is None:
        message = f"{address!r} is no e-mail address that mail servers take"
        raise ConnectorError(message)
    text = "This is a test. Messages to people about their sign-on will come like this one.\n"
    message_id = f"{letter_id}@{letterhead.sender.rpartition('@')[2]}"
    recipient = Recipient(usable, "", Language.ENGLISH)
    written = addressed(letterhead, recipient, "test", text, (message_id, now))
    return Letter(letter_id, "", "test", usable, written.as_bytes(), now)


def check_mail(settings: Settings, *, asks_for_factors: bool) -> list[Finding]:
    """Return whether people are told of changes of their factors, without any connection.

    Args:
        settings: As configured.
        asks_for_factors: Whether any policy asks anybody for a second factor.

    Raises:
        ConfigurationError: if the authorities cannot be read.

    """
    if settings.mail is not None:
        server = make_mail_server(settings.mail)
        return [Finding("ok", _SUBJECT, f"messages go to {server} as {server.sender}")]
    if not asks_for_factors:
        return []
    words = (
        "nobody is told when a second factor of theirs is added, removed or used to get around"
        " another: add a section [mail], see docs/mail.md"
    )
    return [Finding("warn", _SUBJECT, words)]


def check_mail_online(settings: Settings) -> list[Finding]:
    """Return what the mail server says when greeted; no message is sent."""
    if settings.mail is None:
        return []
    server = make_mail_server(settings.mail)
    try:
        return [Finding("ok", _SUBJECT, f"{server} {server.greet()}")]
    except MailUnavailable as error:
        return [Finding("fail", _SUBJECT, str(error))]


def _context(mail: MailSettings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=mail.ca_file)
    except (OSError, ssl.SSLError) as error:
        problem = f"no certificates in PEM form in {mail.ca_file}"
        raise ConfigurationError([Fault("connector.toml", "mail.ca_file", problem)]) from error
