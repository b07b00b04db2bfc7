"""What depends on where a sign-on comes from: networks, countries, browsers.

Whoever only wants to know the decision asks at every sign-on, so lists that are empty say nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.idp.policy.browser import parse_user_agent
from connector.idp.policy.finding import Effect, Finding
from connector.idp.policy.points import Others
from connector.idp.reason import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector.idp.policy.circumstances import Circumstances
    from connector.idp.policy.points import Points

_NONE = "{} is not among them"


def refusals(known: Circumstances, points: Points) -> Iterator[Finding]:
    """Yield whether networks, countries and browsers keep the person out."""
    yield from _networks(known, points)
    yield from _countries(known, points)
    yield from _browser(known, points)


def is_required(known: Circumstances, points: Points) -> bool:
    """Return whether a second factor is asked for from there, whatever else would do."""
    return known.address in points.networks_require or known.country in points.countries_require


def demands(known: Circumstances, points: Points, *, is_met: bool) -> Iterator[Finding]:
    """Yield whether a second factor is asked for from there, whatever else would do.

    Args:
        known: Where that is, among others.
        points: With the lists.
        is_met: One was proved.

    """
    if points.networks_require:
        is_in = known.address in points.networks_require
        yield _demanded("networks_require", _address(known), is_in=is_in, is_met=is_met)
    if points.countries_require:
        is_in = known.country in points.countries_require
        yield _demanded("countries_require", _country(known), is_in=is_in, is_met=is_met)


def _demanded(point: str, where: object, *, is_in: bool, is_met: bool) -> Finding:
    if not is_in:
        return Finding(point, _NONE, (where,))
    effect = Effect.NOTHING if is_met else Effect.ASK
    return Finding(point, "{} is among them: always a second factor", (where,), effect)


def waivers(known: Circumstances, points: Points) -> Iterator[Finding]:
    """Yield whether no second factor is asked for from there."""
    if points.networks_without:
        is_in = known.address in points.networks_without
        yield _waived(known, points, ("networks_without", _address(known)), is_in=is_in)
    if points.countries_without:
        is_in = known.country in points.countries_without
        yield _waived(known, points, ("countries_without", _country(known)), is_in=is_in)


def _waived(
    known: Circumstances, points: Points, place: tuple[str, object], *, is_in: bool
) -> Finding:
    point, where = place
    if not is_in:
        return Finding(point, _NONE, (where,))
    if is_required(known, points):
        return Finding(point, "{} is among them, but a list of `require` comes first", (where,))
    return Finding(point, "{} is among them: no second factor", (where,), Effect.ALLOW)


def _networks(known: Circumstances, points: Points) -> Iterator[Finding]:
    reason = Reason.NETWORK_REFUSED
    if points.networks_refuse:
        is_in = known.address in points.networks_refuse
        yield _bar("networks_refuse", _address(known), reason, is_in=is_in)
    if points.networks_others is Others.REFUSE:
        is_named = _is_in_named_network(known, points)
        yield _bar_to_others("networks_others", _address(known), reason, is_named=is_named)


def _countries(known: Circumstances, points: Points) -> Iterator[Finding]:
    where, reason = _country(known), Reason.COUNTRY_REFUSED
    if points.countries_refuse:
        is_in = known.country in points.countries_refuse
        yield _bar("countries_refuse", where, reason, is_in=is_in)
    if points.countries_others is Others.REFUSE:
        is_named = known.country in points.countries_without | points.countries_require
        if not known.country and _is_in_named_network(known, points):
            # Addresses of an organisation's own network have no country.
            is_named, where = True, _address(known)
        yield _bar_to_others("countries_others", where, reason, is_named=is_named)


def _is_in_named_network(known: Circumstances, points: Points) -> bool:
    return known.address in points.networks_without or known.address in points.networks_require


def _browser(known: Circumstances, points: Points) -> Iterator[Finding]:
    oldest = {
        "chrome": points.browsers_chrome,
        "firefox": points.browsers_firefox,
        "safari": points.browsers_safari,
        "edge": points.browsers_edge,
    }
    if not any(oldest.values()):
        return
    browser = parse_user_agent(known.user_agent)
    for family, major in oldest.items():
        if not major:
            continue
        point = f"browsers_{family}"
        if browser.family != family:
            yield Finding(point, "{} is another one", (browser,))
        elif browser.major < major:
            too_old = "{} is too old: refused"
            yield Finding(point, too_old, (browser,), Effect.DENY, Reason.BROWSER_TOO_OLD)
        else:
            yield Finding(point, "{} is new enough", (browser,))


def _bar(point: str, where: object, reason: Reason, *, is_in: bool) -> Finding:
    if is_in:
        return Finding(point, "{} is among them: refused", (where,), Effect.DENY, reason)
    return Finding(point, _NONE, (where,))


def _bar_to_others(point: str, where: object, reason: Reason, *, is_named: bool) -> Finding:
    if is_named:
        return Finding(point, "{} is named in another list", (where,))
    return Finding(point, "{} is named in no list: refused", (where,), Effect.DENY, reason)


def _address(known: Circumstances) -> object:
    return known.address or "an unknown address"


def _country(known: Circumstances) -> object:
    return known.country or "an unknown country"
