"""A small MaxMind DB, written by hand (MaxMind DB file format, version 2.0)."""

from __future__ import annotations

from ipaddress import IPv4Network, ip_network
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_MARKER = b"\xab\xcd\xefMaxMind.com"
_RECORD_BYTES = 3
_SEPARATOR_BYTES = 16
_UINT16, _UINT32, _UINT64 = 5, 6, 9


class Sized(NamedTuple):
    """A number of a certain type; readers insist on it."""

    number: int
    kind: int


def write_mmdb(path: Path, records: Mapping[str, Any], ip_version: int = 6) -> Path:
    """Write a file with a record for each network; those of IPv4 are in ::/96, as in real ones."""
    nodes: list[list[int | None]] = [[None, None]]
    data, places = b"", {}
    for text, record in records.items():
        places[text] = len(data)
        data += _encoded(record)
    leaves = {}
    for text in records:
        bits = _bits_of(text, ip_version)
        place = 0
        for bit in bits[:-1]:
            following = nodes[place][bit]
            if following is None:
                following = len(nodes)
                nodes.append([None, None])
                nodes[place][bit] = following
            place = following
        leaves[place, bits[-1]] = places[text]
    tree = b"".join(
        _record(nodes[place][side], leaves.get((place, side)), len(nodes))
        for place in range(len(nodes))
        for side in (0, 1)
    )
    about = {
        "node_count": len(nodes),
        "record_size": Sized(8 * _RECORD_BYTES, _UINT16),
        "ip_version": Sized(ip_version, _UINT16),
        "database_type": "Test-Country",
        "languages": ["en"],
        "binary_format_major_version": Sized(2, _UINT16),
        "binary_format_minor_version": Sized(0, _UINT16),
        "build_epoch": Sized(1_790_000_000, _UINT64),
        "description": {"en": "by hand"},
    }
    path.write_bytes(tree + bytes(_SEPARATOR_BYTES) + data + _MARKER + _encoded(about))
    return path


def _bits_of(text: str, ip_version: int) -> list[int]:
    network = ip_network(text)
    size = network.max_prefixlen
    bits = [int(network.network_address) >> (size - 1 - at) & 1 for at in range(network.prefixlen)]
    return [0] * 96 + bits if isinstance(network, IPv4Network) and ip_version == 6 else bits


def _record(node: int | None, leaf: int | None, count: int) -> bytes:
    value = node if leaf is None else count + _SEPARATOR_BYTES + leaf
    return (count if value is None else value).to_bytes(_RECORD_BYTES)


def _encoded(value: Any) -> bytes:
    match value:
        case str():
            octets = value.encode()
            return bytes([2 << 5 | len(octets)]) + octets
        case int():
            return _encoded(Sized(value, _UINT32))
        case Sized(number, kind):
            octets = number.to_bytes((number.bit_length() + 7) // 8)
            first = [kind << 5 | len(octets)] if kind < 8 else [len(octets), kind - 7]
            return bytes(first) + octets
        case dict():
            pairs = b"".join(_encoded(part) for pair in value.items() for part in pair)
            return bytes([7 << 5 | len(value)]) + pairs
        case list():
            return bytes([len(value), 11 - 7]) + b"".join(map(_encoded, value))
    raise AssertionError(value)
