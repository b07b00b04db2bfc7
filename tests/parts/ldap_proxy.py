"""A way to an LDAP server that can be cut in the middle of a page.

It ends TLS on both sides, because what is within must be seen to be cut where it hurts.
"""

from __future__ import annotations

import select
import socket
import ssl
from typing import TYPE_CHECKING

from tests.parts.ldap_wire import PAGED_RESULTS, SEARCH_ENTRY, elements, read_message
from tests.parts.tls_server import HOST, TlsServer

if TYPE_CHECKING:
    from pathlib import Path


class CuttingProxy:
    """Passes messages on until it is told to cut.

    Attributes:
        page_count: Pages asked for since the last `cut_in_page` or `mend`.

    """

    def __init__(self, folder: Path, address: str, ca_file: Path) -> None:
        self._address = address
        self._context = ssl.create_default_context(cafile=ca_file)
        self._cut: tuple[int, int] | None = None
        self._entry_count = 0
        self.page_count = 0
        self._server = TlsServer(folder, self._pass_on)
        # Whose records are all of messages: what can be seen to come can be read.
        for context in (self._context, self._server.context):
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        self.ca_file = self._server.ca_file
        self.url = f"ldaps://{HOST}:{self._server.port}"

    def cut_in_page(self, page: int, after_entries: int = 0) -> None:
        """Cut the line within the entry that follows so many of that page, from 1 on."""
        self._cut = (page, after_entries)
        self.page_count = 0

    def mend(self) -> None:
        self._cut = None
        self.page_count = 0

    def close(self) -> None:
        self._server.close()

    def _pass_on(self, client: ssl.SSLSocket) -> None:
        with (
            socket.create_connection((self._address, 636), 10) as plain,
            self._context.wrap_socket(plain, server_hostname=self._address) as server,
        ):
            server.settimeout(None)
            while True:
                for channel in _readable(client, server):
                    message = read_message(channel)
                    goes_on = self._answer if channel is server else self._ask
                    if not message or not goes_on(message, client, server):
                        return

    def _ask(self, request: bytes, _: ssl.SSLSocket, server: ssl.SSLSocket) -> bool:
        if PAGED_RESULTS in request:
            self.page_count += 1
            self._entry_count = 0
        server.sendall(request)
        return True

    def _answer(self, answer: bytes, client: ssl.SSLSocket, _: ssl.SSLSocket) -> bool:
        is_cut = self._is_cut_at(answer)
        client.sendall(answer[: len(answer) // 2] if is_cut else answer)
        return not is_cut

    def _is_cut_at(self, answer: bytes) -> bool:
        _, operation, *_ = next(elements(answer)).parts()
        if self._cut is None or not self.page_count or operation.tag != SEARCH_ENTRY:
            return False
        self._entry_count += 1
        page, after_entries = self._cut
        return self.page_count == page and self._entry_count > after_entries


def _readable(*channels: ssl.SSLSocket) -> list[ssl.SSLSocket]:
    """Wait for something to read.

    One thread serves both ends: two within one TLS connection, as one reads and the other writes,
    end the whole process now and then.
    """
    held = [channel for channel in channels if channel.pending()]
    return held or select.select(channels, (), ())[0]
