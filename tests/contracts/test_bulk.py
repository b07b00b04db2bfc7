"""Many changes in one request (RFC 7644 section 3.7), on the simulator and on scim2-server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from connector.demo.scim_service import Silence
from connector.planner.operation import OperationKind
from connector.target.outcome import Applied, Unknown
from tests.contracts.test_target_contract import change, connected, creation, made, sent

if TYPE_CHECKING:
    from tests.parts.scim_server import ScimEndpoint, Simulator

pytestmark = pytest.mark.real
MANY = 25


def newcomers(count: int = MANY) -> list:
    return [creation(f"u{number}") for number in range(count)]


def bulk_statuses(mimecast: Simulator) -> list[int]:
    return [status for _, path, status in mimecast.writes if path == "/Bulk"]


@pytest.mark.parametrize("form", ["standard", "status-object"])
def test_what_can_go_together_goes_in_one_request(mimecast: Simulator, form: str):
    mimecast.behave(bulk=form)
    with connected(mimecast) as target:
        ids = made(target, *newcomers())
        changed = [
            change(OperationKind.UPDATE, f"u{number}", one, changes={"title": "Clerk"})
            for number, one in enumerate(ids)
        ]
        made(target, *changed)
        made(target, *(change(OperationKind.DELETE, "gone", ids[0]), changed[1]))

    assert {one["title"] for one in mimecast.users()} == {"Clerk"}
    assert len(mimecast.users()) == MANY - 1
    assert mimecast.writes == [("POST", "/Bulk", 200)] * 3


def test_scim2_server_takes_many_at_once(scim2_server: ScimEndpoint):
    with connected(scim2_server) as target:
        ids = made(target, *newcomers(150))
        made(target, *(change(OperationKind.DELETE, one, one) for one in ids[:140]))

    assert {one["id"] for one in scim2_server.users()} == set(ids[140:])


def test_no_request_exceeds_the_operations_that_are_announced(mimecast: Simulator):
    mimecast.behave(bulk="standard", bulk_operations=10)
    with connected(mimecast) as target:
        made(target, *newcomers())

    assert bulk_statuses(mimecast) == [200] * 3


def test_no_request_exceeds_the_bytes_that_are_announced(mimecast: Simulator):
    mimecast.behave(bulk="standard", bulk_bytes=2000)
    with connected(mimecast) as target:
        made(target, *newcomers())

    assert set(bulk_statuses(mimecast)) == {200}
    assert len(bulk_statuses(mimecast)) > 3


def test_what_turns_out_to_be_too_large_is_sent_in_parts_and_nothing_is_lost(mimecast: Simulator):
    mimecast.behave(bulk="standard", bulk_bytes=3000, announced_bulk_bytes=100_000)
    with connected(mimecast) as target:
        made(target, *newcomers())
        made(target, *[creation(f"v{number}") for number in range(MANY)])

    statuses = bulk_statuses(mimecast)
    assert 413 in statuses
    assert statuses[statuses.index(200) :].count(413) <= 2
    assert len(mimecast.users()) == 2 * MANY


def test_an_account_that_is_there_already_is_adopted_and_the_others_are_made(mimecast: Simulator):
    there = mimecast.ask("POST", "/Users", {"userName": "U3@corp.example", "title": "Clerk"}).json()
    mimecast.behave(bulk="standard")
    with connected(mimecast) as target:
        outcomes = sent(target, *newcomers())

    assert outcomes[3] == Applied(there["id"], was_adopted=True)
    assert all(isinstance(one, Applied) for one in outcomes)
    assert len(mimecast.users()) == MANY


def test_who_is_missing_in_the_answer_is_unknown_and_not_sent_again(mimecast: Simulator):
    mimecast.behave(bulk="forgetful")
    with connected(mimecast) as target:
        outcomes = sent(target, *newcomers())
        unknown = [isinstance(one, Unknown) for one in outcomes]
        assert unknown == [number % 2 == 1 for number in range(MANY)]
        assert isinstance(target.resolve(creation("u1"), {}), Applied)

    assert len(mimecast.writes) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_answer_leaves_each_of_them_unknown(mimecast: Simulator, when: str):
    mimecast.behave(bulk="standard", silences=(Silence("POST", when),))
    with connected(mimecast, seconds=0.5) as target:
        outcomes = sent(target, *newcomers())

    assert all(isinstance(one, Unknown) for one in outcomes)
    assert len(mimecast.writes) <= 1


def test_a_target_that_announces_and_refuses_gets_single_requests_from_then_on(mimecast: Simulator):
    mimecast.behave(bulk="refused")
    with connected(mimecast) as target:
        made(target, *newcomers())
        made(target, *[creation(f"v{number}") for number in range(MANY)])

    assert bulk_statuses(mimecast) == [501]
    assert len(mimecast.users()) == 2 * MANY


def test_a_busy_target_has_done_nothing_and_is_asked_again(mimecast: Simulator):
    mimecast.behave(bulk="standard", unavailable_count=2, retry_after="nothing")
    with connected(mimecast) as target:
        made(target, *newcomers())

    assert bulk_statuses(mimecast) == [503, 503, 200]
