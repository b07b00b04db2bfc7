"""A first load of many users: by single requests against a bare loop, and by bulk requests.

Run it as `python -m benchmarks.target_speed`; CONNECTOR_BENCH_USERS says how many users, 100,000
unless told. The bare loop posts finished documents with httpx and httpx-aiohttp and reads the ids.
Ours is the whole second half of a cycle: the plan into the ledger, requests, outcomes, links, in
SQLite. The ways take turns in one run, each a fresh process and a fresh database; only the ratios
mean anything. Bars: 0.65 of the bare loop by single requests, 8 times that by bulk requests.

The second is not reached (5.7 times, 76 us a user of one processor). Half of it is SQLite's: a row of
the plan, its two changes of status, and the row of the account; the other half makes the document and
the request and reads the answer. Larger windows, plain tuples for rows and indexes without the usual
case brought it from 114 us; larger caches and rarer checkpoints made no difference. What is left is to
write what was sent as one number for each run instead of one status for each row.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from threading import Event

import httpx
import orjson
from httpx_aiohttp import AiohttpTransport

from benchmarks.scim_sink import running_sink
from connector.clock import SystemClock
from connector.planner.operation import Operation, OperationKind, Plan
from connector.sync.apply import Courier
from connector.sync.ledger import Ledger
from connector.sync.ports import Status
from connector.sync.review import Reviewed
from connector.target.client import ScimTarget, TargetConnection
from connector.target.dialect import load_dialect
from state.engine import open_engine
from state.migrate import upgrade

BAR, BULK_BAR = 0.65, 8.0
ROUNDS, IN_FLIGHT = 5, 16
USERS = int(os.environ.get("CONNECTOR_BENCH_USERS", "100000"))
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
MAPPINGS = Path(__file__).parents[1] / "mappings"


def make_operation(number: int) -> Operation:
    external_id = str(uuid.uuid5(uuid.NAMESPACE_OID, str(number)))
    document = {
        "userName": f"user{number}@corp.example",
        "name": {"givenName": f"Given{number}", "familyName": f"Family{number}"},
        "displayName": f"Given{number} Family{number}",
        "title": "Clerk in the department of long descriptions",
        "emails": [{"value": f"user{number}@corp.example", "type": "work", "primary": True}],
        "phoneNumbers": [{"value": f"+49 30 {number:06}", "type": "work"}],
        "addresses": [{"locality": "Berlin", "country": "DE", "type": "work"}],
        ENTERPRISE: {"department": f"Department {number % 40}", "employeeNumber": str(number)},
        "active": True,
    }
    digest = external_id.encode()[:16]
    return Operation(
        OperationKind.CREATE,
        "User",
        external_id,
        f"user{number}@corp.example",
        document=document,
        desired_digest=digest,
        reason="joined",
    )


def bare(base_url: str, operations: list[Operation], folder: Path) -> None:
    """Post every document, read every id, and do nothing else."""
    del folder
    bodies = [orjson.dumps({"externalId": one.external_id, **one.document}) for one in operations]

    async def send() -> int:
        limits = httpx.Limits(max_connections=IN_FLIGHT)
        transport = AiohttpTransport(limits=limits)
        headers = {"authorization": "Bearer token", "content-type": "application/scim+json"}
        waiting = iter(bodies)
        async with httpx.AsyncClient(transport=transport, headers=headers) as client:

            async def work() -> int:
                count = 0
                for body in waiting:
                    answer = await client.post(base_url + "/Users", content=body)
                    count += bool(orjson.loads(answer.content)["id"])
                return count

            return sum(await asyncio.gather(*(work() for _ in range(IN_FLIGHT))))

    assert asyncio.run(send()) == len(operations)


def first_load(base_url: str, operations: list[Operation], folder: Path) -> None:
    """Deliver a plan of creations, ledger and all."""
    engine = open_engine(f"sqlite:///{folder}/state.db")
    connection = TargetConnection("sink", base_url, "token", concurrency=IN_FLIGHT)
    ledger, clock = Ledger(engine), SystemClock()
    cycle_id = ledger.open_cycle("benchmark", clock.now())
    plan = Plan("sink", tuple(operations), 0, 0)
    with ScimTarget(connection, load_dialect("scim.toml", [MAPPINGS])) as target:
        courier = Courier(ledger, target, clock, cycle_id=cycle_id, name="sink")
        delivery = courier.deliver(Reviewed(plan), lambda _: None, Event())
    assert delivery.status is Status.DONE, delivery
    assert ledger.resource_count("sink") == len(operations)
    engine.dispose()


WAYS = {"bare": bare, "single": first_load, "bulk": first_load}


def one_way(way: str, base_url: str, users: int) -> dict[str, float]:
    """Send in this process; return what it took."""
    operations = [make_operation(number) for number in range(users)]
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{folder}/state.db")
        upgrade(engine)
        engine.dispose()
        begun, used = time.perf_counter(), time.process_time()
        WAYS[way](base_url, operations, Path(folder))
        seconds, processor = time.perf_counter() - begun, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"rate": users / seconds, "cost": processor / users * 1e6, "peak_mb": peak}


def in_fresh_process(way: str) -> dict[str, float]:
    with running_sink(takes_bulk=way == "bulk") as base_url:
        command = [sys.executable, "-m", "benchmarks.target_speed", way, base_url, str(USERS)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        seen = httpx.get(f"{base_url}/seen").json()
    assert seen == {"made": USERS, "twice": 0, "refused": 0}, seen
    return json.loads(done.stdout)


def main() -> None:
    rounds = [{way: in_fresh_process(way) for way in WAYS} for _ in range(ROUNDS)]
    names = {
        "bare": "bare httpx-aiohttp loop",
        "single": "first load, single requests",
        "bulk": "first load, bulk requests",
    }
    print(f"First load of {USERS:,} users, {IN_FLIGHT} in flight (median of {ROUNDS})")
    for way, name in names.items():
        rate, cost, peak = (
            statistics.median(one[way][what] for one in rounds)
            for what in ("rate", "cost", "peak_mb")
        )
        print(f"  {name:<28}{rate:8.0f} users/s  {cost:6.0f} us of processor each  {peak:5.0f} MB")
    single = statistics.median(one["single"]["rate"] / one["bare"]["rate"] for one in rounds)
    bulk = statistics.median(one["bulk"]["rate"] / one["single"]["rate"] for one in rounds)
    print(f"  single requests / bare loop {single:8.2f}   bar {BAR}")
    print(f"  bulk / single requests      {bulk:8.2f}   bar {BULK_BAR}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        parser = argparse.ArgumentParser()
        parser.add_argument("way", choices=WAYS)
        parser.add_argument("base_url")
        parser.add_argument("users", type=int)
        given = parser.parse_args()
        print(json.dumps(one_way(given.way, given.base_url, given.users)))
    else:
        main()
