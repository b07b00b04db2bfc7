"""What a target connection promises, on the simulator in several moods, scim2-server and scimmy."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from connector.demo.scim_service import Silence
from connector.planner.operation import Operation, OperationKind
from connector.target.client import ScimTarget, TargetConnection
from connector.target.dialect import load_dialect
from connector.target.outcome import Applied, Rejected, Unavailable, Unknown
from tests.parts.scim_server import running_scim2_server, running_simulator
from tests.parts.scimmy import running_scimmy

pytestmark = pytest.mark.real

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
MAPPINGS = Path(__file__).parents[2] / "mappings"
MOODS = {
    "true to the standard": {},
    "PATCH answered 204": {"patch": 204},
    "PATCH refused": {"patch": 501},
    "members by list": {"member_removal": "list"},
    "members by filter": {"member_removal": "filter"},
    "externalId not found": {"finds_by_external_id": False},
    "case-exact names": {"is_case_exact": True},
    "errors as text": {"has_text_errors": True, "has_config": False},
    "startIndex ignored": {"ignores_start_index": True},
    "many at once": {"bulk": "standard"},
    "many at once, status as an object": {"bulk": "status-object", "bulk_operations": 3},
    "many at once, announced only": {"bulk": "refused"},
    "many at once, but not much": {
        "bulk": "standard",
        "bulk_bytes": 900,
        "announced_bulk_bytes": 9000,
    },
    "throttled": {"requests_per_second": 10},
}


@pytest.fixture(params=[*MOODS, "scim2-server", "scimmy"])
def service(request):
    """One service each."""
    if request.param == "scim2-server":
        with running_scim2_server() as server:
            yield server
    elif request.param == "scimmy":
        with running_scimmy() as server:
            yield server
    else:
        with running_simulator(**MOODS[request.param]) as simulator:
            yield simulator


@pytest.fixture(params=["scim.toml", "mimecast.toml"])
def dialect(request):
    return load_dialect(request.param, [MAPPINGS])


@pytest.fixture
def target(service, dialect):
    with connected(service, dialect) as target:
        yield target


def connected(service, dialect=None, *, seconds: float = 20, concurrency: int = 4, token=None):
    connection = TargetConnection(
        name="test",
        base_url=service.base_url,
        token=token or service.token,
        concurrency=concurrency,
        rate=None,
        timeout=timedelta(seconds=seconds),
        ca_file=None,
    )
    return ScimTarget(connection, dialect or load_dialect("scim.toml", [MAPPINGS]))


def creation(key: str, name: str = "", **more) -> Operation:
    name = name or f"{key}@corp.example"
    document = {
        "schemas": [USER],
        "externalId": key,
        "userName": name,
        "name": {"givenName": key.title(), "familyName": "Jensen"},
        "active": True,
    } | more
    return Operation(OperationKind.CREATE, "User", key, name, document=document)


def group_creation(key: str) -> Operation:
    document = {"schemas": [GROUP], "externalId": key, "displayName": key}
    return Operation(OperationKind.CREATE, "Group", key, key, document=document)


def change(kind: OperationKind, key: str, target_id: str, **more) -> Operation:
    resource_type = more.pop("resource_type", "User")
    return Operation(kind, resource_type, key, key, target_id=target_id, **more)


def sent(target, *operations: Operation, ids: dict[str, str] | None = None) -> list:
    """Send; return the outcomes in the order of the operations."""
    by_key = {one.external_id: what for one, what in target.send(operations, ids or {})}
    assert len(by_key) == len(operations)
    return [by_key[one.external_id] for one in operations]


def made(target, *operations: Operation, ids: dict[str, str] | None = None) -> list[str]:
    outcomes = sent(target, *operations, ids=ids)
    assert all(isinstance(one, Applied) for one in outcomes), outcomes
    return [one.target_id for one in outcomes]


# -- on every service -----------------------------------------------------------------------------


def test_a_user_is_created_changed_disabled_enabled_and_deleted(service, target):
    (target_id,) = made(target, creation("ann"))
    assert service.named("ann@corp.example")["externalId"] == "ann"

    changes = {"name.familyName": "Berg", f"{ENTERPRISE}:department": "Sales"}
    made(target, change(OperationKind.UPDATE, "ann", target_id, changes=changes))
    held = service.named("ann@corp.example")
    assert held["name"] == held["name"] | {"familyName": "Berg", "givenName": "Ann"}
    assert held[ENTERPRISE]["department"] == "Sales"

    made(target, change(OperationKind.DISABLE, "ann", target_id, changes={"active": False}))
    assert service.named("ann@corp.example")["active"] is False

    made(target, change(OperationKind.ENABLE, "ann", target_id, changes={"active": True}))
    assert service.named("ann@corp.example")["active"] is True

    made(target, change(OperationKind.DELETE, "ann", target_id))
    assert service.users() == []


def test_one_change_of_a_group_renames_it_and_moves_its_members(service, target):
    ann, bob, cid = made(target, creation("ann"), creation("bob"), creation("cid"))
    ids = {"ann": ann, "bob": bob, "cid": cid}
    (staff,) = made(target, group_creation("staff"), ids=ids)
    group = {"resource_type": "Group"}
    first = change(OperationKind.UPDATE, "staff", staff, members_added=("ann", "bob"), **group)
    made(target, first, ids=ids)
    assert service.members_of("staff") == {ann, bob}

    second = change(
        OperationKind.UPDATE,
        "staff",
        staff,
        changes={"displayName": "crew"},
        members_added=("cid",),
        members_removed=("ann", "bob"),
        **group,
    )
    made(target, second, ids=ids)

    assert service.members_of("crew") == {cid}


def test_an_account_that_is_there_already_is_adopted_and_made_equal(service, target):
    there = {"schemas": [USER], "userName": "Ann@corp.example", "title": "Clerk", "active": False}
    target_id = service.ask("POST", "/Users", there).json()["id"]
    # A service that minds the case would take a second account; here the name is the same.
    (outcome,) = sent(target, creation("ann", "Ann@corp.example"))

    assert outcome == Applied(target_id, was_adopted=True)
    held = service.named("Ann@corp.example")
    assert (held["externalId"], held["active"], held["title"]) == ("ann", True, "Clerk")


def test_an_account_that_is_adopted_keeps_what_is_left_to_the_target(service, target):
    there = {"schemas": [USER], "userName": "ann@corp.example", "title": "Clerk"}
    target_id = service.ask("POST", "/Users", there).json()["id"]
    wanted = creation("ann", title="Captain")

    (outcome,) = sent(target, replace(wanted, left=("title", "phoneNumbers")))

    assert outcome == Applied(target_id, was_adopted=True)
    held = service.named("ann@corp.example")
    assert (held["externalId"], held["title"]) == ("ann", "Clerk")
    assert held["name"]["familyName"] == "Jensen"


def test_an_account_of_another_of_ours_is_not_taken_over(service, target):
    (target_id,) = made(target, creation("ann", "one@corp.example"))

    (outcome,) = sent(target, creation("bob", "one@corp.example"), ids={"ann": target_id})

    assert isinstance(outcome, Rejected)
    assert outcome.status == 409
    assert service.named("one@corp.example")["externalId"] == "ann"


def test_of_two_newcomers_with_one_name_one_gets_it(service, target):
    outcomes = sent(
        target, creation("ann", "one@corp.example"), creation("bob", "one@corp.example")
    )

    assert sorted(type(one).__name__ for one in outcomes) == ["Applied", "Rejected"]
    assert len(service.users()) == 1


def test_what_is_gone_is_told_as_gone(service, target):
    (target_id,) = made(target, creation("ann"))
    assert service.ask("DELETE", f"/Users/{target_id}").status_code == 204

    update = change(OperationKind.UPDATE, "ann", target_id, changes={"title": "Clerk"})
    (outcome,) = sent(target, update)
    assert isinstance(outcome, Rejected)
    assert outcome.status == 404

    assert sent(target, change(OperationKind.DELETE, "ann", target_id)) == [Applied(target_id)]


def test_what_became_of_a_creation_can_be_asked(service, target):
    assert isinstance(target.resolve(creation("ann"), {}), Unavailable)

    (target_id,) = made(target, creation("ann"))

    outcome = target.resolve(creation("ann"), {})
    assert isinstance(outcome, Applied)
    assert outcome.target_id == target_id


def test_what_became_of_a_deletion_can_be_asked(target):
    (target_id,) = made(target, creation("ann"))
    deletion = change(OperationKind.DELETE, "ann", target_id)
    assert isinstance(target.resolve(deletion, {}), Unavailable)

    made(target, deletion)

    assert isinstance(target.resolve(deletion, {}), Applied)


def test_one_resource_can_be_read(target):
    (target_id,) = made(target, creation("ann"))

    assert target.read("User", target_id)["userName"] == "ann@corp.example"
    assert target.read("User", "no-such-id") is None


def test_a_usable_target_passes_the_check(target):
    target.check()
    target.discover()


# -- on the simulator alone -----------------------------------------------------------------------


@pytest.fixture
def patient(mimecast):
    with connected(mimecast) as target:
        yield target


@pytest.mark.parametrize("oddity", [{}, {"ignores_start_index": True}, {"default_page_size": 20}])
def test_all_pages_are_read_and_reading_ends(mimecast, patient, oddity: dict):
    made(patient, *(creation(f"u{number}") for number in range(50)))
    mimecast.behave(**oddity)

    read = list(patient.read_all("User"))

    assert len({one["id"] for one in read}) == len(read) == 50


@pytest.mark.parametrize("form", ["seconds", "date", "milliseconds"])
def test_a_busy_target_is_waited_for_and_nothing_is_lost(mimecast, form: str):
    mimecast.behave(requests_per_second=15, retry_after=form)
    # Only Mimecast's dialect says that X-RateLimit-Reset counts milliseconds.
    name = "mimecast.toml" if form == "milliseconds" else "scim.toml"

    with connected(mimecast, load_dialect(name, [MAPPINGS])) as target:
        outcomes = sent(target, *(creation(f"u{number}") for number in range(40)))

    assert all(isinstance(one, Applied) for one in outcomes)
    assert len(mimecast.users()) == 40
    assert mimecast.service.throttled_count > 0


def test_a_target_that_is_down_for_a_moment_is_asked_again(mimecast, patient):
    mimecast.behave(unavailable_count=2)

    made(patient, creation("ann"))

    assert len(mimecast.users()) == 1


@pytest.mark.parametrize(("when", "expected"), [("before", Unavailable), ("after", Applied)])
def test_without_an_answer_the_outcome_is_unknown_until_the_target_is_asked(
    mimecast, when: str, expected: type
):
    mimecast.behave(silences=(Silence("POST", when),))
    with connected(mimecast, seconds=0.5) as target:
        (outcome,) = sent(target, creation("ann"))
        posts = [one for one in mimecast.writes if one[0] == "POST"]

        assert isinstance(outcome, Unknown)
        assert len(posts) <= 1
        assert isinstance(target.resolve(creation("ann"), {}), expected)


def test_a_wrong_token_ends_the_sending_and_loses_nothing(mimecast):
    with connected(mimecast, token="wrong-token-of-the-tests") as target:
        outcomes = sent(target, *(creation(f"u{number}") for number in range(50)))

    assert all(isinstance(one, Unavailable) for one in outcomes)
    assert len(mimecast.writes) <= 4
    assert "wrong-token" not in repr(outcomes)


def test_a_target_that_is_not_there_is_unavailable(mimecast):
    mimecast.base_url = "http://127.0.0.1:9/scim/v2"
    with connected(mimecast) as target:
        outcomes = sent(target, creation("ann"), creation("bob"))

    assert all(isinstance(one, Unavailable) for one in outcomes)


def test_a_removal_that_is_silently_ignored_is_noticed(mimecast):
    mimecast.behave(member_removal="filter-silently")
    dialect = load_dialect("scim.toml", [MAPPINGS])
    dialect = replace(dialect, members=replace(dialect.members, removal="list"))
    with connected(mimecast, dialect) as target:
        (ann,) = made(target, creation("ann"))
        (staff,) = made(target, group_creation("staff"))
        group = {"resource_type": "Group"}
        ids = {"ann": ann}
        add = change(OperationKind.UPDATE, "staff", staff, members_added=("ann",), **group)
        remove = change(OperationKind.UPDATE, "staff", staff, members_removed=("ann",), **group)
        made(target, add, ids=ids)
        made(target, remove, ids=ids)

    assert mimecast.members_of("staff") == set()


def test_sending_stops_when_nobody_listens_any_more(mimecast, patient):
    answers = patient.send([creation(f"u{number}") for number in range(500)], {})
    next(answers)
    answers.close()
    count = len(mimecast.users())

    assert count < 500
    made(patient, creation("later"))
    assert len(mimecast.users()) == count + 1


def test_one_refused_entry_does_not_stop_the_others(mimecast, patient):
    outcomes = sent(patient, creation("ann"), creation("bad", active="yes"), creation("bob"))

    kinds = [type(one) for one in outcomes]
    assert kinds.count(Applied) >= 2


def test_a_new_user_is_one_request_that_writes(mimecast, patient):
    (target_id,) = made(patient, creation("ann"))
    made(patient, change(OperationKind.UPDATE, "ann", target_id, changes={"title": "Clerk"}))

    assert [(method, status) for method, _, status in mimecast.writes] == [
        ("POST", 201),
        ("PATCH", 200),
    ]
