"""The resources of the embedded SCIM service, in memory: filters, pages, PATCH (RFC 7644)."""

from __future__ import annotations

import copy
import re
import uuid
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable

    from connector.demo.scim_behaviour import Behaviour

NAMES: Final = {"Users": "userName", "Groups": "displayName"}
_FILTER: Final = re.compile(r'([\w$.:-]+)\s+eq\s+("(?:[^"\\]|\\.)*"|true|false)', re.IGNORECASE)
_VALUE_PATH: Final = re.compile(r"([\w$]+)\[(.+)\](?:\.([\w$]+))?")


class Refusal(Exception):
    """A request that the service does not carry out (RFC 7644 section 3.12).

    Attributes:
        status: HTTP status code.
        detail: Why.
        scim_type: One of RFC 7644 table 9, or "".

    """

    def __init__(self, status: int, detail: str, scim_type: str = "") -> None:
        self.status = status
        self.detail = detail
        self.scim_type = scim_type
        super().__init__(detail)


class Store:
    """Users and groups by id."""

    def __init__(self) -> None:
        self.resources: dict[str, dict[str, dict[str, Any]]] = {"Users": {}, "Groups": {}}

    def get(self, endpoint: str, target_id: str) -> dict[str, Any]:
        """Return a resource."""
        try:
            return self.resources[endpoint][target_id]
        except KeyError:
            raise Refusal(404, "no such resource") from None

    def create(
        self, endpoint: str, document: dict[str, Any], behaviour: Behaviour
    ) -> dict[str, Any]:
        """Return the new resource."""
        target_id = str(uuid.uuid4())
        resource = {**document, "id": target_id, "meta": {"resourceType": endpoint[:-1]}}
        if endpoint == "Users":
            resource.setdefault("active", True)
        elif not behaviour.heeds_members_in_create:
            resource.pop("members", None)
        return self._put(endpoint, target_id, resource, behaviour)

    def replace(
        self, endpoint: str, target_id: str, document: dict[str, Any], behaviour: Behaviour
    ) -> dict[str, Any]:
        """Return the resource after a PUT."""
        meta = self.get(endpoint, target_id)["meta"]
        resource = {**document, "id": target_id, "meta": meta}
        return self._put(endpoint, target_id, resource, behaviour)

    def patch(
        self, endpoint: str, target_id: str, body: dict[str, Any], behaviour: Behaviour
    ) -> dict[str, Any]:
        """Return the resource after a PATCH: all of its operations, or none."""
        resource = copy.deepcopy(self.get(endpoint, target_id))
        operations = body.get("Operations")
        if not isinstance(operations, list) or not operations:
            raise Refusal(400, "a PATCH needs Operations", "invalidSyntax")
        for operation in operations:
            _apply(resource, operation, behaviour)
        return self._put(endpoint, target_id, resource, behaviour)

    def delete(self, endpoint: str, target_id: str) -> None:
        """Take a resource away, and a user out of its groups."""
        self.get(endpoint, target_id)
        del self.resources[endpoint][target_id]
        for group in self.resources["Groups"].values():
            group["members"] = _without(group, target_id)

    def search(self, endpoint: str, text: str, behaviour: Behaviour) -> list[dict[str, Any]]:
        """Return the resources that a filter finds; "" for all."""
        resources = list(self.resources[endpoint].values())
        if not text:
            return resources
        found = _FILTER.fullmatch(text.strip())
        if found is None:
            raise Refusal(400, "only filters of one eq are understood", "invalidFilter")
        attribute, wanted = found[1], orjson.loads(found[2])
        if attribute == "externalId" and not behaviour.finds_by_external_id:
            return []
        is_exact = attribute in {"id", "externalId"} or behaviour.is_case_exact
        return [one for one in resources if _has(one, attribute, wanted, is_exact=is_exact)]

    def _put(
        self, endpoint: str, target_id: str, resource: dict[str, Any], behaviour: Behaviour
    ) -> dict[str, Any]:
        attribute = NAMES[endpoint]
        name = resource.get(attribute)
        if not isinstance(name, str) or not name:
            raise Refusal(400, f"{attribute} is required", "invalidValue")
        if endpoint == "Users" and not name.endswith(behaviour.requires_domain):
            raise Refusal(400, "the domain is not one of ours", "invalidValue")
        if not isinstance(resource.get("active", True), bool):
            raise Refusal(400, "active must be a boolean", "invalidValue")
        for key, other in self.resources[endpoint].items():
            is_same = _has(other, attribute, name, is_exact=behaviour.is_case_exact)
            if is_same and key != target_id:
                raise Refusal(409, f"{attribute} {name} is taken", "uniqueness")
        self.resources[endpoint][target_id] = resource
        return resource


def _has(resource: dict[str, Any], attribute: str, wanted: Any, *, is_exact: bool) -> bool:
    head, _, rest = attribute.partition(".")
    value = resource.get(head)
    values = value if isinstance(value, list) else [value]
    if rest:
        values = [one.get(rest) for one in values if isinstance(one, dict)]
    if isinstance(wanted, str) and not is_exact:
        wanted = wanted.casefold()
        values = [one.casefold() if isinstance(one, str) else one for one in values]
    return wanted in values


def _apply(resource: dict[str, Any], operation: dict[str, Any], behaviour: Behaviour) -> None:
    verb = str(operation.get("op", "")).lower()
    path, value = operation.get("path"), operation.get("value")
    if verb not in {"add", "replace", "remove"}:
        raise Refusal(400, f"unknown op {verb!r}", "invalidSyntax")
    if path is None:
        if verb == "remove" or not isinstance(value, dict):
            raise Refusal(400, "without a path, the value must be an object", "noTarget")
        for name, inner in value.items():
            _apply_at(resource, name, inner, verb)
    elif path == "members" and verb == "remove" and value is not None:
        _remove_listed(resource, value, behaviour)
    elif "[" in path:
        _apply_filtered(resource, path, operation, behaviour)
    else:
        _apply_at(resource, path, value, verb)


def _apply_at(resource: dict[str, Any], path: str, value: Any, verb: str) -> None:
    head, _, rest = path.rpartition(":") if path.startswith("urn:") else path.partition(".")
    if path.startswith("urn:") and isinstance(value, dict) and rest == "User":
        head, rest = path, ""
    if rest:
        inner = resource.setdefault(head, {})
        if not isinstance(inner, dict):
            raise Refusal(400, "no such path", "invalidPath")
        _assign(inner, rest, value, verb)
        if not inner:
            del resource[head]
    else:
        _assign(resource, head, value, verb)


def _assign(values: dict[str, Any], name: str, value: Any, verb: str) -> None:
    held = values.get(name)
    if verb == "remove":
        values.pop(name, None)
    elif verb == "add" and isinstance(held, list):
        added = value if isinstance(value, list) else [value]
        values[name] = held + [one for one in added if one not in held]
    elif isinstance(held, dict) and isinstance(value, dict):
        values[name] = held | value
    else:
        values[name] = value


def _remove_listed(resource: dict[str, Any], value: Any, behaviour: Behaviour) -> None:
    """Take out members that are named in a list, a form that not every service takes."""
    if behaviour.member_removal == "filter-silently":
        return
    if behaviour.member_removal == "filter":
        raise Refusal(400, "remove takes no value", "invalidValue")
    for one in value if isinstance(value, list) else [value]:
        resource["members"] = _without(resource, one.get("value"))


def _apply_filtered(
    resource: dict[str, Any], path: str, operation: dict[str, Any], behaviour: Behaviour
) -> None:
    """Carry out an operation on those values that a filter in the path selects."""
    found = _VALUE_PATH.fullmatch(path)
    clause = _FILTER.fullmatch(found[2]) if found else None
    if found is None or clause is None:
        raise Refusal(400, "the path is not understood", "invalidPath")
    if found[1] == "members" and behaviour.member_removal == "list":
        raise Refusal(400, "the path is not understood", "invalidPath")
    wanted = orjson.loads(clause[2])
    held = resource.get(found[1]) or []
    verb = str(operation["op"]).lower()
    is_meant = _selector(clause[1], wanted)
    if verb == "remove" and not found[3]:
        resource[found[1]] = [one for one in held if not is_meant(one)]
        return
    for one in held:
        if is_meant(one):
            _assign(one, found[3] or "value", operation.get("value"), verb)


def _selector(attribute: str, wanted: Any) -> Callable[[dict[str, Any]], bool]:
    return lambda one: bool(one.get(attribute) == wanted)


def _without(group: dict[str, Any], target_id: str) -> list[dict[str, Any]]:
    return [one for one in group.get("members") or [] if one.get("value") != target_id]
