"""A SCIM service that takes everything at once and keeps only the names: the other end of benchmarks.

It runs in a process of its own and speaks just enough HTTP/1.1. It may allow so many requests in
each second and answer 429 to the others, with or without the headers that say so.
"""

from __future__ import annotations

import asyncio
import math
import multiprocessing
import re
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

HEAD = b"HTTP/1.1 %b\r\ncontent-type: application/scim+json\r\n%bcontent-length: %d\r\n\r\n"
KEY = re.compile(rb'"externalId":"([^"]+)"')
OPERATION = re.compile(rb'"method":"([A-Z]+)","bulkId":"(\d+)"')
Says = Literal["headers", "retry-after", "nothing"]


@dataclass
class Allowance:
    """So many requests in each second of the clock; what an answer says of it.

    Attributes:
        rate: So many; None for any number.
        says: X-RateLimit-* in every answer, Retry-After in whole seconds with 429, or nothing.

    """

    rate: int | None
    says: Says
    second: int = 0
    count: int = 0

    def take(self) -> tuple[bool, bytes]:
        """Return whether one more is allowed now, and the headers of the answer."""
        if self.rate is None:
            return True, b""
        now = time.monotonic()
        if int(now) != self.second:
            self.second, self.count = int(now), 0
        is_allowed = self.count < self.rate
        self.count += is_allowed
        left = math.ceil(self.second + 1 - now)
        headers = b""
        if self.says == "headers":
            headers = b"x-ratelimit-limit: %d\r\nx-ratelimit-remaining: %d\r\n" % (
                self.rate,
                self.rate - self.count,
            )
            headers += b"x-ratelimit-reset: %d\r\n" % left
        if self.says != "nothing" and not is_allowed:
            headers += b"retry-after: %d\r\n" % left
        return is_allowed, headers


@dataclass
class Memory:
    """What the sink has seen.

    Attributes:
        takes_bulk: Whether it announces bulk requests.
        allowance: How many requests it allows.
        made: How often each externalId was created.
        refused_count: Requests answered 429.

    """

    takes_bulk: bool
    allowance: Allowance
    made: Counter[bytes] = field(default_factory=Counter)
    refused_count: int = 0

    def answer(self, head: bytes, body: bytes) -> bytes:
        method, path, _ = head.split(b" ", 2)
        if method == b"GET":
            return self._respond(b"200 OK", b"", orjson.dumps(self._announced(path)))
        is_allowed, headers = self.allowance.take()
        if not is_allowed:
            self.refused_count += 1
            return self._respond(b"429 Too Many Requests", headers, b"{}")
        keys = KEY.findall(body)
        self.made.update(keys)
        if path.endswith(b"/Bulk"):
            parts = b",".join(_answered(body, keys))
            return self._respond(b"200 OK", headers, b'{"Operations":[%b]}' % parts)
        if method != b"POST":
            return self._respond(b"204 No Content", headers, b"")
        return self._respond(b"201 Created", headers, b'{"id":"t-%b"}' % keys[0])

    def _respond(self, status: bytes, headers: bytes, body: bytes) -> bytes:
        return HEAD % (status, headers, len(body)) + body

    def _announced(self, path: bytes) -> dict:
        if path.endswith(b"/seen"):
            twice = sum(count > 1 for count in self.made.values())
            return {"made": len(self.made), "twice": twice, "refused": self.refused_count}
        bulk = {"supported": self.takes_bulk, "maxOperations": 1000, "maxPayloadSize": 1_048_576}
        return {"patch": {"supported": True}, "bulk": bulk}


def _answered(body: bytes, keys: list[bytes]) -> Iterator[bytes]:
    """Yield what is answered to each operation of a bulk request."""
    created = iter(keys)
    for method, number in OPERATION.findall(body):
        result = b'"status":"204"'
        if method == b"POST":
            result = b'"status":"201","location":"/Users/t-%b"' % next(created)
        yield b'{"bulkId":"%b","method":"%b",%b}' % (number, method, result)


class Sink(asyncio.Protocol):
    """One connection."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, octets: bytes) -> None:
        self._received += octets
        while (request := self._next()) is not None:
            self._transport.write(self._memory.answer(*request))

    def _next(self) -> tuple[bytes, bytes] | None:
        head, separator, rest = self._received.partition(b"\r\n\r\n")
        if not separator:
            return None
        at = head.lower().find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(rest) < length:
            return None
        self._received = rest[length:]
        return head, rest[:length]


def serve(port: Connection, takes_bulk: bool, allowance: Allowance) -> None:
    async def serve_on() -> None:
        memory = Memory(takes_bulk, allowance)
        server = await asyncio.get_running_loop().create_server(
            lambda: Sink(memory), "127.0.0.1", 0
        )
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve_on())


@contextmanager
def running_sink(
    *, takes_bulk: bool = False, rate: int | None = None, says: Says = "nothing"
) -> Iterator[str]:
    """Yield the address of a sink in a process of its own."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=serve, args=(there, takes_bulk, Allowance(rate, says)), daemon=True
    )
    process.start()
    try:
        yield f"http://127.0.0.1:{here.recv()}"
    finally:
        process.terminate()
        process.join()
