"""How much of a resource one target takes; its dialect file says so (`mappings/*.toml`)."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from connector.packed import values_of

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

    """

    user_paths: tuple[str, ...] | None = None
    group_paths: tuple[str, ...] | None = None
    max_members_per_request: int = 100
    members_in_create: bool = False

    @property
    def fingerprint(self) -> bytes:
        """Return a digest of what is taken; it changes when the dialect file changes that."""
        taken = repr((self.user_paths, self.group_paths)).encode()
        return blake2b(taken, digest_size=8).digest()

    def project_user(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return the part of a User that the target takes."""
        return _project(document, self.user_paths, "userName")

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
