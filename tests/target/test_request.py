"""Operations as requests."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from connector.planner.operation import Operation, OperationKind
from connector.target.dialect import Dialect, MemberDialect, ResourceDialect, UpdateDialect
from connector.target.request import (
    Request,
    filter_request,
    page_request,
    path_of,
    read_request,
    to_request,
)

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
IDS = {"guid-1": "t1", "guid-2": "t2"}


def body(request: Request) -> dict[str, Any]:
    return orjson.loads(request.body or b"")


def change(dialect: Dialect | None = None, **values: Any) -> dict[str, Any]:
    kind = values.pop("kind", OperationKind.UPDATE)
    resource_type = values.pop("resource_type", "User")
    operation = Operation(kind, resource_type, "guid-1", "n", target_id="t1", **values)
    return body(to_request(operation, dialect or Dialect(), IDS))


def test_a_creation_carries_the_document_its_key_and_active():
    document = {"schemas": ["urn:x"], "userName": "bjensen", ENTERPRISE: {"department": "D"}}

    request = to_request(
        Operation(OperationKind.CREATE, "User", "guid-1", "bjensen", document=document),
        Dialect(),
        {},
    )

    assert (request.method, request.path) == ("POST", "/Users")
    assert body(request) == document | {"externalId": "guid-1", "active": True}


def test_a_group_is_created_without_members_unless_the_target_takes_them():
    group = Operation(OperationKind.CREATE, "Group", "g", "Staff", members_added=("guid-1", "new"))

    assert "members" not in body(to_request(group, Dialect(), IDS))
    taking = Dialect(members=MemberDialect(in_create=True))
    assert body(to_request(group, taking, IDS))["members"] == [{"value": "t1"}]
    assert "active" not in body(to_request(group, taking, IDS))


def test_a_change_is_one_patch_with_an_operation_for_each_path():
    sent = change(changes={"title": None, "name.givenName": "B", f"{ENTERPRISE}:department": "D"})

    assert sent == {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [
            {"op": "remove", "path": "title"},
            {"op": "replace", "path": "name.givenName", "value": "B"},
            {"op": "replace", "path": f"{ENTERPRISE}:department", "value": "D"},
        ],
    }


def test_a_change_can_be_one_object_for_targets_that_want_it_so():
    dialect = Dialect(update=UpdateDialect(form="value"))

    sent = change(dialect, changes={"title": None, "name.givenName": "B", "active": True})

    assert sent["Operations"] == [
        {"op": "remove", "path": "title"},
        {"op": "replace", "value": {"name": {"givenName": "B"}, "active": True}},
    ]


def test_disabling_is_the_json_value_false():
    """RFC 7643 section 4.1.1; a string is refused by servers that keep to it."""
    sent = change(kind=OperationKind.DISABLE, changes={"active": False})
    assert sent["Operations"] == [{"op": "replace", "path": "active", "value": False}]

    told = Dialect(update=UpdateDialect(booleans="text"))
    sent = change(told, kind=OperationKind.DISABLE, changes={"active": False})
    assert sent["Operations"][0]["value"] == "False"


def test_a_multi_valued_attribute_is_replaced_whole():
    emails = [{"value": "b@corp.example", "type": "work", "primary": True}]

    assert change(changes={"emails": emails})["Operations"] == [
        {"op": "replace", "path": "emails", "value": emails}
    ]


@pytest.mark.parametrize(
    ("removal", "entries"),
    [
        ("filter", [{"op": "remove", "path": 'members[value eq "t2"]'}]),
        ("list", [{"op": "remove", "path": "members", "value": [{"value": "t2"}]}]),
    ],
)
def test_a_groups_name_and_members_change_in_one_request(removal: Any, entries: list[Any]):
    sent = change(
        Dialect(members=MemberDialect(removal=removal)),
        resource_type="Group",
        changes={"displayName": "Staff"},
        members_added=("guid-1", "not-there"),
        members_removed=("guid-2",),
    )

    assert sent["Operations"] == [
        {"op": "replace", "path": "displayName", "value": "Staff"},
        *entries,
        {"op": "add", "path": "members", "value": [{"value": "t1"}]},
    ]


def test_put_carries_what_the_target_holds_with_the_changes():
    operation = Operation(
        OperationKind.UPDATE, "Group", "g", "Staff", "g1", changes={"displayName": "All"},
        members_added=("guid-1",), members_removed=("guid-2",),
    )  # fmt: skip
    current = {"id": "g1", "meta": {}, "members": [{"value": "t2"}, {"value": "stranger"}]}

    request = to_request(operation, Dialect(), IDS, current)

    assert (request.method, request.path) == ("PUT", "/Groups/g1")
    assert body(request) == {
        "id": "g1",
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": "All",
        "members": [{"value": "stranger"}, {"value": "t1"}],
    }


def test_put_announces_an_extension_that_has_just_come_in():
    operation = Operation(
        OperationKind.UPDATE, "User", "u", "u", "t1", changes={f"{ENTERPRISE}:department": "D"}
    )

    request = to_request(operation, Dialect(), IDS, {"schemas": ["urn:core"]})

    assert body(request)["schemas"] == ["urn:core", ENTERPRISE]


def test_names_are_sent_in_lower_case_where_the_target_wants_it():
    dialect = Dialect(user=ResourceDialect(letter_case="lower"))

    assert change(dialect, changes={"userName": "BJensen"})["Operations"][0]["value"] == "bjensen"


@pytest.mark.parametrize("target_id", ["b@corp.example", "a/b", "a?b#c", "ä %", ".."])
def test_ids_are_percent_encoded(target_id: str):
    path = path_of("User", target_id)

    assert path.startswith("/Users/")
    assert path.count("/") == 2
    assert not set(path) & set("?#@ ä")


def test_an_empty_id_never_addresses_all_of_a_type():
    nobody = Operation(OperationKind.DELETE, "User", "g", "n", target_id="")

    assert to_request(nobody, Dialect(), {}).path == "/Users/-"


def test_questions_are_encoded():
    assert read_request("Group", "g 1") == Request("GET", "/Groups/g%201")
    assert page_request("User", 101, 100).path == "/Users?startIndex=101&count=100"
    assert filter_request("User", "userName", 'a"b+c').path == (
        "/Users?filter=userName%20eq%20%22a%5C%22b%2Bc%22"
    )
