"""Layers of a policy, and what comes of them: for each point the value, and who said so."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from connector.idp.policy.points import Authentication, Points

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from connector.idp.factor import FactorKind

DEFAULT = "default"
_NAMES = tuple(each.name for each in fields(Points))


@dataclass(frozen=True, slots=True)
class Policy:
    """One layer as it is written.

    Attributes:
        layer: What it is called in explanations, such as "global" or "application Payroll".
        says: Its values by the names of `Points`; of points that are not there it says nothing.
        groups: Of a layer that is for some people only: casefolded distinguished names of the
            groups they are in.

    """

    layer: str
    says: Mapping[str, Any] = field(default_factory=dict)
    groups: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Keep what it says from being changed.

        Raises:
            ValueError: if there is no such point.

        """
        unknown = self.says.keys() - set(_NAMES)
        if unknown:
            message = f"no such point: {', '.join(sorted(unknown))}"
            raise ValueError(message)
        object.__setattr__(self, "says", MappingProxyType(dict(self.says)))


@dataclass(frozen=True, slots=True)
class Effective:
    """What holds for some people at an application.

    Attributes:
        points: Every point.
        layers: By the names of the points: the layer that decided it.
        kinds: Of factors that count, the strongest first.

    """

    points: Points
    layers: Mapping[str, str]
    kinds: tuple[FactorKind, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Work out once what every sign-on asks for."""
        object.__setattr__(self, "kinds", self.points.kinds)

    def layer_of(self, point: str) -> str:
        """Return which layer decided a point."""
        return self.layers[point]


def effective(layers: Iterable[Policy]) -> Effective:
    """Return what comes of layers; each that says something of a point overrides those before it.

    >>> found = effective([Policy("global", {"passwordless": False}), Policy("application CRM")])
    >>> found.points.passwordless, found.layer_of("passwordless"), found.layer_of("factors")
    (False, 'global', 'default')

    """
    values: dict[str, Any] = {}
    deciding = dict.fromkeys(_NAMES, DEFAULT)
    for policy in layers:
        values.update(policy.says)
        deciding.update(dict.fromkeys(policy.says, policy.layer))
    return Effective(replace(Points(), **values), MappingProxyType(deciding))


@dataclass(frozen=True, slots=True)
class ApplicationPolicy:
    """What holds at one application.

    Attributes:
        general: For whom no group policy is.
        for_groups: For members of those groups; the first that fits a person decides.

    """

    general: Effective
    for_groups: tuple[tuple[frozenset[str], Effective], ...] = ()

    def effective_for(self, groups: Collection[str]) -> Effective:
        """Return what holds for somebody who is in these groups, named casefolded."""
        for members, found in self.for_groups:
            if not members.isdisjoint(groups):
                return found
        return self.general


def layer(shared: Iterable[Policy], group_policies: Iterable[Policy] = ()) -> ApplicationPolicy:
    """Return what holds at an application.

    Everything that can come of it is worked out here: a sign-on only picks.

    Args:
        shared: Layers for everybody, from the default to that of the application.
        group_policies: Layers for some, in the operator's order.

    """
    below = tuple(shared)
    return ApplicationPolicy(
        effective(below), tuple((one.groups, effective((*below, one))) for one in group_policies)
    )


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies of all applications.

    Attributes:
        general: What holds where there is no application, such as at the portal.
        by_slug: What holds at each application.

    """

    general: Effective
    by_slug: Mapping[str, ApplicationPolicy] = field(default_factory=dict)

    def effective_for(self, slug: str, groups: Collection[str]) -> Effective:
        """Return what holds at an application for somebody who is in these groups.

        Args:
            slug: Of the application; one that has no policy of its own gets the general one.
            groups: Casefolded distinguished names, nested ones included.

        """
        found = self.by_slug.get(slug)
        return self.general if found is None else found.effective_for(groups)


NOTHING_ASKED = Policies(effective([Policy(DEFAULT, {"authentication": Authentication.BYPASS})]))
"""What holds as long as there are no rules: nobody is asked for a second factor."""
