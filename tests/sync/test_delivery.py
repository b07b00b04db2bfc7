"""What becomes of a plan when the target answers badly, late or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from connector.planner.operation import OperationKind
from connector.sync.ports import Status
from connector.target.outcome import Applied, Rejected, Unavailable, Unknown
from state.errors import StateError

if TYPE_CHECKING:
    from tests.sync.bench import Bench


def test_one_creation_that_always_times_out_does_not_hold_the_others_back(bench: Bench):
    bench.cycle()
    bench.shelf.commits_before_unknown = False
    bench.shelf.answer = lambda operation: (
        Unknown("no answer within 30 s") if operation.kind is OperationKind.CREATE else None
    )
    bench.company.add_user("fred")
    bench.company.set_members("staff", "anna", "inner")

    report = bench.cycle()

    assert bench.shelf.members_of("staff") == {"anna@corp.example", "cleo@corp.example"}
    assert report.status is Status.FAILURES


def test_a_creation_that_is_still_in_doubt_is_not_sent_again(bench: Bench):
    bench.shelf.answer = lambda operation: (
        Unknown("no answer") if operation.name.startswith("anna") else None
    )
    bench.shelf.resolved = lambda operation: Unknown("the search is broken")
    bench.cycle()
    bench.shelf.answer = lambda operation: None

    report = bench.cycle()
    assert ("create", "anna@corp.example") not in bench.sent()
    assert report.status is Status.FAILURES

    bench.shelf.resolved = lambda operation: None
    bench.cycle()
    assert len(bench.shelf.resources) == 7
    assert bench.cycle().status is Status.DONE


def test_answers_that_cannot_be_written_down_are_looked_up_by_the_next_cycle(bench: Bench):
    def fill_the_disk(operation):
        if len(bench.shelf.sent) == 3:
            bench.break_ledger()

    bench.shelf.answer = fill_the_disk
    with pytest.raises(StateError):
        bench.cycle()
    assert bench.shelf.is_at_rest

    bench.mend_ledger()
    bench.shelf.answer = lambda operation: None
    for _ in range(2):
        bench.cycle()
    assert len(bench.shelf.resources) == 7


def test_a_member_that_is_gone_is_not_named_again_in_the_same_cycle(bench: Bench):
    bench.cycle()
    gone = bench.shelf.id_of("anna@corp.example")
    del bench.shelf.resources[gone]
    bench.shelf.answer = lambda operation: (
        Rejected(404, "gone at the target") if operation.target_id == gone else None
    )
    bench.company.change("anna", title="Captain")
    bench.company.add_group("crew", "anna", "bela")

    bench.cycle()
    assert bench.shelf.members_of("crew") == {"bela@corp.example"}

    assert bench.cycle().status is Status.DONE
    assert bench.shelf.members_of("crew") == {"anna@corp.example", "bela@corp.example"}


def test_an_adopted_group_is_rid_of_those_of_ours_who_are_not_in_it(bench: Bench):
    """Strangers in it stay: they are not ours to touch."""
    bench.port["push_groups"] = "none"
    bench.cycle()
    emil, stranger = bench.shelf.id_of("emil@corp.example"), "t-stranger"
    bench.shelf.resources[stranger] = {"externalId": "", "userName": "stranger@x"}
    bench.shelf.resources["t-staff"] = {
        "externalId": "",
        "displayName": "staff",
        "members": {emil, stranger},
    }
    bench.shelf.answer = lambda operation: (
        Applied("t-staff", was_adopted=True, member_ids=(emil, stranger))
        if operation.kind is OperationKind.CREATE and operation.name == "staff"
        else None
    )
    bench.port["push_groups"] = "scope"

    for _ in range(2):
        bench.cycle()

    assert bench.shelf.members_of("staff") == {
        "anna@corp.example",
        "bela@corp.example",
        "cleo@corp.example",
        "stranger@x",
    }
    bench.cycle()
    assert bench.sent() == []


def test_one_member_that_the_target_refuses_does_not_keep_the_others_out(bench: Bench):
    for number in range(20):
        bench.company.add_user(f"n{number}")
    bench.company.add_group("big", *(f"n{number}" for number in range(20)))
    poison = bench.company.entries["n7"].external_id
    bench.shelf.answer = lambda operation: (
        Rejected(400, "no such member") if poison in operation.members_added else None
    )

    report = bench.cycle()

    assert len(bench.shelf.members_of("big")) == 19
    assert report.status is Status.FAILURES
    assert report.targets[0].counts["rejected"] == 1

    bench.shelf.answer = lambda operation: None
    bench.cycle()
    assert len(bench.shelf.members_of("big")) == 20


def test_a_target_that_takes_nothing_is_not_asked_member_by_member(bench: Bench):
    bench.shelf.answer = lambda operation: (
        Unavailable("connection refused") if operation.members_added else None
    )
    bench.cycle()

    assert len([one for one in bench.shelf.sent if one.members_added]) == 2
