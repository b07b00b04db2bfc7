"""LDAP messages in BER (RFC 4511 section 5.1), as far as the simulators need them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

BIND_REQUEST, BIND_RESPONSE = 0x60, 0x61
UNBIND_REQUEST = 0x42
SEARCH_REQUEST, SEARCH_ENTRY, SEARCH_DONE, SEARCH_REFERENCE = 0x63, 0x64, 0x65, 0x73
MODIFY_REQUEST, MODIFY_RESPONSE = 0x66, 0x67
EXTENDED_REQUEST, EXTENDED_RESPONSE = 0x77, 0x78
PAGED_RESULTS = b"1.2.840.113556.1.4.319"


class Element(NamedTuple):
    """A tag and what it holds."""

    tag: int
    content: bytes

    def parts(self) -> list[Element]:
        """The elements within."""
        return list(elements(self.content))

    @property
    def number(self) -> int:
        return int.from_bytes(self.content, "big")


def elements(content: bytes) -> Iterator[Element]:
    at = 0
    while at < len(content):
        tag, length, start = content[at], content[at + 1], at + 2
        if length > 127:
            count = length - 128
            length, start = int.from_bytes(content[start : start + count], "big"), start + count
        yield Element(tag, content[start : start + length])
        at = start + length


def element(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    length = len(content)
    if length < 128:
        return bytes([tag, length]) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + content


def text(value: str | bytes, tag: int = 0x04) -> bytes:
    return element(tag, value.encode() if isinstance(value, str) else value)


def number(value: int, tag: int = 0x02) -> bytes:
    return element(tag, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def message(message_id: int, operation: bytes, *controls: bytes) -> bytes:
    added = element(0xA0, *controls) if controls else b""
    return element(0x30, number(message_id), operation, added)


def result(tag: int, code: int, words: str = "", referral: str = "") -> bytes:
    """An LDAPResult (RFC 4511 section 4.1.9)."""
    referred = element(0xA3, text(referral)) if referral else b""
    return element(tag, number(code, 0x0A), text(""), text(words), referred)


def entry(name: str, attributes: dict[str, list[bytes]]) -> bytes:
    listed = [
        element(0x30, text(key), element(0x31, *map(text, values)))
        for key, values in attributes.items()
    ]
    return element(SEARCH_ENTRY, text(name), element(0x30, *listed))


def page_control(cookie: bytes) -> bytes:
    value = element(0x30, number(0), text(cookie))
    return element(0x30, text(PAGED_RESULTS), text(value))


def read_message(channel: socket.socket) -> bytes:
    """One whole message; b"" if the other side hung up."""
    head = _read(channel, 2)
    if len(head) < 2:
        return b""
    length = head[1]
    if length > 127:
        head += _read(channel, length - 128)
        length = int.from_bytes(head[2:], "big")
    body = _read(channel, length)
    return head + body if len(body) == length else b""


def _read(channel: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count:
        try:
            chunk = channel.recv(count - len(received))
        except OSError:
            return b""
        if not chunk:
            return b""
        received += chunk
    return received
