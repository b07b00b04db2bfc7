"""A full cycle of a million users: memory, and whether time grows as the company does.

The company grows by slices, since a first load keeps its plan in memory; then a full cycle in which
nothing changed runs in a fresh process, with 100,000 users and with all of them. It takes ten
minutes, so it is not in `make bench`: `python -m benchmarks.million`. Bars: 400 MB, and at most linear.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile

from benchmarks.noop_cycle import in_fresh_process

BAR_MB = 400
ROUNDS = 3
SLICE = 300_000


def main(users: int, groups: int) -> int:
    few = users // 10
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        count = few
        while True:
            arguments = (f"--folder={folder}", f"--users={count}", f"--groups={groups}")
            first = in_fresh_process(*arguments)
            print(
                f"  {count:9,} users: first cycle {first['seconds']:6.1f} s {first['peak_mb']:6.0f} MB"
            )
            if count in {few, users}:
                found[count] = [in_fresh_process(*arguments) for _ in range(ROUNDS)]
            if count == users:
                break
            count = min(users, count + SLICE)
    print(f"Full cycle in which nothing changed, {groups:,} groups (median of {ROUNDS})")
    for count, rounds in found.items():
        seconds, peak, writes = (
            statistics.median(one[what] for one in rounds)
            for what in ("seconds", "peak_mb", "writes")
        )
        each = seconds / count * 1e6
        print(f"  {count:9,} users {seconds:8.2f} s {each:6.1f} us each {peak:6.0f} MB", end="")
        print(f" {writes:.0f} writes")
    return int(peak > BAR_MB)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--groups", type=int, default=2_000)
    given = parser.parse_args()
    sys.exit(main(given.users, given.groups))
