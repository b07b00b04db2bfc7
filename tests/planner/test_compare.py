"""The table of `compare`, row by row; the ladder of those who are no longer wanted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connector.planner.compare import Rules, compare_users
from connector.planner.desired import DesiredUser
from connector.planner.known import RELEASED, KnownHead

NOW = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=365)
ACTIVE, DISABLED = KnownHead(b"d", True, None), KnownHead(b"d", False, LONG_AGO)


def compare(desired, known, *, mode="sync", deprovision="disable", is_proven=True):
    rules = Rules(mode, deprovision, timedelta(days=30), is_proven)
    return compare_users(desired, {"u": known} if known else {}, rules, NOW)


@pytest.mark.parametrize(
    ("wanted", "known", "becomes"),
    [
        (DesiredUser(b"d", True), None, "created"),
        (DesiredUser(b"d", False), None, None),
        (DesiredUser(b"d", True), ACTIVE, None),
        (DesiredUser(b"e", True), ACTIVE, "changed"),
        (None, ACTIVE, "disabled"),
        (None, DISABLED, None),
    ],
)
def test_each_row_of_the_table(wanted, known, becomes):
    found = compare([("u", wanted)], known)

    for name in ("created", "changed", "disabled", "deleted", "released"):
        assert list(getattr(found, name)) == (["u"] if name == becomes else []), name


@pytest.mark.parametrize(
    ("head", "becomes"),
    [
        (ACTIVE, "disabled"),
        (DISABLED, "released"),
        (KnownHead(RELEASED, False, None), "released"),
        (KnownHead(RELEASED, False, NOW - timedelta(days=29)), None),
        (KnownHead(RELEASED, False, NOW - timedelta(days=30)), "deleted"),
        (KnownHead(RELEASED, False, NOW + timedelta(days=1)), None),
    ],
)
def test_each_step_of_the_ladder_to_deletion(head, becomes):
    found = compare([], head, deprovision="disable-then-delete")

    for name in ("disabled", "released", "deleted"):
        assert list(getattr(found, name)) == (["u"] if name == becomes else []), name


@pytest.mark.parametrize("deprovision", ["disable", "delete", "disable-then-delete"])
@pytest.mark.parametrize("head", [ACTIVE, DISABLED])
def test_without_proof_only_leavers_go(deprovision: str, head: KnownHead):
    out_of_scope = compare([], head, deprovision=deprovision, is_proven=False)
    assert out_of_scope.disabled + out_of_scope.deleted + out_of_scope.released == ()

    leaver = compare([("u", None)], head, deprovision=deprovision, is_proven=False)
    assert leaver.withheld_count == 0


@pytest.mark.parametrize("mode", ["upsert-only", "create-only"])
def test_other_modes_take_nobody_away(mode: str):
    found = compare([("u", None)], ACTIVE, mode=mode, deprovision="delete")

    assert (found.disabled, found.deleted, found.withheld_count) == ((), (), 1)
