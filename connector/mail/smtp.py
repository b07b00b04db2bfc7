"""The one door to the mail server: SMTP (RFC 5321), by TLS unless the server is on this machine.

The certificate is always verified. What is said to the server stops at what it is meant to be: one
sender, one recipient, one message.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from connector.errors import MailUnavailable
from connector.mail.letter import Deferred, Refused, Taken
from connector.mail.plain import one_line

if TYPE_CHECKING:
    from connector.mail.letter import Letter, Outcome

_WORDS_AT_MOST = 200
# What the library can do.
_LOGINS = frozenset({"PLAIN", "LOGIN", "CRAM-MD5"})
_OK, _START, _NEVER = range(200, 300), 354, range(500, 600)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the server may take, in seconds.

    Attributes:
        connect: To take the connection.
        reply: To answer a command.
        taking: To answer the end of a message, which it may look through first. RFC 5321 section
            4.5.3.2.6 asks for ten minutes; whoever gives up earlier sends twice more often.

    """

    connect: float = 10.0
    reply: float = 60.0
    taking: float = 300.0


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where messages are handed over, and how.

    Attributes:
        host: Name or address; the certificate must be for it.
        port: Of the server.
        tls: "at-once" (smtps), "start" (STARTTLS, or nothing is sent), or "none".
        context: Whose certificates are believed.
        sender: The address that bounces go to.
        user: Name to log in with; "": no login.
        password: Its password.
        patience: How long it may take.

    """

    host: str
    port: int
    tls: str
    context: ssl.SSLContext = field(repr=False)
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)
    patience: Patience = Patience()

    def __str__(self) -> str:
        """Return host:port."""
        return f"{self.host}:{self.port}"

    def open(self) -> MailSession:
        """Return a session in which messages can be handed over.

        Raises:
            MailUnavailable: if it does not answer, its certificate is not accepted, it offers no
                TLS, or does not let us in.

        """
        try:
            return MailSession(self, self._connect())
        except (OSError, smtplib.SMTPException, ValueError) as error:
            message = f"mail server {self}: {_to_words(error)}"
            raise MailUnavailable(message) from error

    def greet(self) -> str:
        """Return what there is to say of the server, in words; no message is sent.

        Raises:
            MailUnavailable: as `open`.

        """
        with self.open() as session:
            return session.describe()

    def _connect(self) -> smtplib.SMTP:
        wait = self.patience.connect
        smtp: smtplib.SMTP
        if self.tls == "at-once":
            smtp = smtplib.SMTP_SSL(self.host, self.port, timeout=wait, context=self.context)
        else:
            smtp = smtplib.SMTP(self.host, self.port, timeout=wait)
        try:
            _wait_for(smtp, self.patience.reply)
            self._enter(smtp)
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _enter(self, smtp: smtplib.SMTP) -> None:
        smtp.ehlo_or_helo_if_needed()
        if self.tls == "start":
            if not smtp.has_extn("starttls"):
                message = f"mail server {self}: it offers no STARTTLS, and nothing is sent without"
                raise MailUnavailable(message)
            smtp.starttls(context=self.context)
            smtp.ehlo_or_helo_if_needed()
        if self.user:
            if not _LOGINS & set(smtp.esmtp_features.get("auth", "").upper().split()):
                message = f"mail server {self}: it offers no login; leave out user and password"
                raise MailUnavailable(message)
            smtp.login(self.user, self.password)


class MailSession:
    """An open line to the mail server; used by one thread, `abort` by any."""

    def __init__(self, server: MailServer, smtp: smtplib.SMTP) -> None:
        self._server = server
        self._smtp = smtp

    def __enter__(self) -> Self:
        """Return the session itself."""
        return self

    def __exit__(self, *unused: object) -> None:
        """Say goodbye."""
        self.close()

    @property
    def is_open(self) -> bool:
        """Return whether another message can be handed over."""
        return self._smtp.sock is not None

    def describe(self) -> str:
        """Return how the server can be used, in words."""
        sock = self._smtp.sock
        by = f"by {sock.version()}" if isinstance(sock, ssl.SSLSocket) else "without TLS"
        return f"answers {by}{' and lets us in' if self._server.user else ''}"

    def send(self, letter: Letter) -> Outcome:
        """Hand a message over; return what the server says."""
        try:
            return self._offer(letter) or self._deliver(letter.message)
        except (OSError, smtplib.SMTPException) as error:
            self._smtp.close()
            return Deferred(_to_words(error))

    def close(self) -> None:
        """Say goodbye, if the server still listens."""
        with suppress(OSError, smtplib.SMTPException):
            if self.is_open:
                _wait_for(self._smtp, self._server.patience.connect)
                self._smtp.quit()
        self._smtp.close()

    def abort(self) -> None:
        """End what is under way, in whatever state; the thread that waits is told so."""
        sock = self._smtp.sock
        if sock is not None:
            with suppress(OSError):
                # Past TLS, whose own shutdown would talk to the server.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def _offer(self, letter: Letter) -> Outcome | None:
        """Name sender and recipient; return what speaks against it."""
        options: list[str] = []
        if not letter.recipient.isascii():
            if not self._smtp.has_extn("smtputf8"):
                return Refused("the mail server takes no addresses beyond ASCII (SMTPUTF8)")
            options = ["SMTPUTF8", "BODY=8BITMIME"]
        code, words = self._smtp.mail(self._server.sender, options)
        if code not in _OK:
            # Nothing against this message: whoever mends the configuration still has it sent.
            self._begin_anew()
            return Deferred(f"it does not take our sender: {code} {_said(words)}", code)
        code, words = self._smtp.rcpt(letter.recipient)
        if code in _OK:
            return None
        self._begin_anew()
        return _judge(code, words)

    def _deliver(self, message: bytes) -> Outcome:
        """Give the message itself; from its end on only the server knows whether it has it."""
        code, words = self._smtp.docmd("DATA")
        if code != _START:
            self._begin_anew()
            return _judge(code, words)
        self._smtp.send(_stuffed(message))
        _wait_for(self._smtp, self._server.patience.taking)
        try:
            code, words = self._smtp.getreply()
        except (OSError, smtplib.SMTPException) as error:
            self._smtp.close()
            return Deferred(_to_words(error), is_in_doubt=True)
        _wait_for(self._smtp, self._server.patience.reply)
        return Taken(_said(words)) if code in _OK else _judge(code, words)

    def _begin_anew(self) -> None:
        """Forget a message half way; a server that hangs up instead is found out by the next."""
        with suppress(OSError, smtplib.SMTPException):
            self._smtp.rset()


def _stuffed(message: bytes) -> bytes:
    """Return a message as it is sent: no line is taken for its end (RFC 5321 section 4.5.2)."""
    body = message.replace(b"\r\n.", b"\r\n..")
    if body.startswith(b"."):
        body = b"." + body
    return body + (b"" if body.endswith(b"\r\n") else b"\r\n") + b".\r\n"


def _wait_for(smtp: smtplib.SMTP, seconds: float) -> None:
    if smtp.sock is not None:
        smtp.sock.settimeout(seconds)


def _judge(code: int, words: bytes) -> Outcome:
    """Return what a reply other than yes comes to."""
    said = f"{code} {_said(words)}"
    return Refused(said, code) if code in _NEVER else Deferred(said, code)


def _said(words: bytes) -> str:
    return one_line(words.decode(errors="replace"), _WORDS_AT_MOST)


def _to_words(error: BaseException) -> str:
    """Return why something failed, on one line, without anything of the message."""
    match error:
        case smtplib.SMTPServerDisconnected(__context__=OSError() as cause):
            words = _of_network(cause)
        case smtplib.SMTPServerDisconnected():
            words = "it hung up"
        case smtplib.SMTPResponseException():
            verb = "does not let us in" if _is_login(error) else "says no"
            words = f"it {verb}: {error.smtp_code} {_said(_bytes(error.smtp_error))}"
        case OSError():
            words = _of_network(error)
        case ValueError():
            # The library takes what the server asks at a login for base64 (RFC 4954 section 4).
            words = "its login makes no sense"
        case _:
            words = str(error)
    return one_line(words, _WORDS_AT_MOST).rstrip(". ")


def _is_login(error: BaseException) -> bool:
    return isinstance(error, smtplib.SMTPAuthenticationError)


def _of_network(error: OSError) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not accepted: {error.verify_message}"
        case ssl.SSLError():
            return f"TLS failed: {error.reason or error}"
        case socket.gaierror():
            return "its name cannot be resolved"
        case TimeoutError():
            return "it did not answer in time"
        case _:
            return (error.strerror or str(error)).lower()


def _bytes(words: bytes | str) -> bytes:
    return words if isinstance(words, bytes) else words.encode()
