"""The whole web application, called without a network, and what must hold of every answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import ASGIApp, Message

Header = tuple[bytes, bytes]
FORM: Header = (b"content-type", b"application/x-www-form-urlencoded")
OURS: Header = (b"sec-fetch-site", b"same-origin")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


class Surface:
    """One application in one event loop; a request at a time."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._loop = asyncio.new_event_loop()

    def close(self) -> None:
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def get(self, path: str, query: bytes = b"", headers: Sequence[Header] = ()) -> Answer:
        return self._ask("GET", path, query, headers, b"")

    def post(self, path: str, body: bytes, headers: Sequence[Header] = (FORM, OURS)) -> Answer:
        return self._ask("POST", path, b"", headers, body)

    def _ask(
        self, method: str, path: str, query: bytes, headers: Sequence[Header], body: bytes
    ) -> Answer:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "https",
            "path": path,
            "raw_path": path.encode(errors="surrogateescape"),
            "query_string": query,
            "root_path": "",
            "headers": [(b"host", b"sso.corp.test"), *headers],
            "client": ("192.0.2.7", 40000),
            "server": ("sso.corp.test", 443),
        }
        answer = self._loop.run_until_complete(_run(self._app, scope, body))
        # An answer of 5xx to bytes of a stranger is a fault of ours.
        assert answer.status < 500, (method, path, answer.status)
        assert b"Traceback" not in answer.body
        return answer


async def _run(app: ASGIApp, scope: dict[str, object], body: bytes) -> Answer:
    waiting = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[Message] = []

    async def receive() -> Message:
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start = next(one for one in sent if one["type"] == "http.response.start")
    content = b"".join(one.get("body", b"") for one in sent if one["type"] == "http.response.body")
    return Answer(start["status"], dict(start["headers"]), content)
