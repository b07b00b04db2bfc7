"""What a plan is made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connector.planner.compare import Rules
    from connector.planner.desired import DesiredGroup
    from connector.planner.known import Known, KnownResource
    from connector.planner.succession import Heirs
    from connector.planner.view import AttributeView


@dataclass(frozen=True, slots=True)
class Documents:
    """The resources behind the keys that need something.

    Attributes:
        users: Mapped SCIM Users of those created or changed.
        groups: Mapped SCIM Groups of those created, or changed, members included.
        accounts: What is ours at the target of those changed, or no longer desired.
        known_users: What the target is known to hold of those changed or taken over.
        known_groups: What the target is known to hold of the groups that differ or are taken over.

    """

    users: Mapping[str, Mapping[str, Any]]
    groups: Mapping[str, Mapping[str, Any]]
    accounts: Mapping[str, KnownResource]
    known_users: Mapping[str, Mapping[str, Any]]
    known_groups: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Ground:
    """What a plan is made from, besides the documents.

    Attributes:
        target: Name of the target.
        groups: The groups that it should hold, by external_id.
        known: What it is known to hold.
        rules: How it is kept.
        view: How much of a resource it takes.
        heirs: Who takes over what of ours, accounts and groups.
        notes: What is already known to be left out, and why.

    """

    target: str
    groups: Mapping[str, DesiredGroup]
    known: Known
    rules: Rules
    view: AttributeView
    heirs: Heirs
    notes: tuple[str, ...] = ()
