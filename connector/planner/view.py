"""How much of a resource one target takes; its dialect file says so (`mappings/*.toml`)."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from connector.packed import values_of
from connector.planner.left import is_within, keep_left

if TYPE_CHECKING:
    from collections.abc import Mapping

ALWAYS = ("schemas", "externalId")


@dataclass(frozen=True, slots=True)
class AttributeView:
    """What of our resources one target takes.

    Attributes:
        user_paths: SCIM attribute paths of User: "userName", "name.givenName", "emails" or
            "urn:...:User:department"; None for all. externalId always goes.
        group_paths: The same for Group; None for all.
        max_members_per_request: Members added and removed by one request at most.
        members_in_create: Whether a POST of a group may carry its first members.
        left: Attribute paths of User that belong to the target once the account is there.

    """

    user_paths: tuple[str, ...] | None = None
    group_paths: tuple[str, ...] | None = None
    max_members_per_request: int = 100
    members_in_create: bool = False
    left: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> bytes:
        """Return a digest of what is taken and left; it changes when the configuration does."""
        taken = (self.user_paths, self.group_paths, *([self.left] if self.left else []))
        return blake2b(repr(taken).encode(), digest_size=8).digest()

    def project_user(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return the part of a User that the target takes."""
        return _project(document, self.user_paths, "userName")

    def project_known_user(
        self, document: Mapping[str, Any], known: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return what the target is to hold of a User of whom this is known to be there.

        Of the attributes that are left to it, that is whatever was last written.
        """
        return keep_left(self.project_user(document), known, self.left)

    def takes(self, path: str) -> bool:
        """Return whether the target takes an attribute of User at all."""
        return self.user_paths is None or is_within(path, self.user_paths)

    def is_left(self, resource_type: str, path: str) -> bool:
        """Return whether an attribute of a resource that is there belongs to the target."""
        return resource_type == "User" and is_within(path, self.left)

    def project_group(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return the part of a Group that the target takes."""
        return _project(document, self.group_paths, "displayName")


def _project(
    document: Mapping[str, Any], paths: tuple[str, ...] | None, own_name: str
) -> dict[str, Any]:
    """Return the document with these paths only, in its own order.

    The name goes with any of them: a resource without it is none (RFC 7643 sections 4.1.1, 4.2).

    >>> _project({"userName": "a", "name": {"givenName": "A", "familyName": "B"}},
    ...          ("name.givenName",), "userName")
    {'userName': 'a', 'name': {'givenName': 'A'}}

    """
    if paths is None:
        return values_of(document)
    projected: dict[str, Any] = {}
    for name, value in values_of(document).items():
        if name in (*ALWAYS, own_name) or name in paths:
            projected[name] = value
        elif isinstance(value, dict):
            separator = ":" if name.startswith("urn:") else "."
            kept = {key: sub for key, sub in value.items() if f"{name}{separator}{key}" in paths}
            if kept:
                projected[name] = kept
    if "schemas" in projected:
        # An extension of which nothing is left is not announced.
        projected["schemas"] = [
            urn for urn in projected["schemas"] if ":extension:" not in urn or urn in projected
        ]
    return projected
