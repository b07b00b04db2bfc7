"""Which people differ between desired and known, by key alone: no document is looked at.

::

    desired  known     is active there   becomes
    -------  --------  ----------------  ---------------------------------------------------
    active   -                           created (or takes over a leaver's account, see plan)
    disabled -                           nothing: a disabled person is never created
    yes      same                        unchanged
    yes      other                       changed
    -        yes       yes               removed: disabled or deleted, as configured
    -        yes       no                released, which begins its grace; deleted when that is over
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from connector.planner.known import RELEASED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet
    from datetime import datetime, timedelta

    from connector.planner.desired import DesiredUser
    from connector.planner.known import KnownHead

Mode = Literal["sync", "upsert-only", "create-only"]
Deprovision = Literal["disable", "delete", "disable-then-delete"]
Step = Literal["disable", "release", "delete"]


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
        released: There, not active before, and no longer desired as of now.
        undesired: There, whatever is done about it, and no longer desired.
        leavers: Of those, who left the source.
        withheld_count: Of those, left alone for want of proof or by mode.

    """

    created: Mapping[str, DesiredUser]
    changed: Mapping[str, DesiredUser]
    disabled: tuple[str, ...]
    deleted: tuple[str, ...]
    released: tuple[str, ...]
    undesired: AbstractSet[str]
    leavers: AbstractSet[str]
    withheld_count: int


def compare_users(
    desired: Iterable[tuple[str, DesiredUser | None]],
    known: Mapping[str, KnownHead],
    rules: Rules,
    now: datetime,
) -> Comparison:
    """Return which people need something at a target (see the table above).

    Args:
        desired: What `desired_users` yields; None marks a leaver.
        known: What the target holds of ours.
        rules: How the target is kept.
        now: When that is.

    """
    created: dict[str, DesiredUser] = {}
    changed: dict[str, DesiredUser] = {}
    leavers: set[str] = set()
    undesired = set(known)
    for external_id, user in desired:
        head = known.get(external_id)
        if user is None:
            if head is not None:
                leavers.add(external_id)
            continue
        undesired.discard(external_id)
        if head is None:
            if user.is_active:
                created[external_id] = user
        elif head.digest != user.digest and rules.mode != "create-only":
            changed[external_id] = user
    steps, withheld = _steps(undesired, leavers, known, rules, now)
    return Comparison(
        created=created,
        changed=changed,
        disabled=tuple(steps["disable"]),
        deleted=tuple(steps["delete"]),
        released=tuple(steps["release"]),
        undesired=undesired,
        leavers=leavers,
        withheld_count=withheld,
    )


def _steps(
    undesired: AbstractSet[str],
    leavers: AbstractSet[str],
    known: Mapping[str, KnownHead],
    rules: Rules,
    now: datetime,
) -> tuple[dict[Step, list[str]], int]:
    """Return who is disabled, released and deleted, and how many are left alone."""
    steps: dict[Step, list[str]] = {"disable": [], "release": [], "delete": []}
    withheld = 0
    for external_id in undesired:
        step = _next_step(known[external_id], rules, now)
        if step is None:
            continue
        # A leaver was proven absent when the read that found it was complete.
        if rules.mode != "sync" or not (rules.absence_is_proven or external_id in leavers):
            withheld += 1
        else:
            steps[step].append(external_id)
    return steps, withheld


def _next_step(head: KnownHead, rules: Rules, now: datetime) -> Step | None:
    """Return what the ladder says for somebody who is no longer desired."""
    if rules.deprovision == "delete":
        return "delete"
    if head.is_active:
        return "disable"
    if rules.deprovision == "disable":
        return None
    # Grace is for whoever went by mistake, so it begins when they went: somebody may have been
    # disabled in the source for years before.
    if head.digest != RELEASED or head.disabled_at is None:
        return "release"
    return "delete" if head.disabled_at + rules.grace <= now else None
