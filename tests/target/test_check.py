"""What `connector check --online` says of a target, and questions through the real door."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from connector.errors import TargetUnavailable
from connector.planner.operation import Operation, OperationKind
from connector.target.client import ScimTarget, TargetConnection
from connector.target.dialect import Dialect
from connector.target.outcome import Applied, Unavailable, Unknown
from connector.target.retry import RetryPolicy

IMPATIENT = RetryPolicy(first_delay=timedelta(milliseconds=1), connect_attempts=2)
USERS = {"totalResults": 0}
CONFIG = {"patch": {"supported": False}}
CREATE = Operation(OperationKind.CREATE, "User", "guid", "bjensen")


def target(config: object, users: httpx.Response | Exception) -> ScimTarget:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/ServiceProviderConfig"):
            return httpx.Response(200, json=config)
        if isinstance(users, Exception):
            raise users
        return users

    connection = TargetConnection("mimecast", "https://scim.example", "secret-token")
    return ScimTarget(
        connection, Dialect(), transport=httpx.MockTransport(answer), policy=IMPATIENT
    )


@pytest.mark.parametrize(
    ("config", "users", "is_usable", "words"),
    [
        ({"patch": {}}, httpx.Response(200, json=USERS), True, "lists users; changes go by PATCH"),
        (CONFIG, httpx.Response(200, json=USERS), True, "lists users; changes go by PUT"),
        ({}, httpx.Response(200, json=USERS), True, "the dialect file decides"),
        ({}, httpx.Response(401, json={"detail": "expired"}), False, "answered 401: expired"),
        ({}, httpx.Response(403), False, "answered 403"),
        ({}, httpx.Response(200, text="<html>Log in"), False, "is no list of users"),
        ({}, httpx.Response(302, headers={"location": "/login"}), False, "a redirect: base_url"),
        ({}, httpx.Response(404), False, "answered 404"),
        ({}, httpx.ConnectError("no"), False, "cannot be reached"),
    ],
)
def test_a_check_says_whether_a_target_can_be_used_and_why_not(config, users, is_usable, words):
    with target(config, users) as connected:
        found = connected.check()

    assert found.is_usable is is_usable
    assert words in found.words
    assert "secret" not in found.words


def test_one_resource_is_read_and_a_missing_one_is_none():
    with target({}, httpx.Response(200, json={"id": "t1"})) as connected:
        assert connected.read("User", "t1") == {"id": "t1"}
    with target({}, httpx.Response(404)) as connected:
        assert connected.read("User", "t1") is None
    with (
        target({}, httpx.Response(500)) as connected,
        pytest.raises(TargetUnavailable, match="target mimecast: answered 500"),
    ):
        connected.read("User", "t1")


def test_an_operation_of_unknown_outcome_is_asked_for():
    there = {"totalResults": 1, "Resources": [{"id": "t1", "externalId": "guid"}]}

    with target({}, httpx.Response(200, json=there)) as connected:
        assert connected.resolve(CREATE, {}) == Applied("t1")
    with target({}, httpx.Response(200, json=USERS)) as connected:
        assert isinstance(connected.resolve(CREATE, {}), Unavailable)


def test_a_target_that_cannot_be_asked_leaves_an_outcome_unknown():
    """To call it Unavailable would send the creation again."""
    with target({}, httpx.ConnectError("no")) as connected:
        assert isinstance(connected.resolve(CREATE, {}), Unknown)

    down = httpx.MockTransport(refuse)
    connection = TargetConnection("mimecast", "https://scim.example", "token")
    with ScimTarget(connection, Dialect(), transport=down, policy=IMPATIENT) as connected:
        assert isinstance(connected.resolve(CREATE, {}), Unknown)


def refuse(request: httpx.Request) -> httpx.Response:
    message = "refused"
    raise httpx.ConnectError(message, request=request)


def test_nothing_is_asked_when_there_is_nothing_to_send():
    with target({}, httpx.ConnectError("no")) as connected:
        assert list(connected.send([], {})) == []
