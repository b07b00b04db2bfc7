"""An answer as an outcome; pure, and lenient with what servers send as errors (step 11)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from connector.packed import values_of
from connector.planner.operation import Operation, OperationKind
from connector.target.outcome import Applied, Outcome, Rejected, Unavailable, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from connector.target.dialect import Dialect

OK, MULTIPLE_CHOICES = 200, 300
BAD_REQUEST, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, METHOD_NOT_ALLOWED = 400, 401, 403, 404, 405
REQUEST_TIMEOUT, CONFLICT, GONE, TOO_MANY_REQUESTS = 408, 409, 410, 429
SERVER_ERROR, NOT_IMPLEMENTED, BAD_GATEWAY, SERVICE_UNAVAILABLE, GATEWAY_TIMEOUT = range(500, 505)

# Answers of something in between, which cannot know what the target did with the request.
_AMBIGUOUS: Final = frozenset({REQUEST_TIMEOUT, BAD_GATEWAY, GATEWAY_TIMEOUT})
_NOT_NOW: Final = frozenset({UNAUTHORIZED, TOO_MANY_REQUESTS, SERVICE_UNAVAILABLE})
_REASON_LENGTH: Final = 200
_PARSED_BYTES: Final = 100_000
# A short value would take single letters out of the words around it.
_SECRET_LENGTH: Final = 3
_UNSUPPORTED: Final = re.compile(r"not (be )?(support|implement)|unsupported|unimplemented")
_ERROR_SCHEMA: Final = b"urn:ietf:params:scim:api:messages:2.0:Error"
_TAG: Final = re.compile(r"<(script|style|head)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)
_TOKEN: Final = re.compile(r"(?i)\b(bearer|basic)\s+\S+|\b[\w+/=-]{40,}|\b[\w.+-]+@[\w-]+\.[\w.-]+")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a target answered.

    Attributes:
        status: HTTP status code.
        headers: Names in lower case, or a mapping that does not mind the case.
        body: As it came.

    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        """Return whether the target did what was asked."""
        return OK <= self.status < MULTIPLE_CHOICES


@dataclass(frozen=True, slots=True)
class NotSent:
    """The request never left: there was no connection. It may be sent again."""

    reason: str


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The request left, and no answer came: the target may have done it or not."""

    reason: str


Reply = Answer | NotSent | NoAnswer


def to_outcome(operation: Operation, reply: Reply) -> Outcome:
    """Return what one reply says about the operation, without asking any further."""
    match reply:
        case NotSent(reason=reason):
            return Unavailable(reason)
        case NoAnswer(reason=reason):
            return Unknown(reason)
    if reply.status in _AMBIGUOUS:
        return Unknown(f"answered {reply.status}: {reason_of(reply, operation)}")
    if reply.status in _NOT_NOW:
        return Unavailable(f"answered {reply.status}: {reason_of(reply, operation)}")
    if not reply.is_success:
        return Rejected(reply.status, reason_of(reply, operation))
    return _of_success(operation, reply)


def _of_success(operation: Operation, answer: Answer) -> Outcome:
    target_id = operation.target_id
    if operation.kind is OperationKind.CREATE:
        if _is_of_another(operation, document_of(answer)):
            return Unknown("answered with another resource than was asked for")
        target_id = created_id(answer)
    return Applied(target_id) if target_id else Unknown("answered without an id")


def _is_of_another(operation: Operation, created: Mapping[str, Any]) -> bool:
    """Return whether an answer shows somebody else, whom we would take for ours.

    A target may keep another externalId, or write the name in its own way; not both.
    """
    name = created.get("displayName" if operation.resource_type == "Group" else "userName")
    key = created.get("externalId")
    is_other_name = isinstance(name, str) and name.casefold() != operation.name.casefold()
    return is_other_name and isinstance(key, str) and key not in {"", operation.external_id}


def as_meant(reply: Reply) -> Reply:
    """Return the reply with the status of the error that a 200 was wrapped around, if it was.

    RFC 7644 section 3.12 has `status` as a string; servers send numbers, too.
    """
    if not isinstance(reply, Answer) or not reply.is_success or _ERROR_SCHEMA not in reply.body:
        return reply
    document = document_of(reply)
    status = str(document.get("status", ""))
    is_error = _ERROR_SCHEMA.decode() in (document.get("schemas") or ())
    if not is_error or not re.fullmatch(r"[45]\d\d", status):
        return reply
    return Answer(int(status), reply.headers, reply.body)


def created_id(answer: Answer) -> str | None:
    """Return the id of a new resource: from the body, or else from the end of Location."""
    found = document_of(answer).get("id")
    if isinstance(found, (str, int)) and str(found):
        return str(found)
    last = answer.headers.get("location", "").rstrip("/").rpartition("/")[2]
    # RFC 7644 section 3.3: both should be there; a Location of all users has no id.
    return None if last in {"", "Users", "Groups"} else last


def document_of(answer: Answer) -> dict[str, Any]:
    """Return the body as a JSON object; empty if it is anything else."""
    try:
        document = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}


def is_conflict(reply: Reply, dialect: Dialect) -> bool:
    """Return whether the target says that there is one already (RFC 7644 table 9: uniqueness)."""
    if not isinstance(reply, Answer) or reply.is_success:
        return False
    is_uniqueness = document_of(reply).get("scimType") == "uniqueness"
    return reply.status in dialect.write.conflict_statuses or (
        is_uniqueness and reply.status in {BAD_REQUEST, CONFLICT}
    )


def is_gone(reply: Reply) -> bool:
    """Return whether the target says that the resource is not there.

    The status decides; a 404 may carry a scimType of something else.
    """
    return isinstance(reply, Answer) and reply.status in {NOT_FOUND, GONE}


def refuses_patch(reply: Reply) -> bool:
    """Return whether the target does not take PATCH, or not this form of it."""
    if not isinstance(reply, Answer):
        return False
    if reply.status in {METHOD_NOT_ALLOWED, NOT_IMPLEMENTED}:
        return True
    words = reason_of(reply).casefold()
    is_about_patch = "patch" in words and re.search(
        r"not (be )?support|unsupported|not impl", words
    )
    return reply.status == BAD_REQUEST and bool(is_about_patch)


def reason_of(answer: Answer, operation: Operation | None = None) -> str:
    """Return the target's words in one line of at most 200 characters.

    Tokens, e-mail addresses and the values of the operation are taken out of them.
    """
    words = " ".join(_words(answer).split())
    words = _TOKEN.sub("...", words)
    if operation is not None:
        words = _without_values(words, operation)
    return words[:_REASON_LENGTH] or "no reason given"


def _words(answer: Answer) -> str:
    body = answer.body[:_PARSED_BYTES]
    document = document_of(answer)
    error = document.get("Errors") or document
    if isinstance(error, list):
        error = error[0] if error and isinstance(error[0], dict) else {}
    if isinstance(error, dict) and error:
        told = [error.get("scimType"), error.get("detail") or error.get("description")]
        told = told if any(told) else [error.get("message") or error.get("error")]
        return ": ".join(str(part) for part in told if part)
    return _TAG.sub(" ", body.decode("utf-8", "replace"))


def _without_values(words: str, operation: Operation) -> str:
    values = set(_texts([values_of(operation.document), operation.changes, operation.name]))
    long = sorted((value for value in values if len(value) >= _SECRET_LENGTH), key=len)
    if not long:
        return words
    anyone = "|".join(re.escape(value) for value in reversed(long))
    return re.sub(rf"(?<!\w)(?:{anyone})(?!\w)", "...", words, flags=re.IGNORECASE)


def _texts(value: Any) -> Iterator[str]:
    """Yield every text within a JSON value, but no schema."""
    match value:
        case str():
            yield value
        case dict():
            for name, inner in value.items():
                if name != "schemas":
                    yield from _texts(inner)
        case list() | tuple():
            for inner in value:
                yield from _texts(inner)
