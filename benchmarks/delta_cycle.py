"""A few changes in a large directory: from the end of the LDAP query to the last request.

Ten people change among 100,000; then one member joins a group of 50,000, told by the server as one
name (DirSync), and told as the whole list. The target agrees at once, and counts.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from benchmarks.noop_cycle import Counter, ignore, make_parts
from benchmarks.synthetic import BASE, user, user_name
from connector.planner.safety import ALL, Limits
from connector.settings import Limit
from connector.source.batch import MemberChange, Page
from connector.source.decode import external_id_of, to_entry
from connector.source.entry import EntryKind, SourceEntry
from connector.source.ldap_decoder import digest_of
from connector.sync.cycle import run_cycle
from connector.sync.request import Request

if TYPE_CHECKING:
    from connector.sync.ports import Parts

ROUNDS = 7
CHANGED = 10
MANY = Limit(count=10**6)


def changed_user(number: int, title: str) -> SourceEntry:
    raw = user(number)
    external_id = external_id_of(raw)
    entry = to_entry(EntryKind.USER, external_id, raw, digest_of(raw))
    digest = title.encode().ljust(16)[:16]
    return replace(entry, attributes=dict(entry.attributes) | {"title": (title,)}, digest=digest)


def large_group(members: int, round_number: int) -> SourceEntry:
    names = tuple(user_name(number) for number in range(members))
    name = f"CN=Everybody,OU=Groups,{BASE}"
    attributes = {"samaccountname": ("Everybody",), "cn": ("Everybody",)}
    digest = str(round_number).encode().rjust(16)
    return SourceEntry(EntryKind.GROUP, "large-group", name, attributes, True, None, names, digest)


def cycle(parts: Parts, counter: Counter, pages: tuple[Page, ...], expected: int) -> float:
    """Run one cycle over these changes; return its seconds."""
    parts.source.changes = pages
    counter.writes = 0
    begun = time.perf_counter()
    report = run_cycle(parts, Request("benchmark", is_quiet=True), ignore, Event())
    seconds = time.perf_counter() - begun
    assert report.status == "done", report
    assert not report.read.proof.is_full, report.read.note
    assert counter.writes == expected, (counter.writes, expected)
    return seconds


def main(users: int, groups: int) -> None:
    counter = Counter()
    with tempfile.TemporaryDirectory() as folder:
        parts = make_parts(Path(folder), users, groups, counter)
        limits = Limits(MANY, MANY, MANY, ALL, ALL)
        parts = replace(parts, targets=tuple(replace(one, limits=limits) for one in parts.targets))
        assert run_cycle(parts, Request("benchmark"), ignore, Event()).status == "done"
        ten = [
            cycle(
                parts,
                counter,
                (Page(tuple(changed_user(n, f"T{step}") for n in range(CHANGED))),),
                CHANGED,
            )
            for step in range(ROUNDS)
        ]
        half = users // 2
        cycle(parts, counter, (Page((large_group(half, 0),)),), 1 + -(-half // 100))
        joined, whole = [], []
        for step in range(ROUNDS):
            change = MemberChange("large-group", (user_name(half + 2 * step),), ())
            joined.append(cycle(parts, counter, (Page((), member_changes=(change,)),), 1))
            group = large_group(half + 2 * step + 2, step + 1)
            whole.append(cycle(parts, counter, (Page((group,)),), 1))
    print(f"Changes among {users:,} users and {groups:,} groups (median of {ROUNDS})")
    for words, seconds in (
        (f"{CHANGED} people changed, to the last PATCH", ten),
        (f"1 joins a group of {half:,}, told as one name", joined),
        (f"1 joins a group of {half:,}, told as the list", whole),
    ):
        print(f"  {words:<45}{statistics.median(seconds) * 1000:8.0f} ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--groups", type=int, default=2_000)
    given = parser.parse_args()
    main(given.users, given.groups)
