"""Which attribute paths there are, by SCIM's schemas (RFC 7643 sections 4 and 8.7)."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ENTERPRISE_USER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
CORE = "urn:ietf:params:scim:schemas:core:2.0:"
# The cycle decides these, not a mapping; `manager` names a resource of the target by its id.
NOT_MAPPED = frozenset(
    {"active", "password", "groups", "members", "id", "meta", "externalId", "manager"}
)


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of a SCIM schema.

    Attributes:
        scim_type: "string", "boolean", "complex" and so on.
        is_multi_valued: Whether it holds a list.
        sub_attributes: Names below it.

    """

    scim_type: str
    is_multi_valued: bool
    sub_attributes: frozenset[str]


@cache
def attributes_of(resource_type: str) -> Mapping[str, Attribute]:
    """Return the attributes of "User" or "Group" by name; extensions as URN:name."""
    # Loaded here, because only reading a mapping file needs it.
    from scim2_models import EnterpriseUser, Group, User  # noqa: PLC0415

    if resource_type == "Group":
        return dict(_attributes(Group.to_schema().attributes, ""))
    extension = _attributes(EnterpriseUser.to_schema().attributes, f"{ENTERPRISE_USER}:")
    return dict([*_attributes(User.to_schema().attributes, ""), *extension])


def _attributes(attributes: Any, prefix: str) -> Iterator[tuple[str, Attribute]]:
    for attribute in attributes:
        if attribute.name in NOT_MAPPED:
            continue
        below = frozenset(each.name for each in attribute.sub_attributes or ())
        value = Attribute(str(attribute.type.value), bool(attribute.multi_valued), below)
        yield f"{prefix}{attribute.name}", value


def path_problem(resource_type: str, path: str, *, is_list: bool) -> str:
    """Return what is wrong with a path as a rule's key, or ""."""
    attributes = attributes_of(resource_type)
    head, _, below = (path, "", "") if path.startswith("urn:") else path.partition(".")
    attribute = attributes.get(head)
    name = head.rpartition(":")[2]
    if name in NOT_MAPPED:
        return f"{name} is not for a mapping to set"
    if attribute is None or (below and below not in attribute.sub_attributes):
        known = [
            *attributes,
            *(f"{name}.{sub}" for name, one in attributes.items() for sub in one.sub_attributes),
        ]
        near = get_close_matches(path, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"{resource_type} has no such attribute{hint}"
    if attribute.is_multi_valued != is_list:
        wanted = "a list of tables" if attribute.is_multi_valued else "one rule, not a list"
        return f"must be {wanted}"
    if attribute.scim_type == "complex" and not is_list and not below:
        part = f"{path}.{min(attribute.sub_attributes)}"
        return f'has parts: map them one by one, in quotes, such as "{part}"'
    return ""
