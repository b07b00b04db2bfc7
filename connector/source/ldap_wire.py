"""ldap3's synchronous strategy with our own reading from the socket (see `ldap_decoder`).

Scoped to the connections that ask for it: nothing of ldap3 is replaced. It relies on how 2.9.1
calls a strategy, which is why that version is pinned.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from connector.source.ldap_decoder import (
    SEARCH_RESULT_ENTRY,
    SEARCH_RESULT_REFERENCE,
    MalformedMessage,
    message_end,
    open_message,
    split_entry,
)
from connector.source.ldap_library import (
    RESPONSE_COMPLETE,
    SESSION_TERMINATED_BY_SERVER,
    SyncStrategy,
    decode_message_fast,
    exceptions,
    ldap3,
)

if TYPE_CHECKING:
    import socket

    from connector.source.ldap_decoder import RawEntry
    from connector.source.ldap_tls import Endpoint

_CHUNK_BYTES = 1 << 18
_INTERMEDIATE_RESPONSE = 0x79  # [APPLICATION 25], constructed
_UNSOLICITED = 0  # RFC 4511 section 4.4
# A search of the rootDSE for no attributes, ready to send: the library takes longer to write it
# than the server to answer. Its number is one that the library does not come to.
_QUESTION_ID = 0x7FFF
_QUESTION = bytes.fromhex(
    "302b 02027fff 6325 0400 0a0100 0a0100 020100 020100 010100"
    " 870b6f626a656374436c617373 30050403312e31"
)


class WireStrategy(SyncStrategy):  # type: ignore[misc] # ldap3 has no types
    """Reads answers; the entries of a search are in `entries`, not in the connection's response.

    Attributes:
        entries: Of the latest search.
        reference_count: Continuation references of the latest search, which are not followed.
        deadline: Moment of `time.monotonic` until which everything must be done, or None.

    """

    def __init__(self, connection: Any, patience_seconds: float) -> None:
        super().__init__(connection)
        self.entries: list[RawEntry] = []
        self.reference_count = 0
        self.deadline: float | None = None
        self._patience_seconds = patience_seconds
        self._received = b""

    def adopt(self, channel: socket.socket) -> None:
        """Speak over a socket that is connected already."""
        self.connection.socket = channel
        self.connection.closed = False
        self._outstanding: dict[int, Any] = {}
        self._start_listen()

    @property
    def is_idle(self) -> bool:
        """Return whether everything received was asked for; more before TLS is an injection."""
        return not self._received

    def ask_whether_alive(self) -> None:
        """Return once the server has answered a question that anybody may ask.

        Raises:
            OSError: if it does not answer in time, or has hung up.
            LDAPException: if it answers something else.

        """
        self.connection.socket.settimeout(self.remaining_seconds())
        self.connection.socket.sendall(_QUESTION)
        if self._get_response(_QUESTION_ID, 0) == SESSION_TERMINATED_BY_SERVER:
            raise ConnectionResetError

    def remaining_seconds(self) -> float:
        """Return how long the next step may take.

        Raises:
            TimeoutError: if nothing is left.

        """
        if self.deadline is None:
            return self._patience_seconds
        remaining = self.deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        return remaining

    def _get_response(self, message_id: int, timeout: float) -> Any:  # noqa: ARG002 - ldap3's
        """Return the result that ends the answer, as ldap3 wants it; called by ldap3."""
        self.entries, self.reference_count = [], 0
        self.connection.socket.settimeout(self.remaining_seconds())
        wanted_bytes = 0
        while True:
            if not self._receive(wanted_bytes):
                return SESSION_TERMINATED_BY_SERVER
            try:
                result, wanted_bytes = self._take_messages(message_id)
            except (MalformedMessage, LookupError, TypeError, ValueError) as error:
                message = f"an answer that is not LDAP: {error}"
                raise exceptions.LDAPSocketReceiveError(message) from error
            if result is not None:
                return [result, RESPONSE_COMPLETE]

    def _receive(self, wanted_bytes: int) -> bool:
        """Receive more, until so many bytes are there; return False if the server hung up."""
        chunks = [self._received]
        missing = wanted_bytes - len(self._received)
        while True:
            if self.deadline is not None:
                self.connection.socket.settimeout(self.remaining_seconds())
            chunk = self.connection.socket.recv(_CHUNK_BYTES)
            if not chunk:
                return False
            chunks.append(chunk)
            missing -= len(chunk)
            if missing <= 0:
                self._received = b"".join(chunks)
                return True

    def _take_messages(self, message_id: int) -> tuple[Any, int]:
        """Take the complete messages; return the final one if it came, else what to wait for."""
        received, position = self._received, 0
        while (end := message_end(received, position)) is not None and end <= len(received):
            message = open_message(received, position, end)
            if message.message_id != message_id:
                _refuse(message.message_id)
            if message.tag == SEARCH_RESULT_ENTRY:
                self.entries.append(split_entry(received, message.body, end))
            elif message.tag == SEARCH_RESULT_REFERENCE:
                self.reference_count += 1
            elif message.tag != _INTERMEDIATE_RESPONSE:
                self._received = received[end:]
                return self.decode_response_fast(decode_message_fast(received[position:end])), 0
            position = end
        self._received = received[position:]
        return None, 0 if end is None else end - position


def make_library_connection(
    endpoint: Endpoint, patience_seconds: float, deadline: float
) -> tuple[Any, WireStrategy]:
    """Return ldap3's connection to a server, and the strategy that speaks for it."""
    library = ldap3.Connection(
        ldap3.Server(endpoint.host, endpoint.port, get_info=ldap3.NONE),
        raise_exceptions=True,
        auto_referrals=False,
        auto_range=False,
        check_names=False,
        return_empty_attributes=False,
    )
    strategy = WireStrategy(library, patience_seconds)
    strategy.deadline = deadline
    library.strategy = strategy
    # ldap3 copies these at construction.
    library.send, library.open = strategy.send, strategy.open
    library.get_response = strategy.get_response
    library.post_send_single_response = strategy.post_send_single_response
    library.post_send_search = strategy.post_send_search
    return library, strategy


def _refuse(message_id: int) -> None:
    if message_id == _UNSOLICITED:
        message = "the server gave notice of disconnection"
        raise exceptions.LDAPSessionTerminatedByServerError(message)
    message = "an answer to another request"
    raise exceptions.LDAPSocketReceiveError(message)
