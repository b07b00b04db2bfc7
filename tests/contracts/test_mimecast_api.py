"""The door to Mimecast's API, against a server that behaves and misbehaves as the real one may."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connector.clock import FixedClock
from connector.errors import TargetUnavailable
from connector.planner.operation import Operation, OperationKind
from connector.target.outcome import Applied, Rejected, Unavailable, Unknown
from tests.parts.mimecast_fixtures import running_mimecast_api

pytestmark = pytest.mark.real


@pytest.fixture
def server():
    with running_mimecast_api() as server:
        yield server


@pytest.fixture
def target(server):
    with server.connect() as target:
        yield target


def creation(key: str) -> Operation:
    document = {"userName": f"{key}@corp.example", "displayName": key.title(), "externalId": key}
    return Operation(OperationKind.CREATE, "User", key, document["userName"], document=document)


def group_creation(key: str) -> Operation:
    return Operation(OperationKind.CREATE, "Group", key, key, document={"displayName": key})


def sent(target, *operations: Operation, ids: dict[str, str] | None = None) -> list:
    by_key = {one.external_id: what for one, what in target.send(operations, ids or {})}
    assert len(by_key) == len(operations)
    return [by_key[one.external_id] for one in operations]


def many(count: int) -> list[Operation]:
    return [creation(f"u{number}") for number in range(count)]


def test_people_are_created_with_one_token(server, target):
    outcomes = sent(target, *many(10))

    assert all(isinstance(one, Applied) for one in outcomes)
    assert server.api.count("create-user") == 10
    assert server.api.count("token") == 1


def test_a_token_is_renewed_before_it_ends(server):
    clock = FixedClock(datetime(2026, 11, 27, tzinfo=UTC))
    with server.connect(clock=clock) as target:
        sent(target, creation("ann"))
        clock.moment += timedelta(seconds=1799 - 61)
        sent(target, creation("bob"))
        assert server.api.count("token") == 1

        clock.moment += timedelta(seconds=2)
        sent(target, creation("cid"))

    assert server.api.count("token") == 2


def test_a_token_that_is_refused_is_renewed_once_and_nothing_is_lost(server, target):
    server.behave(token_uses=5)

    outcomes = sent(target, *many(12))

    assert all(isinstance(one, Applied) for one in outcomes)
    assert len(server.api.users) == 12


def test_tokens_that_are_always_refused_end_the_sending(server, target):
    server.behave(token_uses=0)

    outcomes = sent(target, *many(30))

    assert all(isinstance(one, Unavailable) for one in outcomes)
    assert len(server.api.asked) <= 4 * 4
    assert server.api.users == {}


def test_a_wrong_secret_is_said_and_not_shown(server):
    with server.connect(secret="a-wrong-secret") as target:
        found = target.check()
        (outcome,) = sent(target, creation("ann"))

    assert not found.is_usable
    assert found.words == "target test: no token: answered 401: invalid_client"
    assert isinstance(outcome, Unavailable)
    assert "a-wrong-secret" not in repr((found, outcome))


def test_a_server_that_is_not_there_is_unavailable(server):
    server.base_url = "http://127.0.0.1:9"
    with server.connect() as target:
        (outcome,) = sent(target, creation("ann"))

    assert isinstance(outcome, Unavailable)


def test_a_busy_api_is_waited_for_by_milliseconds(server, target):
    server.behave(requests_per_second=10)

    outcomes = sent(target, *many(25))

    assert all(isinstance(one, Applied) for one in outcomes)
    assert len(server.api.users) == 25
    assert any(one.status == 429 for one in server.api.asked)


def test_a_failure_within_a_200_is_of_that_operation_alone(server, target):
    stranger = Operation(OperationKind.CREATE, "User", "eve", "eve@elsewhere.example", document={})

    outcomes = sent(target, creation("ann"), stranger, creation("bob"))

    assert [type(one) for one in outcomes] == [Applied, Rejected, Applied]
    assert outcomes[1].reason == "err_user_invalid_domain not an internal domain"


@pytest.mark.parametrize(("when", "expected"), [("before", Unavailable), ("after", Applied)])
@pytest.mark.parametrize(
    ("function", "operation"),
    [("create-user", creation("ann")), ("create-group", group_creation("staff"))],
)
def test_without_an_answer_it_is_unknown_until_asked(server, when, expected, function, operation):
    server.behave(silent=function, when=when)
    with server.connect(seconds=0.5) as target:
        (outcome,) = sent(target, operation)

        assert isinstance(outcome, Unknown)
        assert server.api.count(function) == 1
        assert isinstance(target.resolve(operation, {}), expected)


def test_a_group_is_made_renamed_filled_emptied_and_deleted(server, target):
    ids = {key: f"{key}@corp.example" for key in ("ann", "bob")}
    sent(target, creation("ann"), creation("bob"))
    (made,) = sent(target, group_creation("staff"), ids=ids)
    change = {"resource_type": "Group", "external_id": "staff", "name": "staff"}
    change |= {"target_id": made.target_id}
    steps = [
        {"changes": {"displayName": "crew"}, "members_added": ("ann", "bob")},
        {"members_removed": ("ann",)},
        # Twice the same: it is so already.
        {"members_removed": ("ann",), "members_added": ("bob",)},
    ]
    for step in steps:
        operation = Operation(OperationKind.UPDATE, **change, **step)
        assert sent(target, operation, ids=ids) == [Applied(made.target_id)]

    assert server.groups() == {"crew": {"bob@corp.example"}}
    held = target.read("Group", made.target_id)
    assert held["displayName"] == "crew"
    assert held["members"] == [{"value": "bob@corp.example"}]

    sent(target, Operation(OperationKind.DELETE, **change), ids=ids)
    assert server.groups() == {}
    assert target.read("Group", made.target_id) is None


@pytest.mark.parametrize(("left", "name"), [((), "Ann"), (("displayName",), "Their Ann")])
def test_an_account_that_is_adopted_keeps_what_is_left_to_the_target(server, target, left, name):
    server.api.add_user("ann@corp.example", name="Their Ann")

    (outcome,) = sent(target, replace(creation("ann"), left=left))

    assert outcome == Applied("ann@corp.example", was_adopted=True)
    assert target.read("User", "ann@corp.example")["displayName"] == name


def test_a_list_that_goes_round_in_circles_is_no_list(server, target):
    for number in range(5):
        server.api.add_user(f"u{number}@corp.example")
    server.behave(circles=True)

    with pytest.raises(TargetUnavailable, match="same page"):
        list(target.read_all("User"))


def test_a_missing_folder_is_said_by_the_check_and_stops_groups_only(server):
    with server.connect(folder="Nowhere") as target:
        found = target.check()
        outcomes = sent(target, creation("ann"), group_creation("staff"))

    assert found.words == (
        'target test: there is no group folder "Nowhere": make it at Mimecast, or change the'
        " key folder"
    )
    assert [type(one) for one in outcomes] == [Applied, Unavailable]


def test_a_usable_target_passes_the_check_and_nothing_is_written(server, target):
    assert target.check().words == "gives us a token, lists users and groups"
    assert server.api.write_count == 0


def test_sending_stops_when_nobody_listens_any_more(server, target):
    with closing(target.send(many(200), {})) as answers:
        next(answers)
    count = len(server.api.users)

    assert count < 200
    sent(target, creation("later"))
    assert len(server.api.users) == count + 1
