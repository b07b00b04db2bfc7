"""A server on loopback that speaks TLS from the first byte, a thread for each connection."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from tests.parts.samba_certificates import make_authority, make_certificate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOST = "127.0.0.1"


class TlsServer:
    """Gives each connection to a function and closes it after.

    Attributes:
        ca_file: The authority of its certificate.
        port: Where it listens.
        peers: The other ends of all connections there were, whatever became of them.

    """

    def __init__(
        self, folder: Path, serve: Callable[[socket.socket], None], *, is_tls: bool = True
    ) -> None:
        self.ca_file = folder / "ca.pem"
        make_authority(folder)
        make_certificate(folder, HOST)
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        self.peers: list[tuple[str, int]] = []
        self._serve = serve
        self._is_tls = is_tls
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server((HOST, 0))
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def connection_count(self) -> int:
        return len(self.peers)

    @property
    def open_count(self) -> int:
        """Return how many are past the handshake, and being served."""
        return len(self._open)

    def close(self) -> None:
        """Hang up everywhere and wait for the threads."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()
        for thread in self._threads:
            thread.join(10)

    def hang_up(self) -> None:
        """End all connections; new ones are taken."""
        for channel in list(self._open):
            hang_up(channel)

    def _accept(self) -> None:
        while True:
            try:
                channel, peer = self._listener.accept()
            except OSError:
                return
            self.peers.append(peer)
            thread = threading.Thread(target=self._run, args=(channel,))
            self._threads.append(thread)
            thread.start()

    def _run(self, channel: socket.socket) -> None:
        channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open.add(channel)
        served = channel
        try:
            if self._is_tls:
                self._open.discard(channel)
                served = self.context.wrap_socket(channel, server_side=True)
                self._open.add(served)
            self._serve(served)
        except OSError:  # the client did not like our certificate, or hung up
            pass
        finally:
            self._open.discard(channel)
            self._open.discard(served)
            hang_up(served)
            served.close()
            channel.close()


def hang_up(channel: socket.socket) -> None:
    """Wake whoever reads; past TLS, whose own shutdown would let them read what is encrypted."""
    with suppress(OSError):
        socket.socket.shutdown(channel, socket.SHUT_RDWR)
