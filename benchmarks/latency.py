"""From a change in Active Directory to the request that carries it: a real Samba, a real daemon.

Changes are made at random moments, one person's title at a time; the clock stops when the target
has been asked. Bar: 95th percentile at most a second.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path

from tests.parts.operator import Operator
from tests.parts.samba import Samba
from tests.parts.scim_server import Simulator, running_simulator

USERS, GROUPS = 1000, 50
CHANGES = 200
PATIENCE_SECONDS = 60


def wait_for_titles(mimecast: Simulator, count: int, title: str) -> float:
    """Return when so many people have a title."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        if sum(user.get("title") == title for user in mimecast.users()) >= count:
            return time.monotonic()
        time.sleep(0.002)
    raise SystemExit(f"{title} did not arrive within {PATIENCE_SECONDS} s")


def wait_for_first_load(mimecast: Simulator) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while len(mimecast.users()) < USERS and time.monotonic() < end:
        time.sleep(0.1)
    time.sleep(3)


def measure(samba: Samba, mimecast: Simulator, changes: int) -> list[float]:
    chance = random.Random(7)
    people = [samba.people.find(f"user{number:06d}") for number in range(20)]
    taken = []
    for number in range(changes):
        time.sleep(chance.uniform(0, 0.7))
        title = f"Title {number}"
        begun = time.monotonic()
        samba.people.modify(chance.choice(people), title=title)
        taken.append(wait_for_titles(mimecast, 1, title) - begun)
    return taken


def main(changes: int) -> None:
    samba = Samba()
    with tempfile.TemporaryDirectory() as folder, running_simulator() as mimecast:
        samba.reset(users=USERS, groups=GROUPS)
        operator = Operator(Path(folder))
        operator.configure(
            operator.write_source(samba),
            operator.write_target(mimecast),
            '[operations]\nlisten = "127.0.0.1:0"\n[schedule]\nevery = "1h"\n',
        )
        daemon = operator.start("run")
        try:
            wait_for_first_load(mimecast)
            taken = sorted(measure(samba, mimecast, changes))
        finally:
            daemon.terminate()
            daemon.communicate(timeout=30)
            samba.close()
    share = taken[min(len(taken) - 1, int(0.95 * len(taken)))]
    print(f"Change in AD to the request arriving, {len(taken)} changes, {USERS:,} people")
    print(f"  median                  {statistics.median(taken) * 1000:8.0f} ms")
    print(f"  95th percentile         {share * 1000:8.0f} ms   bar 1000")
    print(f"  longest                 {taken[-1] * 1000:8.0f} ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--changes", type=int, default=CHANGES)
    main(parser.parse_args().changes)
