"""Rules in order, the first that fits decides; and which rules never do."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from connector.idp.routing import Routes, Rule
from connector.idp.upstream.identity_provider import Upstreams
from connector.idp.upstream.lint import lint
from tests.idp.upstream_bench import an_upstream

A, B = frozenset({"a.example"}), frozenset({"b.example"})
CRM = frozenset({"crm"})
OFFICE, ROOM = ip_network("10.0.0.0/8"), ip_network("10.1.0.0/16")
SIX = ip_network("2001:db8::/32")


def decide(rules, domain="a.example", application="crm", address="10.1.2.3") -> int:
    return Routes(tuple(rules)).decide(domain, application, address).number


def test_without_rules_active_directory_answers():
    rule = Routes().decide("a.example", "crm", "10.1.2.3")

    assert (rule.source, rule.number) == ("ad", 0)


def test_the_first_rule_that_fits_decides():
    rules = (Rule("x", 1, B), Rule("y", 2, A), Rule("z", 3))

    assert decide(rules) == 2
    assert decide(rules, domain="c.example") == 3
    assert decide(rules, domain="") == 3


@pytest.mark.parametrize(
    ("changes", "fits"),
    [
        ({}, True),
        ({"domain": "b.example"}, False),
        ({"domain": "x.a.example"}, False),
        ({"application": "wiki"}, False),
        ({"address": "192.0.2.1"}, False),
        ({"address": "::ffff:10.1.2.3"}, True),
        ({"address": ""}, False),
        ({"address": "10.1.2.3.evil"}, False),
    ],
)
def test_all_conditions_of_a_rule_must_hold(changes, fits):
    rules = (Rule("x", 1, A, CRM, (OFFICE, SIX)),)

    assert decide(rules, **changes) == (1 if fits else 0)


def test_networks_of_both_kinds_may_stand_together():
    assert decide((Rule("x", 1, networks=(OFFICE, SIX)),), address="2001:db8::7") == 1


@pytest.mark.parametrize(
    ("rules", "only"),
    [
        ((), ""),
        ((Rule("x", 1),), "x"),
        ((Rule("ad", 1),), ""),
        ((Rule("x", 1, A),), ""),
        ((Rule("x", 1, A), Rule("x", 2)), "x"),
        ((Rule("x", 1, A), Rule("y", 2)), ""),
        ((Rule("y", 1, applications=CRM), Rule("x", 2)), "y"),
        ((Rule("y", 1, A, frozenset({"wiki"})), Rule("x", 2)), "x"),
        ((Rule("x", 1, networks=(ROOM,)), Rule("ad", 2)), "x"),
        ((Rule("x", 1), Rule("y", 2)), "x"),
        ((Rule("x", 1, A), Rule("y", 2, A), Rule("x", 3)), "x"),
    ],
)
def test_one_upstream_answers_for_everybody_if_no_other_source_could(rules, only):
    assert Routes(rules).only_upstream("crm", "10.1.2.3") == only


NEVER = {
    "after one without conditions": (Rule("x", 1), Rule("y", 2, A)),
    "of the same domains": (Rule("x", 1, A), Rule("y", 2, A)),
    "of fewer domains": (Rule("x", 1, A | B), Rule("y", 2, B, CRM)),
    "of a network within": (Rule("x", 1, networks=(OFFICE,)), Rule("y", 2, A, networks=(ROOM,))),
}
SOMETIMES = {
    "of other domains": (Rule("x", 1, A), Rule("y", 2, B)),
    "of more domains": (Rule("x", 1, A), Rule("y", 2, A | B)),
    "of any domain": (Rule("x", 1, A), Rule("y", 2)),
    "of a wider network": (Rule("x", 1, networks=(ROOM,)), Rule("y", 2, networks=(OFFICE,))),
    "of another kind of network": (
        Rule("x", 1, networks=(OFFICE,)),
        Rule("y", 2, networks=(SIX,)),
    ),
    "for other applications": (Rule("x", 1, A, CRM), Rule("y", 2, A)),
}


@pytest.mark.parametrize("name", NEVER)
def test_a_rule_that_never_decides_is_named_with_the_one_before_it(name):
    first, second = NEVER[name]

    assert list(Routes((first, second)).unreachable()) == [(second, first)]


@pytest.mark.parametrize("name", SOMETIMES)
def test_a_rule_that_sometimes_decides_is_not(name):
    assert list(Routes(SOMETIMES[name]).unreachable()) == []


def test_what_does_nothing_is_said():
    upstreams = Upstreams((an_upstream(), an_upstream(name="Idle"), an_upstream(name="Hidden")))
    routes = Routes((Rule("Partner", 1, A), Rule("ad", 2), Rule("Hidden", 3)))

    found = dict(lint(routes, upstreams))

    assert found["route 3"] == "never decides: route 2 comes before it"
    assert found["route 1"].startswith("a.example: Partner may not vouch for people there")
    assert found["upstream Idle"] == "nobody is sent there: no route leads to it"
    assert found["upstream Hidden"] == "nobody is sent there: no route leads to it"


def test_routes_that_are_right_are_said_nothing_about():
    rules = (Rule("Partner", 1, frozenset({"partner.example"})), Rule("ad", 2))

    assert list(lint(Routes(rules), Upstreams((an_upstream(),)))) == []
