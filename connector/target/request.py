"""An operation as the one HTTP request that carries it out (RFC 7644 section 3); pure (step 9)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote, urlencode

import orjson

from connector.packed import values_of
from connector.planner.operation import Operation, OperationKind
from connector.target.patch import (
    PATCH_SCHEMA,
    member_operations,
    member_values,
    overlaid,
    patch_operations,
    quoted,
    wire_value,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from connector.target.dialect import Dialect

CORE_SCHEMA: Final = "urn:ietf:params:scim:schemas:core:2.0:"
CONFIG_PATH: Final = "/ServiceProviderConfig"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, before any address.

    Attributes:
        method: HTTP method.
        path: Percent-encoded, with its query; starts with "/" and continues the base URL.
        body: JSON in UTF-8, or None.
        headers: Names and values that this request has of its own; never in a repr, for one of
            them may be a token.

    """

    method: str
    path: str
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


def describe(request: Request) -> str:
    """Return the request in a word or two, without its query, which holds personal data.

    >>> describe(Request("GET", "/Users?filter=userName+eq+%22bjensen%22"))
    'GET /Users'

    """
    return f"{request.method} {request.path.partition('?')[0]}"


def foreseen(operation: Operation, dialect: Dialect) -> tuple[str, str]:
    """Return method and path of the request that an operation will be, before anything is sent.

    "{id}" stands for the id of a resource that the same plan creates.
    """
    if operation.kind is OperationKind.CREATE:
        return "POST", path_of(operation.resource_type)
    path = path_of(operation.resource_type, operation.target_id or "{id}")
    path = path if operation.target_id else unquote(path)
    if operation.kind is OperationKind.DELETE:
        return "DELETE", path
    return dialect.update.verb.upper(), path


def to_request(
    operation: Operation,
    dialect: Dialect,
    target_ids: Mapping[str, str],
    current: Mapping[str, Any] | None = None,
) -> Request:
    """Return the one request that carries the operation out.

    Args:
        operation: What is to happen.
        dialect: How the target wants it.
        target_ids: The target's `id` by external_id, for members.
        current: The resource as the target holds it; makes a change a PUT of the whole.

    """
    match operation.kind:
        case OperationKind.CREATE:
            return _creation(operation, dialect, target_ids)
        case OperationKind.DELETE:
            return Request("DELETE", path_of(operation.resource_type, operation.target_id or ""))
    path = path_of(operation.resource_type, operation.target_id or "")
    if current is not None:
        return Request("PUT", path, orjson.dumps(_whole(operation, dialect, target_ids, current)))
    entries = [
        *patch_operations(cased(operation.changes, operation.resource_type, dialect), dialect),
        *member_operations(
            resolved(operation.members_added, target_ids),
            resolved(operation.members_removed, target_ids),
            dialect,
        ),
    ]
    body = {"schemas": [PATCH_SCHEMA], "Operations": entries}
    return Request("PATCH", path, orjson.dumps(body))


def _creation(operation: Operation, dialect: Dialect, target_ids: Mapping[str, str]) -> Request:
    resource_type = operation.resource_type
    document = cased(operation.document, resource_type, dialect)
    body = {"schemas": [CORE_SCHEMA + resource_type]} | document
    body["externalId"] = operation.external_id
    if resource_type == "User":
        body["active"] = wire_value(body.get("active", True), dialect)
    members = resolved(operation.members_added, target_ids)
    if members and dialect.members.in_create:
        body["members"] = member_values(members)
    return Request("POST", path_of(resource_type), orjson.dumps(body))


def _whole(
    operation: Operation,
    dialect: Dialect,
    target_ids: Mapping[str, str],
    current: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what the target holds with the operation's changes; what is not ours stays."""
    changes = cased(operation.changes, operation.resource_type, dialect)
    wanted = {path: wire_value(value, dialect) for path, value in changes.items()}
    whole = overlaid(current, wanted)
    whole.pop("meta", None)
    whole["schemas"] = _schemas(whole, operation.resource_type)
    if operation.members_added or operation.members_removed:
        removed = set(resolved(operation.members_removed, target_ids))
        kept = [one for one in whole.get("members") or [] if one.get("value") not in removed]
        held = {one.get("value") for one in kept}
        added = [key for key in resolved(operation.members_added, target_ids) if key not in held]
        whole["members"] = [*kept, *member_values(added)]
    return whole


def _schemas(resource: Mapping[str, Any], resource_type: str) -> list[str]:
    """Return the announced schemas, and those of extensions that have just come in."""
    announced = list(resource.get("schemas") or [CORE_SCHEMA + resource_type])
    extensions = [name for name in resource if name.startswith("urn:") and name not in announced]
    return announced + extensions


def cased(values: Mapping[str, Any], resource_type: str, dialect: Dialect) -> dict[str, Any]:
    """Return the values with the name in the letter case that the target wants."""
    rules = dialect.of(resource_type)
    result = values_of(values)
    name = result.get(rules.match)
    if rules.letter_case == "lower" and isinstance(name, str):
        result[rules.match] = name.lower()
    return result


def resolved(external_ids: Sequence[str], target_ids: Mapping[str, str]) -> list[str]:
    """Return the target's ids of those that have one; the others are not there to be members."""
    return [target_ids[key] for key in external_ids if key in target_ids]


def path_of(resource_type: str, target_id: str | None = None) -> str:
    """Return the path of a resource, or of all of its type (RFC 7644 section 3.2).

    >>> path_of("User", "bjensen@example.com"), path_of("Group")
    ('/Users/bjensen%40example.com', '/Groups')

    """
    endpoint = f"/{resource_type}s"
    # An id may be anything, an e-mail address included; "" must not address all of a type.
    return endpoint if target_id is None else f"{endpoint}/{quote(target_id or '-', safe='')}"


def read_request(resource_type: str, target_id: str) -> Request:
    """Return the request for one resource."""
    return Request("GET", path_of(resource_type, target_id))


def page_request(resource_type: str, start_index: int, count: int) -> Request:
    """Return the request for one page of all resources of a type (RFC 7644 section 3.4.2.4)."""
    query = urlencode({"startIndex": start_index, "count": count})
    return Request("GET", f"{path_of(resource_type)}?{query}")


def filter_request(resource_type: str, attribute: str, value: str) -> Request:
    """Return the request for resources of which one attribute equals a value.

    One clause only: servers were seen to answer `and` with nothing at all.
    """
    query = urlencode({"filter": f"{attribute} eq {quoted(value)}"}, quote_via=quote)
    return Request("GET", f"{path_of(resource_type)}?{query}")
