"""Mimecast's API 2.0 in memory, as far as it is known: for the tests, and to try things out.

It keeps to the published envelope: errors come inside a 200, throttling as 429 with
X-RateLimit-Reset in milliseconds, tokens end, nobody is renamed or deleted.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple
from urllib.parse import parse_qs

import orjson
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request

Row = dict[str, Any]
_QUESTIONS: Final = frozenset({"find-groups", "get-group-members", "users", "token"})
_TOP: Final = "folder-0"


@dataclass(frozen=True, slots=True)
class ApiBehaviour:
    """How the API answers.

    Attributes:
        token_seconds: What a token's expires_in says.
        token_uses: So many requests, then the token is refused; None for any number.
        requests_per_second: More are answered 429; None for any number.
        page_size: Rows of a page at most.
        failing: Functions, such as "update-user", that fail inside a 200.
        silent: A function whose answers are lost; the first only.
        when: "before": nothing was done; "after": it was done all the same.
        circles: Lists give their first page again and again.

    """

    token_seconds: int = 1799
    token_uses: int | None = None
    requests_per_second: int | None = None
    page_size: int = 500
    failing: tuple[str, ...] = ()
    silent: str = ""
    when: Literal["before", "after"] = "after"
    circles: bool = False


class ApiFailure(Exception):
    """A failure as the API words it."""

    def __init__(self, code: str, message: str) -> None:
        self.code, self.message = code, message
        super().__init__(message)


class Asked(NamedTuple):
    """A request that was answered, or left without an answer (status 0)."""

    function: str
    status: int


class MimecastApi:
    """What the API holds, and what it was asked.

    Attributes:
        behaviour: How it answers; may be exchanged at any time.
        users: Addresses, by the address in lower case.
        folders: Groups by id, with those at whose top everything is.
        members: Addresses in lower case by group id.
        asked: Every request, oldest first.

    """

    def __init__(
        self,
        domains: tuple[str, ...] = ("corp.example",),
        moment: Callable[[], float] = time.monotonic,
    ) -> None:
        self.behaviour = ApiBehaviour()
        self.users: dict[str, Row] = {}
        self.folders: dict[str, Row] = {_TOP: {"id": _TOP, "description": "Root", "parentId": ""}}
        self.members: dict[str, set[str]] = {}
        self.asked: list[Asked] = []
        self.client = ("client-of-the-tests", "secret-of-the-tests")
        self._domains, self._moment = domains, moment
        self._tokens: Counter[str] = Counter()
        self._window = (0, 0)
        self._is_silenced = False
        self._number = 0

    def behave(self, behaviour: ApiBehaviour) -> None:
        """Answer like this from now on; tokens that were given stay good."""
        self.behaviour = behaviour
        self._is_silenced = False

    @property
    def write_count(self) -> int:
        """How many requests were asked for that would change something."""
        return sum(one.function not in _QUESTIONS for one in self.asked)

    def count(self, function: str) -> int:
        """How often a function was asked for."""
        return sum(one.function == function for one in self.asked)

    def add_folder(self, description: str, parent_id: str = "") -> str:
        """Make a folder; return its id."""
        self._number += 1
        folder_id = f"folder-{self._number}"
        parent = parent_id or _TOP
        self.folders[folder_id] = {"id": folder_id, "description": description, "parentId": parent}
        self.members[folder_id] = set()
        return folder_id

    def add_user(self, address: str, name: str = "", **more: Any) -> Row:
        """Put an address in."""
        row = {"id": f"secure-{address}", "emailAddress": address, "name": name, "internal": True}
        row |= {"isAlias": False, "disabled": False, "addressType": "manual"} | more
        self.users[address.lower()] = row
        return row

    def give_token(self, form: Mapping[str, list[str]]) -> Row | None:
        """Return a token, or None for whoever is not known."""
        said = (form.get("client_id", [""])[0], form.get("client_secret", [""])[0])
        if said != self.client or form.get("grant_type") != ["client_credentials"]:
            return None
        token = secrets.token_urlsafe(16)
        self._tokens[token] = 0
        seconds = self.behaviour.token_seconds
        return {"access_token": token, "token_type": "Bearer", "expires_in": seconds}

    def admits(self, header: str) -> bool:
        """Return whether a token is good, and count its use."""
        token = header.removeprefix("Bearer ")
        if token not in self._tokens:
            return False
        self._tokens[token] += 1
        uses = self.behaviour.token_uses
        return uses is None or self._tokens[token] <= uses

    def milliseconds_to_wait(self) -> int:
        """Return how long to wait, if there are too many requests in this second; else 0."""
        now = self._moment()
        second = int(now)
        self._window = (second, self._window[1] + 1 if self._window[0] == second else 1)
        limit = self.behaviour.requests_per_second
        over = limit is not None and self._window[1] > limit
        return max(1, int((second + 1 - now) * 1000)) if over else 0

    def is_silent(self, function: str) -> bool:
        """Return whether the answer to this request is lost."""
        if self._is_silenced or self.behaviour.silent != function:
            return False
        self._is_silenced = True
        return True

    def do(self, function: str, fields: Row) -> Row:
        """Do what a function does; return its result."""
        if function in self.behaviour.failing:
            code = "err_internal"
            raise ApiFailure(code, "something went wrong")
        actions: dict[str, Callable[[Row], Row]] = {
            "create-user": self._create_user,
            "update-user": self._update_user,
            "create-group": self._create_group,
            "update-group": self._update_group,
            "delete-group": self._delete_group,
            "add-group-member": self._add_member,
            "remove-group-member": self._remove_member,
        }
        if function not in actions:
            code = "err_unknown_function"
            raise ApiFailure(code, "there is no such function")
        return actions[function](fields)

    def rows(self, function: str, fields: Row) -> tuple[str, list[Row]]:
        """Return the name and the rows of a list."""
        if function == "users":
            return "users", list(self.users.values())
        if function == "find-groups":
            return "folders", [self._with_counts(one) for one in self.folders.values()]
        addresses = sorted(self.members[self._folder(fields)["id"]])
        found = [{"emailAddress": one, "internal": True, "type": "created"} for one in addresses]
        return "groupMembers", found

    def _with_counts(self, folder: Row) -> Row:
        children = sum(one["parentId"] == folder["id"] for one in self.folders.values())
        members = len(self.members.get(folder["id"], ()))
        return folder | {"folderCount": children, "userCount": members, "source": "cloud"}

    def _create_user(self, fields: Row) -> Row:
        address = str(fields.get("emailAddress") or "")
        if address.partition("@")[2] not in self._domains:
            raise ApiFailure("err_user_invalid_domain", "not an internal domain")
        if address.lower() in self.users:
            raise ApiFailure("err_user_create_exists", f"{address} exists already")
        return {"id": self.add_user(address, str(fields.get("name") or ""))["id"]}

    def _update_user(self, fields: Row) -> Row:
        row = self.users.get(str(fields.get("emailAddress") or "").lower())
        if row is None:
            raise ApiFailure("err_user_not_found", "there is no such user")
        if "name" in fields:
            row["name"] = fields["name"]
        if "accountDisabled" in fields:
            row["disabled"] = fields["accountDisabled"]
        return {"emailAddress": row["emailAddress"]}

    def _folder(self, fields: Row, key: str = "id") -> Row:
        folder = self.folders.get(str(fields.get(key) or ""))
        if folder is None:
            raise ApiFailure("err_folder_not_found", "there is no such group")
        return folder

    def _create_group(self, fields: Row) -> Row:
        if fields.get("parentId"):
            self._folder(fields, "parentId")
        folder_id = self.add_folder(str(fields["description"]), str(fields.get("parentId") or ""))
        return {"id": folder_id, "description": fields["description"]}

    def _update_group(self, fields: Row) -> Row:
        folder = self._folder(fields)
        folder["description"] = fields.get("description", folder["description"])
        return {"id": folder["id"]}

    def _delete_group(self, fields: Row) -> Row:
        folder_id = self._folder(fields)["id"]
        del self.folders[folder_id], self.members[folder_id]
        return {"id": folder_id}

    def _add_member(self, fields: Row) -> Row:
        members = self.members[self._folder(fields)["id"]]
        address = str(fields.get("emailAddress") or "").lower()
        if address in members:
            raise ApiFailure("err_folder_group_member_exists", "it is a member already")
        members.add(address)
        return {"id": fields["id"], "emailAddress": address}

    def _remove_member(self, fields: Row) -> Row:
        members = self.members[self._folder(fields)["id"]]
        address = str(fields.get("emailAddress") or "").lower()
        if address not in members:
            raise ApiFailure("err_folder_group_member_not_found", "it is no member")
        members.remove(address)
        return {"id": fields["id"]}


def mimecast_api_app(api: MimecastApi) -> Starlette:
    """Return the API as an ASGI application."""

    async def token(request: Request) -> Response:
        api.asked.append(Asked("token", 200))
        made = api.give_token(parse_qs((await request.body()).decode()))
        if made is None:
            return _json({"error": "invalid_client"}, 401)
        return _json(made)

    async def answer(request: Request) -> Response:
        function = request.url.path.rpartition("/")[2]
        refusal = _refusal(api, request)
        if refusal is not None:
            api.asked.append(Asked(function, refusal.status_code))
            return refusal
        body = await request.body()
        is_silent = api.is_silent(function)
        if is_silent and api.behaviour.when == "before":
            return await _say_nothing(api, request, function)
        document = _carry_out(api, function, _parsed(request, body))
        if is_silent:
            return await _say_nothing(api, request, function)
        api.asked.append(Asked(function, 200))
        return _json(document)

    return Starlette(
        routes=[
            Route("/oauth/token", token, methods=["POST"]),
            Route("/user/cloud-gateway/v1/users", answer),
            Route("/api/{area}/{function}", answer, methods=["POST"]),
        ]
    )


def _refusal(api: MimecastApi, request: Request) -> Response | None:
    if not api.admits(request.headers.get("authorization", "")):
        return _json({"fail": [{"errors": [{"code": "token_expired", "message": "no"}]}]}, 401)
    milliseconds = api.milliseconds_to_wait()
    if milliseconds:
        headers = {"x-ratelimit-reset": str(milliseconds), "x-ratelimit-remaining": "0"}
        return _json({"fail": [{"errors": [{"code": "err_rate"}]}]}, 429, headers)
    return None


def _carry_out(api: MimecastApi, function: str, body: Row) -> Row:
    fields = (body.get("data") or [{}])[0]
    meta: Row = {"status": 200}
    try:
        if function not in _QUESTIONS:
            return {"meta": meta, "data": [api.do(function, fields)], "fail": []}
        name, rows = api.rows(function, fields)
    except ApiFailure as failure:
        error = {"code": failure.code, "message": failure.message, "retryable": False}
        return {"meta": meta, "data": [], "fail": [{"key": fields, "errors": [error]}]}
    pagination = (body.get("meta") or {}).get("pagination") or {}
    start = int(pagination.get("pageToken") or 0)
    start = 0 if api.behaviour.circles else start
    size = min(int(pagination.get("pageSize") or 25), api.behaviour.page_size)
    meta["pagination"] = {"pageSize": size}
    if start + size < len(rows):
        meta["pagination"]["next"] = str(start + size)
    page = rows[start : start + size]
    if function == "users":
        return {"users": page, "meta": meta}
    return {"meta": meta, "data": [{name: page}], "fail": []}


def _parsed(request: Request, body: bytes) -> Row:
    """Return what was asked; a GET has its paging in the query."""
    if request.method == "GET":
        return {"meta": {"pagination": dict(request.query_params)}}
    document = orjson.loads(body)
    return document if isinstance(document, dict) else {}


async def _say_nothing(api: MimecastApi, request: Request, function: str) -> Response:
    """Wait until the client gives up."""
    api.asked.append(Asked(function, 0))
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return Response(status_code=500)


def _json(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(document), status, headers, "application/json")
