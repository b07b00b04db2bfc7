"""The policies of an installation: what its configuration says, layer upon layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.bootstrap.opening import idp_of
from connector.errors import ConfigurationError, Fault
from connector.idp.application.service_provider import to_slug
from connector.idp.factor import FactorKind
from connector.idp.network import NetworkSet
from connector.idp.policy.entry import Entrance
from connector.idp.policy.layers import ApplicationPolicy, Policies, Policy, effective, layer
from connector.idp.policy.points import (
    Authentication,
    Frequency,
    NewUsers,
    Others,
    Remembering,
    key_of,
)
from connector.settings import ApplicationRules, Rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from connector.idp.policy.layers import Effective
    from connector.settings import (
        ApplicationSettings,
        GroupPolicySettings,
        PolicySettings,
        Settings,
    )

_FILE = "connector.toml"
_TABLES = ("networks", "countries", "browsers")


def rules_of(settings: Settings) -> Rules:
    """Return what a configuration says of who may enter where, and what is asked of them.

    Raises:
        ConfigurationError: if it has no identity provider.

    """
    idp = idp_of(settings)
    applications = tuple(
        ApplicationRules(
            name=one.name, groups=one.groups, policy=one.policy, group_policy=one.group_policy
        )
        for one in settings.application
    )
    return Rules(
        session_lifetime=idp.session_lifetime,
        session_idle=idp.session_idle,
        policy=settings.policy,
        application=applications,
    )


def load_policies(settings: Settings) -> Policies:
    """Return the policies of all applications.

    Raises:
        ConfigurationError: with every fault of every layer.

    """
    rules = rules_of(settings)
    faults = [
        *_check(rules),
        *_check_countries(rules, has_file=bool(idp_of(settings).countries_file)),
    ]
    if faults:
        raise ConfigurationError(faults)
    return make_policies(rules)


def entrances_of(rules: Rules) -> tuple[Entrance, ...]:
    """Return who may enter each application."""
    return tuple(map(entrance_of, rules.application))


def entrance_of(settings: ApplicationRules | ApplicationSettings) -> Entrance:
    """Return who may enter an application."""
    return Entrance(
        settings.name,
        to_slug(settings.name),
        frozenset() if settings.groups == "*" else frozenset(map(str.casefold, settings.groups)),
        admits_everybody=settings.groups == "*",
    )


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


# What makes sense only together.


def _check(rules: Rules) -> Iterator[Fault]:
    policies = make_policies(rules)
    if rules.policy is not None:
        yield from _faults_of(policies.general, rules, "policy")
    for number, one in enumerate(rules.application):
        place = f"application[{number}]"
        if rules.policy is None and (one.policy or one.group_policy):
            problem = (
                "needs a table [policy], which may be empty: without one nobody is asked for a"
                " second factor"
            )
            yield Fault(_FILE, f"{place}.policy", problem)
            continue
        found = policies.by_slug[to_slug(one.name)]
        if one.policy is not None:
            yield from _faults_of(found.general, rules, f"{place}.policy")
        for position, (_, special) in enumerate(found.for_groups):
            yield from _faults_of(special, rules, f"{place}.group_policy[{position}]")


def _faults_of(found: Effective, rules: Rules, place: str) -> Iterator[Fault]:
    """Yield what is wrong with what comes of layers, the last of which is at that place."""
    points = found.points

    def source(point: str) -> str:
        return f"{key_of(point)} ({found.layer_of(point)})"

    if not points.kinds:
        problem = (
            f'{source("phishing_resistant")} leaves no factor: {source("factors")} has no "passkey"'
        )
        yield Fault(_FILE, place, problem)
    if points.networks_others is Others.REFUSE and not (
        points.networks_without or points.networks_require
    ):
        problem = f"{source('networks_others')} would refuse everybody: name networks"
        yield Fault(_FILE, place, problem)
    if points.countries_others is Others.REFUSE and not (
        points.countries_without or points.countries_require
    ):
        problem = f"{source('countries_others')} would refuse everybody: name countries"
        yield Fault(_FILE, place, problem)
    for point in ("session_lifetime", "session_idle"):
        if getattr(points, point) > getattr(rules, point):
            problem = f"{source(point)} must not be longer than {point} in [idp]"
            yield Fault(_FILE, place, problem)


def _check_countries(rules: Rules, *, has_file: bool) -> Iterator[Fault]:
    if has_file:
        return
    for place, settings in _layers(rules):
        if "countries" in settings.model_fields_set and settings.countries.model_fields_set:
            problem = "needs countries_file in [idp], which tells the countries of addresses"
            yield Fault(_FILE, f"{place}.countries", problem)


def _layers(rules: Rules) -> Iterator[tuple[str, PolicySettings]]:
    """Yield every layer that is written, with its place."""
    if rules.policy is not None:
        yield "policy", rules.policy
    for number, one in enumerate(rules.application):
        if one.policy is not None:
            yield f"application[{number}].policy", one.policy
        for position, each in enumerate(one.group_policy):
            yield f"application[{number}].group_policy[{position}]", each


def remembers_devices(rules: Rules) -> bool:
    """Return whether devices may be remembered anywhere."""
    return any(settings.remembered_devices != "off" for _, settings in _layers(rules))


def lint_policies(rules: Rules) -> Iterator[tuple[str, str]]:
    """Yield what is allowed and probably not meant: a subject, and what is odd about it."""
    if rules.policy is None:
        words = (
            "nobody is asked for a second factor: there is no table [policy]; see docs/policies.md"
        )
        yield "policy", words
    for place, settings in _layers(rules):
        if "factors" in settings.model_fields_set and "passkey" not in settings.factors:
            words = (
                f"{place}.factors leaves out passkeys, the only kind that no page of somebody else"
                " gets anything out of: whoever can use one should be offered it"
            )
            yield "policy", words
    for one in rules.application:
        seen = set[str]()
        for position, each in enumerate(one.group_policy):
            groups = {name.casefold() for name in each.groups}
            if groups <= seen:
                words = f"group_policy[{position}] never decides: its groups are in earlier ones"
                yield f"application {one.name}", words
            seen |= groups
