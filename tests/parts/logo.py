"""Logos of an organisation that there is not."""

from __future__ import annotations

import struct
import zlib

LOGO = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 80">'
    b"<style>.sign { fill: #7a1fa2 }</style>"
    b'<rect class="sign" width="80" height="80" rx="16"/>'
    b'<path fill="none" stroke="#fff" stroke-width="8" d="M22 58V22l36 36V22"/>'
    b'<rect x="100" y="24" width="220" height="12" fill="#333"/>'
    b'<rect x="100" y="46" width="150" height="12" fill="#999"/></svg>'
)


def png(width: int, height: int, colour: tuple[int, int, int]) -> bytes:
    """Return a picture of one colour."""
    row = b"\x00" + bytes(colour) * width
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(row * height)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in chunks)


def _chunk(name: bytes, content: bytes) -> bytes:
    check = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)


LOGO_PNG = png(320, 80, (200, 160, 255))
