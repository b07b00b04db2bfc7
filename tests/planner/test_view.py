"""How much of a resource a target takes."""

from __future__ import annotations

from connector.planner.view import AttributeView

USER = {"schemas": ["urn:x:User"], "externalId": "u", "userName": "a", "displayName": "A"}


def test_a_resource_keeps_its_name_whatever_the_dialect_leaves_out():
    view = AttributeView(user_paths=("emails",), group_paths=("members",))

    assert view.project_user(USER) == {
        "schemas": ["urn:x:User"],
        "externalId": "u",
        "userName": "a",
    }
    assert view.project_group({"displayName": "Staff", "title": "x"}) == {"displayName": "Staff"}
