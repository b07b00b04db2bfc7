"""How many wrong passwords are taken, so that the directory never locks anybody out through us.

Attempts are counted before the password is tried, so that many at once cannot slip through, and
taken back if it was right or could not be tried. The limit of an account has to stay below the
directory's own (lockoutThreshold), and the window should be longer than the directory's ("reset
account lockout counter after"). Unknown names are counted like known ones.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network

# A domain controller takes the password before the latest for another hour (Microsoft's
# OldPasswordAllowedPeriod); who was made to change it is not let in by it.
SPENT_PERIOD = timedelta(minutes=65)


@dataclass(frozen=True, slots=True)
class LockoutPolicy:
    """The limits.

    Attributes:
        account_count: Failures of one account within the window.
        network_count: Failures from one network within the window.
        window: How long a failure counts.

    """

    account_count: int = 3
    network_count: int = 30
    window: timedelta = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A password about to be tried.

    Attributes:
        account: external_id of the person, or the name that nobody has.
        network: Where it comes from, see `network_of`.
        at: Now.
        password_mac: Tells the same password from another; see `mac_of`.

    """

    account: str
    network: str
    at: datetime
    password_mac: bytes


def mac_of(secret: bytes, account: str, password: str) -> bytes:
    """Return what is kept of a wrong password, so that the same one need not be tried again."""
    text = f"{account}\n{password}".encode(errors="surrogatepass")
    return hmac.new(secret, text, hashlib.sha256).digest()


def network_of(address: str) -> str:
    """Return what is counted together: an IPv4 address, or the /64 of an IPv6 one.

    >>> network_of("::ffff:192.0.2.7"), network_of("2001:db8:1:2:3::4")
    ('192.0.2.7', '2001:db8:1:2::/64')

    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed, 64), strict=False))
