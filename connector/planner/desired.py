"""Who should be at a target: its scope, resolved through nested groups."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from connector.directory.membership import MemberGraph
    from connector.directory.person import GroupHead, UserHead
    from connector.planner.view import AttributeView


@dataclass(frozen=True, slots=True)
class Scope:
    """Which people and groups a target is to have.

    Attributes:
        user_ids: external_ids of the people; None for everybody.
        group_ids: external_ids of the groups.
        missing_names: Groups named in the configuration that the directory does not hold. While
            there are any, nobody is taken to have left the scope.

    """

    user_ids: AbstractSet[str] | None
    group_ids: AbstractSet[str]
    missing_names: tuple[str, ...]


class DesiredUser(NamedTuple):
    """A person who should be at the target.

    Attributes:
        digest: Changes when anything of what the target should hold may have changed.
        is_active: Whether the account should be usable.

    """

    digest: bytes
    is_active: bool


class DesiredGroup(NamedTuple):
    """A group that should be at the target, with its members there.

    Attributes:
        digest: Of the mapped document and the view.
        member_ids: external_ids of all people in it who are in scope, nested ones included.

    """

    digest: bytes
    member_ids: frozenset[str]


def resolve_scope(
    groups: str | tuple[str, ...], push_groups: str | tuple[str, ...], graph: MemberGraph
) -> Scope:
    """Return whom a target's configuration names.

    Args:
        groups: Distinguished names whose members are in scope; "*" for everybody.
        push_groups: Distinguished names of the groups to keep there; "scope" for those of
            `groups` and the groups within them; "none".
        graph: Who is in which group.

    """
    everybody = groups == "*"
    roots, missing = graph.named(()) if everybody else graph.named(groups)
    if push_groups == "scope":
        pushed = set(graph.group_ids.values()) if everybody else graph.within(roots)
    else:
        pushed, missing_pushed = graph.named(() if push_groups == "none" else push_groups)
        missing = [*missing, *missing_pushed]
    user_ids = None if everybody else graph.effective_members(roots)
    return Scope(user_ids, pushed, tuple(missing))


def desired_users(
    heads: Iterable[UserHead], scope: Scope, view: AttributeView, now: datetime
) -> Iterator[tuple[str, DesiredUser | None]]:
    """Yield the external_id of everybody; with what should be there, or None for leavers.

    Those who are out of scope and have not left are passed over.
    """
    fingerprint = view.fingerprint
    for external_id, digest, is_enabled, expires_at, left_at in heads:
        if left_at is not None:
            yield external_id, None
        elif scope.user_ids is None or external_id in scope.user_ids:
            is_active = is_enabled and (expires_at is None or expires_at > now)
            state = b"active" if is_active else b"disabled"
            yield external_id, DesiredUser(digest_of(digest, state, fingerprint), is_active)


def desired_groups(
    heads: Iterable[GroupHead],
    scope: Scope,
    graph: MemberGraph,
    is_present: Callable[[str], bool],
    view: AttributeView,
) -> dict[str, DesiredGroup]:
    """Return the groups in scope by external_id, with those members who are present there."""
    fingerprint = view.fingerprint
    return {
        external_id: DesiredGroup(
            digest_of(digest, fingerprint),
            frozenset(filter(is_present, graph.members_of(external_id))),
        )
        for external_id, _, digest in heads
        if external_id in scope.group_ids
    }


def digest_of(*parts: bytes) -> bytes:
    """Return a digest over the parts, each with its length, so that none runs into the next."""
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(4, "big"))
        digest.update(part)
    return digest.digest()
