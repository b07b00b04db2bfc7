"""A refused change of a group in parts: together they are the whole."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.planner.division import halves
from connector.planner.operation import Operation, OperationKind

KEYS = st.lists(st.uuids().map(str), max_size=12, unique=True)


@given(KEYS, KEYS, st.booleans())
def test_the_smallest_parts_are_one_member_each_and_make_up_the_whole(added, removed, is_renamed):
    changes = {"displayName": "New"} if is_renamed else {}
    whole = Operation(
        OperationKind.UPDATE,
        "Group",
        "g",
        "New",
        changes=changes,
        members_added=tuple(added),
        members_removed=tuple(removed),
    )
    waiting, smallest = deque([whole]), []
    while waiting:
        part = waiting.popleft()
        parts = halves(part)
        assert all(one != part for one in parts)
        waiting.extend(parts)
        if not parts:
            smallest.append(part)

    assert all(len(one.members_added) + len(one.members_removed) <= 1 for one in smallest)
    assert sorted(key for one in smallest for key in one.members_added) == sorted(added)
    assert sorted(key for one in smallest for key in one.members_removed) == sorted(removed)
    assert sum(bool(one.changes) for one in smallest) == is_renamed


@pytest.mark.parametrize(
    "operation",
    [
        Operation(OperationKind.UPDATE, "User", "u", "a", changes={"title": "x"}),
        Operation(OperationKind.CREATE, "Group", "g", "a"),
        Operation(OperationKind.UPDATE, "Group", "g", "a", members_added=("a", "b"), succeeds="o"),
    ],
)
def test_anything_else_is_sent_whole_or_not_at_all(operation: Operation):
    assert halves(operation) == ()
