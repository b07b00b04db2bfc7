# ruff: noqa: N802 - the library calls methods by the names of the commands
"""A mail server on loopback: a real one (aiosmtpd), whose answers a test can choose."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Any

from aiosmtpd.smtp import SMTP, AuthResult

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage

    from tests.parts.certificates import CertificateFiles

HOST = "127.0.0.1"
PATIENCE = 30


@dataclass(frozen=True)
class Delivered:
    """A message that the server has taken, or has read to its end at least."""

    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage
    is_private: bool
    user: str


@dataclass
class MailServer:
    """Takes everything, unless told otherwise.

    Attributes:
        tls: "at-once", "start", or "none".
        files: Its certificate, with TLS.
        login: User and password that it demands; None: it offers no login.
        at_mail, at_recipient, at_end: What it answers next, instead of yes.
        hangs: Whether it says nothing to the end of a message, until it is stopped.
        delivered: What has come to its end, answered or not.

    """

    tls: str = "none"
    files: CertificateFiles | None = None
    login: tuple[str, str] | None = None
    smtputf8: bool = True
    at_mail: deque[str] = field(default_factory=deque)
    at_recipient: deque[str] = field(default_factory=deque)
    at_end: deque[str] = field(default_factory=deque)
    hangs: bool = False
    delivered: list[Delivered] = field(default_factory=list)
    connection_count: int = 0
    port: int = 0

    def __post_init__(self) -> None:
        self._has_come = threading.Condition()

    def start(self) -> None:
        """Listen, where it did before if it did."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._call(self._listen())

    def stop(self) -> None:
        """Hang up everywhere; nobody can connect any more."""
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    def wait_for(self, count: int, seconds: float = PATIENCE) -> list[Delivered]:
        """Return what has come, once it is so much."""
        with self._has_come:
            came = self._has_come.wait_for(lambda: len(self.delivered) >= count, seconds)
            assert came, f"only {len(self.delivered)} of {count} messages came"
            return list(self.delivered)

    def _call(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    async def _listen(self) -> None:
        context = None
        if self.files is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(self.files.certificate, self.files.key)
        at_once = context if self.tls == "at-once" else None
        later = context if self.tls == "start" else None
        self._sessions: list[SMTP] = []
        self._server = await self._loop.create_server(
            lambda: self._take(later), HOST, self.port, ssl=at_once
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def _take(self, tls_context: ssl.SSLContext | None) -> SMTP:
        self.connection_count += 1
        session = SMTP(
            self,
            hostname="mail.test",
            tls_context=tls_context,
            require_starttls=tls_context is not None,
            enable_SMTPUTF8=self.smtputf8,
            auth_require_tls=self.tls == "start",
            authenticator=self._authenticate if self.login else None,
            auth_exclude_mechanism=[] if self.login else ["LOGIN", "PLAIN"],
            loop=self._loop,
        )
        self._sessions.append(session)
        return session

    async def _close(self) -> None:
        self._server.close()
        for session in self._sessions:
            if session.transport is not None:
                session.transport.abort()
        await self._server.wait_closed()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _authenticate(self, server, session, envelope, mechanism, data) -> AuthResult:
        is_right = (data.login.decode(), data.password.decode()) == self.login
        return AuthResult(success=is_right, handled=False, auth_data=data)

    # What the library calls.

    async def handle_MAIL(self, server, session, envelope, address, options) -> str:
        if self.login and not session.authenticated:
            return "530 5.7.0 Authentication required"
        if self.at_mail:
            return self.at_mail.popleft()
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options) -> str:
        if self.at_recipient:
            return self.at_recipient.popleft()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope) -> str:
        if self.at_end:
            return self.at_end.popleft()
        delivered = Delivered(
            sender=envelope.mail_from,
            recipients=tuple(envelope.rcpt_tos),
            message=message_from_bytes(envelope.content, policy=policy.default),
            is_private=session.ssl is not None or self.tls == "at-once",
            user=session.auth_data.login.decode() if session.auth_data else "",
        )
        with self._has_come:
            self.delivered.append(delivered)
            self._has_come.notify_all()
        if self.hangs:
            await asyncio.Event().wait()
        return "250 2.0.0 OK: queued as 4F2A"


@contextmanager
def running_mail_server(server: MailServer) -> Iterator[MailServer]:
    """Yield the server while it listens; a test may stop and start it meanwhile."""
    server.start()
    try:
        yield server
    finally:
        server.stop()
