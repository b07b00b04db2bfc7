"""What becomes of a decision once it is known which factors the person has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.idp.factor import FactorKind
from connector.idp.policy.decision import Allow, Ask, Deny, Enrol, StepUp
from connector.idp.policy.points import NewUsers
from connector.idp.reason import Reason

if TYPE_CHECKING:
    from collections.abc import Collection

    from connector.idp.policy.layers import Effective


def meet(
    decision: Allow | StepUp, enrolled: Collection[FactorKind], effective: Effective
) -> Allow | Ask | Enrol | Deny:
    """Return what the person is asked to do next.

    Whoever has a factor, though of no kind that counts here, is not new: they are never let in
    without one, whatever `new_users` says.

    Args:
        decision: As `decide` returned it.
        enrolled: Kinds of factors that the person can use now; codes only while some are left.
        effective: What it was decided by.

    """
    match decision:
        case StepUp(kinds):
            usable = tuple(kind for kind in kinds if kind in enrolled)
            return Ask(usable) if usable else _without(kinds, enrolled, effective)
        case Allow(kinds):
            is_missing = bool(kinds) and not any(kind in enrolled for kind in kinds)
            return (_to_enrol(kinds, enrolled) or Allow()) if is_missing else Allow()


def _without(
    kinds: tuple[FactorKind, ...], enrolled: Collection[FactorKind], effective: Effective
) -> Allow | Enrol | Deny:
    """Return what becomes of somebody who has nothing that counts."""
    new_users = effective.points.new_users
    if new_users is NewUsers.DENY:
        return Deny(Reason.FACTOR_MISSING, "new_users")
    if new_users is NewUsers.ALLOW and not enrolled:
        return Allow()
    return _to_enrol(kinds, enrolled) or Deny(Reason.FACTOR_MISSING, "factors")


def _to_enrol(kinds: tuple[FactorKind, ...], enrolled: Collection[FactorKind]) -> Enrol | None:
    own = tuple(kind for kind in kinds if kind.is_enrolled_by_person)
    return Enrol(own, tuple(kind for kind in FactorKind if kind in enrolled)) if own else None
