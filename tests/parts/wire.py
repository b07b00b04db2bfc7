"""The SCIM service of the demo behind a wire on which everything may go wrong, in memory.

What comes back is for the real client to make sense of; only the network is not there.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qsl

import httpx
import orjson

from connector.demo.scim_service import ScimService
from connector.demo.scim_store import Refusal
from connector.target.client import ScimTarget, TargetConnection
from connector.target.dialect import Dialect, UpdateDialect
from connector.target.retry import RetryPolicy

MILLISECOND = timedelta(milliseconds=1)
HASTY = RetryPolicy(MILLISECOND, MILLISECOND, patience=3 * MILLISECOND, connect_attempts=1)
BASE = "/v2/"
# Answered without anything being done.
REFUSALS = {
    "refused": 400,
    "forbidden": 403,
    "not found": 404,
    "conflict": 409,
    "throttled": 429,
    "broken": 500,
    "bad gateway": 502,
    "unavailable": 503,
}
# Done, and answered otherwise.
LIES = {"broken after": 500, "bad gateway after": 502, "not found after": 404}
FAULTS = (
    "fine",
    *REFUSALS,
    *LIES,
    "lost before",
    "lost after",
    "not connected",
    "no body",
    "nonsense",
    "another's",
)


class Write(NamedTuple):
    """A request that changes something, as it came in.

    Attributes:
        method: POST, PUT, PATCH or DELETE.
        endpoint: "Users" or "Groups".
        target_id: Of the resource; "" for a new one.
        external_id: What it says it is, or what the resource was.
        name: userName or displayName, likewise.

    """

    method: str
    endpoint: str
    target_id: str
    external_id: str
    name: str


@dataclass
class Wire:
    """Attributes say what goes wrong next, and what came in.

    Attributes:
        write_faults: One a change; then all is fine.
        read_faults: One a question.
        is_reachable: Whether there is a connection at all.
        writes: What came in since it was looked at last.
        deleted: external_ids of users who were deleted by requests.

    """

    service: ScimService = field(default_factory=ScimService)
    write_faults: list[str] = field(default_factory=list)
    read_faults: list[str] = field(default_factory=list)
    is_reachable: bool = True
    writes: list[Write] = field(default_factory=list)
    deleted: set[str] = field(default_factory=set)

    def connect(self, verb: Literal["patch", "put"] = "patch") -> ScimTarget:
        connection = TargetConnection("shelf", f"https://scim.example{BASE[:-1]}", "secret", 1)
        transport = httpx.MockTransport(self._answer)
        dialect = Dialect(update=UpdateDialect(verb=verb))
        return ScimTarget(connection, dialect, transport=transport, policy=HASTY)

    @property
    def users(self) -> dict[str, dict[str, Any]]:
        return self.service.store.resources["Users"]

    @property
    def groups(self) -> dict[str, dict[str, Any]]:
        return self.service.store.resources["Groups"]

    def members_of(self, name: str) -> set[str]:
        """userNames of the members of a group."""
        (group,) = (one for one in self.groups.values() if one["displayName"] == name)
        held = [one["value"] for one in group.get("members") or ()]
        return {self.users[one]["userName"] for one in held if one in self.users}

    def mend(self) -> None:
        self.write_faults, self.read_faults, self.is_reachable = [], [], True

    # -- one request ----------------------------------------------------------------------------

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if not self.is_reachable:
            raise httpx.ConnectError("no route", request=request)
        path = request.url.path.removeprefix(BASE)
        if path == "ServiceProviderConfig":
            return self._do(request, path)
        if request.method != "GET":
            self.writes.append(self._noted(request, path))
        faults = self.read_faults if request.method == "GET" else self.write_faults
        fault = faults.pop(0) if faults else "fine"
        if fault == "not connected":
            raise httpx.ConnectError("refused", request=request)
        if fault == "lost before":
            raise httpx.ReadTimeout("silence", request=request)
        if fault in REFUSALS:
            return httpx.Response(REFUSALS[fault], json={"detail": fault})
        if request.method == "GET" and fault not in {"fine", "lost after"}:
            return httpx.Response(500, text="no such fault of a question")
        return self._told(request, self._do(request, path), fault)

    def _told(self, request: httpx.Request, true: httpx.Response, fault: str) -> httpx.Response:
        """Return the answer to what has been done, or something else."""
        match fault:
            case "lost after":
                raise httpx.ReadTimeout("silence", request=request)
            case "no body":
                return httpx.Response(true.status_code)
            case "nonsense":
                return httpx.Response(true.status_code, text="<html>Welcome")
            case "another's" if true.is_success:
                return httpx.Response(true.status_code, json=next(iter(self.users.values()), {}))
        return httpx.Response(LIES[fault], json={"detail": fault}) if fault in LIES else true

    def _noted(self, request: httpx.Request, path: str) -> Write:
        endpoint, _, target_id = path.partition("/")
        held = self.service.store.resources[endpoint].get(target_id, {})
        body = orjson.loads(request.content) if request.content else {}
        told = body if request.method == "POST" else held
        name = told.get("userName") or told.get("displayName") or ""
        return Write(request.method, endpoint, target_id, told.get("externalId") or "", name)

    def _do(self, request: httpx.Request, path: str) -> httpx.Response:
        asked = SimpleNamespace(
            method=request.method,
            path_params={"path": path},
            query_params=dict(parse_qsl(request.url.query.decode())),
        )
        body = orjson.loads(request.content) if request.content else {}
        was = self.users.get(path.rpartition("/")[2], {})
        try:
            status, document = self.service.carry_out(asked, body)
        except Refusal as refusal:
            return httpx.Response(refusal.status, json={"detail": refusal.detail})
        if request.method == "DELETE" and was:
            self.deleted.add(was.get("externalId", ""))
        if document is None:
            return httpx.Response(status)
        return httpx.Response(status, json=copy.deepcopy(document))
