"""Requests of the API, and what its answers mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import orjson

from connector.planner.operation import Operation, OperationKind
from connector.target.request import Request
from connector.target.response import BAD_REQUEST, Answer, document_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connector.target.response import Reply

USERS_PATH: Final = "/user/cloud-gateway/v1/users"
_JSON: Final = (("content-type", "application/json"), ("accept", "application/json"))


def call(path: str, **fields: Any) -> Request:
    """Return the request that passes one object of fields to a function of the API.

    >>> call("directory/delete-group", id="7").body
    b'{"data":[{"id":"7"}]}'

    """
    return Request("POST", f"/api/{path}", orjson.dumps({"data": [fields]}), _JSON)


def foreseen(operation: Operation) -> tuple[str, str]:
    """Return method and path of the first request that an operation will be.

    Each member that comes or goes is one more.
    """
    is_group = operation.resource_type == "Group"
    match operation.kind:
        case OperationKind.CREATE:
            function = "directory/create-group" if is_group else "user/create-user"
        case OperationKind.DELETE:
            # Of people, nothing is sent.
            function = "directory/delete-group"
        case _ if not is_group:
            function = "user/update-user"
        case _ if operation.changes:
            function = "directory/update-group"
        case _:
            verb = "remove" if operation.members_removed else "add"
            function = f"directory/{verb}-group-member"
    return "POST", f"/api/{function}"


def page_call(path: str, token: str, page_size: int, **fields: Any) -> Request:
    """Return the same for one page of a list; the first one has no token."""
    pagination: dict[str, Any] = {"pageSize": page_size}
    if token:
        pagination["pageToken"] = token
    body = {"meta": {"pagination": pagination}, "data": [fields]}
    return Request("POST", f"/api/{path}", orjson.dumps(body), _JSON)


def users_page(token: str, page_size: int) -> Request:
    """Return the request for one page of all users."""
    query = {"pageSize": str(page_size)} | ({"pageToken": token} if token else {})
    return Request("GET", f"{USERS_PATH}?{urlencode(query)}", None, _JSON)


def as_meant(reply: Reply) -> Reply:
    """Return the reply with the error that a 200 was wrapped around, if it was.

    Its words come in the form in which other errors are read.
    """
    if not isinstance(reply, Answer):
        return reply
    document = document_of(reply)
    failure = _failure_of(document)
    status = _status_of(document) if reply.is_success else reply.status
    if failure is None and (not reply.is_success or status < BAD_REQUEST):
        return reply
    status = max(status, BAD_REQUEST)
    words = " ".join(part for part in failure or () if part)
    return Answer(status, reply.headers, orjson.dumps({"detail": words}))


def _failure_of(document: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return code and message of the first failure."""
    failures = document.get("fail")
    if not isinstance(failures, list) or not failures:
        return None
    first = failures[0] if isinstance(failures[0], dict) else {}
    errors = first.get("errors")
    error = errors[0] if isinstance(errors, list) and errors else first
    error = error if isinstance(error, dict) else {}
    return str(error.get("code") or ""), str(error.get("message") or "")


def _status_of(document: Mapping[str, Any]) -> int:
    meta = document.get("meta")
    status = meta.get("status") if isinstance(meta, dict) else None
    return status if isinstance(status, int) and 100 <= status <= 599 else 200


def rows_of(answer: Answer, name: str) -> list[dict[str, Any]]:
    """Return the objects of a list, wherever in the envelope it is.

    >>> rows_of(Answer(200, {}, b'{"data": [{"folders": [{"id": "7"}]}]}'), "folders")
    [{'id': '7'}]

    """
    document = document_of(answer)
    found: list[dict[str, Any]] = []
    for part in (document, *_objects(document.get("data"))):
        found += _objects(part.get(name))
    return found


def next_token(answer: Answer) -> str:
    """Return what leads to the next page, or "" at the end."""
    meta = document_of(answer).get("meta")
    pagination = meta.get("pagination") if isinstance(meta, dict) else None
    token = pagination.get("next") if isinstance(pagination, dict) else None
    return token if isinstance(token, str) else ""


def id_of(answer: Answer) -> str:
    """Return the id of what a function has made, or ""."""
    made = next(iter(_objects(document_of(answer).get("data"))), {})
    return str(made.get("id") or "")


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
