"""Whether sign-ons wait for the sync: their 99th percentile while full cycles run, and idle.

Run it as `python -m benchmarks.sign_on_under_sync`. A real daemon keeps a SCIM service in step with
an OpenLDAP of 100,000 people and 2,000 groups. Warm sign-ons come at a steady rate, first with
nothing else to do, then while full cycles follow one upon the other in which nothing has changed; in
turn, in one run. A directory has a machine of its own; here it shares ours, so it gets what is left
over, by SCHED_IDLE: otherwise its work would keep sign-ons waiting, and not that of the sync. Bar:
twice.
"""

from __future__ import annotations

import argparse
import base64
import os
import signal
import statistics
import sys
import threading
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from benchmarks.peers.application import Requests
from benchmarks.peers.browser import sign_in_each
from benchmarks.peers.load import AT_A_TIME, Load, sign_on
from benchmarks.peers.ours import LOG, running_ours
from benchmarks.peers.servers import Meter, folder_of_servers
from benchmarks.read_speed import BASE, FILTER, PASSWORD, READER, running_slapd, to_ldif
from benchmarks.scim_sink import running_sink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.peers.identity_provider import IdentityProvider
    from benchmarks.read_speed import Slapd

BAR = 2.0
USERS, GROUPS, GROUP_SIZE = 100_000, 2_000, 50
ROUNDS, SECONDS, RATE = 2, 20.0, 50.0
PEOPLE = 20
PATIENCE_SECONDS = 300
SOURCE = """\
[source]
servers = ["{url}"]
bind_dn = "{reader}"
password = {{ file = "ldap-password" }}
base = "{base}"
user_filter = "{user_filter}"
group_filter = "(objectClass=groupOfNames)"
ca_file = "{certificate}"
"""
TARGET = """\
[[target]]
name = "sink"
base_url = "{base_url}"
token = {{ file = "scim-token" }}
groups = "*"
first_cycle = "send"
drift = "off"
"""


def person(number: int) -> str:
    """Return a person as LDIF, who can sign in.

    Active Directory takes a user principal name to bind with; slapd takes nothing but the
    distinguished name, so that is what stands there.
    """
    ldif = to_ldif(number)
    name = ldif.partition("\n")[0].removeprefix("dn: ")
    return f"{ldif}userPassword: {PASSWORD}\n".replace(
        f"userPrincipalName: {email_of(number)}", f"userPrincipalName: {name}"
    )


def email_of(number: int) -> str:
    return f"person{number:06d}@corp.example"


def group(number: int, users: int) -> str:
    """Return a group of some of the people as LDIF."""
    members = ((number * GROUP_SIZE + step) % users for step in range(GROUP_SIZE))
    guid = uuid.uuid5(uuid.NAMESPACE_OID, f"group{number}").bytes
    lines = [
        f"dn: CN=Group {number:05d},OU=People,{BASE}",
        "objectClass: groupOfNames",
        "objectClass: extensibleObject",
        f"cn: Group {number:05d}",
        f"sAMAccountName: group{number:05d}",
        f"objectGUID:: {base64.b64encode(guid).decode()}",
        *(f"member: CN=person{member:06d},OU=People,{BASE}" for member in sorted({*members})),
    ]
    return "\n".join(lines) + "\n"


@dataclass(slots=True)
class Cycles:
    """Cycles of a daemon, as its log tells of them.

    Attributes:
        pid: The daemon; SIGUSR1 makes it run one.
        log: Its log.
        seconds: What each took that has ended.
        is_running: Whether one runs.

    """

    pid: int
    log: Path
    seconds: list[float] = field(default_factory=list)
    is_running: bool = False
    _read_bytes: int = 0
    _begun_at: datetime | None = None

    def look(self) -> bool:
        """Read what has been told since; return whether a cycle has ended."""
        with self.log.open("rb") as file:
            file.seek(self._read_bytes)
            lines = [line for line in file if line.endswith(b"\n")]
        self._read_bytes += sum(map(len, lines))
        count = len(self.seconds)
        for line in lines:
            if b'"cycle.' in line:
                self._note(orjson.loads(line))
        return len(self.seconds) > count

    def _note(self, told: dict[str, str]) -> None:
        at = datetime.fromisoformat(told["timestamp"])
        match told["event"]:
            case "cycle.started":
                self._begun_at, self.is_running = at, True
            case "cycle.ended":
                if told["status"] != "done":
                    raise SystemExit(f"a cycle went wrong: {told}")
                self.is_running = False
                self.seconds.append((at - (self._begun_at or at)).total_seconds())
            case "cycle.failed":
                raise SystemExit(f"a cycle went wrong: {told}")

    def wait(self) -> None:
        """Return when none runs any more."""
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            self.look()
            if not self.is_running and self.seconds:
                return
            time.sleep(0.1)
        raise SystemExit(f"a cycle does not end within {PATIENCE_SECONDS} s")

    @contextmanager
    def one_after_the_other(self) -> Iterator[None]:
        """Keep the daemon at it for as long as the block runs."""
        is_over = threading.Event()

        def keep_going() -> None:
            while not is_over.wait(0.05):
                if self.look():
                    os.kill(self.pid, signal.SIGUSR1)

        keeper = threading.Thread(target=keep_going)
        os.kill(self.pid, signal.SIGUSR1)
        keeper.start()
        try:
            yield
        finally:
            is_over.set()
            keeper.join()
        self.wait()


@contextmanager
def running_daemon(folder: Path, slapd: Slapd, base_url: str) -> Iterator[IdentityProvider]:
    """Start a daemon that has done its first load; it ends with the block."""
    (folder / "ldap-password").write_text(PASSWORD)
    (folder / "scim-token").write_text("token")
    source = SOURCE.format(
        url=slapd.url, reader=READER, base=BASE, user_filter=FILTER, certificate=slapd.certificate
    )
    target = TARGET.format(base_url=base_url)
    with running_ours(folder, source=source, more=target) as provider:
        yield replace(provider, typed={"email": email_of(0), "password": PASSWORD})


def measure(
    provider: IdentityProvider, cycles: Cycles, rounds: int, seconds: float, rate: float
) -> tuple[Load, Load, float]:
    """Return the sign-ons with nothing else to do, and those under full cycles.

    And how much of the machine strangers took meanwhile, of 1.
    """
    requests = Requests(provider)
    jars = sign_in_each(provider, requests.urls(PEOPLE))
    idle, busy, meter = Load(), Load(), Meter(provider.roots)

    def sign_on_into(load: Load) -> None:
        urls = requests.urls(int(rate * seconds) + 1)
        done = sign_on(provider, jars, urls, seconds=seconds, rate=rate)
        load.waits += done.waits
        load.seconds += done.seconds

    sign_on(provider, jars, requests.urls(100), seconds=1, rate=rate)
    for _ in range(rounds):
        with meter.running():  # only now: the directory would count as a stranger
            sign_on_into(idle)
        with cycles.one_after_the_other():
            sign_on_into(busy)
    return idle, busy, meter.others_share


def give_way(pid: int) -> None:
    """Let a process, and the threads that it will start, have what everybody else leaves over."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setscheduler(int(thread.name), os.SCHED_IDLE, os.sched_param(0))


def main(users: int, groups: int, rounds: int, seconds: float, rate: float) -> int:
    def to_entry(number: int) -> str:
        return person(number) if number < users else group(number - users, users)

    with (
        folder_of_servers() as folder,
        running_slapd(users + groups, to_entry) as slapd,
        running_sink(takes_bulk=True) as base_url,
        running_daemon(folder, slapd, base_url) as provider,
    ):
        give_way(slapd.pid)
        cycles = Cycles(provider.roots[0], folder / LOG)
        cycles.wait()  # that of the start
        cycles.seconds.clear()
        idle, busy, strangers_share = measure(provider, cycles, rounds, seconds, rate)
    print(
        f"Warm sign-ons, {rate:g} a second, {AT_A_TIME} at a time at most,"
        f" beside full cycles of {users:,} people and {groups:,} groups"
    )
    print(f"  {'':<24}{'sign-ons':>10}{'p50 ms':>9}{'p99 ms':>9}{'longest':>9}")
    for words, load in (("idle", idle), ("under full cycles", busy)):
        milliseconds = [load.percentile(share) * 1000 for share in (0.5, 0.99, 1)]
        columns = "".join(f"{one:9.1f}" for one in milliseconds)
        print(f"  {words:<24}{len(load.waits):10}{columns}")
    share = sum(cycles.seconds) / busy.seconds
    print(
        f"  {len(cycles.seconds)} cycles, {statistics.median(cycles.seconds):.1f} s each,"
        f" {min(share, 1):.0%} of the time; strangers took {strangers_share:.0%} of the machine"
    )
    ratio = busy.percentile(0.99) / idle.percentile(0.99)
    verdict = "" if ratio <= BAR else "   ABOVE THE BAR"
    print(f"  99th percentile          {ratio:10.2f} times   bar {BAR:g}{verdict}")
    return int(ratio > BAR)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--users", type=int, default=USERS)
    parser.add_argument("--groups", type=int, default=GROUPS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--rate", type=float, default=RATE)
    given = parser.parse_args()
    sys.exit(main(given.users, given.groups, given.rounds, given.seconds, given.rate))
