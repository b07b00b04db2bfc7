"""Changes as a PatchOp (RFC 7644 section 3.5.2), or laid over a whole resource for PUT."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from connector.target.dialect import Dialect

PATCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_URN = "urn:"


def patch_operations(changes: Mapping[str, Any], dialect: Dialect) -> list[dict[str, Any]]:
    """Return the entries of `Operations` that make these changes.

    >>> from connector.target.dialect import Dialect
    >>> patch_operations({"title": None, "nickName": "Babs"}, Dialect())
    [{'op': 'remove', 'path': 'title'}, {'op': 'replace', 'path': 'nickName', 'value': 'Babs'}]

    """
    removals = [{"op": "remove", "path": path} for path, value in changes.items() if value is None]
    values = {
        path: wire_value(value, dialect) for path, value in changes.items() if value is not None
    }
    if not values:
        return [*removals]
    if dialect.update.form == "value":
        return [*removals, {"op": "replace", "value": nest(values)}]
    return [
        *removals,
        *({"op": "replace", "path": path, "value": value} for path, value in values.items()),
    ]


def member_operations(
    added: Sequence[str], removed: Sequence[str], dialect: Dialect
) -> list[dict[str, Any]]:
    """Return the entries that add and remove these members, given by target_id.

    Removals come first, so that a server with a limit of members never exceeds it.
    """
    entries: list[dict[str, Any]] = []
    if removed and dialect.members.removal == "list":
        entries.append({"op": "remove", "path": "members", "value": member_values(removed)})
    elif removed:
        entries += [{"op": "remove", "path": _member_path(target_id)} for target_id in removed]
    if added:
        entries.append({"op": "add", "path": "members", "value": member_values(added)})
    return entries


def member_values(target_ids: Iterable[str]) -> list[dict[str, str]]:
    """Return members as RFC 7643 section 4.2 writes them."""
    return [{"value": target_id} for target_id in target_ids]


def member_ids_of(group: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids of the members that a group shows.

    >>> member_ids_of({"members": [{"value": "7", "display": "Babs"}, "odd"]})
    ('7',)

    """
    members = group.get("members")
    shown = members if isinstance(members, list) else []
    return tuple(str(one["value"]) for one in shown if isinstance(one, dict) and one.get("value"))


def _member_path(target_id: str) -> str:
    return f"members[value eq {quoted(target_id)}]"


def quoted(text: str) -> str:
    r"""Return a string as a filter writes it (RFC 7644 section 3.4.2.2: as in JSON).

    >>> print(quoted('a "b" \\'))
    "a \"b\" \\"

    """
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def wire_value(value: Any, dialect: Dialect) -> Any:
    """Return a value as the target wants it; only booleans differ."""
    if isinstance(value, bool) and dialect.update.booleans == "text":
        return str(value)
    return value


def nest(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by attribute path as one object.

    >>> nest({"name.givenName": "A", "urn:x:User:department": "D"})
    {'name': {'givenName': 'A'}, 'urn:x:User': {'department': 'D'}}

    """
    return overlaid({}, values)


def overlaid(resource: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the resource with these changes; the rest of it stays, None takes away.

    >>> overlaid({"name": {"givenName": "A", "familyName": "B"}}, {"name.givenName": None})
    {'name': {'familyName': 'B'}}

    """
    result = dict(resource)
    for path, value in changes.items():
        head, rest = split_path(path)
        if rest:
            result[head] = _with(dict(result.get(head) or {}), rest, value)
            if not result[head]:
                del result[head]
        else:
            result = _with(result, head, value)
    return result


def _with(values: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    if value is None:
        values.pop(name, None)
    else:
        values[name] = value
    return values


def split_path(path: str) -> tuple[str, str]:
    """Return the attribute or extension, and what is within it, or "".

    >>> split_path("name.givenName"), split_path("title"), split_path("urn:x:2.0:User:department")
    (('name', 'givenName'), ('title', ''), ('urn:x:2.0:User', 'department'))

    """
    head, _, rest = path.rpartition(":") if path.startswith(_URN) else path.partition(".")
    return head, rest


def flattened(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Return a resource's values by attribute path, without those that nobody changes by path.

    >>> flattened({"id": "1", "name": {"givenName": "A"}, "urn:x:User": {"department": "D"}})
    {'name.givenName': 'A', 'urn:x:User:department': 'D'}

    """
    flat: dict[str, Any] = {}
    for name, value in resource.items():
        if name in {"id", "meta", "schemas", "members", "groups"}:
            continue
        if isinstance(value, dict):
            mark = ":" if name.startswith(_URN) else "."
            flat |= {f"{name}{mark}{inner}": inner_value for inner, inner_value in value.items()}
        else:
            flat[name] = value
    return flat
