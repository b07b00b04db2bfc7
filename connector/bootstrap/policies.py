"""The policies of an installation: what its configuration says, layer upon layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.bootstrap.opening import idp_of
from connector.bootstrap.policy_check import Installed, find_faults
from connector.bootstrap.policy_layers import make_policies
from connector.errors import ConfigurationError
from connector.idp.application.service_provider import to_slug
from connector.idp.factor import FactorKind
from connector.idp.policy.entry import Entrance
from connector.settings import ApplicationRules, Rules

if TYPE_CHECKING:
    from connector.idp.policy.layers import Policies
    from connector.settings import ApplicationSettings, Settings


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
    has_countries = idp_of(settings).countries_file is not None
    installed = Installed(has_countries=has_countries, shared_kinds=shared_kinds(settings))
    faults = list(find_faults(rules, installed))
    if faults:
        raise ConfigurationError(faults)
    return make_policies(rules)


def shared_kinds(settings: Settings) -> frozenset[FactorKind]:
    """Return the kinds of factors that everybody can prove: Duo's, where it is configured."""
    return frozenset({FactorKind.DUO} if settings.duo else ())


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
