"""What is left goes to one newcomer of the same name; memberships go along."""

from __future__ import annotations

from connector.planner.known import Known, KnownResource
from connector.planner.succession import Heirs, inherit_members, left_groups, successions


def held(key: str, name: str) -> KnownResource:
    return KnownResource(key, f"t-{key}", name, True, b"d")


def test_nothing_goes_to_two():
    anna = held("old", "Anna@x")

    assert successions({"new2": "anna@X", "new1": "ANNA@x"}, [anna]) == {"new1": anna}


def test_a_name_that_nobody_left_behind_is_new():
    assert successions({"new": "bela@x"}, [held("old", "anna@x")]) == {}


def test_memberships_become_the_successors():
    known = Known({}, {}, {"g1": frozenset({"old", "other"}), "g2": frozenset({"other"})}, 0)

    members = inherit_members(known, Heirs({"new": held("old", "anna")}, {})).members

    assert members == {"g1": {"new", "other"}, "g2": {"other"}}


def test_a_group_that_the_directory_still_holds_is_not_left_behind():
    known = Known({}, {"a": held("a", "A"), "b": held("b", "B")}, {}, 2)

    assert [group.external_id for group in left_groups(known, {"a", "c"})] == ["b"]
