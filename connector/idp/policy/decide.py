"""Whether somebody enters, and by what proof."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.idp.policy.decision import Allow, Deny, SignInAgain, StepUp
from connector.idp.policy.finding import ACCESS, Effect
from connector.idp.policy.judging import findings
from connector.idp.policy.places import is_required
from connector.idp.policy.points import NewUsers, Remembering, key_of
from connector.idp.policy.proving import proof_that_counts, remembered_for

if TYPE_CHECKING:
    from datetime import timedelta

    from connector.idp.policy.circumstances import Circumstances
    from connector.idp.policy.finding import Finding
    from connector.idp.policy.layers import Effective
    from connector.idp.policy.points import Points

_WAIVING = frozenset({"networks_without", "countries_without"})


def decide(known: Circumstances, effective: Effective) -> Allow | Deny | StepUp | SignInAgain:
    """Return whether the person enters under these circumstances.

    It is asked at every sign-on, and takes some ten microseconds. Who has which factors it does not
    know: an `Allow` with kinds to enrol and a `StepUp` go on to `meet` when that is known.

    Args:
        known: What is known of the sign-on.
        effective: What holds at the application for the person, by `Policies.effective_for`.

    """
    nothing = Effect.NOTHING
    deciding = next(each for each in findings(known, effective) if each.effect is not nothing)
    return _to_decision(deciding, known, effective)


def _to_decision(
    finding: Finding, known: Circumstances, effective: Effective
) -> Allow | Deny | StepUp | SignInAgain:
    point = "" if finding.point == ACCESS else key_of(finding.point)
    match finding.effect:
        case Effect.DENY:
            return Deny(finding.reason, point)
        case Effect.AGAIN:
            return SignInAgain(finding.reason, point)
        case Effect.ASK:
            points = effective.points
            is_shared = points.remembered_devices is Remembering.SHARED
            return StepUp(effective.kinds, _offered(known, points), is_shared=is_shared)
        case _:
            return Allow(effective.kinds if _enrols(finding, known, effective) else ())


def _offered(known: Circumstances, points: Points) -> timedelta | None:
    """Return for how long a browser may be remembered; not where that would not be believed."""
    return None if is_required(known, points) else remembered_for(points)


def _enrols(finding: Finding, known: Circumstances, effective: Effective) -> bool:
    """Return whether a place where no factor is asked for is to enrol people nevertheless."""
    points = effective.points
    if finding.point not in _WAIVING or known.is_in_session:
        return False
    is_new = proof_that_counts(known, effective.kinds)[0] is None
    return is_new and points.networks_enrol_from_without and points.new_users is NewUsers.ENROL
