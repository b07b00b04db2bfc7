"""Which people differ between desired and known, by key alone: no document is looked at.

::

    desired  known     is active there   becomes
    -------  --------  ----------------  ---------------------------------------------------
    active   -                           created (or takes over a leaver's account, see plan)
    disabled -                           nothing: a disabled person is never created
    yes      same                        unchanged
    yes      other                       changed
    -        yes       yes               removed: disabled or deleted, as configured
    -        yes       no                unchanged, or deleted when its grace is over
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet
    from datetime import datetime, timedelta

    from connector.planner.desired import DesiredUser
    from connector.planner.known import KnownResource

Mode = Literal["sync", "upsert-only", "create-only"]
Deprovision = Literal["disable", "delete", "disable-then-delete"]


@dataclass(frozen=True, slots=True)
class Rules:
    """How a target is kept.

    Attributes:
        mode: "upsert-only" never takes away; "create-only" never changes what is there either.
        deprovision: What becomes of those who leave.
        grace: How long a disabled account is kept before "disable-then-delete" deletes it.
        absence_is_proven: Whether not being desired is evidence that access should end.

    """

    mode: Mode
    deprovision: Deprovision
    grace: timedelta
    absence_is_proven: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """Which keys need something.

    Attributes:
        created: Desired, active and not there.
        changed: There, and perhaps different.
        disabled: There, active, and no longer desired.
        deleted: There, and to be deleted.
        unchanged_count: All others of ours.
        withheld_count: Of ours, no longer desired, and left alone for want of proof or by mode.

    """

    created: tuple[str, ...]
    changed: tuple[str, ...]
    disabled: tuple[str, ...]
    deleted: tuple[str, ...]
    unchanged_count: int
    withheld_count: int


def compare_users(
    desired: Mapping[str, DesiredUser],
    leavers: AbstractSet[str],
    known: Mapping[str, KnownResource],
    rules: Rules,
    now: datetime,
) -> Comparison:
    """Return which people need something at a target (see the table above)."""
    created = tuple(
        external_id
        for external_id, user in desired.items()
        if external_id not in known and user.is_active
    )
    changed = tuple(
        external_id
        for external_id, resource in known.items()
        if external_id in desired and desired[external_id].digest != resource.digest
    )
    disabled, deleted, withheld = _removed(desired, leavers, known, rules, now)
    if rules.mode == "create-only":
        changed = ()
    touched = len(changed) + len(disabled) + len(deleted)
    return Comparison(
        created, changed, disabled, deleted, len(known) - touched - withheld, withheld
    )


def _removed(
    desired: Mapping[str, DesiredUser],
    leavers: AbstractSet[str],
    known: Mapping[str, KnownResource],
    rules: Rules,
    now: datetime,
) -> tuple[tuple[str, ...], tuple[str, ...], int]:
    disabled, deleted, withheld = [], [], 0
    for external_id, resource in known.items():
        if external_id in desired:
            continue
        step = _next_step(resource, rules, now)
        if step is None:
            continue
        # A leaver was proven absent when the read that found it was complete.
        if rules.mode != "sync" or not (rules.absence_is_proven or external_id in leavers):
            withheld += 1
        elif step == "disable":
            disabled.append(external_id)
        else:
            deleted.append(external_id)
    return tuple(disabled), tuple(deleted), withheld


def _next_step(
    resource: KnownResource, rules: Rules, now: datetime
) -> Literal["disable", "delete"] | None:
    """Return what the ladder says for somebody who is no longer desired."""
    if rules.deprovision == "delete":
        return "delete"
    if resource.is_active:
        return "disable"
    if rules.deprovision == "disable":
        return None
    is_over = resource.disabled_at is not None and resource.disabled_at + rules.grace <= now
    return "delete" if is_over else None
