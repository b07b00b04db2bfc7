"""Who asks: the address of the browser, whatever proxies stand between."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING

from connector.idp.network import parse_address

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.idp.network import Address


def client_address(peer: str, forwarded_for: str, trusted: Sequence[str]) -> str:
    """Return the nearest address that no trusted proxy has.

    Args:
        peer: The other end of the connection.
        forwarded_for: The X-Forwarded-For header, all lines joined by commas; "" for none. Only
            what trusted proxies appended is believed, so it is read from the right.
        trusted: Addresses and networks of our own proxies.

    >>> client_address("10.0.0.1", "6.6.6.6, 203.0.113.9", ["10.0.0.0/8"])
    '203.0.113.9'
    >>> client_address("203.0.113.9", "6.6.6.6", ["10.0.0.0/8"])
    '203.0.113.9'
    >>> client_address("::ffff:10.0.0.1", "2001:db8::7, 10.0.0.2", ["10.0.0.0/8"])
    '2001:db8::7'

    """
    nearest = parse_address(peer)
    for hop in reversed(forwarded_for.split(",") if forwarded_for else []):
        if nearest is None or not _is_trusted(nearest, trusted):
            break
        nearest = parse_address(hop.strip())
    return str(nearest) if nearest else ""


def _is_trusted(address: Address, trusted: Sequence[str]) -> bool:
    return any(address in ip_network(network, strict=False) for network in trusted)
