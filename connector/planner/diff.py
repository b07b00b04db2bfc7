"""Which attributes of a resource differ, by SCIM attribute path (RFC 7644 section 3.10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

URN_PREFIX = "urn:"
# Attributes that a client does not write by PATCH.
NOT_COMPARED = frozenset({"schemas", "id", "meta", "members"})


def diff(known: Mapping[str, Any], desired: Mapping[str, Any]) -> dict[str, Any]:
    """Return what to change to get from the known resource to the desired one.

    Keys are attribute paths, values the new ones; None clears an attribute. Sub-attributes of
    complex attributes and of schema extensions are compared one by one, multi-valued attributes
    as a whole.

    >>> diff({"name": {"givenName": "A", "familyName": "B"}}, {"name": {"givenName": "C"}})
    {'name.familyName': None, 'name.givenName': 'C'}

    """
    return _diff(flatten(known), flatten(desired))


def previous_values(known: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the known resource holds at the paths of these changes."""
    flat = flatten(known)
    return {path: flat.get(path) for path in changes}


def flatten(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the resource's values by attribute path, without those that a client does not write.

    >>> flatten({"schemas": [], "name": {"givenName": "A"}, "urn:x:User": {"department": "D"}})
    {'name.givenName': 'A', 'urn:x:User:department': 'D'}

    """
    flat: dict[str, Any] = {}
    for name, value in document.items():
        if name in NOT_COMPARED:
            continue
        if isinstance(value, dict):
            separator = ":" if name.startswith(URN_PREFIX) else "."
            for sub_name, sub_value in value.items():
                flat[f"{name}{separator}{sub_name}"] = sub_value
        else:
            flat[name] = value
    return flat


def put(document: dict[str, Any], path: str, value: Any) -> None:
    """Set the value at an attribute path of a resource; None takes it away.

    >>> resource = {"name": {"givenName": "A"}}
    >>> put(resource, "name.givenName", "B"); put(resource, "title", "Clerk")
    >>> resource
    {'name': {'givenName': 'B'}, 'title': 'Clerk'}

    """
    parent, separator, name = path.rpartition(":" if path.startswith(URN_PREFIX) else ".")
    place = document.setdefault(parent, {}) if separator else document
    if not isinstance(place, dict):
        place = document[parent] = {}
    if value is None:
        place.pop(name, None)
    else:
        place[name] = value


def _diff(known: Mapping[str, Any], desired: Mapping[str, Any]) -> dict[str, Any]:
    cleared: dict[str, Any] = {path: None for path in known if path not in desired}
    changed = {
        path: value for path, value in desired.items() if path not in known or known[path] != value
    }
    return dict(sorted((cleared | changed).items()))
