"""What holds for every policy and all circumstances."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from connector.idp.factor import FactorKind
from connector.idp.network import NetworkSet
from connector.idp.policy import (
    Allow,
    Ask,
    Circumstances,
    Deny,
    Effective,
    Enrol,
    FirstFactor,
    Policy,
    SignInAgain,
    StepUp,
    decide,
    effective,
    meet,
    rulings,
)
from connector.idp.policy.points import (
    Authentication,
    Frequency,
    NewUsers,
    Others,
    Points,
    Remembering,
)
from connector.idp.reason import Reason
from connector.idp.standing import Status

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
NETWORKS = [
    ip_network(text)
    for text in ("10.0.0.0/8", "10.9.0.0/16", "203.0.113.0/24", "0.0.0.0/0", "2001:db8::/32")
]
ADDRESSES = [
    ip_address(text)
    for text in (
        "10.1.2.3",
        "10.9.0.1",
        "203.0.113.7",
        "198.51.100.1",
        "2001:db8::1",
        "::ffff:a09:1",
    )
]
COUNTRIES = ["DE", "FR", "KP"]
AGENTS = [
    "",
    "Mozilla/5.0 (X11; Linux x86_64; rv:100.0) Gecko/20100101 Firefox/100.0",
    "Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Safari/537.36",
]

durations = st.integers(1, 60 * 24 * 40).map(lambda minutes: timedelta(minutes=minutes))
network_sets = st.lists(st.sampled_from(NETWORKS), max_size=2).map(tuple).map(NetworkSet)
country_sets = st.frozensets(st.sampled_from(COUNTRIES), max_size=2)
versions = st.sampled_from([0, 99, 110, 120])
kinds = st.frozensets(st.sampled_from(list(FactorKind)))
says = st.fixed_dictionaries(
    {},
    optional={
        "authentication": st.sampled_from(Authentication),
        "new_users": st.sampled_from(NewUsers),
        "factors": kinds.filter(bool),
        "phishing_resistant": st.booleans(),
        "second_factor": st.sampled_from(Frequency) | durations,
        "remembered_devices": st.sampled_from(Remembering),
        "remembered_for": durations,
        "passwordless": st.booleans(),
        "session_lifetime": durations,
        "session_idle": durations,
        "networks_without": network_sets,
        "networks_require": network_sets,
        "networks_refuse": network_sets,
        "networks_others": st.sampled_from(Others),
        "networks_enrol_from_without": st.booleans(),
        "countries_without": country_sets,
        "countries_require": country_sets,
        "countries_refuse": country_sets,
        "countries_others": st.sampled_from(Others),
        "browsers_chrome": versions,
        "browsers_firefox": versions,
        "browsers_safari": versions,
        "browsers_edge": versions,
    },
)
layers = st.lists(says, max_size=3).map(
    lambda all_says: [Policy(f"layer {number}", each) for number, each in enumerate(all_says)]
)
policies = layers.map(effective)
moments = durations.map(lambda age: NOW - age)
circumstances = st.builds(
    Circumstances,
    now=st.just(NOW),
    status=st.sampled_from([Status.ACTIVE] * 4 + [*Status]),
    barred=st.sampled_from([None] * 4 + [Reason.NOT_IN_GROUP]),
    address=st.none() | st.sampled_from(ADDRESSES),
    country=st.sampled_from(["", *COUNTRIES]),
    user_agent=st.sampled_from(AGENTS),
    first=st.sampled_from(FirstFactor),
    first_at=moments,
    second=st.none() | st.sampled_from(FactorKind),
    second_at=moments,
    is_in_session=st.booleans(),
    session_began_at=moments,
    session_used_at=moments,
    remembered_at=st.none() | moments,
    remembered_by=st.none() | st.sampled_from(FactorKind),
)
# From what lets in to what keeps out.
OPENNESS = {Allow: 0, StepUp: 1, SignInAgain: 2, Deny: 3}
many = settings(max_examples=100, deadline=None)


def with_points(policy: Effective, **changes) -> Effective:
    return Effective(replace(policy.points, **changes), policy.layers)


def opened(policy: Effective) -> Effective:
    """Return the policy without what refuses."""
    nowhere, no_country = NetworkSet(), frozenset()
    return with_points(
        policy,
        authentication=Authentication.ENFORCE,
        networks_refuse=nowhere,
        networks_others=Others.ASK,
        countries_refuse=no_country,
        countries_others=Others.ASK,
        browsers_chrome=0,
        browsers_firefox=0,
    )


def active(known: Circumstances) -> Circumstances:
    return replace(known, status=Status.ACTIVE, barred=None)


@many
@given(known=circumstances, policy=policies)
def test_what_is_explained_is_what_is_decided(known: Circumstances, policy: Effective):
    decision = decide(known, policy)

    (ruling,) = [one for one in rulings(known, policy) if one.decides]
    if isinstance(decision, (Deny, SignInAgain)):
        assert decision.point == ("" if ruling.point == "access" else ruling.point)
    else:
        assert "refused" not in ruling.words


@many
@given(known=circumstances, policy=policies)
def test_each_point_is_explained_once_with_the_layer_that_said_it(
    known: Circumstances, policy: Effective
):
    found = [one.point for one in rulings(known, policy)]

    assert len(set(found)) == len(found)
    for one in rulings(known, policy):
        if one.point not in {"status", "access"}:
            assert one.layer == policy.layers[one.point.replace(".", "_")]
        assert "\n" not in str(one)


@many
@given(known=circumstances, policy=policies, more=network_sets)
def test_another_network_that_is_refused_opens_nothing(known, policy, more):
    refused = NetworkSet((*policy.points.networks_refuse.networks, *more.networks))

    stricter = decide(known, with_points(policy, networks_refuse=refused))

    assert OPENNESS[type(stricter)] >= OPENNESS[type(decide(known, policy))]


@many
@given(
    known=circumstances,
    policy=policies,
    change=st.sampled_from(
        [
            {"networks_others": Others.REFUSE},
            {"countries_others": Others.REFUSE},
            {"countries_refuse": frozenset(COUNTRIES)},
            {"browsers_chrome": 999},
            {"browsers_firefox": 999},
            {"authentication": Authentication.DENY},
            {"passwordless": False},
            {"session_lifetime": timedelta(minutes=1)},
            {"session_idle": timedelta(minutes=1)},
        ]
    ),
)
def test_a_stricter_rule_opens_nothing(known, policy, change):
    stricter = decide(known, with_points(policy, **change))

    assert OPENNESS[type(stricter)] >= OPENNESS[type(decide(known, policy))]


@many
@given(known=circumstances, policy=policies, more=network_sets)
def test_another_network_that_requires_a_factor_opens_nothing(known, policy, more):
    """Save where only named networks may enter: it is then named."""
    assume(policy.points.networks_others is Others.ASK)
    assume(policy.points.countries_others is Others.ASK)
    required = NetworkSet((*policy.points.networks_require.networks, *more.networks))

    stricter = decide(known, with_points(policy, networks_require=required))

    assert OPENNESS[type(stricter)] >= OPENNESS[type(decide(known, policy))]


@many
@given(known=circumstances, policy=policies)
def test_whoever_the_help_desk_keeps_out_stays_out(known, policy):
    for status, reason in (
        (Status.DISABLED, Reason.STATUS_DISABLED),
        (Status.LOCKED_OUT, Reason.STATUS_LOCKED_OUT),
    ):
        assert decide(replace(known, status=status), policy) == Deny(reason, "status")


@many
@given(known=circumstances, policy=policies)
def test_whoever_account_and_groups_keep_out_stays_out(known, policy):
    known = replace(known, barred=Reason.NOT_ACTIVE)

    assert isinstance(decide(known, policy), Deny)


@many
@given(known=circumstances, policy=policies)
def test_deny_closes_an_application_to_everybody(known, policy):
    closed = with_points(policy, authentication=Authentication.DENY)

    assert isinstance(decide(known, closed), Deny)


@many
@given(known=circumstances, policy=policies)
def test_from_a_network_that_requires_a_factor_nobody_enters_without(known, policy):
    """Whatever else waives it: another list, or a browser that is remembered."""
    known = replace(active(known), address=ADDRESSES[2], first=FirstFactor.PASSWORD, second=None)
    required = with_points(
        policy,
        authentication=Authentication.ENFORCE,
        networks_require=NetworkSet((NETWORKS[2],)),
    )

    assert not isinstance(decide(known, required), Allow)


@many
@given(known=circumstances, policy=policies)
def test_every_login_is_never_met_by_a_remembered_browser(known, policy):
    login = with_points(policy, second_factor=Frequency.LOGIN)
    forgetful = replace(known, remembered_at=None)

    assert decide(known, login) == decide(forgetful, login)
    decision = decide(known, login)
    if isinstance(decision, StepUp):
        assert decision.remember_for is None


@many
@given(known=circumstances, policy=policies)
def test_every_login_is_never_met_by_what_an_earlier_one_proved(known, policy):
    known = replace(active(known), is_in_session=True)
    login = with_points(
        policy, second_factor=Frequency.LOGIN, authentication=Authentication.ENFORCE
    )
    points = login.points
    waives = known.address in points.networks_without or known.country in points.countries_without

    assert waives or not isinstance(decide(known, login), Allow)


@many
@given(known=circumstances, policy=policies)
def test_phishing_resistant_offers_and_takes_nothing_else(known, policy):
    strict = with_points(policy, phishing_resistant=True)

    decision = decide(known, strict)

    if isinstance(decision, StepUp):
        assert decision.kinds == (FactorKind.PASSKEY,)
    weak = replace(active(known), first=FirstFactor.PASSWORD, second=FactorKind.TOTP)
    bare = replace(weak, second=None)
    assert decide(weak, strict) == decide(bare, strict) or isinstance(decide(weak, strict), Allow)


@many
@given(known=circumstances, policy=policies)
def test_what_is_asked_for_are_kinds_that_count_the_strongest_first(known, policy):
    decision = decide(known, policy)

    if isinstance(decision, StepUp):
        order = list(FactorKind)
        assert decision.kinds
        assert set(decision.kinds) <= policy.points.factors
        assert list(decision.kinds) == sorted(decision.kinds, key=order.index)


@many
@given(known=circumstances, policy=policies)
def test_whoever_proves_what_is_asked_for_in_this_login_enters(known, policy):
    """No dead end: the answer to the question is always enough."""
    known = replace(active(known), first=FirstFactor.PASSWORD, second=None, is_in_session=False)
    policy = with_points(opened(policy), networks_without=NetworkSet())
    decision = decide(known, policy)
    assume(isinstance(decision, StepUp))

    for kind in decision.kinds:
        proved = replace(known, second=kind, second_at=NOW, is_in_session=False)
        assert isinstance(decide(proved, policy), Allow)


@many
@given(known=circumstances, policy=policies)
def test_whoever_signs_in_again_as_told_is_not_told_so_again(known, policy):
    known, policy = replace(active(known), is_in_session=True), opened(policy)
    decision = decide(known, policy)
    assume(isinstance(decision, SignInAgain))

    anew = replace(known, first=FirstFactor.PASSWORD, is_in_session=False)
    assert not isinstance(decide(anew, policy), SignInAgain)


@many
@given(known=circumstances, policy=policies, enrolled=kinds)
def test_what_follows_depends_on_what_somebody_has(known, policy, enrolled):
    known, policy = replace(active(known), is_in_session=False), opened(policy)
    policy = with_points(policy, passwordless=True)
    decision = decide(known, policy)
    assume(isinstance(decision, (Allow, StepUp)))

    match meet(decision, enrolled, policy):
        case Ask(asked):
            assert asked
            assert set(asked) == enrolled & set(decision.kinds)
        case Enrol(wanted, after):
            assert wanted
            assert all(kind.is_enrolled_by_person for kind in wanted)
            assert set(after) == enrolled
            assert not enrolled & set(wanted)
        case Allow():
            allowed = policy.points.new_users is NewUsers.ALLOW and not enrolled
            assert isinstance(decision, Allow) or allowed
        case Deny(reason):
            assert reason is Reason.FACTOR_MISSING
            assert not enrolled & policy.points.factors or policy.points.phishing_resistant


@many
@given(known=circumstances, policy=policies)
def test_help_desks_bypass_asks_for_nothing(known, policy):
    bypass = replace(known, status=Status.BYPASS, barred=None)

    decision = decide(bypass, policy)

    assert not isinstance(decision, StepUp)
    if isinstance(decision, Deny):
        assert decision == Deny(Reason.POLICY_DENIES, "authentication")


@many
@given(below=layers, said=says)
def test_a_layer_changes_what_it_says_and_nothing_else(below, said):
    before, after = effective(below), effective([*below, Policy("top", said)])

    for point, value in said.items():
        assert (getattr(after.points, point), after.layer_of(point)) == (value, "top")
    for point in before.layers.keys() - said.keys():
        assert getattr(after.points, point) == getattr(before.points, point)
        assert after.layer_of(point) == before.layer_of(point)


def test_a_layer_cannot_speak_of_what_is_no_point():
    with pytest.raises(ValueError, match="no such point: colour"):
        Policy("global", {"colour": "red"})


def test_what_a_layer_says_does_not_change_afterwards():
    said = {"passwordless": False}
    policy = Policy("global", said)
    said["passwordless"] = True

    assert effective([policy]).points == replace(Points(), passwordless=False)
