"""A first load into a target that allows so many requests a second and answers 429 beyond.

Run it as `python -m benchmarks.throttled_speed`; CONNECTOR_BENCH_SECONDS says how long each load is
to take, 100 unless told: at 1,000 a second that is 100,000 users. Three targets each: one that
says its limit in headers, one that says Retry-After in whole seconds, one that says nothing. It
counts by the seconds of its clock. Bar: 0.93 of what it allows, nobody lost and nobody twice.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import cast, get_args

import httpx

from benchmarks.scim_sink import Says, running_sink
from benchmarks.target_speed import first_load, make_operation
from state.engine import open_engine
from state.migrate import upgrade

BAR = 0.93
SECONDS = int(os.environ.get("CONNECTOR_BENCH_SECONDS", "100"))


def load(rate: int, says: Says) -> str:
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
    return f"  {rate:5} a second, 429 says {says:<12}{words}"


def in_fresh_process(rate: int, says: Says) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.throttled_speed", str(rate), says]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def main() -> int:
    print(f"First load against a limit, {SECONDS} s each; bar {BAR}")
    failed_count = 0
    for rate in (100, 300, 1000):
        # Small rates leave the machine idle, so that their three kinds may go side by side.
        together = [get_args(Says)] if rate < 1000 else [(says,) for says in get_args(Says)]
        for some in together:
            for process in [in_fresh_process(rate, says) for says in some]:
                print(process.communicate()[0], end="", flush=True)
                failed_count += process.returncode != 0
    return bool(failed_count)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(load(int(sys.argv[1]), cast("Says", sys.argv[2])))
    else:
        sys.exit(main())
