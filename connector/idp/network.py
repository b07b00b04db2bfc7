"""Where a browser is: addresses, and sets of networks looked into at every sign-on. Pure."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    collapse_addresses,
    ip_address,
)
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_Ranges = tuple[tuple[int, ...], tuple[int, ...]]

# An address of IPv6 in full, with brackets and the name of a network card.
_LONGEST = 64


def parse_address(text: str) -> Address | None:
    """Return the address that a text says, None if it says none.

    An IPv4 address that came by an IPv6 socket is the IPv4 address; brackets do not matter.

    >>> parse_address("::ffff:10.1.2.3"), parse_address("somewhere")
    (IPv4Address('10.1.2.3'), None)

    """
    return _parse_short(text) if len(text) <= _LONGEST else None


# Several parts of one sign-on ask, and to find out costs as much as to decide.
@lru_cache(maxsize=1024)
def _parse_short(text: str) -> Address | None:
    try:
        return _plain(ip_address(text.strip("[]")))
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class NetworkSet:
    """Some networks; whether an address is in one of them costs the same for few and for many.

    >>> parse_address("10.1.2.3") in NetworkSet((IPv4Network("10.0.0.0/8"),))
    True

    Attributes:
        networks: As the operator wrote them.

    """

    networks: tuple[Network, ...] = ()
    _ranges: tuple[_Ranges, _Ranges] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Put the networks in order, those of IPv4 and those of IPv6."""
        four = collapse_addresses(one for one in self.networks if isinstance(one, IPv4Network))
        six = collapse_addresses(one for one in self.networks if isinstance(one, IPv6Network))
        object.__setattr__(self, "_ranges", (_ranges_of(four), _ranges_of(six)))

    def __contains__(self, address: Address | None) -> bool:
        """Return whether an address is in one of them; one that is not known is in none."""
        if address is None:
            return False
        plain = _plain(address)
        starts, ends = self._ranges[plain.version == 6]
        number = int(plain)
        place = bisect_right(starts, number) - 1
        return place >= 0 and number <= ends[place]

    def __bool__(self) -> bool:
        """Return whether there are any."""
        return bool(self.networks)

    def __str__(self) -> str:
        """Return the networks as the operator wrote them."""
        return ", ".join(map(str, self.networks))


def _ranges_of(networks: Iterable[Network]) -> _Ranges:
    """Return the first and the last addresses of networks in order, without overlap, as numbers."""
    merged = list(networks)
    starts = tuple(int(one.network_address) for one in merged)
    return starts, tuple(int(one.broadcast_address) for one in merged)


def _plain(address: Address) -> Address:
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
