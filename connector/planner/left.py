"""Attributes that belong to the target: a creation sets them, nothing changes them later (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.planner.diff import URN_PREFIX, flatten, put

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


def is_within(path: str, paths: Collection[str]) -> bool:
    """Return whether a path, or the attribute or extension that it is a part of, is named.

    >>> is_within("name.givenName", ["name"]), is_within("name", ["name.givenName"])
    (True, False)

    """
    return path in paths or path.rpartition(":" if path.startswith(URN_PREFIX) else ".")[0] in paths


def keep_left(
    document: Mapping[str, Any], known: Mapping[str, Any], left: Collection[str]
) -> dict[str, Any]:
    """Return the document with what is known of the attributes that are left, and no news of them.

    >>> keep_left({"userName": "a", "title": "Captain"}, {"title": "Clerk"}, ["title"])
    {'userName': 'a', 'title': 'Clerk'}
    >>> keep_left({"name": {"givenName": "A"}, "title": "Captain"}, {}, ["title", "name"])
    {}

    """
    if not left:
        return dict(document)
    kept = {key: dict(one) if isinstance(one, dict) else one for key, one in document.items()}
    held = flatten(known)
    for path in dict.fromkeys((*flatten(document), *held)):
        if is_within(path, left):
            put(kept, path, held.get(path))
    return {key: one for key, one in kept.items() if one != {}}
