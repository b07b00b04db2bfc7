"""Layers of a policy as the configuration has them, and what comes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.idp.application.service_provider import to_slug
from connector.idp.factor import FactorKind
from connector.idp.network import NetworkSet
from connector.idp.policy.layers import ApplicationPolicy, Policies, Policy, effective, layer
from connector.idp.policy.points import Authentication, Frequency, NewUsers, Others, Remembering

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from connector.settings import ApplicationRules, GroupPolicySettings, PolicySettings, Rules

_TABLES = ("networks", "countries", "browsers")


def make_policies(rules: Rules) -> Policies:
    """Return the policies that rules make, whether or not they make sense together."""
    shared = _shared_layers(rules)
    return Policies(
        effective(shared),
        {to_slug(one.name): _policy_of(shared, one) for one in rules.application},
    )


def _shared_layers(rules: Rules) -> tuple[Policy, ...]:
    """Return the layers below those of applications.

    As long as there is no [policy], nobody is asked for a second factor.
    """
    says: dict[str, Any] = {
        "session_lifetime": rules.session_lifetime,
        "session_idle": rules.session_idle,
    }
    if rules.policy is None:
        return (Policy("default", says | {"authentication": Authentication.BYPASS}),)
    return Policy("default", says), Policy("global", points_of(rules.policy))


def _policy_of(shared: tuple[Policy, ...], rules: ApplicationRules) -> ApplicationPolicy:
    own = rules.policy
    layers = (*shared, Policy(f"application {rules.name}", points_of(own))) if own else shared
    return layer(layers, [_group_policy(one, rules.name) for one in rules.group_policy])


def _group_policy(settings: GroupPolicySettings, application: str) -> Policy:
    first, *more = settings.groups
    others = f" and {len(more)} more" if more else ""
    return Policy(
        f"group {first}{others} on {application}",
        points_of(settings),
        frozenset(name.casefold() for name in settings.groups),
    )


_CONVERSIONS: Mapping[str, Callable[[Any], Any]] = {
    "authentication": Authentication,
    "new_users": NewUsers,
    "factors": lambda names: frozenset(map(FactorKind, names)),
    "second_factor": lambda value: Frequency(value) if isinstance(value, str) else value,
    "remembered_devices": Remembering,
    "networks_without": NetworkSet,
    "networks_require": NetworkSet,
    "networks_refuse": NetworkSet,
    "networks_others": Others,
    "countries_without": frozenset,
    "countries_require": frozenset,
    "countries_refuse": frozenset,
    "countries_others": Others,
}


def points_of(settings: PolicySettings) -> dict[str, Any]:
    """Return what a layer says, by the names of `Points`."""
    said = dict[str, Any]()
    for key in sorted(settings.model_fields_set - {"groups"}):
        value = getattr(settings, key)
        if key in _TABLES:
            said |= {f"{key}_{one}": getattr(value, one) for one in value.model_fields_set}
        else:
            said[key] = value
    return {key: _CONVERSIONS.get(key, _as_it_is)(value) for key, value in said.items()}


def _as_it_is(value: Any) -> Any:
    return value
