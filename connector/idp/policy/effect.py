"""What a change of the rules would do to people: who gets in, who does not, who is asked how often.

Two arrangements are compared by what a login by password, from one place, would come to under
each. All people of whom the same is known come to the same, so it is worked out once for them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple

from connector.idp.policy.circumstances import Circumstances
from connector.idp.policy.decide import decide
from connector.idp.policy.decision import Allow, Deny, Enrol, StepUp
from connector.idp.policy.entry import admits
from connector.idp.policy.meet import meet
from connector.idp.policy.points import Frequency
from connector.idp.reason import Reason
from connector.idp.standing import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from connector.idp.factor import FactorKind
    from connector.idp.network import Address, NetworkSet
    from connector.idp.policy.entry import Entrance
    from connector.idp.policy.layers import Effective, Policies
    from connector.idp.policy.points import Points

_NEVER = timedelta.max


class Change(StrEnum):
    """What becomes of a person at an application."""

    GAINS = "gain-access"
    LOSES = "lose-access"
    MORE = "asked-more-often"
    LESS = "asked-less-often"
    ENROLS = "must-enrol"


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The rules as one configuration has them.

    Attributes:
        entrances: The applications, as far as who may enter.
        policies: What is asked there.

    """

    entrances: tuple[Entrance, ...]
    policies: Policies

    def networks(self) -> Iterator[NetworkSet]:
        """Yield all networks that are named."""
        shared = (self.policies.general, *self._of_applications())
        for found in shared:
            points = found.points
            yield from (points.networks_without, points.networks_require, points.networks_refuse)

    def groups_at(self, slug: str) -> frozenset[str]:
        """Return the casefolded names of the groups on which anything depends at an application."""
        named = [one.groups for one in self.entrances if one.slug == slug]
        policy = self.policies.by_slug.get(slug)
        named += [groups for groups, _ in policy.for_groups] if policy else []
        return frozenset[str]().union(*named)

    def groups(self) -> frozenset[str]:
        """Return the casefolded names of all groups on which anything depends."""
        return frozenset[str]().union(*(self.groups_at(one.slug) for one in self.entrances))

    def _of_applications(self) -> Iterator[Effective]:
        for one in self.policies.by_slug.values():
            yield one.general
            yield from (found for _, found in one.for_groups)


class Kind(NamedTuple):
    """All that is known of some people, as far as anything depends on it.

    Attributes:
        groups: Those of their groups on which anything depends, casefolded.
        status: What the help desk says of them.
        enrolled: Kinds of factors that they can use.

    """

    groups: frozenset[str]
    status: Status = Status.ACTIVE
    enrolled: frozenset[FactorKind] = frozenset()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a login comes from.

    Attributes:
        now: The moment.
        address: Of the browser.
        country: ISO 3166-1 code; "" if not known.

    """

    now: datetime
    address: Address | None
    country: str = ""


@dataclass(frozen=True, slots=True)
class ApplicationEffect:
    """What a change does at one application.

    Attributes:
        name: Of the application.
        people: By a `Change`, what becomes of them: their names, in order.

    """

    name: str
    people: Mapping[str, Sequence[str]] = field(default_factory=dict)


class Outcome(NamedTuple):
    """What a login comes to.

    Attributes:
        is_let_in: At once, or after the person has done what is asked.
        must_enrol: They have to enrol a factor for it.
        periods: After what times they are asked: for a second factor, for everything, and for
            everything if they do nothing.

    """

    is_let_in: bool
    must_enrol: bool = False
    periods: tuple[timedelta, timedelta, timedelta] = (_NEVER, _NEVER, _NEVER)


def compare(
    before: Arrangement, after: Arrangement, people: Mapping[Kind, Sequence[str]], place: Place
) -> tuple[ApplicationEffect, ...]:
    """Return what going from one arrangement to another does, by application.

    Args:
        before: The rules that are in force.
        after: Those that would be.
        people: Names of everybody whose account is active, by what is known of them.
        place: Where the logins come from.

    """
    entrances = {one.slug: one for one in (*before.entrances, *after.entrances)}
    return tuple(
        ApplicationEffect(one.name, _changes_at(slug, before, after, people, place))
        for slug, one in entrances.items()
    )


def _changes_at(
    slug: str,
    before: Arrangement,
    after: Arrangement,
    people: Mapping[Kind, Sequence[str]],
    place: Place,
) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    relevant = before.groups_at(slug) | after.groups_at(slug)
    known: dict[Kind, tuple[Change, ...]] = {}
    for kind, names in people.items():
        # Few groups count at one application, so that most people are alike there.
        here = kind._replace(groups=kind.groups & relevant)
        if here not in known:
            outcomes = (_outcome(rules, slug, here, place) for rules in (before, after))
            known[here] = tuple(changes_between(*outcomes))
        for change in known[here]:
            found.setdefault(change, []).extend(names)
    return {change: sorted(found[change], key=str.casefold) for change in Change if change in found}


def changes_between(before: Outcome, after: Outcome) -> Iterator[Change]:
    """Yield what becomes of people whose logins came to the one, and will come to the other."""
    if before.is_let_in and not after.is_let_in:
        yield Change.LOSES
    if not after.is_let_in:
        return
    if not before.is_let_in:
        yield Change.GAINS
    elif any(new < old for old, new in zip(before.periods, after.periods, strict=True)):
        yield Change.MORE
    elif before.periods != after.periods:
        yield Change.LESS
    if after.must_enrol and not before.must_enrol:
        yield Change.ENROLS


def _outcome(rules: Arrangement, slug: str, kind: Kind, place: Place) -> Outcome:
    entrance = next((one for one in rules.entrances if one.slug == slug), None)
    if entrance is None:
        return Outcome(is_let_in=False)
    effective = rules.policies.effective_for(slug, kind.groups)
    known = Circumstances(
        now=place.now,
        status=kind.status,
        barred=None if admits(entrance, kind.groups) else Reason.NOT_IN_GROUP,
        address=place.address,
        country=place.country,
        first_at=place.now,
    )
    decision = decide(known, effective)
    if not isinstance(decision, Allow | StepUp):
        return Outcome(is_let_in=False)
    following = meet(decision, kind.enrolled, effective)
    if isinstance(following, Deny):
        return Outcome(is_let_in=False)
    points = effective.points
    asked_after = _NEVER
    if isinstance(decision, StepUp) and not isinstance(following, Allow):
        asked_after = _asked_after(points, decision.remember_for)
    periods = asked_after, points.session_lifetime, points.session_idle
    return Outcome(is_let_in=True, must_enrol=isinstance(following, Enrol), periods=periods)


def _asked_after(points: Points, remembered: timedelta | None) -> timedelta:
    """Return how long a second factor is good for in one browser.

    Args:
        points: What holds.
        remembered: For how long the browser may be remembered, or None.

    """
    if points.second_factor is Frequency.LOGIN:
        return timedelta(0)
    lasting = points.session_lifetime
    if not isinstance(points.second_factor, Frequency):
        lasting = min(points.second_factor, lasting)
    return max(lasting, remembered or lasting)


def outside(networks: Iterable[NetworkSet]) -> Address | None:
    """Return an address that is in none of these networks; None if they hold all that we try.

    >>> from connector.idp.network import NetworkSet
    >>> outside([NetworkSet()])
    IPv4Address('203.0.113.1')

    """
    sets = list(networks)
    tried = ["203.0.113.1", "198.51.100.1", *(f"{first}.0.0.1" for first in range(1, 224))]
    tried += ["2001:db8::1", *(f"{first:x}::1" for first in range(0x2000, 0x4000, 0x100))]
    addresses = map(ip_address, tried)
    return next((one for one in addresses if not any(one in each for each in sets)), None)
