"""A way to an LDAP server that can be cut in the middle of a page.

It ends TLS on both sides, because what is within must be seen to be cut where it hurts.
"""

from __future__ import annotations

import socket
import ssl
import threading
from typing import TYPE_CHECKING

from tests.parts.ldap_wire import PAGED_RESULTS, SEARCH_ENTRY, elements, read_message
from tests.parts.tls_server import HOST, TlsServer, hang_up

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

    def _pass_on(self, client: socket.socket) -> None:
        with (
            socket.create_connection((self._address, 636), 10) as plain,
            self._context.wrap_socket(plain, server_hostname=self._address) as server,
        ):
            server.settimeout(None)
            asking = threading.Thread(target=self._pass_requests, args=(client, server))
            asking.start()
            self._pass_answers(server, client)
            hang_up(client)
            asking.join()

    def _pass_requests(self, client: socket.socket, server: socket.socket) -> None:
        while request := read_message(client):
            if PAGED_RESULTS in request:
                self.page_count += 1
                self._entry_count = 0
            server.sendall(request)
        hang_up(server)

    def _pass_answers(self, server: socket.socket, client: socket.socket) -> None:
        while answer := read_message(server):
            if self._is_cut_at(answer):
                client.sendall(answer[: len(answer) // 2])
                return
            client.sendall(answer)

    def _is_cut_at(self, answer: bytes) -> bool:
        _, operation, *_ = next(elements(answer)).parts()
        if self._cut is None or not self.page_count or operation.tag != SEARCH_ENTRY:
            return False
        self._entry_count += 1
        page, after_entries = self._cut
        return self.page_count == page and self._entry_count > after_entries
