"""Point after point: what each says of a sign-on, in the order in which they decide.

The first finding with an effect decides. Whoever only wants to know the decision reads no further;
an explanation reads on, so that the two cannot differ.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from connector.idp.policy.circumstances import FirstFactor
from connector.idp.policy.finding import ACCESS, STATUS, Ago, Effect, Finding
from connector.idp.policy.places import demands, refusals, waivers
from connector.idp.policy.points import Authentication
from connector.idp.policy.proving import proved, remembered, usable
from connector.idp.reason import Reason
from connector.idp.standing import Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from connector.idp.policy.circumstances import Circumstances
    from connector.idp.policy.layers import Effective
    from connector.idp.policy.points import Points

_BARRED: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.NOT_ACTIVE: "the account is not active",
        Reason.NOT_IN_GROUP: "they are in none of the groups of the application",
    }
)


def findings(known: Circumstances, effective: Effective) -> Iterator[Finding]:
    """Yield what each point says, those that decide before others first; one has an effect."""
    points = effective.points
    is_bypassed = known.status is Status.BYPASS
    if not is_bypassed:
        yield _status(known)
    yield _access(known)
    if points.authentication is Authentication.DENY:
        yield Finding("authentication", "nobody enters", (), Effect.DENY)
    if not is_bypassed:
        yield from refusals(known, points)
    yield from _age(known, points)
    if is_bypassed:
        words = "no second factor; networks, countries and browsers do not count"
        yield Finding(STATUS, words, (), Effect.ALLOW)
    else:
        yield _first_factor(known, points)
        yield from _second_factor(known, effective)


def _status(known: Circumstances) -> Finding:
    match known.status:
        case Status.DISABLED:
            words = "the help desk has disabled them"
            return Finding(STATUS, words, (), Effect.DENY, Reason.STATUS_DISABLED)
        case Status.LOCKED_OUT:
            words = "they are locked out until the help desk or time unlocks them"
            return Finding(STATUS, words, (), Effect.DENY, Reason.STATUS_LOCKED_OUT)
        case _:
            return Finding(STATUS, "the help desk has nothing against it")


def _access(known: Circumstances) -> Finding:
    if known.barred is None:
        return Finding(ACCESS, "account and groups let them in")
    words = _BARRED.get(known.barred, str(known.barred))
    return Finding(ACCESS, words, (), Effect.DENY, known.barred)


def _age(known: Circumstances, points: Points) -> Iterator[Finding]:
    """Yield whether the sign-on is too old, or was not used for too long."""
    for point, verb, limit, since, reason in (
        (
            "session_lifetime",
            "began",
            points.session_lifetime,
            known.session_began_at,
            Reason.SESSION_TOO_OLD,
        ),
        (
            "session_idle",
            "was last used",
            points.session_idle,
            known.session_used_at,
            Reason.SESSION_IDLE,
        ),
    ):
        if not known.is_in_session or since is None:
            yield Finding(point, "whoever signs in is not concerned")
        elif known.now - since >= limit:
            form = f"the sign-on {verb} {{}}: too long ago"
            yield Finding(point, form, (Ago(known.now, since),), Effect.AGAIN, reason)
        else:
            yield Finding(point, f"the sign-on {verb} {{}}", (Ago(known.now, since),))


def _first_factor(known: Circumstances, points: Points) -> Finding:
    if points.passwordless:
        return Finding("passwordless", "a passkey alone may sign in")
    if known.first is FirstFactor.PASSKEY:
        words = "they signed in by a passkey alone: a password is wanted"
        return Finding("passwordless", words, (), Effect.AGAIN, Reason.PASSWORD_WANTED)
    return Finding("passwordless", "they did not sign in by a passkey alone")


def _second_factor(known: Circumstances, effective: Effective) -> Iterator[Finding]:
    points = effective.points
    if points.authentication is Authentication.BYPASS:
        yield Finding("authentication", "no second factor is asked for", (), Effect.ALLOW)
    elif points.authentication is Authentication.ENFORCE:
        yield Finding("authentication", "a second factor, unless a line below says otherwise")
    yield from waivers(known, points)
    yield from usable(effective)
    proof, browser = proved(known, effective), remembered(known, effective)
    is_met = proof.effect is Effect.ALLOW
    yield from demands(known, points, is_met=is_met)
    # What was proved says more than what is remembered; to be asked comes last.
    yield from (proof, browser) if is_met else (browser, proof)
