"""How many wrong passwords are taken, so that the directory never locks anybody out through us.

Attempts are counted before the password is tried, so that many at once cannot slip through, and
taken back if it was right or could not be tried. The limit of an account has to stay below the
directory's own (lockoutThreshold), and the window must not be shorter than the directory's ("reset
account lockout counter after"). Unknown names are counted like known ones.

The directory forgets the failures of an account all at once, when none has come for its window: who
guesses now and then would find it counting on if ours were forgotten one by one. So the failures
of an account end together, too. Those of an address, and those of all, end one by one.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Final

from connector.idp.network import parse_address
from connector.idp.reason import Reason

# A domain controller takes the password before the latest for another hour (Microsoft's
# OldPasswordAllowedPeriod); who was made to change it is not let in by it.
SPENT_PERIOD = timedelta(minutes=65)
# The directory counts from when it has answered, which is later than when we counted.
_MARGIN = timedelta(minutes=1)
# Why an attempt is not even made: the limit of the account, the address, or of everybody.
LIMITS: Final = frozenset(
    {Reason.TOO_MANY_ATTEMPTS, Reason.TOO_MANY_FROM_ADDRESS, Reason.TOO_MANY_OVERALL}
)


@dataclass(frozen=True, slots=True)
class LockoutPolicy:
    """The limits.

    Attributes:
        account_count: Failures of one account, until none has come for the window.
        network_count: Failures from one network within the window; None for no limit.
        overall_count: Failures of everybody within the window; None for no limit.
        window: How long a failure counts.

    """

    account_count: int = 3
    network_count: int | None = 30
    overall_count: int | None = 3000
    window: timedelta = timedelta(minutes=15)

    @property
    def account_window(self) -> timedelta:
        """Return how long after the latest failure of an account none of them counts any more."""
        return self.window + _MARGIN

    def for_owner(self) -> LockoutPolicy:
        """Return the limits of whoever comes from a device that its owner had remembered.

        They have one more than others, so whoever guesses elsewhere cannot keep them out. The
        directory counts all of them together, and so do we.
        """
        return replace(
            self, account_count=self.account_count + 1, network_count=None, overall_count=None
        )


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
    parsed = parse_address(address)
    if parsed is None:
        return address
    return str(parsed if parsed.version == 4 else ip_network((parsed, 64), strict=False))
