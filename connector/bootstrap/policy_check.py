"""What is wrong with policies, or odd, as soon as their layers come together (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from connector.bootstrap.policy_layers import make_policies
from connector.errors import Fault
from connector.idp.application.service_provider import to_slug
from connector.idp.policy.points import Others, key_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector.idp.factor import FactorKind
    from connector.idp.policy.layers import Effective
    from connector.settings import PolicySettings, Rules

_FILE = "connector.toml"


@dataclass(frozen=True, slots=True)
class Installed:
    """What policies may need besides themselves.

    Attributes:
        has_countries: Whether the countries of addresses can be told.
        shared_kinds: Kinds of factors that everybody can prove.

    """

    has_countries: bool
    shared_kinds: frozenset[FactorKind]


def find_faults(rules: Rules, installed: Installed) -> Iterator[Fault]:
    """Yield everything that is wrong with policies, each at the layer that made it so."""
    for place, settings in _layers(rules):
        if rules.policy is None:
            problem = (
                "needs a table [policy], which may be empty: without one nobody is asked for a"
                " second factor"
            )
            yield Fault(_FILE, place, problem)
        says_countries = "countries" in settings.model_fields_set
        if says_countries and settings.countries.model_fields_set and not installed.has_countries:
            problem = "needs countries_file in [idp], which tells the countries of addresses"
            yield Fault(_FILE, f"{place}.countries", problem)
    for place, layer, found in _outcomes(rules):
        for points, problem in (
            *_dead_ends(found, installed),
            *_closed_places(found),
            *_long_sessions(found, rules),
        ):
            # What a layer below made so was said there.
            if layer in {found.layer_of(point) for point in points}:
                yield Fault(_FILE, place, problem)


def _layers(rules: Rules) -> Iterator[tuple[str, PolicySettings]]:
    """Yield every layer that is written, with its place."""
    if rules.policy is not None:
        yield "policy", rules.policy
    for number, one in enumerate(rules.application):
        if one.policy is not None:
            yield f"application[{number}].policy", one.policy
        for position, each in enumerate(one.group_policy):
            yield f"application[{number}].group_policy[{position}]", each


def _outcomes(rules: Rules) -> Iterator[tuple[str, str, Effective]]:
    """Yield what comes of the layers up to each, with its place and its name."""
    policies = make_policies(rules)
    if rules.policy is not None:
        yield "policy", "global", policies.general
    for number, one in enumerate(rules.application):
        found = policies.by_slug[to_slug(one.name)]
        if one.policy is not None:
            yield f"application[{number}].policy", f"application {one.name}", found.general
        for position, (_, special) in enumerate(found.for_groups):
            place = f"application[{number}].group_policy[{position}]"
            names = {layer for layer in special.layers.values() if layer.startswith("group ")}
            yield from ((place, name, special) for name in names)


# Each of these yields the points that make something wrong together, and what is wrong.


def _dead_ends(found: Effective, installed: Installed) -> Iterator[tuple[tuple[str, ...], str]]:
    kinds = set(found.kinds)
    if not kinds:
        problem = (
            f"{_source(found, 'phishing_resistant')} leaves no factor:"
            f' {_source(found, "factors")} has no "passkey"'
        )
        yield ("phishing_resistant", "factors"), problem
    elif not any(kind.is_enrolled_by_person for kind in kinds) and not (
        kinds & installed.shared_kinds
    ):
        problem = f"{_source(found, 'factors')} asks for Duo, and there is no table [duo]"
        yield ("factors",), problem


def _closed_places(found: Effective) -> Iterator[tuple[tuple[str, ...], str]]:
    for table in ("networks", "countries"):
        others, without, require = (f"{table}_{key}" for key in ("others", "without", "require"))
        is_named = getattr(found.points, without) or getattr(found.points, require)
        if getattr(found.points, others) is Others.REFUSE and not is_named:
            problem = f"{_source(found, others)} would refuse everybody: name {table}"
            yield (others, without, require), problem


def _long_sessions(found: Effective, rules: Rules) -> Iterator[tuple[tuple[str, ...], str]]:
    for point in ("session_lifetime", "session_idle"):
        if getattr(found.points, point) > getattr(rules, point):
            problem = f"{_source(found, point)} must not be longer than {point} in [idp]"
            yield (point,), problem


def _source(found: Effective, point: str) -> str:
    return f"{key_of(point)} ({found.layer_of(point)})"


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
                " gets anything out of: whoever has one should be asked for it"
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
