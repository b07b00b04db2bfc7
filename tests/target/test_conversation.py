"""All that one operation may take, walked without a network: requests out, replies in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from connector.planner.operation import Operation, OperationKind
from connector.target.claims import Claims
from connector.target.conversation import Carried, Terms, carry_out, resolve
from connector.target.dialect import (
    Dialect,
    MemberDialect,
    ReadDialect,
    UpdateDialect,
    WriteDialect,
)
from connector.target.lesson import PUT, REMOVAL_BY_LIST, REMOVAL_PROVEN, learned
from connector.target.outcome import Applied, Rejected, Unavailable, Unknown
from connector.target.request import describe
from connector.target.response import Answer, NoAnswer, NotSent, Reply

if TYPE_CHECKING:
    from collections.abc import Generator

    from connector.target.request import Request

BELIEVED = Dialect(read=ReadDialect(reliable_filters=("externalId", "userName", "displayName")))
JENSEN = {"userName": "bjensen", "name": {"givenName": "Barbara"}}
CREATE = Operation(OperationKind.CREATE, "User", "guid-1", "bjensen", document=JENSEN)
UPDATE = Operation(
    OperationKind.UPDATE, "User", "guid-1", "bjensen", target_id="t1", changes={"title": "Chair"}
)
DELETE = Operation(OperationKind.DELETE, "User", "guid-1", "bjensen", target_id="t1")
GROUP = Operation(
    OperationKind.UPDATE, "Group", "guid-g", "Staff", target_id="g1", members_removed=("guid-1",)
)
IDS = {"guid-1": "t1", "guid-2": "t2", "guid-g": "g1"}


def answer(status: int, document: Any = None, **headers: str) -> Answer:
    return Answer(status, headers, b"" if document is None else orjson.dumps(document))


def listed(*resources: dict[str, Any], total: int | None = None) -> Answer:
    count = len(resources) if total is None else total
    return answer(200, {"totalResults": count, "Resources": list(resources)})


def group_of(*target_ids: str) -> Answer:
    return answer(200, {"id": "g1", "members": [{"value": one} for one in target_ids]})


NOTHING = listed()
CREATED = answer(201, {"id": "new"})
TAKEN = answer(409, {"scimType": "uniqueness", "detail": "taken"})
GONE = answer(404, {"detail": "not found"})
DOWN = NotSent("connection refused")
SILENT = NoAnswer("no answer within 30 seconds")


def walk(conversation: Generator[Request, Reply, Any], *replies: Reply) -> tuple[list[str], Any]:
    """Return what a conversation asked for, given these replies in order, and what it returned."""
    waiting = iter(replies)
    asked: list[str] = []
    try:
        request = next(conversation)
        while True:
            asked.append(describe(request))
            request = conversation.send(next(waiting))
    except StopIteration as end:
        assert next(waiting, None) is None, "not all replies were asked for"
        return asked, end.value


def claims_of(target_ids: dict[str, str], *operations: Operation) -> Claims:
    claims = Claims(target_ids)
    for operation in operations:
        claims.expect(operation)
    return claims


def carried(operation: Operation, *replies: Reply, **terms: Any) -> tuple[list[str], Carried]:
    target_ids = terms.pop("target_ids", IDS if operation is not CREATE else {})
    given = Terms(terms.pop("dialect", BELIEVED), claims_of(target_ids, operation), **terms)
    return walk(carry_out(operation, given), *replies)


def resolved(operation: Operation, *replies: Reply, dialect: Dialect = BELIEVED) -> Any:
    return walk(resolve(operation, Terms(dialect, claims_of({}, operation))), *replies)[1]


# -- creation ------------------------------------------------------------------------------------


def test_a_creation_is_one_request():
    asked, end = carried(CREATE, CREATED)

    assert asked == ["POST /Users"]
    assert end == Carried(Applied("new"))


def test_the_id_is_taken_from_location_if_the_body_has_none():
    _, end = carried(CREATE, answer(201, None, location="https://scim.example/v2/Users/77"))

    assert end.outcome == Applied("77")


def test_a_creation_without_any_id_is_looked_up():
    found = {"id": "t9", "externalId": "guid-1", "userName": "bjensen"}

    asked, end = carried(CREATE, answer(201), listed(found))

    assert asked == ["POST /Users", "GET /Users"]
    assert end.outcome == Applied("t9")


def test_a_creation_that_finds_its_name_taken_adopts_the_resource_by_one_change():
    found = {"id": "t9", "userName": "BJensen", "name": {"givenName": "Babs"}, "active": True}

    asked, end = carried(CREATE, TAKEN, NOTHING, listed(found), answer(200, {}))

    assert asked == ["POST /Users", "GET /Users", "GET /Users", "PATCH /Users/t9"]
    assert end.outcome == Applied("t9", was_adopted=True)


def test_an_adopted_resource_that_is_equal_is_not_written():
    found = JENSEN | {"id": "t9", "externalId": "guid-1"}

    asked, end = carried(CREATE, TAKEN, listed(found))

    assert asked == ["POST /Users", "GET /Users"]
    assert end.outcome == Applied("t9", was_adopted=True)


def test_a_resource_that_belongs_to_another_of_ours_is_never_adopted():
    found = {"id": "t2", "userName": "bjensen"}

    _, end = carried(CREATE, TAKEN, NOTHING, listed(found), target_ids=IDS)

    assert isinstance(end.outcome, Rejected)
    assert end.outcome.status == 409


def test_two_creations_under_way_do_not_end_with_one_resource():
    other = replace(CREATE, external_id="guid-9")
    terms = Terms(BELIEVED, claims_of({}, CREATE, other))
    walk(carry_out(CREATE, terms), CREATED)

    _, end = walk(carry_out(other, terms), TAKEN, NOTHING, listed({"id": "new"} | JENSEN))

    assert isinstance(end.outcome, Rejected)


def test_several_resources_of_one_name_are_left_to_people():
    group = Operation(OperationKind.CREATE, "Group", "guid-g", "Staff")
    same = [{"id": "g1", "displayName": "Staff"}, {"id": "g2", "displayName": "Staff"}]

    _, end = carried(group, TAKEN, NOTHING, listed(*same), target_ids={})

    assert end.outcome == Rejected(409, "2 of that name are there already")


def test_a_conflict_that_no_filter_explains_is_looked_for_in_the_list_of_all():
    page = listed({"id": "a", "userName": "other"}, total=2)
    last = listed({"id": "t9"} | JENSEN | {"userName": "BJENSEN"}, total=2)

    asked, end = carried(CREATE, TAKEN, NOTHING, NOTHING, page, last, answer(204))

    assert asked[-3:] == ["GET /Users", "GET /Users", "PATCH /Users/t9"]
    assert end.outcome == Applied("t9", was_adopted=True)


def test_a_creation_answered_500_may_have_been_done():
    found = JENSEN | {"id": "t9", "externalId": "guid-1"}

    assert carried(CREATE, answer(500), listed(found))[1].outcome == Applied("t9")
    assert carried(CREATE, answer(500), NOTHING, NOTHING)[1].outcome == Rejected(
        500, "no reason given"
    )


def test_a_creation_answered_500_by_a_target_that_then_falls_silent_is_unknown():
    assert isinstance(carried(CREATE, answer(500), SILENT)[1].outcome, Unknown)


def test_members_that_a_new_group_has_lost_are_added():
    group = replace(CREATE, resource_type="Group", members_added=("guid-1",))

    asked, end = carried(group, CREATED, answer(204), target_ids=IDS)

    assert asked == ["POST /Groups", "PATCH /Groups/new"]
    assert end.outcome == Applied("new")


# -- change --------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 202, 204])
def test_a_change_is_one_patch(status: int):
    asked, end = carried(UPDATE, answer(status))

    assert asked == ["PATCH /Users/t1"]
    assert end == Carried(Applied("t1"))


@pytest.mark.parametrize("status", [400, 409, 412, 413, 422, 500])
def test_a_rejected_change_is_not_sent_again(status: int):
    asked, end = carried(UPDATE, answer(status, {"detail": "no"}))

    assert asked == ["PATCH /Users/t1"]
    assert end == Carried(Rejected(status, "no"))


@pytest.mark.parametrize("reply", [SILENT, answer(502), answer(504), answer(408)])
def test_a_change_whose_answer_is_lost_is_unknown_and_not_sent_again(reply: Reply):
    asked, end = carried(UPDATE, reply)

    assert asked == ["PATCH /Users/t1"]
    assert isinstance(end.outcome, Unknown)
    assert end.breakdown == ""


def test_a_404_to_a_change_is_confirmed_before_the_resource_counts_as_gone():
    assert carried(UPDATE, GONE, GONE)[1].outcome == Rejected(404, "gone at the target")
    # A missing member of a group, for one, is answered 404 as well.
    there = carried(UPDATE, GONE, answer(200, {"id": "t1"}))[1].outcome
    assert isinstance(there, Rejected)
    assert there.status == 400


@pytest.mark.parametrize(
    "refusal",
    [
        answer(501),
        answer(405),
        answer(400, {"detail": "PATCH is not supported"}),
        Answer(400, {}, b"<p>Unsupported method PATCH</p>"),
    ],
)
def test_a_target_without_patch_gets_the_whole_resource_by_put(refusal: Reply):
    current = answer(200, JENSEN | {"id": "t1", "nickName": "Babs", "meta": {"version": "1"}})

    asked, end = carried(UPDATE, refusal, current, answer(200))

    assert asked == ["PATCH /Users/t1", "GET /Users/t1", "PUT /Users/t1"]
    assert end == Carried(Applied("t1"), PUT)
    assert learned(BELIEVED, end.lessons).update.verb == "put"


def test_put_keeps_what_is_not_ours():
    conversation = carry_out(UPDATE, Terms(Dialect(update=UpdateDialect("put")), Claims(IDS)))
    next(conversation)

    request = conversation.send(answer(200, {"id": "t1", "nickName": "Babs", "meta": {}}))

    assert orjson.loads(request.body or b"") == {
        "id": "t1",
        "nickName": "Babs",
        "title": "Chair",
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
    }


def test_a_failed_fall_back_teaches_nothing():
    _, end = carried(UPDATE, answer(501), answer(200, {"id": "t1"}), answer(501))

    assert end == Carried(Rejected(501, "no reason given"))


# -- members -------------------------------------------------------------------------------------


def test_the_first_removal_of_a_member_is_checked_and_later_ones_are_not():
    asked, end = carried(GROUP, answer(204), group_of("t2"))
    assert asked == ["PATCH /Groups/g1", "GET /Groups/g1"]
    assert end.lessons == REMOVAL_PROVEN

    asked, _ = carried(GROUP, answer(204), lessons=end.lessons)
    assert asked == ["PATCH /Groups/g1"]


def test_a_removal_refused_in_one_form_is_sent_in_the_other():
    asked, end = carried(GROUP, answer(400, {"detail": "bad path"}), answer(204))

    assert asked == ["PATCH /Groups/g1", "PATCH /Groups/g1"]
    assert end == Carried(Applied("g1"), REMOVAL_BY_LIST)
    assert learned(BELIEVED, end.lessons).members.removal == "list"


def test_a_removal_without_effect_is_sent_in_the_other_form():
    _, end = carried(GROUP, answer(204), group_of("t1"), answer(204), group_of())

    assert end.outcome == Applied("g1")
    assert end.lessons == {**REMOVAL_BY_LIST, **REMOVAL_PROVEN}


def test_a_removal_that_no_form_of_patch_achieves_goes_by_put():
    asked, end = carried(
        GROUP, answer(204), group_of("t1", "t2"), answer(204), group_of("t1", "t2"),
        group_of("t1", "t2"), answer(200), group_of("t2"),
    )  # fmt: skip

    assert asked[-2:] == ["PUT /Groups/g1", "GET /Groups/g1"]
    assert end == Carried(Applied("g1"), PUT)


def test_members_that_stay_whatever_is_done_are_not_taken_for_removed():
    full = group_of("t1")

    _, end = carried(GROUP, answer(204), full, answer(204), full, full, answer(200), full)

    assert isinstance(end.outcome, Rejected)


def test_a_removal_that_is_refused_for_another_reason_says_the_first_one():
    _, end = carried(GROUP, answer(400, {"detail": "frozen"}), answer(400, {"detail": "form"}))

    assert end == Carried(Rejected(400, "frozen"))


# -- deletion ------------------------------------------------------------------------------------


def test_a_deletion_is_one_request():
    asked, end = carried(DELETE, answer(204))

    assert asked == ["DELETE /Users/t1"]
    assert end.outcome == Applied("t1")


@pytest.mark.parametrize("status", [404, 410, 500])
def test_a_repeated_deletion_is_applied_once_it_is_confirmed(status: int):
    asked, end = carried(DELETE, answer(status), GONE)

    assert asked == ["DELETE /Users/t1", "GET /Users/t1"]
    assert end.outcome == Applied("t1")


@pytest.mark.parametrize("status", [404, 500])
def test_a_deletion_of_what_is_still_there_is_rejected(status: int):
    _, end = carried(DELETE, answer(status), answer(200, {"id": "t1"}))

    assert isinstance(end.outcome, Rejected)
    # 404 would mean to the ledger that it is gone.
    assert end.outcome.status != 404


def test_a_target_that_deletes_nothing_is_not_asked_to():
    asked, end = carried(DELETE, dialect=Dialect(write=WriteDialect(delete=False)))

    assert asked == []
    assert isinstance(end.outcome, Rejected)


# -- breakdown -----------------------------------------------------------------------------------


@pytest.mark.parametrize("reply", [DOWN, answer(401), answer(429), answer(503), answer(302)])
@pytest.mark.parametrize("operation", [CREATE, UPDATE, DELETE])
def test_a_target_that_takes_nothing_is_a_breakdown(operation: Operation, reply: Reply):
    _, end = carried(operation, reply)

    assert isinstance(end.outcome, Unavailable)
    assert end.breakdown == end.outcome.reason != ""


def test_one_forbidden_account_is_rejected_and_a_forbidden_token_is_a_breakdown():
    one = carried(UPDATE, answer(403, {"detail": "protected"}), NOTHING)[1]
    assert one == Carried(Rejected(403, "protected"))

    all_of_it = carried(UPDATE, answer(403), answer(403, {"detail": "scope missing"}))[1]
    assert isinstance(all_of_it.outcome, Unavailable)
    assert "scope missing" in all_of_it.breakdown


def test_a_lookup_that_gets_no_answer_leaves_a_refused_creation_to_the_next_cycle():
    _, end = carried(CREATE, TAKEN, SILENT)

    assert isinstance(end.outcome, Unavailable)
    assert end.breakdown == ""


def test_an_error_within_a_200_is_an_error():
    error = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": 400,
        "detail": "no",
    }

    assert carried(UPDATE, answer(200, error))[1].outcome == Rejected(400, "no")


# -- resolving -----------------------------------------------------------------------------------


def test_a_creation_of_unknown_outcome_is_found_by_its_external_id():
    assert resolved(CREATE, listed({"id": "t9", "externalId": "guid-1"})) == Applied("t9")


def test_a_creation_is_found_by_name_where_the_target_keeps_no_external_id():
    found = listed({**JENSEN, "id": "t9", "userName": "BJensen"})

    assert resolved(CREATE, NOTHING, found) == Applied("t9")


def test_an_account_of_the_same_name_with_other_values_may_be_a_strangers():
    stranger = {**JENSEN, "id": "t9", "name": {"givenName": "Bernd"}}

    assert isinstance(resolved(CREATE, NOTHING, listed(stranger)), Unavailable)


def test_an_account_of_the_same_name_by_somebody_else_is_not_our_creation():
    stranger = {"id": "t9", "userName": "bjensen", "externalId": "of-another-system"}

    assert isinstance(resolved(CREATE, NOTHING, listed(stranger)), Unavailable)


def test_a_creation_that_reliable_filters_do_not_find_was_not_done():
    assert isinstance(resolved(CREATE, NOTHING, NOTHING), Unavailable)


def test_an_empty_answer_of_an_unreliable_filter_is_not_believed():
    found = resolved(
        CREATE, NOTHING, NOTHING, listed({"id": "t9", "externalId": "guid-1"}), dialect=Dialect()
    )

    assert found == Applied("t9")


def test_a_filter_that_the_target_ignored_is_not_believed():
    """It answers with the first of all resources, whatever was asked."""
    other = listed({"id": "a", "userName": "other"}, total=2)
    rest = listed({**JENSEN, "id": "t9"}, total=2)

    assert resolved(CREATE, other, other, other, rest) == Applied("t9")


def test_a_list_that_cannot_be_read_to_its_end_proves_nothing():
    page = listed({"id": "a", "userName": "other"}, total=40)

    assert isinstance(resolved(CREATE, NOTHING, NOTHING, page, page, dialect=Dialect()), Unknown)


def test_a_deletion_of_unknown_outcome_is_looked_at():
    assert resolved(DELETE, GONE) == Applied("t1")
    assert isinstance(resolved(DELETE, answer(200, {"id": "t1"})), Unavailable)
    assert isinstance(resolved(DELETE, SILENT), Unknown)
    assert isinstance(resolved(DELETE, DOWN), Unknown)


def test_a_change_of_unknown_outcome_may_be_sent_again():
    assert isinstance(resolved(UPDATE), Unavailable)


def test_a_dialect_that_removes_by_list_can_learn_to_remove_by_filter():
    by_list = replace(BELIEVED, members=MemberDialect(removal="list"))

    _, end = carried(GROUP, answer(400), answer(204), dialect=by_list)

    assert learned(by_list, end.lessons).members.removal == "filter"


def test_a_removal_refused_as_patch_goes_by_put():
    asked, end = carried(GROUP, answer(501), answer(501), group_of("t1"), answer(200))

    assert asked[-2:] == ["GET /Groups/g1", "PUT /Groups/g1"]
    assert end == Carried(Applied("g1"), PUT)


def test_a_check_of_a_removal_that_gets_no_answer_changes_nothing():
    assert carried(GROUP, answer(204), SILENT)[1] == Carried(Applied("g1"))


def test_a_conflict_with_nobody_is_told_as_it_is():
    _, end = carried(CREATE, TAKEN, NOTHING, NOTHING, NOTHING)

    assert isinstance(end.outcome, Rejected)
    assert "cannot be found" in end.outcome.reason


def test_an_adoption_that_the_target_refuses_is_rejected():
    found = {"id": "t9", "userName": "bjensen"}

    _, end = carried(CREATE, TAKEN, NOTHING, listed(found), answer(400, {"detail": "locked"}))

    assert end.outcome == Rejected(400, "locked")


def test_a_resource_that_goes_while_it_is_replaced_is_gone():
    by_put = replace(BELIEVED, update=UpdateDialect("put"))

    assert carried(UPDATE, GONE, dialect=by_put)[1].outcome == Rejected(404, "gone at the target")
    _, end = carried(UPDATE, answer(200, {"id": "t1"}), GONE, GONE, dialect=by_put)
    assert end.outcome == Rejected(404, "gone at the target")


def test_a_group_whose_members_came_with_it_needs_nothing_more():
    group = replace(CREATE, resource_type="Group", members_added=("guid-1",))
    created = answer(201, {"id": "new", "members": [{"value": "t1"}]})

    assert carried(group, created, target_ids=IDS)[0] == ["POST /Groups"]
