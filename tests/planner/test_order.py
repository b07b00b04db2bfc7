"""A name is free before somebody else gets it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.planner.operation import Operation, OperationKind
from connector.planner.order import by_name, claimed_name, freed_name, in_order_of_names


def rename(key: str, old: str, new: str) -> Operation:
    return Operation(
        OperationKind.UPDATE,
        "User",
        key,
        new,
        target_id=f"t-{key}",
        changes={"userName": new},
        previous={"userName": old},
    )


def create(key: str, name: str) -> Operation:
    return Operation(OperationKind.CREATE, "User", key, name)


def order(*operations: Operation) -> list[str]:
    return [one.external_id for one in in_order_of_names(by_name(operations))]


def test_who_gives_a_name_up_comes_before_who_gets_it():
    assert order(create("new", "A@x"), rename("1", "a@x", "b@x"), rename("2", "b@x", "c@x")) == [
        "2",
        "1",
        "new",
    ]


def test_a_change_of_letter_case_waits_for_nobody():
    assert order(rename("1", "anna", "Anna")) == ["1"]


def test_names_that_go_round_in_a_circle_are_all_sent_once():
    operations = [rename("1", "a", "b"), rename("2", "b", "c"), rename("3", "c", "a")]

    assert sorted(order(*operations)) == ["1", "2", "3"]


def test_what_has_nothing_to_do_with_names_keeps_its_place():
    title = Operation(OperationKind.UPDATE, "User", "1", "a", changes={"title": "x"})

    assert (freed_name(title), claimed_name(title)) == (None, None)


@pytest.mark.parametrize("resource_type", ["User", "Group"])
def test_groups_have_names_of_their_own_kind(resource_type: str):
    path = "displayName" if resource_type == "Group" else "userName"
    one = Operation(
        OperationKind.UPDATE, resource_type, "1", "B", changes={path: "B"}, previous={path: "A"}
    )

    assert (freed_name(one), claimed_name(one)) == ("a", "b")


@given(st.permutations("abcdefgh"), st.sets(st.integers(0, 7)))
def test_every_operation_is_sent_once_and_no_name_is_needed_before_it_is_free(
    names: list[str], going: set[int]
):
    """Names move along a line: each is free once the one after it has moved."""
    moves = [rename(str(i), names[i], names[i + 1] if i < 7 else "z") for i in sorted(going)]

    ordered = list(in_order_of_names(by_name(moves)))

    assert sorted(one.external_id for one in ordered) == sorted(map(str, going))
    held = {one.previous["userName"] for one in moves}
    for one in ordered:
        assert one.name not in held
        held.discard(one.previous["userName"])
