"""Many changes in one request (RFC 7644 section 3.7); pure.

Each operation keeps the conversation that it would have alone: only its first request travels with
others, and its part of the answer is handed to it as a reply of its own.

::

    answered                   then
    -------------------------  ------------------------------------------------------------
    with a part for each       each goes on by itself: 409 to its adoption, and so on
    without somebody's part    Unknown: it is looked up, and not repeated blindly
    413                        sent again in halves; and no larger from then on
    400, 403, 404, 405, 501    nothing was done: one by one; and so from then on
    anything else              the same reply for each, as if it had been alone
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import orjson

from connector.target.request import Request
from connector.target.response import (
    BAD_REQUEST,
    FORBIDDEN,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    NOT_IMPLEMENTED,
    SERVER_ERROR,
    Answer,
    NoAnswer,
    Reply,
    document_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from connector.target.capability import Capability
    from connector.target.dialect import Dialect


T = TypeVar("T")
BULK_PATH: Final = "/Bulk"
TOO_LARGE: Final = 413
_HEAD: Final = b'{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":['
_TAIL: Final = b"]}"
# Of one operation, beside its path and its document.
_FRAME_BYTES: Final = 80
# What servers announce that announce no bound.
_USUAL_BYTES: Final = 1_048_576
_REFUSALS: Final = frozenset(
    {BAD_REQUEST, FORBIDDEN, NOT_FOUND, METHOD_NOT_ALLOWED, NOT_IMPLEMENTED}
)


@dataclass(frozen=True, slots=True)
class BulkLimits:
    """How much goes into one request.

    Attributes:
        operations: So many at most.
        payload_bytes: Bytes of the whole body at most.

    """

    operations: int
    payload_bytes: int


def bulk_limits(dialect: Dialect, capability: Capability | None) -> BulkLimits | None:
    """Return how much goes into one request; None if everything goes by itself."""
    if dialect.bulk.use == "never" or capability is None or not capability.bulk_operations:
        return None
    operations = min(capability.bulk_operations, dialect.bulk.max_operations)
    announced = capability.bulk_bytes or _USUAL_BYTES
    payload_bytes = min(announced, dialect.bulk.max_bytes or announced)
    return BulkLimits(operations, payload_bytes) if operations > 1 else None


def parcels(
    things: Iterable[T], bytes_of: Callable[[T], int], limits: Callable[[], BulkLimits | None]
) -> Iterator[list[T]]:
    """Yield things together that go into one request; each by itself where there are no limits."""
    parcel: list[T] = []
    taken_bytes = 0
    bounds = BulkLimits(1, 0)
    for thing in things:
        if not parcel:
            bounds = limits() or BulkLimits(1, 0)
        size = bytes_of(thing)
        room = bounds.payload_bytes - len(_HEAD) - len(_TAIL)
        if parcel and taken_bytes + size > room:
            yield parcel
            parcel, taken_bytes = [], 0
        parcel.append(thing)
        taken_bytes += size
        if len(parcel) >= bounds.operations:
            yield parcel
            parcel, taken_bytes = [], 0
    if parcel:
        yield parcel


def size_of(request: Request) -> int:
    """Return how many bytes a request takes within a bulk request, at most."""
    return _FRAME_BYTES + len(request.path) + len(request.body or b"")


def to_bulk(requests: Sequence[Request]) -> Request:
    """Return the one request for all of these; the number of each is its bulkId.

    failOnErrors is left out: one that is refused must not keep the others out.

    >>> to_bulk([Request("DELETE", "/Users/7")]).body[-66:]
    b'"Operations":[{"method":"DELETE","bulkId":"0","path":"/Users/7"}]}'

    """
    operations = b",".join(_operation(number, one) for number, one in enumerate(requests))
    return Request("POST", BULK_PATH, _HEAD + operations + _TAIL)


def _operation(number: int, request: Request) -> bytes:
    # The document is JSON already; to decode and encode it again costs as much as all the rest.
    data = b"" if request.body is None else b',"data":' + request.body
    path = orjson.dumps(request.path)
    return b'{"method":"%b","bulkId":"%d","path":%b%b}' % (
        request.method.encode(),
        number,
        path,
        data,
    )


def is_refused(reply: Reply) -> bool:
    """Return whether the target does not take bulk requests, so that nothing was done."""
    return isinstance(reply, Answer) and reply.status in _REFUSALS


def is_too_large(reply: Reply) -> bool:
    """Return whether the target takes bulk requests, but not of this size."""
    return isinstance(reply, Answer) and reply.status == TOO_LARGE


def is_understood(reply: Reply) -> bool:
    """Return whether the answer tells of operations at all."""
    if not isinstance(reply, Answer) or not reply.is_success:
        return True
    return isinstance(document_of(reply).get("Operations"), list)


def replies_of(requests: Sequence[Request], reply: Reply) -> list[Reply]:
    """Return for each request what the answer to all says of it."""
    if not isinstance(reply, Answer):
        return [reply] * len(requests)
    if not reply.is_success:
        # 500: how far it came, nobody knows.
        is_silent = reply.status == SERVER_ERROR
        whole = NoAnswer("answered 500 to many at once") if is_silent else reply
        return [whole] * len(requests)
    parts = document_of(reply).get("Operations")
    found: dict[int, Reply] = {}
    for part in parts if isinstance(parts, list) else []:
        number = _number_of(part, requests) if isinstance(part, dict) else None
        if number is not None:
            found[number] = _reply_of(part)
    missing = NoAnswer("the answer to many at once says nothing of it")
    return [found.get(number, missing) for number in range(len(requests))]


def _number_of(part: Mapping[str, Any], requests: Sequence[Request]) -> int | None:
    """Return which request a part is about: by its bulkId, or else by method and location."""
    bulk_id = part.get("bulkId")
    if isinstance(bulk_id, str) and bulk_id.isascii() and bulk_id.isdigit():
        number = int(bulk_id)
        return number if number < len(requests) else None
    location, method = str(part.get("location") or ""), part.get("method")
    for number, request in enumerate(requests):
        is_same = request.method == method and request.method != "POST"
        if is_same and location.endswith(request.path):
            return number
    return None


def _reply_of(part: Mapping[str, Any]) -> Reply:
    status = part.get("status")
    # RFC 7644 section 3.7.3 has a string; the object was seen, and stood in a draft.
    status = status.get("code") if isinstance(status, dict) else status
    if not re.fullmatch(r"[1-5]\d\d", str(status)):
        return NoAnswer("the answer to many at once has no status for it")
    location, response = part.get("location"), part.get("response")
    headers = {"location": location} if isinstance(location, str) else {}
    body = orjson.dumps(response) if response else b""
    return Answer(int(str(status)), headers, body)
