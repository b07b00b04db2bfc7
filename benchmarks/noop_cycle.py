"""A full cycle of 100,000 users and 2,000 groups in which nothing changed: time, memory, writes.

The yardstick is the same reader alone, in the same run. Memory is that of a fresh process.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from benchmarks.synthetic import SyntheticSource
from connector.clock import SystemClock
from connector.mapping.load import load_mapping, shipped_folder
from connector.mapping.mapper import map_entry
from connector.planner.safety import Limits
from connector.planner.view import AttributeView
from connector.settings import Limit
from connector.source.entry import EntryKind
from connector.source.roll_call import RollCall
from connector.sync.cycle import run_cycle
from connector.sync.ports import Parts, Progress, TargetPort
from connector.sync.request import Request
from connector.target.outcome import Applied
from state.engine import open_engine
from state.migrate import upgrade

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connector.planner.operation import Operation

ROUNDS = 5


class Counter:
    """A target that agrees to everything at once, and counts."""

    def __init__(self) -> None:
        self.writes = 0

    def send(self, operations: Sequence[Operation], target_ids: Mapping[str, str]) -> Iterator:
        del target_ids
        for operation in operations:
            self.writes += 1
            yield operation, Applied(operation.target_id or f"t-{operation.external_id}")

    def resolve(self, operation: Operation, target_ids: Mapping[str, str]) -> None:
        raise AssertionError(operation, target_ids)

    def count(self, resource_type: str) -> int:
        del resource_type
        return 0

    def close(self) -> None:
        pass


def make_parts(folder: Path, users: int, groups: int, counter: Counter) -> Parts:
    engine = open_engine(f"sqlite:///{folder}/state.db")
    upgrade(engine)
    mappings = {
        kind: load_mapping(f"active_directory.{kind}.toml", (shipped_folder(),))
        for kind in (EntryKind.USER, EntryKind.GROUP)
    }
    port = TargetPort(
        name="counter",
        connect=lambda: counter,
        groups="*",
        push_groups="scope",
        mode="sync",
        deprovision="disable",
        grace=timedelta(days=30),
        limits=Limits(Limit(count=0), Limit(count=0), Limit(count=0)),
        view=AttributeView(),
    )
    return Parts(
        source=SyntheticSource(users, groups),
        map_entry=lambda entry: map_entry(entry, mappings[entry.kind]),
        mapping_fingerprint="benchmark",
        engine=engine,
        targets=(port,),
        clock=SystemClock(),
        lock_path=folder / "lock",
    )


def ignore(progress: Progress) -> None:
    """Show nothing."""
    del progress


def one_cycle(folder: Path, users: int, groups: int) -> dict[str, float]:
    """Run one cycle in this process; return seconds, writes, and the peak of memory in MB."""
    counter = Counter()
    parts = make_parts(folder, users, groups, counter)
    begun = time.perf_counter()
    report = run_cycle(parts, Request("benchmark", is_full=True), ignore, Event())
    seconds = time.perf_counter() - begun
    assert report.status == "done", report
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "writes": counter.writes, "peak_mb": peak}


def reader_alone(users: int, groups: int) -> float:
    """Return the seconds that the same reader takes when every digest is known."""
    source = SyntheticSource(users, groups)
    known = {}
    for page in source.read_full(RollCall({}), None):
        known.update((entry.external_id, entry.digest) for entry in page.entries)
    roll = RollCall(known)
    begun = time.perf_counter()
    for _ in source.read_full(roll, None):
        pass
    return time.perf_counter() - begun


def in_fresh_process(*arguments: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.noop_cycle", *arguments]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main(users: int = 100_000, groups: int = 2_000) -> None:
    size = (f"--users={users}", f"--groups={groups}")
    with tempfile.TemporaryDirectory() as folder:
        first = in_fresh_process(f"--folder={folder}", *size)
        rounds = [in_fresh_process(f"--folder={folder}", *size) for _ in range(ROUNDS)]
    alone = [in_fresh_process("--reader", *size)["seconds"] for _ in range(ROUNDS)]
    cycle = statistics.median(one["seconds"] for one in rounds)
    reader = statistics.median(alone)
    print(f"No-op full cycle, {users:,} users and {groups:,} groups (median of {ROUNDS})")
    print(
        f"  first cycle, everything new     {first['seconds']:8.2f} s  {first['peak_mb']:6.0f} MB"
    )
    print(f"  the same reader alone           {reader:8.2f} s")
    print(f"  no-op cycle                     {cycle:8.2f} s  {cycle / reader:6.2f} x the reader")
    print(f"  peak memory of a no-op cycle    {max(one['peak_mb'] for one in rounds):8.0f} MB")
    print(f"  requests that write             {max(one['writes'] for one in rounds):8.0f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--reader", action="store_true")
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--groups", type=int, default=2_000)
    given = parser.parse_args()
    if given.reader:
        print(json.dumps({"seconds": reader_alone(given.users, given.groups)}))
    elif given.folder:
        print(json.dumps(one_cycle(given.folder, given.users, given.groups)))
    else:
        main(given.users, given.groups)
