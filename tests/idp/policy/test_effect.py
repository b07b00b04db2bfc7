"""Two arrangements of the rules, and what going from one to the other does to people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given, settings

from connector.idp.factor import FactorKind
from connector.idp.network import NetworkSet
from connector.idp.policy import Policies, Policy, effective
from connector.idp.policy.effect import (
    Arrangement,
    Kind,
    Outcome,
    Place,
    changes_between,
    compare,
    outside,
)
from connector.idp.policy.entry import Entrance
from connector.idp.policy.layers import layer
from connector.idp.policy.points import (
    Authentication,
    Frequency,
    NewUsers,
    Others,
    Remembering,
)
from connector.idp.standing import Status
from tests.idp.policy.test_properties import network_sets

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
PLACE = Place(NOW, ip_address("203.0.113.1"))
STAFF, BOARD = "cn=staff", "cn=board"
TOTP, PASSKEY = frozenset({FactorKind.TOTP}), frozenset({FactorKind.PASSKEY})
OFFICE = NetworkSet((ip_network("10.0.0.0/8"),))
HERE = NetworkSet((ip_network("203.0.113.0/24"),))


def arrangement(groups: str | None = STAFF, board: dict[str, Any] | None = None, **says: Any):
    """Return rules with one application, for a group (or none: "" for everybody)."""
    if groups is None:
        return Arrangement((), Policies(effective([Policy("global", says)])))
    entrance = Entrance("Payroll", "payroll", frozenset({groups} - {""}), not groups)
    shared = [Policy("global", says)]
    special = [Policy("group", board, frozenset({BOARD}))] if board is not None else []
    return Arrangement(
        (entrance,), Policies(effective(shared), {"payroll": layer(shared, special)})
    )


def change(before: Arrangement, after: Arrangement, kind: Kind) -> list[str]:
    (found,) = compare(before, after, {kind: ["anna"]}, PLACE)
    assert all(names == ["anna"] for names in found.people.values())
    return [str(one) for one in found.people]


ASKED = Kind(frozenset({STAFF}), enrolled=TOTP)
NEW = Kind(frozenset({STAFF}))
HOURS = {number: timedelta(hours=number) for number in (1, 2, 4, 20)}


@pytest.mark.parametrize(
    ("before", "after", "kind", "changes"),
    [
        # Who gets in.
        (arrangement(), arrangement(), ASKED, []),
        (arrangement(), arrangement(BOARD), ASKED, ["lose-access"]),
        (arrangement(BOARD), arrangement(), ASKED, ["gain-access"]),
        (arrangement(BOARD), arrangement(""), ASKED, ["gain-access"]),
        (arrangement(), arrangement(None), ASKED, ["lose-access"]),
        (arrangement(None), arrangement(), ASKED, ["gain-access"]),
        (arrangement(None), arrangement(), NEW, ["gain-access", "must-enrol"]),
        (arrangement(), arrangement(authentication=Authentication.DENY), ASKED, ["lose-access"]),
        (arrangement(), arrangement(networks_refuse=HERE), ASKED, ["lose-access"]),
        (
            arrangement(),
            arrangement(networks_without=OFFICE, networks_others=Others.REFUSE),
            ASKED,
            ["lose-access"],
        ),
        (arrangement(), arrangement(new_users=NewUsers.DENY), ASKED, []),
        (arrangement(), arrangement(new_users=NewUsers.DENY), NEW, ["lose-access"]),
        (arrangement(new_users=NewUsers.DENY), arrangement(), NEW, ["gain-access", "must-enrol"]),
        # How often they are asked.
        (arrangement(authentication=Authentication.BYPASS), arrangement(), ASKED, ["asked-more-often"]),
        (
            arrangement(authentication=Authentication.BYPASS),
            arrangement(),
            NEW,
            ["asked-more-often", "must-enrol"],
        ),
        (arrangement(), arrangement(authentication=Authentication.BYPASS), ASKED, ["asked-less-often"]),
        (arrangement(), arrangement(second_factor=Frequency.LOGIN), ASKED, ["asked-more-often"]),
        (arrangement(second_factor=Frequency.LOGIN), arrangement(), ASKED, ["asked-less-often"]),
        (arrangement(), arrangement(second_factor=HOURS[4]), ASKED, ["asked-more-often"]),
        (arrangement(second_factor=HOURS[2]), arrangement(second_factor=HOURS[4]), ASKED, ["asked-less-often"]),
        # More than a sign-on lasts is not more than once in it.
        (arrangement(), arrangement(second_factor=HOURS[20]), ASKED, []),
        (arrangement(), arrangement(remembered_devices=Remembering.SHARED), ASKED, ["asked-less-often"]),
        (
            arrangement(remembered_devices=Remembering.SHARED),
            arrangement(remembered_devices=Remembering.APPLICATION, remembered_for=timedelta(days=7)),
            ASKED,
            ["asked-more-often"],
        ),
        (
            arrangement(second_factor=Frequency.LOGIN),
            arrangement(second_factor=Frequency.LOGIN, remembered_devices=Remembering.SHARED),
            ASKED,
            [],
        ),
        (arrangement(), arrangement(session_lifetime=HOURS[2]), ASKED, ["asked-more-often"]),
        (arrangement(session_idle=HOURS[1]), arrangement(session_idle=HOURS[2]), ASKED, ["asked-less-often"]),
        # Both ways at once: that they are asked more often is what they will notice.
        (
            arrangement(second_factor=Frequency.LOGIN),
            arrangement(session_lifetime=HOURS[4]),
            ASKED,
            ["asked-more-often"],
        ),
        (arrangement(), arrangement(networks_without=HERE), ASKED, ["asked-less-often"]),
        (arrangement(), arrangement(networks_without=OFFICE), ASKED, []),
        # Who has to enrol.
        (arrangement(), arrangement(phishing_resistant=True), ASKED, ["must-enrol"]),
        (arrangement(), arrangement(phishing_resistant=True), ASKED._replace(enrolled=PASSKEY), []),
        (arrangement(), arrangement(phishing_resistant=True), NEW, []),
        (arrangement(new_users=NewUsers.ALLOW), arrangement(), NEW, ["asked-more-often", "must-enrol"]),
        # For some only.
        (arrangement(), arrangement(board={"second_factor": Frequency.LOGIN}), ASKED, []),
        (
            arrangement(),
            arrangement(board={"second_factor": Frequency.LOGIN}),
            ASKED._replace(groups=frozenset({STAFF, BOARD})),
            ["asked-more-often"],
        ),
        # The help desk has said otherwise.
        (arrangement(), arrangement(second_factor=Frequency.LOGIN), ASKED._replace(status=Status.BYPASS), []),
        (arrangement(), arrangement(BOARD), ASKED._replace(status=Status.DISABLED), []),
    ],
)  # fmt: skip
def test_what_becomes_of_a_person(before, after, kind, changes):
    assert change(before, after, kind) == changes


def test_what_is_alike_is_counted_together_and_named_in_order():
    people = {
        ASKED: ["ben", "Anna"],
        ASKED._replace(groups=frozenset({STAFF, "cn=other"})): ["cleo"],
        NEW: ["dora"],
        Kind(frozenset()): ["emil"],
    }

    (found,) = compare(arrangement(), arrangement(second_factor=Frequency.LOGIN), people, PLACE)

    assert found.people == {"asked-more-often": ["Anna", "ben", "cleo", "dora"]}


@pytest.mark.parametrize("kind", [ASKED, NEW])
def test_what_does_not_change_the_rules_changes_nothing_for_anybody(kind: Kind):
    rules = arrangement(second_factor=HOURS[4], board={"passwordless": False})

    assert change(rules, rules, kind) == []


def test_somebody_is_never_said_to_gain_and_to_lose():
    outcomes = [
        Outcome(is_let_in, must_enrol, (timedelta(hours=hours),) * 3)
        for is_let_in in (True, False)
        for must_enrol in (True, False)
        for hours in (1, 2)
    ]
    for before in outcomes:
        for after in outcomes:
            found = list(changes_between(before, after))
            assert len(set(found) - {"must-enrol"}) <= 1
            assert found == [] or after.is_let_in or found == ["lose-access"]


def test_an_arrangement_knows_what_it_depends_on():
    rules = arrangement(board={"networks_refuse": HERE}, networks_without=OFFICE)

    assert rules.groups() == rules.groups_at("payroll") == {STAFF, BOARD}
    assert rules.groups_at("elsewhere") == frozenset()
    named = NetworkSet(tuple(one for each in rules.networks() for one in each.networks))
    assert all(one in named for one in (ip_address("10.1.1.1"), ip_address("203.0.113.7")))


@given(some=network_sets)
@settings(max_examples=50)
def test_an_address_outside_is_outside(some: NetworkSet):
    address = outside([some])

    assert address is None or address not in some


def test_there_may_be_no_address_outside():
    everything = NetworkSet((ip_network("0.0.0.0/0"), ip_network("::/0")))

    assert outside([everything]) is None
    assert outside([NetworkSet((ip_network("0.0.0.0/0"),))]) == ip_address("2001:db8::1")
