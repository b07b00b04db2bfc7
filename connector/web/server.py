"""Serve our applications: several listeners, one event loop in one thread, our own signals.

The rest of the program is synchronous; it starts and stops this from its own thread.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import uvicorn
import uvloop

from connector.errors import ConnectorError
from connector.settings.values import Listen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from starlette.types import ASGIApp

_GRACE_SECONDS: Final = 5
_BACKLOG: Final = 512


class ListenerUnavailable(ConnectorError):
    """An address cannot be listened on, or its certificate cannot be used."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """The two PEM files of a TLS certificate, read again at every reload.

    Attributes:
        chain: The certificate and what leads to its authority.
        key: Its private key, without a pass phrase.

    """

    chain: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Listener:
    """One application at one address.

    Attributes:
        app: What answers.
        listen: Where; port 0 takes a free one.
        certificate: For TLS; None for plain HTTP.
        bound: Listens there already; None to bind the address.

    """

    app: ASGIApp
    listen: Listen
    certificate: Certificate | None = None
    bound: socket.socket | None = None


class _QuietServer(uvicorn.Server):
    """A server that leaves the process's signals to their owner, and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        await super().startup(sockets)
        self.listens.set()


class WebServer:
    """A door: servers that run in a thread from `start` to `stop`."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._listeners = tuple(listeners)
        self._sockets: list[socket.socket] = []
        self._contexts: list[ssl.SSLContext | None] = []
        self._servers: list[_QuietServer] = []
        self._are_started = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="web")

    @property
    def addresses(self) -> tuple[Listen, ...]:
        """Return where each listener listens, in order, with the ports that were really taken."""
        names = [each.getsockname() for each in self._sockets]
        return tuple(Listen(name[0], name[1]) for name in names)

    def start(self) -> None:
        """Listen, and return when requests are answered.

        Raises:
            ListenerUnavailable: if an address is taken or not ours, or a certificate does not
                load; nothing listens then.

        """
        try:
            for listener in self._listeners:
                self._contexts.append(_tls_context(listener.certificate))
                self._sockets.append(listener.bound or bound_socket(listener.listen))
        except ListenerUnavailable:
            for each in self._sockets:
                each.close()
            raise
        self._thread.start()
        self._are_started.wait()
        if self._failure:
            message = f"the web server did not start: {self._failure}"
            raise ListenerUnavailable(message) from self._failure

    def stop(self) -> None:
        """Take no more requests, finish those that run, and return; 5 seconds at most."""
        for server in self._servers:
            server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join()

    def reload_certificates(self) -> None:
        """Use the certificate files as they are now, from the next handshake on.

        Raises:
            ListenerUnavailable: if they cannot be used; the old certificates stay in use.

        """
        pairs = [
            (each.certificate, context)
            for each, context in zip(self._listeners, self._contexts, strict=True)
        ]
        for certificate, _ in pairs:
            _tls_context(certificate)  # a trial: a bad pair must not spoil the context in use
        for certificate, context in pairs:
            if certificate and context:
                context.load_cert_chain(certificate.chain, certificate.key)

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - of a thread: `start` tells its caller
            self._failure = error
        finally:
            self._are_started.set()

    async def _serve(self) -> None:
        self._servers = [
            _QuietServer(_config(listener, context))
            for listener, context in zip(self._listeners, self._contexts, strict=True)
        ]
        async with asyncio.TaskGroup() as tasks:
            for server, bound in zip(self._servers, self._sockets, strict=True):
                tasks.create_task(server.serve(sockets=[bound]))
            for server in self._servers:
                await server.listens.wait()
            self._are_started.set()


@contextmanager
def serving(listeners: Sequence[Listener]) -> Iterator[WebServer]:
    """Yield servers that answer, and stop them at the end."""
    server = WebServer(listeners)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def serve(listeners: Sequence[Listener], stop: threading.Event) -> None:
    """Answer requests until `stop` is set."""
    with serving(listeners):
        stop.wait()


def _config(listener: Listener, context: ssl.SSLContext | None) -> uvicorn.Config:
    return uvicorn.Config(
        listener.app,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        ssl_context_factory=(lambda *_: context) if context else None,
    )


def bound_socket(listen: Listen) -> socket.socket:
    """Return a socket that listens.

    Raises:
        ListenerUnavailable: if the address is taken or not ours.

    """
    try:
        return socket.create_server(
            (listen.host, listen.port),
            family=socket.AF_INET6 if ":" in listen.host else socket.AF_INET,
            backlog=_BACKLOG,
        )
    except OSError as error:
        # The library's own words repeat the address.
        words = os.strerror(error.errno) if error.errno else str(error)
        message = f"cannot listen on {listen}: {words}"
        raise ListenerUnavailable(message) from error


def _tls_context(certificate: Certificate | None) -> ssl.SSLContext | None:
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate.chain, certificate.key)
    except (OSError, ValueError) as error:
        message = f"cannot use the certificate {certificate.chain}: {error}"
        raise ListenerUnavailable(message) from error
    return context
