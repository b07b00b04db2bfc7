"""Is it there, and under which id? Questions to a target, as conversations without any I/O."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from connector.target.request import Request, filter_request, page_request, read_request
from connector.target.response import (
    MULTIPLE_CHOICES,
    SERVER_ERROR,
    TOO_MANY_REQUESTS,
    UNAUTHORIZED,
    Answer,
    NotSent,
    Reply,
    as_meant,
    document_of,
    is_gone,
    reason_of,
)

if TYPE_CHECKING:
    from connector.planner.operation import Operation
    from connector.target.dialect import Dialect

T = TypeVar("T")
# Yields requests, is sent their replies, returns what it found out.
Conversation = Generator[Request, Reply, T]

SERVICE_UNAVAILABLE = 503


class Unanswered(Exception):
    """A request without an answer to work with; ends a conversation, never leaves this package.

    Attributes:
        reason: Why, in words.
        is_breakdown: Whether every other request would fare the same.

    """

    def __init__(self, reply: Reply) -> None:
        self.reason = describe_reply(reply)
        self.is_breakdown = is_breakdown(reply)
        super().__init__(self.reason)


def describe_reply(reply: Reply) -> str:
    """Return in words what came back."""
    if not isinstance(reply, Answer):
        return reply.reason
    if _is_redirect(reply):
        return f"answered {reply.status}, a redirect: base_url is not that of the SCIM service"
    return f"answered {reply.status}: {reason_of(reply)}"


def is_breakdown(reply: Reply) -> bool:
    """Return whether the target takes nothing from us at present."""
    if not isinstance(reply, Answer):
        return isinstance(reply, NotSent)
    refused = {UNAUTHORIZED, TOO_MANY_REQUESTS, SERVICE_UNAVAILABLE}
    return reply.status in refused or _is_redirect(reply)


def _is_redirect(answer: Answer) -> bool:
    return MULTIPLE_CHOICES <= answer.status < MULTIPLE_CHOICES + 100


def ask(request: Request) -> Conversation[Answer]:
    """Put a question; return any answer that is not an excuse.

    Raises:
        Unanswered: if none came, or one of a server that cannot answer now.

    """
    reply = as_meant((yield request))
    if not isinstance(reply, Answer) or is_breakdown(reply) or reply.status >= SERVER_ERROR:
        raise Unanswered(reply)
    return reply


def read(resource_type: str, target_id: str) -> Conversation[dict[str, Any] | None]:
    """Return a resource, or None if it is not there."""
    answer = yield from ask(read_request(resource_type, target_id))
    if is_gone(answer):
        return None
    if not answer.is_success:
        raise Unanswered(answer)
    return document_of(answer)


@dataclass(slots=True)
class Listing:
    """How far the reading of all resources of a type has come.

    Pages go by the number received, not by the number asked for: a server may give fewer.

    Attributes:
        resource_type: Of the resources.
        page_size: To ask for.
        start_index: Of the next page, from 1 (RFC 7644 section 3.4.2.4).
        is_over: Whether there is no next page.
        missing_count: Resources that exist and cannot be had, because the server gives the same
            page again and again.
        seen: Ids so far.

    """

    resource_type: str
    page_size: int
    start_index: int = 1
    is_over: bool = False
    missing_count: int = 0
    seen: set[str] = field(default_factory=set)

    def request(self) -> Request:
        """Return the request for the next page."""
        return page_request(self.resource_type, self.start_index, self.page_size)

    def take(self, document: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the resources of a page that were not on one before; move on."""
        received = resources_of(document)
        fresh = []
        for resource in received:
            target_id = str(resource.get("id", ""))
            if target_id not in self.seen:
                self.seen.add(target_id)
                fresh.append(resource)
        total = document.get("totalResults")
        total = total if isinstance(total, int) else None
        self.start_index += len(received)
        self.is_over = not fresh or (total is not None and self.start_index > total)
        if received and not fresh and total is not None:
            self.missing_count = max(0, total - len(self.seen))
        return fresh


def resources_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the resources of a ListResponse; an empty one may have no list at all."""
    resources = document.get("Resources")
    if not isinstance(resources, list):
        return []
    return [resource for resource in resources if isinstance(resource, dict)]


def find(
    operation: Operation, dialect: Dialect, *, is_there: bool
) -> Conversation[tuple[dict[str, Any], ...]]:
    """Return the resources that may be the operation's: one by its externalId, or all of its name.

    Args:
        operation: Whose resource is sought.
        dialect: Which attribute is the name, and which filters tell the truth about nothing.
        is_there: Whether the target itself says that there is one. Then all pages are read
            before it is taken to be wrong.

    Raises:
        Unanswered: if the question cannot be answered, so that neither yes nor no is known.

    """
    match = dialect.of(operation.resource_type).match
    believed = False
    for attribute, value in (("externalId", operation.external_id), (match, operation.name)):
        hits, is_true = yield from _filtered(operation.resource_type, attribute, value)
        if hits:
            return hits
        believed = believed or (is_true and attribute in dialect.read.reliable_filters)
    if believed and not is_there:
        return ()
    return (yield from _scan(operation, match, dialect.read.page_size))


def _filtered(
    resource_type: str, attribute: str, value: str
) -> Conversation[tuple[tuple[dict[str, Any], ...], bool]]:
    """Return the hits that do have the value, and whether the filter seems to have been applied."""
    answer = yield from ask(filter_request(resource_type, attribute, value))
    if not answer.is_success:
        return (), False
    received = resources_of(document_of(answer))
    hits = _equal(received, attribute, value)
    return hits, len(hits) == len(received)


def _scan(
    operation: Operation, match: str, page_size: int
) -> Conversation[tuple[dict[str, Any], ...]]:
    """Return the same from the list of all."""
    named: list[dict[str, Any]] = []
    listing = Listing(operation.resource_type, page_size)
    while not listing.is_over:
        answer = yield from ask(listing.request())
        if not answer.is_success:
            raise Unanswered(answer)
        for resource in listing.take(document_of(answer)):
            if resource.get("externalId") == operation.external_id:
                return (resource,)
            named.extend(_equal([resource], match, operation.name))
    if listing.missing_count and not named:
        raise Unanswered(Answer(200, {}, b"the list of resources cannot be read to its end"))
    return _equal(named, match, operation.name)


def _equal(
    resources: list[dict[str, Any]], attribute: str, value: str
) -> tuple[dict[str, Any], ...]:
    """Return those that have the value exactly, or else those that have it in another case."""
    exact = tuple(one for one in resources if one.get(attribute) == value)
    if exact or attribute == "externalId":
        return exact
    folded = value.casefold()
    return tuple(one for one in resources if str(one.get(attribute, "")).casefold() == folded)
