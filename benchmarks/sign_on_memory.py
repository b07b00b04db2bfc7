"""How much memory sessions take: 100,000 people stay signed in, and some of them sign on.

Run it as `python -m benchmarks.sign_on_memory`. A real daemon runs; the sessions are rows in its
database, copies of the one that a sign-in by the pages left behind, each with a cookie of its own.
Memory is what its processes hold, summed. Bar: 60 MB more than idle.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from benchmarks.peers.application import Requests, require_good
from benchmarks.peers.browser import Browser, sign_in_each
from benchmarks.peers.load import Load
from benchmarks.peers.ours import external_id, running_ours
from benchmarks.peers.servers import cost_of, folder_of_servers, require_programs
from connector.idp.transaction import digest_of
from state.engine import insert_rows, open_engine, reading, table_of, writing
from state.identity import SsoSessionRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Any

    from benchmarks.peers.identity_provider import IdentityProvider

BAR_MB = 60
SESSIONS, PEOPLE = 100_000, 500
# Of each kind: by one person before, and by as many others as that after.
SIGN_ONS = 600
BATCH = 10_000
SETTLE_SECONDS = 5


def megabytes_of(provider: IdentityProvider) -> float:
    """Return what the daemon holds when nobody has asked it anything for a while."""
    time.sleep(SETTLE_SECONDS)
    return cost_of(provider.roots).resident_bytes / 1e6


def hold_sessions(database: Path, own: dict[str, str], count: int) -> list[dict[str, str]]:
    """Keep so many sessions like that of these cookies; return the cookies of each."""
    sessions = table_of(SsoSessionRow)
    engine = open_engine(f"sqlite:///{database}")
    names = {digest_of(value): name for name, value in own.items()}
    with reading(engine) as connection:
        (row,) = connection.execute(select(sessions)).mappings()
    name = names[row["cookie_digest"]]
    cookies = [f"cookie-of-a-browser-{number:023d}" for number in range(count)]
    for start in range(0, count, BATCH):
        with writing(engine) as connection:
            rows = list(_copies(dict(row), cookies[start : start + BATCH]))
            insert_rows(connection, insert(sessions), rows)
    engine.dispose()
    return [{name: cookie} for cookie in cookies]


def _copies(row: dict[str, Any], cookies: Sequence[str]) -> Iterator[dict[str, Any]]:
    for number, cookie in enumerate(cookies):
        digest = digest_of(cookie)
        own = {"cookie_digest": digest, "session_index": f"_{digest.hex()[:32]}"}
        yield row | own | {"external_id": external_id(number % PEOPLE)}


def sign_on_once_each(
    provider: IdentityProvider, requests: Requests, jars: Sequence[dict[str, str]]
) -> Load:
    """Sign on with each of these cookies, one after the other."""
    load = Load()
    for jar, url in zip(jars, requests.urls(len(jars)), strict=True):
        begun, browser = time.perf_counter(), Browser(provider, jar)
        answer = browser.fetch(url)
        load.note(time.perf_counter() - begun, answer)
        browser.close()
    return load


def main(count: int) -> int:
    require_programs("xmlsec1")
    with folder_of_servers() as folder, running_ours(folder, people=PEOPLE) as provider:
        held_mb = {"idle": megabytes_of(provider)}
        requests = Requests(provider)
        (own,) = sign_in_each(provider, requests.urls(1))
        sign_on_once_each(provider, requests, [own] * SIGN_ONS)
        held_mb[f"after {SIGN_ONS} sign-ons of one session"] = megabytes_of(provider)
        jars = hold_sessions(folder / "state.db", own, count)
        held_mb[f"with {count:,} sessions held"] = megabytes_of(provider)
        load = sign_on_once_each(provider, requests, jars[:: -(-count // SIGN_ONS)])
        for page in load.pages:
            require_good(page, provider)
        held_mb[f"after a sign-on of {len(load.waits)} of them each"] = megabytes_of(provider)
        processes = cost_of(provider.roots).processes
    return report(held_mb, processes)


def report(held_mb: dict[str, float], processes: int) -> int:
    """Print what was held when, and return whether the last is more than the bar over the first."""
    idle, *_, used = held_mb.values()
    print(f"Memory of {processes} process(es)")
    for words, megabytes in held_mb.items():
        print(f"  {words:<45}{megabytes:8.1f} MB")
    verdict = "" if used - idle <= BAR_MB else "   ABOVE THE BAR"
    print(f"  {'more than idle':<45}{used - idle:8.1f} MB   bar {BAR_MB}{verdict}")
    return int(used - idle > BAR_MB)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--sessions", type=int, default=SESSIONS)
    sys.exit(main(parser.parse_args().sessions))
