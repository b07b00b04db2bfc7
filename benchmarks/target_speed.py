"""How close our SCIM client comes to a bare loop of httpx with httpx-aiohttp, 16 requests in flight.

Run it as `python -m benchmarks.target_speed`. A sink in a process of its own answers every POST of
a user with 201 and an id. Both ways send the same users, in turn; only the ratio means anything.
Bar: 0.65.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import resource
import statistics
import time
import uuid
from typing import TYPE_CHECKING

import httpx
import orjson
from httpx_aiohttp import AiohttpTransport

from connector.planner.operation import Operation, OperationKind
from connector.target.client import ScimTarget, TargetConnection
from connector.target.dialect import Dialect
from connector.target.outcome import Applied

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

BAR = 0.65
ROUNDS, IN_FLIGHT = 5, 16
USERS = 4000
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


class Sink(asyncio.Protocol):
    """Answers each request of a connection at once, without looking at it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.received = b""

    def data_received(self, octets: bytes) -> None:
        self.received += octets
        while (request := self._next()) is not None:
            is_post = request.startswith(b"POST")
            answer = {"id": str(uuid.uuid4())} if is_post else {"patch": {"supported": True}}
            body = json.dumps(answer).encode()
            status = b"201 Created" if is_post else b"200 OK"
            head = (
                b"HTTP/1.1 %b\r\ncontent-type: application/scim+json\r\ncontent-length: %d\r\n\r\n"
            )
            self.transport.write(head % (status, len(body)) + body)

    def _next(self) -> bytes | None:
        head, separator, rest = self.received.partition(b"\r\n\r\n")
        if not separator:
            return None
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        if len(rest) < length:
            return None
        self.received = rest[length:]
        return head


def serve_sink(port: Connection) -> None:
    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


def make_operations() -> list[Operation]:
    operations = []
    for number in range(USERS):
        external_id = str(uuid.uuid5(uuid.NAMESPACE_OID, str(number)))
        document = {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
            "externalId": external_id,
            "userName": f"user{number}@corp.example",
            "name": {"givenName": f"Given{number}", "familyName": f"Family{number}"},
            "displayName": f"Given{number} Family{number}",
            "title": "Clerk in the department of long descriptions",
            "emails": [{"value": f"user{number}@corp.example", "type": "work", "primary": True}],
            "phoneNumbers": [{"value": f"+49 30 {number:06}", "type": "work"}],
            "addresses": [{"locality": "Berlin", "country": "DE", "type": "work"}],
            ENTERPRISE: {"department": f"Department {number % 40}", "employeeNumber": str(number)},
        }
        operations.append(
            Operation(OperationKind.CREATE, "User", external_id, f"user{number}", document=document)
        )
    return operations


def bare(base_url: str, operations: list[Operation]) -> None:
    """Post every document, read every id, and do nothing else."""

    async def send() -> int:
        limits = httpx.Limits(max_connections=IN_FLIGHT)
        transport = AiohttpTransport(limits=limits)
        headers = {"authorization": "Bearer token", "content-type": "application/scim+json"}
        waiting = iter(operations)
        async with httpx.AsyncClient(transport=transport, headers=headers) as client:

            async def work() -> int:
                count = 0
                for operation in waiting:
                    body = orjson.dumps(operation.document)
                    answer = await client.post(base_url + "/Users", content=body)
                    count += bool(orjson.loads(answer.content)["id"])
                return count

            return sum(await asyncio.gather(*(work() for _ in range(IN_FLIGHT))))

    assert asyncio.run(send()) == len(operations)


def ours(base_url: str, operations: list[Operation]) -> None:
    connection = TargetConnection("sink", base_url, "token", concurrency=IN_FLIGHT)
    target_ids: dict[str, str] = {}
    with ScimTarget(connection, Dialect()) as target:
        for operation, outcome in target.send(operations, target_ids):
            assert isinstance(outcome, Applied), outcome
            target_ids[operation.external_id] = outcome.target_id
    assert len(target_ids) == len(operations)


def main() -> None:
    here, there = multiprocessing.Pipe()
    sink = multiprocessing.get_context("spawn").Process(target=serve_sink, args=(there,))
    sink.start()
    try:
        base_url = f"http://127.0.0.1:{here.recv()}"
        operations = make_operations()
        ways = {"bare httpx-aiohttp loop": bare, "ScimTarget.send": ours}
        rates: dict[str, list[float]] = {name: [] for name in ways}
        processor: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, way in ways.items():
                begun, used = time.perf_counter(), time.process_time()
                way(base_url, operations)
                rates[name].append(USERS / (time.perf_counter() - begun))
                processor[name].append((time.process_time() - used) / USERS * 1e6)
    finally:
        sink.terminate()
        sink.join()
    print(f"Creation of {USERS:,} users, {IN_FLIGHT} in flight (median of {ROUNDS})")
    for name in ways:
        rate, cost = statistics.median(rates[name]), statistics.median(processor[name])
        print(f"  {name:<28}{rate:8.0f} requests/s  {cost:6.0f} us of processor each")
    ratios = [ours / bare for bare, ours in zip(*rates.values(), strict=True)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  ratio                       {statistics.median(ratios):8.2f}   bar {BAR}")
    print(f"  peak memory                 {peak:8.0f} MB")


if __name__ == "__main__":
    main()
