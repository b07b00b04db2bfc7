"""What the audit has of a login with a second factor, and of one that a rule ends."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from connector.idp.network import NetworkSet
from connector.idp.view import SendResponse, ShowDenied
from tests.idp.bench import ADDRESS, make_bench
from tests.idp.factor_bench import Person
from tests.parts.policies import policies


@pytest.fixture
def ann(engine, clock) -> Person:
    """Ann, where a second factor is asked for; she has an app."""
    ann = Person(make_bench(engine, clock, policies=policies()))
    ann.sign_in()
    ann.enrol_totp()
    ann.sso, ann.browser = None, None
    ann.pass_time(minutes=2)
    return ann


def since(ann: Person, count: int):
    return ann.bench.parts.audit.recent(count)[::-1]


def test_each_proof_is_kept_good_or_bad_with_the_factor_that_it_was(ann):
    ann.sign_in()
    ann.type_code("000000")
    assert isinstance(ann.type_code(ann.code()), SendResponse)

    events = since(ann, 4)

    assert [(each.event, each.outcome) for each in events] == [
        ("identity.proved", "success"),
        ("factor.refused", "failure"),
        ("factor.proved", "success"),
        ("login.succeeded", "success"),
    ]
    assert {(each.actor, each.application, each.address) for each in events} == {
        ("ann-1", "Intranet", ADDRESS)
    }
    assert (events[1].reason, events[1].details["factor"]) == ("code-wrong", "totp")
    (app, _) = ann.bench.parts.factors.store.of_person("ann-1", ann.bench.parts.clock.now())
    assert events[2].details == {"factor": "totp", "factor_id": app.factor_id}
    assert events[3].details["second"] == "totp"


def test_a_right_password_leaves_a_trace_although_the_factor_never_comes(ann):
    ann.sign_in()

    (event,) = since(ann, 1)

    assert (event.event, event.actor, event.details) == (
        "identity.proved", "ann-1", {"proof": "password"},
    )  # fmt: skip


def test_a_denial_names_the_rule_and_the_layer_that_set_it(ann):
    refused = NetworkSet((ip_network("192.0.2.0/24"),))
    ann.decide_by(policies({"intranet": {"networks_refuse": refused}}))

    assert isinstance(ann.sign_in(), ShowDenied)

    (event,) = since(ann, 1)
    assert (event.event, event.reason) == ("login.denied", "network-refused")
    assert event.details == {"message": "networks.refuse of application intranet"}
