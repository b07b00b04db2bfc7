"""Each path through a conversation with Mimecast's API, without a network."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from connector.planner.operation import Operation, OperationKind
from connector.target.claims import Claims
from connector.target.lookup import Unanswered
from connector.target.mimecast_api.conversation import Terms, carry_out, resolve
from connector.target.mimecast_api.lookup import groups_in, to_user
from connector.target.mimecast_api.token import Token, parse_token, token_request
from connector.target.mimecast_api.wire import as_meant, call, foreseen, next_token
from connector.target.outcome import Applied, Rejected, Unavailable, Unknown
from connector.target.request import Request
from connector.target.response import Answer, NoAnswer, NotSent, reason_of

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
LOST = NoAnswer("no answer in time")
IDS = {"ann": "ann@corp.example", "bob": "bob@corp.example"}
GROUP = {"resource_type": "Group", "name": "staff", "key": "g"}


def answer(status: int = 200, **document: object) -> Answer:
    return Answer(status, {}, orjson.dumps({"meta": {"status": 200}, "fail": []} | document))


OK = answer(data=[{"id": "made"}])
FAILURE = answer(data=[], fail=[{"errors": [{"code": "err_no", "message": "it may not be"}]}])


def users(*addresses: str, **more: object) -> Answer:
    rows = [{"emailAddress": one, "name": "Ann", "internal": True} | more for one in addresses]
    return answer(users=rows)


def folders(*rows: tuple[str, str, str]) -> Answer:
    keys = ("id", "description", "parentId")
    return answer(data=[{"folders": [dict(zip(keys, row, strict=True)) for row in rows]}])


def members(*addresses: str) -> Answer:
    return answer(data=[{"groupMembers": [{"emailAddress": one} for one in addresses]}])


PLACE = ("place", "Ours", "")
STAFF = ("g1", "staff", "place")


def operation(kind: str, key: str = "ann", **more: object) -> Operation:
    resource_type = more.pop("resource_type", "User")
    name = more.pop("name", f"{key}@corp.example")
    return Operation(OperationKind(kind), resource_type, key, name, **more)


def creation(key: str = "ann", shown: str = "Ann") -> Operation:
    document = {"userName": f"{key}@corp.example", "displayName": shown, "externalId": key}
    return operation("create", key, document=document)


def terms(folder: str = "Ours", ids: dict[str, str] | None = None) -> Terms:
    return Terms(Claims(IDS if ids is None else ids), 100, folder)


def walk(conversation, *replies):
    """Return how it ended, and what was asked: path and fields."""
    asked = []
    waiting = iter(replies)
    try:
        request = next(conversation)
        while True:
            body = orjson.loads(request.body) if request.body else {}
            path = request.path.partition("?")[0].rpartition("/")[2]
            asked.append((path, *(body.get("data") or [])))
            request = conversation.send(next(waiting))
    except StopIteration as end:
        assert next(waiting, None) is None, "not all replies were wanted"
        return end.value, asked


def test_a_creation_is_one_request():
    outcome, asked = walk(carry_out(creation(), terms(ids={})), OK)

    assert outcome == Applied("ann@corp.example")
    assert asked == [("create-user", {"emailAddress": "ann@corp.example", "name": "Ann"})]


def test_who_is_there_already_is_made_equal_and_adopted():
    there = users("Ann@corp.example", name="Annie", disabled=True)

    outcome, asked = walk(carry_out(creation(), terms(ids={})), FAILURE, there, OK)

    assert outcome == Applied("ann@corp.example", was_adopted=True)
    wanted = {"emailAddress": "ann@corp.example", "name": "Ann", "accountDisabled": False}
    assert asked[-1] == ("update-user", wanted)


def test_who_is_there_and_equal_is_adopted_without_a_change():
    outcome, _ = walk(carry_out(creation(), terms(ids={})), FAILURE, users("ann@corp.example"))

    assert outcome == Applied("ann@corp.example", was_adopted=True)


def test_a_creation_that_fails_for_another_reason_is_refused_with_it():
    outcome, _ = walk(carry_out(creation(), terms(ids={})), FAILURE, users())

    assert outcome == Rejected(400, "err_no it may not be")


def test_an_adoption_that_cannot_be_finished_is_none():
    there = users("ann@corp.example", disabled=True)

    assert isinstance(walk(carry_out(creation(), terms(ids={})), FAILURE, there, LOST)[0], Unknown)


def test_a_group_whose_name_cannot_be_put_right_is_not_adopted():
    new = operation("create", "g", resource_type="Group", name="Staff")

    outcome, _ = walk(carry_out(new, terms()), folders(PLACE, STAFF), members(), FAILURE)

    assert isinstance(outcome, Rejected)


def test_of_two_newcomers_with_one_name_one_gets_the_group_that_is_there():
    shared = terms()
    first, second = (operation("create", k, resource_type="Group", name="staff") for k in "gh")
    walk(carry_out(first, shared), folders(PLACE, STAFF), members())

    outcome, asked = walk(carry_out(second, shared), OK)

    assert outcome == Applied("made")
    assert [path for path, *_ in asked] == ["create-group"]


def test_an_address_of_another_of_ours_is_not_taken():
    outcome, asked = walk(carry_out(creation(), terms(ids={"old": "ann@corp.example"})))

    assert isinstance(outcome, Rejected)
    assert (outcome.status, asked) == (409, [])


def test_an_alias_and_an_outsider_are_nobody():
    assert to_user({"emailAddress": "a@b", "isAlias": True}) is None
    assert to_user({"emailAddress": "a@b", "internal": False}) is None
    assert to_user({"domain": "corp.example"}) is None


@pytest.mark.parametrize(
    ("kind", "changes", "fields"),
    [
        ("update", {"displayName": "Anne"}, {"name": "Anne"}),
        ("update", {"displayName": None}, {"name": ""}),
        ("disable", {"active": False}, {"accountDisabled": True}),
        ("enable", {"active": True, "displayName": "A"}, {"accountDisabled": False, "name": "A"}),
    ],
)
def test_a_change_is_one_request(kind: str, changes: dict, fields: dict):
    change = operation(kind, target_id="ann@corp.example", changes=changes)

    outcome, asked = walk(carry_out(change, terms()), OK)

    assert outcome == Applied("ann@corp.example")
    assert asked == [("update-user", {"emailAddress": "ann@corp.example"} | fields)]


@pytest.mark.parametrize("changes", [{"externalId": "new"}, {"userName": "ANN@corp.example"}])
def test_what_the_api_does_not_keep_needs_no_request(changes: dict):
    change = operation("update", target_id="ann@corp.example", changes=changes)

    assert walk(carry_out(change, terms())) == (Applied("ann@corp.example"), [])


def test_a_new_address_is_a_task_for_somebody_and_no_request():
    change = operation("update", target_id="ann@corp.example", changes={"userName": "b@c.example"})

    outcome, asked = walk(carry_out(change, terms()))

    assert isinstance(outcome, Rejected)
    assert "never changes an address" in outcome.reason
    assert asked == []


@pytest.mark.parametrize(("there", "status"), [(users(), 404), (users("ann@corp.example"), 400)])
def test_a_change_that_fails_tells_whether_the_person_is_gone(there: Answer, status: int):
    change = operation("disable", target_id="ann@corp.example", changes={"active": False})

    outcome, _ = walk(carry_out(change, terms()), FAILURE, there)

    assert isinstance(outcome, Rejected)
    assert outcome.status == status


def test_nobody_is_deleted():
    outcome, asked = walk(carry_out(operation("delete", target_id="ann@corp.example"), terms()))

    assert isinstance(outcome, Rejected)
    assert 'deprovision to "disable"' in outcome.reason
    assert asked == []


@pytest.mark.parametrize(
    "change",
    [
        creation(),
        operation("update", target_id="ann@corp.example", changes={"displayName": "A"}),
        operation("delete", target_id="g1", resource_type="Group"),
        operation("update", "g", target_id="g1", resource_type="Group", members_added=("ann",)),
        operation(
            "update", "g", target_id="g1", resource_type="Group", changes={"displayName": "x"}
        ),
    ],
)
def test_a_lost_answer_is_unknown_and_not_sent_again(change: Operation):
    ids = {} if change.kind is OperationKind.CREATE else IDS

    outcome, asked = walk(carry_out(change, terms(ids=ids)), LOST)

    assert isinstance(outcome, Unknown)
    assert len(asked) == 1


@pytest.mark.parametrize("reply", [answer(401), answer(429), answer(503), NotSent("no token")])
def test_a_target_that_takes_nothing_ends_the_conversation(reply):
    with pytest.raises(Unanswered) as caught:
        walk(carry_out(creation(), terms(ids={})), reply)

    assert caught.value.is_breakdown


# -- groups ---------------------------------------------------------------------------------------


def test_a_group_is_made_in_its_folder():
    new = operation("create", "g", resource_type="Group", name="staff")

    outcome, asked = walk(carry_out(new, terms()), folders(PLACE, ("x", "staff", "elsewhere")), OK)

    assert outcome == Applied("made")
    assert asked[-1] == ("create-group", {"description": "staff", "parentId": "place"})


def test_a_group_at_the_top_has_no_parent():
    new = operation("create", "g", resource_type="Group", name="staff")
    inner = folders(("root", "Root", ""), PLACE, ("x", "staff", "place"))

    _, asked = walk(carry_out(new, terms("")), inner, OK)

    assert asked[-1] == ("create-group", {"description": "staff"})


def test_folders_are_read_once_for_many_groups():
    shared = terms()
    first = operation("create", "g", resource_type="Group", name="staff")
    second = operation("create", "h", resource_type="Group", name="crew")
    walk(carry_out(first, shared), folders(PLACE), OK)

    _, asked = walk(carry_out(second, shared), answer(data=[{"id": "other"}]))

    assert [path for path, *_ in asked] == ["create-group"]


def test_a_group_of_that_name_is_adopted_with_its_members():
    new = operation(
        "create", "g", resource_type="Group", name="Staff", members_added=("ann", "bob")
    )
    there = members("ann@corp.example", "eve@corp.example")

    outcome, asked = walk(carry_out(new, terms()), folders(PLACE, STAFF), there, OK, OK)

    assert outcome == Applied("g1", True, ("ann@corp.example", "eve@corp.example"))
    assert asked[2] == ("update-group", {"id": "g1", "description": "Staff"})
    assert asked[3] == ("add-group-member", {"id": "g1", "emailAddress": "bob@corp.example"})


def test_a_group_of_another_of_ours_is_not_adopted():
    new = operation("create", "g", resource_type="Group", name="staff")

    outcome, _ = walk(carry_out(new, terms(ids={"h": "g1"})), folders(PLACE, STAFF), OK)

    assert outcome == Applied("made")


@pytest.mark.parametrize("there", [folders(), folders(PLACE, ("p2", "Ours", ""))])
def test_without_one_right_place_no_group_is_made(there: Answer):
    new = operation("create", "g", resource_type="Group", name="staff")

    with pytest.raises(Unanswered):
        walk(carry_out(new, terms()), there)


def test_of_several_groups_of_that_name_somebody_has_to_choose():
    new = operation("create", "g", resource_type="Group", name="staff")

    outcome, _ = walk(carry_out(new, terms()), folders(PLACE, STAFF, ("g2", "staff", "place")))

    assert outcome == Rejected(409, "2 groups of that name are there already")


def test_a_group_without_an_id_is_unknown():
    new = operation("create", "g", resource_type="Group", name="staff")

    outcome, _ = walk(carry_out(new, terms()), folders(PLACE), answer(data=[]))

    assert isinstance(outcome, Unknown)


def test_members_go_before_members_come_one_a_request():
    change = operation(
        "update",
        "g",
        resource_type="Group",
        target_id="g1",
        changes={"displayName": "crew"},
        members_added=("ann",),
        members_removed=("bob",),
    )

    outcome, asked = walk(carry_out(change, terms()), OK, OK, OK)

    assert outcome == Applied("g1")
    assert asked == [
        ("update-group", {"id": "g1", "description": "crew"}),
        ("remove-group-member", {"id": "g1", "emailAddress": "bob@corp.example"}),
        ("add-group-member", {"id": "g1", "emailAddress": "ann@corp.example"}),
    ]


@pytest.mark.parametrize(
    ("held", "rest", "expected"),
    [
        (members("ann@corp.example"), (), Applied("g1")),
        (members(), (folders(PLACE, STAFF),), Rejected(400, "err_no it may not be")),
        (members(), (folders(PLACE),), Rejected(404, "gone at the target")),
        (FAILURE, (folders(PLACE),), Rejected(404, "gone at the target")),
    ],
)
def test_what_is_there_decides_whether_a_membership_failed(held, rest, expected):
    change = operation("update", "g", resource_type="Group", target_id="g1", members_added=("ann",))

    outcome, _ = walk(carry_out(change, terms()), FAILURE, held, *rest)

    assert outcome == expected


def test_members_that_cannot_be_read_in_a_breakdown_are_no_refusal():
    change = operation("update", "g", resource_type="Group", target_id="g1", members_added=("ann",))

    with pytest.raises(Unanswered):
        walk(carry_out(change, terms()), FAILURE, answer(503))


def test_a_rename_of_a_group_that_fails_is_refused():
    change = operation(
        "update", "g", resource_type="Group", target_id="g1", changes={"displayName": "x"}
    )

    outcome, _ = walk(carry_out(change, terms()), FAILURE, folders(PLACE, STAFF))

    assert isinstance(outcome, Rejected)


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ((OK,), Applied("g1")),
        ((FAILURE, folders(PLACE)), Applied("g1")),
        ((FAILURE, folders(PLACE, STAFF)), Rejected(400, "err_no it may not be")),
    ],
)
def test_a_group_is_deleted(replies, expected):
    deletion = operation("delete", "g", resource_type="Group", target_id="g1")

    assert walk(carry_out(deletion, terms()), *replies)[0] == expected


# -- what became of it ----------------------------------------------------------------------------

NEW_GROUP = operation("create", "g", resource_type="Group", name="staff")
OLD_GROUP = operation("delete", "g", resource_type="Group", target_id="g1")


@pytest.mark.parametrize(
    ("asked_about", "reply", "expected"),
    [
        (creation(), users("ann@corp.example"), Applied),
        (creation(), users("bob@corp.example"), Unavailable),
        (creation(), LOST, Unknown),
        (NEW_GROUP, folders(PLACE, STAFF), Applied),
        (NEW_GROUP, folders(PLACE), Unavailable),
        (NEW_GROUP, FAILURE, Unknown),
        (OLD_GROUP, folders(PLACE), Applied),
        (OLD_GROUP, folders(PLACE, STAFF), Unavailable),
    ],
)
def test_what_became_of_it_is_seen_by_looking(asked_about, reply, expected):
    assert isinstance(walk(resolve(asked_about, terms(ids={})), reply)[0], expected)


def test_a_change_without_an_answer_is_sent_again():
    change = operation("update", target_id="ann@corp.example", changes={"displayName": "A"})

    assert isinstance(walk(resolve(change, terms()))[0], Unavailable)


# -- envelope and token ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "status"),
    [
        ({"fail": [{"errors": [{"code": "c", "message": "m"}]}]}, 400),
        ({"fail": [{"code": "c", "message": "m"}]}, 400),
        ({"fail": ["odd"]}, 400),
        ({"meta": {"status": 403}, "fail": [{"errors": [{"code": "c"}]}]}, 403),
        ({"meta": {"status": 500}}, 500),
        ({"meta": {"status": 200}, "fail": []}, 200),
        ({"meta": "odd"}, 200),
    ],
)
def test_a_failure_within_a_200_is_a_failure(document: dict, status: int):
    meant = as_meant(Answer(200, {}, orjson.dumps(document)))

    assert isinstance(meant, Answer)
    assert meant.status == status


def test_the_words_of_a_failure_come_without_addresses():
    failure = answer(fail=[{"errors": [{"code": "c", "message": "ann@corp.example is taken"}]}])
    meant = as_meant(failure)

    assert isinstance(meant, Answer)
    assert reason_of(meant) == "c ... is taken"


def test_an_error_status_keeps_its_number_and_a_lost_answer_stays_lost():
    assert as_meant(answer(404)).status == 404
    assert as_meant(LOST) is LOST


@pytest.mark.parametrize("meta", [None, {}, {"pagination": {}}, {"pagination": {"next": 7}}])
def test_a_list_without_a_token_ends(meta):
    assert next_token(answer(meta=meta)) == ""


def test_groups_at_the_top_are_those_below_nobody_known():
    rows = [{"id": "a", "parentId": "root"}, {"id": "b", "parentId": "a"}]

    assert groups_in(rows, "") == rows[:1]


@pytest.mark.parametrize(
    ("said", "minutes"),
    [({"expires_in": 1800}, 29), ({"expires_in": 60}, 0.5), ({}, 14), ({"expires_in": "7"}, 14)],
)
def test_a_token_is_renewed_before_it_ends(said: dict, minutes: float):
    body = orjson.dumps({"access_token": "t"} | said)
    token = parse_token(Answer(200, {}, body), NOW)

    assert token == Token("t", NOW + timedelta(minutes=minutes))


@pytest.mark.parametrize("value", [None, 7, "", "two\nlines", "ümlaut"])
def test_what_is_no_token_is_none(value):
    body = orjson.dumps({"access_token": value})

    assert parse_token(Answer(200, {}, body), NOW) is None


def test_secrets_do_not_show():
    token = Token("hidden", NOW)
    shown = repr([token, token.on(Request("GET", "/x")), call("user/x", a=1)])

    assert "hidden" not in shown
    request = token_request("id", "a secret&")
    assert request.body == b"grant_type=client_credentials&client_id=id&client_secret=a+secret%26"


@pytest.mark.parametrize(
    ("foreseen_of", "function"),
    [
        (creation(), "user/create-user"),
        (operation("disable", changes={"active": False}), "user/update-user"),
        (NEW_GROUP, "directory/create-group"),
        (OLD_GROUP, "directory/delete-group"),
        (operation("update", **GROUP, changes={"displayName": "x"}), "directory/update-group"),
        (operation("update", **GROUP, members_added=("a",)), "directory/add-group-member"),
        (operation("update", **GROUP, members_removed=("a",)), "directory/remove-group-member"),
    ],
)
def test_a_plan_foresees_the_request(foreseen_of: Operation, function: str):
    assert foreseen(foreseen_of) == ("POST", f"/api/{function}")
