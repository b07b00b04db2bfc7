"""Read the CBOR that authenticators write, and nothing beyond it (CTAP 2.1 section 8).

That form has no tags, no lengths that are left open and little nesting. Libraries read all of CBOR,
in which a few bytes may stand for a number of gigabytes or a regular expression; so what strangers
send is read here before a library sees it.
"""

from __future__ import annotations

from typing import Any, Final

# CTAP allows four levels; an attestation of certificates in a list is one more than some write.
_DEEPEST: Final = 8
_SIMPLE: Final = {20: False, 21: True, 22: None}


def read_item(data: bytes, at: int = 0, depth: int = 0) -> tuple[Any, int]:
    """Return one value, and where it ends.

    >>> read_item(bytes.fromhex("a1636b657981f5ff"))
    ({'key': [True]}, 7)

    Raises:
        ValueError: if it is not of that form, or breaks off.

    """
    if depth > _DEEPEST:
        message = "is nested too deeply"
        raise ValueError(message)
    kind, number, at = _read_head(data, at)
    if kind <= 1:
        return number if kind == 0 else -1 - number, at
    if kind <= 3:
        raw = _cut(data, at, number)
        return raw if kind == 2 else raw.decode(), at + number
    if kind <= 5:
        return (_read_list if kind == 4 else _read_map)(data, at, number, depth)
    if kind == 7 and number in _SIMPLE:
        return _SIMPLE[number], at
    message = f"holds CBOR of major type {kind}, which authenticators do not write"
    raise ValueError(message)


def _read_head(data: bytes, at: int) -> tuple[int, int, int]:
    """Return the major type, the number with it, and where it ends (RFC 8949 section 3)."""
    (first,) = _cut(data, at, 1)
    kind, number, at = first >> 5, first & 31, at + 1
    if number < 24:
        return kind, number, at
    if number > 27 or kind == 7:
        message = "leaves a length open, or holds a fraction"
        raise ValueError(message)
    size = 1 << (number - 24)
    return kind, int.from_bytes(_cut(data, at, size)), at + size


def _read_list(data: bytes, at: int, count: int, depth: int) -> tuple[list[Any], int]:
    found = []
    for _ in range(count):  # each takes a byte at least, or it ends here
        value, at = read_item(data, at, depth + 1)
        found.append(value)
    return found, at


def _read_map(data: bytes, at: int, count: int, depth: int) -> tuple[dict[Any, Any], int]:
    found: dict[Any, Any] = {}
    for _ in range(count):
        key, at = read_item(data, at, depth + 1)
        if not isinstance(key, (int, str)) or isinstance(key, bool) or key in found:
            message = "has a key twice, or one that is no number and no text"
            raise ValueError(message)
        found[key], at = read_item(data, at, depth + 1)
    return found, at


def _cut(data: bytes, at: int, size: int) -> bytes:
    if at + size > len(data):
        message = "breaks off"
        raise ValueError(message)
    return data[at : at + size]
