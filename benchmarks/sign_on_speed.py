"""Warm sign-ons over HTTP: ours, SimpleSAMLphp's and LemonLDAP::NG's, side by side in one run.

Run it as `python -m benchmarks.sign_on_speed`. One sign-on: an AuthnRequest by Redirect goes in,
and the page comes out that carries a Response with both signatures (RSA-2048) and 16 attribute
values; the session is held by a cookie, and the sign-on is written down as each of them does. All
run at once, by plain http on loopback; they take turns, two sign-ons at a time, each over a
connection of its own. Bars: three times the rate of SimpleSAMLphp, six times that of
LemonLDAP::NG. Where others take much of the machine, rates mean little, and their ratio flatters
whoever needs the fewest processes; see the processor time instead.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.peers.application import Requests, require_good
from benchmarks.peers.browser import sign_in_each
from benchmarks.peers.lemonldap import running_lemonldap
from benchmarks.peers.load import AT_A_TIME, Load, sign_on
from benchmarks.peers.ours import running_ours
from benchmarks.peers.servers import Meter, folder_of_servers, require_programs
from benchmarks.peers.simplesamlphp import running_simplesamlphp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.peers.identity_provider import IdentityProvider

PROVIDERS = {
    "ours": running_ours,
    "simplesamlphp": running_simplesamlphp,
    "lemonldap": running_lemonldap,
}
BARS = {"simplesamlphp": 3.0, "lemonldap": 6.0}
ROUNDS, SECONDS = 9, 2.0
PEOPLE = 40
# More than anybody does in a second, so that no round ends early.
REQUESTS_A_SECOND = 4000
CHECKED = 3


@dataclass(slots=True)
class Entrant:
    """An identity provider, people who are signed in at it, and what was measured.

    Attributes:
        provider: The identity provider.
        requests: Its AuthnRequests.
        jars: Cookies of the people.
        meter: Runs in every round.
        loads: One a round.

    """

    provider: IdentityProvider
    requests: Requests
    jars: Sequence[dict[str, str]]
    meter: Meter
    loads: list[Load] = field(default_factory=list)

    def warm_up(self, seconds: float) -> None:
        """Sign on for so many seconds, so that caches fill."""
        sign_on(self.provider, self.jars, self._urls(seconds), seconds=seconds)

    def run_round(self, seconds: float) -> None:
        """Sign on for so many seconds, and note what it took."""
        urls = self._urls(seconds)
        with self.meter.running():
            self.loads.append(sign_on(self.provider, self.jars, urls, seconds=seconds))

    @property
    def count(self) -> int:
        return sum(len(load.waits) for load in self.loads)

    @property
    def rate(self) -> float:
        """Return sign-ons a second, the median of the rounds."""
        return statistics.median(load.rate for load in self.loads)

    def milliseconds(self, share: float) -> float:
        """Return the median over the rounds of a percentile."""
        return statistics.median(load.percentile(share) for load in self.loads) * 1000

    def check(self) -> int:
        """Return the size of a Response in bytes; some of every round were checked."""
        pages = [page for load in self.loads for page in load.pages[:CHECKED]]
        return max(require_good(page, self.provider) for page in pages)

    @property
    def cpu_milliseconds(self) -> float:
        """Return what a sign-on costs the provider's processes."""
        return self.meter.server_seconds / self.count * 1000

    def line(self) -> str:
        client = self.meter.client_seconds / self.count * 1000
        return (
            f"  {self.provider.name:<22}{self.rate:8.0f}{self.milliseconds(0.5):9.1f}"
            f"{self.milliseconds(0.99):8.1f}{self.cpu_milliseconds:8.2f}{client:9.2f}"
            f"{self.check():8}{self.meter.others_share:8.0%}"
        )

    def _urls(self, seconds: float) -> list[str]:
        return self.requests.urls(int(REQUESTS_A_SECOND * seconds))


def enter(provider: IdentityProvider) -> Entrant:
    """Let people sign in by the login pages, once each."""
    requests = Requests(provider)
    jars = sign_in_each(provider, requests.urls(PEOPLE))
    return Entrant(provider, requests, jars, Meter(provider.roots))


def measure(names: Sequence[str], rounds: int, seconds: float) -> dict[str, Entrant]:
    """Start these, let them take turns, and return what each did."""
    with ExitStack() as stack:
        folder = stack.enter_context(folder_of_servers())
        entrants = {}
        for name in names:
            own = folder / name
            own.mkdir()
            entrants[name] = enter(stack.enter_context(PROVIDERS[name](own)))
        for entrant in entrants.values():
            entrant.warm_up(1)
        for _ in range(rounds):
            for entrant in entrants.values():
                entrant.run_round(seconds)
        return entrants


def main(names: Sequence[str], rounds: int, seconds: float) -> int:
    require_programs("openssl", "xmlsec1")
    entrants = measure(names, rounds, seconds)
    print(
        f"Warm sign-ons, {AT_A_TIME} at a time, plain http;"
        f" medians of {rounds} rounds of {seconds:g} s in turn;"
        f" ours by Python {platform.python_version()}"
    )
    print(
        f"  {'':<22}{'a second':>8}{'p50 ms':>9}{'p99 ms':>8}{'CPU ms':>8}{'client':>9}{'bytes':>8}{'others':>8}"
    )
    for entrant in entrants.values():
        print(entrant.line())
    return int(not compare(entrants))


def compare(entrants: dict[str, Entrant]) -> bool:
    """Print how ours compares with each other; return whether every bar is reached."""
    are_reached = True
    for name, bar in BARS.items():
        if not {"ours", name} <= entrants.keys():
            continue
        ours, other = entrants["ours"], entrants[name]
        # Round by round: machines are faster in one minute than in the next.
        pairs = zip(ours.loads, other.loads, strict=True)
        ratio = statistics.median(one.rate / two.rate for one, two in pairs)
        cpu = ours.cpu_milliseconds / other.cpu_milliseconds
        are_reached &= ratio >= bar
        verdict = "" if ratio >= bar else "   BELOW THE BAR"
        print(
            f"  ours / {other.provider.name:<22}{ratio:6.2f} times as many   bar {bar:g}"
            f"   {cpu:.2f} of its CPU each{verdict}"
        )
    return are_reached


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="+", default=[*PROVIDERS], choices=PROVIDERS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    given = parser.parse_args()
    sys.exit(main(given.only, given.rounds, given.seconds))
