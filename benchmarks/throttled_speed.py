"""A first load into a target that allows so many requests a second and answers 429 beyond.

Run it as `python -m benchmarks.throttled_speed`; CONNECTOR_BENCH_SECONDS says how long each load is
to take, 100 unless told: at 1,000 a second that is 100,000 users. Three targets each: one that
says its limit in headers, one that says Retry-After in whole seconds, one that says nothing. It
counts by the seconds of its clock. Bar: 0.93 of what it allows, nobody lost and nobody twice.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from threading import Thread
from typing import get_args

import httpx

from benchmarks.scim_sink import Says, running_sink
from benchmarks.target_speed import first_load, make_operation
from state.engine import open_engine
from state.migrate import upgrade

BAR = 0.93
SECONDS = int(os.environ.get("CONNECTOR_BENCH_SECONDS", "100"))


def load(rate: int, says: Says, lines: list[str]) -> None:
    operations = [make_operation(number) for number in range(rate * SECONDS)]
    with tempfile.TemporaryDirectory() as folder, running_sink(rate=rate, says=says) as base_url:
        engine = open_engine(f"sqlite:///{folder}/state.db")
        upgrade(engine)
        engine.dispose()
        begun = time.monotonic()
        first_load(base_url, operations, Path(folder))
        seconds = time.monotonic() - begun
        seen = httpx.get(f"{base_url}/seen").json()
    assert (seen["made"], seen["twice"]) == (len(operations), 0), seen
    share = len(operations) / seconds / rate
    words = f"{share:6.3f} of it, {seen['refused']:4} refused, nobody lost or twice"
    lines.append(f"  {rate:5} a second, 429 says {says:<12}{words}")


def main() -> None:
    print(f"First load against a limit, {SECONDS} s each; bar {BAR}")
    for rate in (100, 300, 1000):
        lines: list[str] = []
        ways = [Thread(target=load, args=(rate, says, lines)) for says in get_args(Says)]
        # Small rates leave the machine idle, so that their three kinds may go side by side.
        for way in ways:
            way.start()
            if rate == 1000:
                way.join()
        for way in ways:
            way.join()
        print("\n".join(sorted(lines)), flush=True)


if __name__ == "__main__":
    main()
