"""What the policies of a file would change for people, compared with those in force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from connector.bootstrap.opening import idp_of
from connector.bootstrap.policies import entrances_of, load_policies, rules_of, shared_kinds
from connector.bootstrap.policy_layers import make_policies
from connector.directory.store import DirectoryStore
from connector.errors import ConnectorError
from connector.idp.country import open_countries
from connector.idp.policy.effect import Arrangement, Kind, Place, compare, outside
from connector.idp.standing import Status
from connector.idp.store.factors import FactorStore
from connector.idp.store.policy_in_force import PolicyInForceStore
from connector.idp.store.standings import UserStandings
from connector.settings import Rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from connector.idp.factor import FactorKind
    from connector.idp.network import Address
    from connector.idp.policy.effect import ApplicationEffect
    from connector.settings import Settings
    from state.engine import Engine

_NO_GROUPS = frozenset[str]()


@dataclass(frozen=True, slots=True)
class PolicyEffect:
    """What a change of the policies does.

    Attributes:
        since: When those that are in force were taken up.
        place: From where people are taken to sign in.
        is_named: That is in a network that is named, since all are, or by the asker's wish.
        applications: What it does at each of them, in the order of the file.

    """

    since: datetime
    place: Place
    is_named: bool
    applications: tuple[ApplicationEffect, ...]


def keep_in_force(settings: Settings, engine: Engine, now: datetime) -> bool:
    """Note that logins go by the policies of these settings; return whether they are others.

    Raises:
        ConfigurationError: if they are wrong, so that logins do not go by them.
        StateError: if the database cannot be used.

    """
    load_policies(settings)
    return PolicyInForceStore(engine).keep(rules_of(settings).to_json(), now)


def effect_of(
    settings: Settings, engine: Engine | None, now: datetime, address: Address | None = None
) -> PolicyEffect | None:
    """Return what these settings would change; None if no policy is in force yet.

    Args:
        settings: As they would be.
        engine: The state database, with the directory; None if there is none yet.
        now: The moment.
        address: From where people are taken to sign in; None: outside all networks that are named.

    Raises:
        ConfigurationError: if the policies are wrong.
        ConnectorError: if those in force are of another version of the program.

    """
    after_rules = rules_of(settings)
    after = Arrangement(entrances_of(after_rules), load_policies(settings))
    in_force = None if engine is None else PolicyInForceStore(engine).read()
    if engine is None or in_force is None:
        return None
    before = _arrangement_of(in_force.rules)
    named = [*before.networks(), *after.networks()]
    where = address or outside(named)
    country = open_countries(idp_of(settings).countries_file).of(where)
    place = Place(now, where, country)
    everybodys = shared_kinds(settings)
    people = _people(engine, before.groups() | after.groups(), everybodys, now)
    is_named = where is None or any(where in each for each in named)
    return PolicyEffect(in_force.since, place, is_named, compare(before, after, people, place))


def _arrangement_of(rules: bytes) -> Arrangement:
    try:
        known = Rules.model_validate_json(rules)
    except ValidationError as error:
        message = (
            "the policy in force was noted by another version of this program, and cannot be read:"
            " restart the daemon, which notes it anew"
        )
        raise ConnectorError(message) from error
    return Arrangement(entrances_of(known), make_policies(known))


def _people(
    engine: Engine, groups: Iterable[str], everybodys: frozenset[FactorKind], now: datetime
) -> dict[Kind, Sequence[str]]:
    """Return the names of all whose account is active, by what they have in common.

    All is read in bulk: for everybody, not for one after the other.
    """
    directory = DirectoryStore(engine)
    groups_of = _memberships(directory, groups)
    kinds = FactorStore(engine).kinds_by_person(now)
    statuses = {one.external_id: one.at(now) for one in UserStandings(engine).all(now)}
    alike: dict[Kind, list[str]] = {}
    for external_id, name in directory.active_names(now):
        kind = Kind(
            groups_of.get(external_id, _NO_GROUPS),
            statuses.get(external_id, Status.ACTIVE),
            everybodys.union(kinds.get(external_id, ())),
        )
        alike.setdefault(kind, []).append(name or external_id)
    return dict(alike)


def _memberships(directory: DirectoryStore, groups: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return in which of these groups people are, by external_id; of those who are in any."""
    wanted = set(groups)
    ids = {
        head.external_id: head.name_folded
        for head in directory.group_heads()
        if head.name_folded in wanted
    }
    names_of: dict[str, tuple[str, ...]] = {}
    for group_id, name in ids.items():
        for external_id in directory.people_within([group_id]):
            names_of[external_id] = (*names_of.get(external_id, ()), name)
    # Most people share theirs with others.
    shared = {names: frozenset(names) for names in set(names_of.values())}
    return {external_id: shared[names] for external_id, names in names_of.items()}
