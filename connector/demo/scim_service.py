"""A SCIM 2.0 service in memory: stands in for Mimecast in the demo, and misbehaves for the tests.

Run it alone: `python -m connector.demo.scim_service --port 8089 --token-file token`.
"""

from __future__ import annotations

import argparse
import hmac
import time
from collections import Counter, deque
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from connector.demo.scim_behaviour import Behaviour, Silence
from connector.demo.scim_bulk import answer_bulk
from connector.demo.scim_page import render_page
from connector.demo.scim_store import NAMES, Refusal, Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

__all__ = ["Behaviour", "ScimService", "Silence", "scim_app"]

_LIST: Final = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
_ERROR: Final = "urn:ietf:params:scim:api:messages:2.0:Error"
_SCHEMA: Final = "urn:ietf:params:scim:schemas:core:2.0:"
_METHODS: Final = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_KEPT_REQUESTS_COUNT: Final = 100_000


class Seen(NamedTuple):
    """A request that was answered, or left without an answer (status 0)."""

    method: str
    path: str
    status: int


class ScimService:
    """What the service holds, and what it was asked.

    Attributes:
        behaviour: How it answers; may be exchanged at any time.
        store: Its resources.
        requests: What was asked, oldest first; the oldest are forgotten.
        throttled_count: Requests answered 429.

    """

    def __init__(
        self, behaviour: Behaviour | None = None, moment: Callable[[], float] = time.monotonic
    ) -> None:
        self.behaviour = behaviour or Behaviour()
        self.store = Store()
        self.requests: deque[Seen] = deque(maxlen=_KEPT_REQUESTS_COUNT)
        self.throttled_count = 0
        self._moment = moment
        self._window = (0, 0)
        self._refused_count = 0
        self._silenced: Counter[Silence] = Counter()

    def behave(self, behaviour: Behaviour) -> None:
        """Answer like this from now on; counts begin anew."""
        self.behaviour = behaviour
        self._refused_count = 0
        self._silenced.clear()

    def users(self) -> list[dict[str, Any]]:
        """Return all users."""
        return list(self.store.resources["Users"].values())

    def groups(self) -> list[dict[str, Any]]:
        """Return all groups."""
        return list(self.store.resources["Groups"].values())

    @property
    def write_count(self) -> int:
        """How many requests were asked for that would change something."""
        return sum(one.method != "GET" for one in self.requests)

    def note(self, method: str, path: str, status: int) -> None:
        """Remember a request."""
        self.requests.append(Seen(method, path, status))

    def silence(self, method: str) -> Silence | None:
        """Return how this request is left without an answer, or None."""
        for silence in self.behaviour.silences:
            if silence.method == method and self._silenced[silence] < silence.count:
                self._silenced[silence] += 1
                return silence
        return None

    def refuse_if_busy(self, method: str) -> None:
        """Raise a 429 when there are too many requests, and a 503 where one is due."""
        second = int(self._moment())
        count = self._window[1] + 1 if self._window[0] == second else 1
        self._window = (second, count)
        limit = self.behaviour.requests_per_second
        if limit is not None and count > limit:
            self.throttled_count += 1
            raise Refusal(429, "too many requests")
        if method != "GET" and self._refused_count < self.behaviour.unavailable_count:
            self._refused_count += 1
            raise Refusal(503, "down for a moment")

    def carry_out(self, request: Request, body: dict[str, Any]) -> tuple[int, Any]:
        """Do what is asked; return the status and the JSON of the answer, None for no body."""
        endpoint, _, target_id = request.path_params["path"].partition("/")
        if endpoint == "Bulk" and request.method == "POST":
            size = int(request.headers.get("content-length", 0))
            return 200, answer_bulk(body, size, self.behaviour, self._carry_out)
        if endpoint not in NAMES:
            return 200, self._discovery(request.method, endpoint)
        if request.method == "GET" and not target_id:
            return 200, self._page(endpoint, request)
        return self._carry_out(request.method, endpoint, target_id, body)

    def _carry_out(
        self, method: str, endpoint: str, target_id: str, body: dict[str, Any]
    ) -> tuple[int, Any]:
        if method != "GET" and body.get(NAMES[endpoint]) in self.behaviour.failing_names:
            raise Refusal(500, "internal error")
        match method:
            case "GET":
                return 200, self.store.get(endpoint, target_id)
            case "POST" if not target_id:
                return 201, self.store.create(endpoint, body, self.behaviour)
            case "PUT":
                return 200, self.store.replace(endpoint, target_id, body, self.behaviour)
            case "PATCH":
                return self._patched(endpoint, target_id, body)
            case "DELETE" if self.behaviour.can_delete:
                self.store.delete(endpoint, target_id)
                return 204, None
        raise Refusal(501, f"{method} is not supported")

    def _patched(self, endpoint: str, target_id: str, body: dict[str, Any]) -> tuple[int, Any]:
        status = self.behaviour.patch
        if status == 501:
            raise Refusal(status, "PATCH is not supported")
        resource = self.store.patch(endpoint, target_id, body, self.behaviour)
        return (status, resource) if status == 200 else (status, None)

    def _page(self, endpoint: str, request: Request) -> dict[str, Any]:
        query = request.query_params
        found = self.store.search(endpoint, query.get("filter", ""), self.behaviour)
        size = self.behaviour.default_page_size
        size = min(size, _number(query.get("count"), size))
        start = max(1, _number(query.get("startIndex"), 1))
        if self.behaviour.ignores_start_index:
            start = 1
        page = found[start - 1 : start - 1 + size]
        return {
            "schemas": [_LIST],
            "totalResults": len(found),
            "startIndex": start,
            "itemsPerPage": len(page),
            "Resources": page,
        }

    def _discovery(self, method: str, endpoint: str) -> dict[str, Any]:
        if method != "GET":
            raise Refusal(405, "discovery is read only")
        if endpoint == "ServiceProviderConfig" and self.behaviour.has_config:
            return _config(self.behaviour)
        kinds = [endpoint[:-1] for endpoint in NAMES]
        described: dict[str, list[dict[str, Any]]] = {
            "ResourceTypes": [
                {"id": kind, "name": kind, "endpoint": f"/{kind}s", "schema": _SCHEMA + kind}
                for kind in kinds
            ],
            "Schemas": [{"id": _SCHEMA + kind, "name": kind, "attributes": []} for kind in kinds],
        }
        if endpoint not in described:
            raise Refusal(404, "no such endpoint")
        resources = described[endpoint]
        return {"schemas": [_LIST], "totalResults": len(resources), "Resources": resources}


def scim_app(service: ScimService, *, token: str) -> Starlette:
    """Return the service as an ASGI application: SCIM below /scim/v2, a page to look at on /."""

    async def answer(request: Request) -> Response:
        path = f"/{request.path_params['path']}"
        silence = service.silence(request.method)
        if silence is not None and silence.when == "before":
            return await _say_nothing(service, request, path)
        try:
            _require_token(request, token)
            service.refuse_if_busy(request.method)
            status, document = service.carry_out(request, _parsed(await request.body()))
        except Refusal as refusal:
            service.note(request.method, path, refusal.status)
            return _refused(refusal, service.behaviour)
        if silence is not None:
            return await _say_nothing(service, request, path)
        service.note(request.method, path, status)
        body = b"" if document is None else orjson.dumps(document)
        return Response(body, status, media_type="application/scim+json")

    def page(_: Request) -> Response:
        return HTMLResponse(render_page(service.users(), service.groups(), service.requests))

    return Starlette(
        routes=[
            Route("/", page),
            Route("/scim/v2/{path:path}", answer, methods=_METHODS),
        ]
    )


async def _say_nothing(service: ScimService, request: Request, path: str) -> Response:
    """Wait until the client gives up."""
    await request.body()
    while (await request.receive())["type"] != "http.disconnect":
        pass
    service.note(request.method, path, 0)
    return Response(status_code=500)


def _require_token(request: Request, token: str) -> None:
    given = request.headers.get("authorization", "").encode()
    if not hmac.compare_digest(given, f"Bearer {token}".encode()):
        raise Refusal(401, "the token is not right")


def _parsed(body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Refusal(400, "not JSON", "invalidSyntax") from None
    if not isinstance(document, dict):
        raise Refusal(400, "not a JSON object", "invalidSyntax")
    return document


def _refused(refusal: Refusal, behaviour: Behaviour) -> Response:
    headers = _waiting(behaviour) if refusal.status in {429, 503} else {}
    if behaviour.has_text_errors:
        return Response(refusal.detail, refusal.status, headers, media_type="text/plain")
    document = {"schemas": [_ERROR], "status": str(refusal.status), "detail": refusal.detail}
    if refusal.scim_type:
        document["scimType"] = refusal.scim_type
    return Response(
        orjson.dumps(document), refusal.status, headers, media_type="application/scim+json"
    )


def _waiting(behaviour: Behaviour) -> dict[str, str]:
    match behaviour.retry_after:
        case "seconds":
            return {"Retry-After": "1"}
        case "date":
            moment = datetime.now(UTC) + timedelta(seconds=1)
            return {"Retry-After": format_datetime(moment, usegmt=True)}
        case "milliseconds":
            return {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "300"}
        case _:
            return {}


def _number(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.isdigit() else default


def _config(behaviour: Behaviour) -> dict[str, Any]:
    unsupported = {"supported": False}
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        # One that does not do PATCH may well say that it does.
        "patch": {"supported": True},
        "bulk": {
            "supported": behaviour.bulk != "none",
            "maxOperations": behaviour.bulk_operations,
            "maxPayloadSize": behaviour.announced_bulk_bytes or behaviour.bulk_bytes,
        },
        "filter": {"supported": True, "maxResults": behaviour.default_page_size},
        "changePassword": unsupported,
        "sort": unsupported,
        "etag": unsupported,
        "authenticationSchemes": [
            {"type": "oauthbearertoken", "name": "Bearer token", "description": "A fixed token"}
        ],
    }


def main() -> None:
    """Serve on this machine until Ctrl-C."""
    parser = argparse.ArgumentParser(description="A SCIM 2.0 service in memory, to try things on.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8089)
    parser.add_argument("--token-file", type=Path, required=True)
    options = parser.parse_args()
    token = options.token_file.read_text(encoding="utf-8").strip()
    app = scim_app(ScimService(), token=token)
    uvicorn.run(app, host=options.host, port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
