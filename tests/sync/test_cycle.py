"""Cycles from source to target, on a company in memory and a target in memory."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from connector.directory.store import DirectoryStore
from connector.planner.operation import OperationKind
from connector.planner.render import render_text
from connector.planner.safety import Limits
from connector.planner.view import AttributeView
from connector.settings.values import Limit
from connector.sync.history import History
from connector.sync.ports import Status
from connector.target.outcome import Rejected, Unavailable, Unknown

if TYPE_CHECKING:
    from connector.clock import FixedClock
    from tests.sync.bench import Bench


def test_a_first_cycle_creates_everything_and_a_second_writes_nothing(bench: Bench):
    report = bench.cycle()
    assert report.status is Status.DONE
    assert bench.shelf.members_of("staff") == {
        f"{n}@corp.example" for n in ("anna", "bela", "cleo")
    }
    assert len(bench.sent()) == 5 + 2 + 2

    assert bench.cycle().status is Status.DONE
    assert bench.sent() == []


def test_users_come_before_groups_before_memberships(bench: Bench):
    bench.cycle()
    kinds = [(operation.resource_type, operation.kind.value) for operation in bench.shelf.sent]

    assert kinds == [("User", "create")] * 5 + [("Group", "create")] * 2 + [("Group", "update")] * 2


def test_what_changed_is_one_request_each(bench: Bench):
    bench.cycle()
    bench.company.change("anna", title="Captain", givenname="Anne")
    bench.company.disable("bela")
    bench.company.set_members("staff", "anna", "dora", "inner")

    bench.cycle()

    assert bench.sent() == [
        ("update", "anna@corp.example"),
        ("disable", "bela@corp.example"),
        ("update", "staff"),
    ]
    assert bench.shelf.sent[0].previous == {"name.givenName": "Anna", "title": None}
    assert bench.shelf.named("bela@corp.example")["active"] is False
    assert bench.shelf.members_of("staff") == {
        f"{n}@corp.example" for n in ("anna", "cleo", "dora")
    }


def test_a_renamed_unit_changes_no_account_and_no_membership(bench: Bench):
    bench.cycle()
    bench.company.rename_unit("OU=People", "OU=Humans")

    bench.cycle()

    assert bench.sent() == []
    assert DirectoryStore(bench.engine).find_login("anna@corp.example").distinguished_name == (
        "CN=anna,OU=Humans,DC=corp"
    )


def test_a_person_deleted_in_the_source_is_disabled_and_leaves_the_groups(bench: Bench):
    bench.cycle()
    bench.company.delete("anna")

    bench.cycle()

    assert bench.sent() == [("disable", "anna@corp.example"), ("update", "staff")]
    assert bench.shelf.named("anna@corp.example")["active"] is False
    assert bench.cycle().status is Status.DONE
    assert bench.sent() == []


def test_a_disabled_account_is_deleted_when_its_grace_is_over(bench: Bench, clock: FixedClock):
    bench.port["deprovision"] = "disable-then-delete"
    bench.cycle()
    bench.company.delete("anna")
    bench.cycle()
    clock.moment += timedelta(days=29)
    bench.cycle()
    assert bench.sent() == []

    clock.moment += timedelta(days=1)
    bench.cycle()
    assert bench.sent() == [("delete", "anna@corp.example")]


def test_an_account_expires_without_any_change_in_the_source(bench: Bench, clock: FixedClock):
    bench.company.expire("anna", clock.moment + timedelta(hours=1))
    bench.cycle()

    clock.moment += timedelta(hours=2)
    bench.cycle()

    assert bench.sent() == [("disable", "anna@corp.example")]


def test_somebody_re_enabled_gets_the_same_account_back(bench: Bench):
    bench.cycle()
    bench.company.disable("anna")
    bench.cycle()
    bench.company.disable("anna", is_enabled=True)

    bench.cycle()

    assert bench.sent() == [("enable", "anna@corp.example")]
    assert len(bench.shelf.resources) == 7


def test_a_person_made_anew_takes_over_the_account_of_the_same_name(bench: Bench):
    bench.cycle()
    bench.company.recreate("anna")

    bench.cycle()

    assert ("update", "anna@corp.example") in bench.sent()
    assert not any(kind in ("create", "disable", "delete") for kind, _ in bench.sent())
    new_id = bench.company.entries["anna"].external_id
    assert bench.shelf.named("anna@corp.example")["externalId"] == new_id
    assert "anna@corp.example" in bench.shelf.members_of("staff")
    bench.cycle()
    assert bench.sent() == []


def test_a_read_that_breaks_off_changes_nothing_anywhere(bench: Bench):
    bench.company.forgets_changes = "a full read"
    bench.cycle()
    before = DirectoryStore(bench.engine).counts()
    bench.company.delete("anna")
    for page in range(2):
        bench.company.breaks_after_pages = page
        report = bench.cycle()
        assert report.status is Status.FAILED
        assert "connection was lost" in report.reason
        assert bench.sent() == []
        assert DirectoryStore(bench.engine).counts() == before

    bench.company.breaks_after_pages = None
    bench.cycle()
    assert ("disable", "anna@corp.example") in bench.sent()


def test_an_incomplete_read_takes_nobody_away_but_still_adds(bench: Bench):
    bench.company.forgets_changes = "a full read"
    bench.cycle()
    bench.company.delete("anna")
    bench.company.add_user("fred")
    bench.company.incomplete = "a size limit cut it off"

    report = bench.cycle()

    assert bench.sent() == [("create", "fred@corp.example")]
    assert report.status is Status.FAILURES
    assert "size limit" in report.reason


def test_only_members_of_the_named_groups_are_in_scope(bench: Bench):
    bench.port["groups"] = (bench.company.name_of("staff").upper(),)
    bench.cycle()

    assert {one.get("userName") for one in bench.shelf.resources.values()} - {None} == {
        f"{name}@corp.example" for name in ("anna", "bela", "cleo")
    }


def test_nobody_is_in_scope_unless_named(bench: Bench):
    bench.port["groups"] = ()
    bench.cycle()

    assert bench.sent() == []


def test_a_configured_group_that_is_gone_takes_nobody_away(bench: Bench):
    bench.port["groups"] = (bench.company.name_of("staff"),)
    bench.cycle()
    bench.company.delete("staff")

    report = bench.cycle()

    assert bench.sent() == []
    assert "group not found" in report.targets[0].plan.notes[0]


def test_too_many_disables_are_held_and_nothing_is_sent(bench: Bench):
    bench.port["limits"] = Limits(Limit(count=1), Limit(count=1), Limit(count=100))
    bench.cycle()
    for name in ("anna", "bela"):
        bench.company.delete(name)
    bench.company.add_user("fred")

    report = bench.cycle()
    assert report.status is Status.HELD
    assert report.targets[0].reason == (
        "target shelf: 2 of 7 resources to disable, limit 1 (configured: 1):"
        " anna@corp.example, bela@corp.example"
    )
    assert bench.sent() == []

    assert bench.cycle(allow_removals=2).status is Status.DONE
    assert len(bench.sent()) == 4


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("upsert-only", {"create", "update"}), ("create-only", {"create"})],
)
def test_the_operators_brakes_hold_back_what_they_say(bench: Bench, mode: str, expected: set):
    bench.cycle()
    bench.port["mode"] = mode
    bench.company.add_user("fred")
    bench.company.change("anna", title="Captain")
    bench.company.disable("bela")
    bench.company.delete("cleo")

    bench.cycle()

    assert {kind for kind, _ in bench.sent()} == expected
    assert bench.shelf.named("bela@corp.example")["active"] is True


def test_a_refused_operation_is_counted_and_the_cycle_goes_on(bench: Bench):
    bench.shelf.answer = lambda operation: (
        Rejected(400, "no such luck") if operation.name.startswith("bela") else None
    )
    report = bench.cycle()

    assert report.status is Status.FAILURES
    assert report.targets[0].counts == {"applied": 8, "rejected": 1}
    assert bench.shelf.members_of("staff") == {f"{n}@corp.example" for n in ("anna", "cleo")}
    (failed,) = History(bench.engine).operations(report.cycle_id, only_failed=True)
    assert (failed.name, failed.reason) == ("bela@corp.example", "400: no such luck")

    bench.shelf.answer = lambda operation: None
    bench.cycle()
    assert bench.sent() == [("create", "bela@corp.example"), ("update", "staff")]


def test_a_target_that_goes_away_is_left_alone_until_the_next_cycle(bench: Bench):
    bench.shelf.answer = lambda operation: Unavailable("connection refused")
    report = bench.cycle()
    assert report.status is Status.FAILED
    assert report.targets[0].reason == "target unavailable: connection refused"

    bench.shelf.answer = lambda operation: None
    assert bench.cycle().status is Status.DONE
    assert len(bench.shelf.resources) == 7


@pytest.mark.parametrize("commits", [True, False])
def test_an_unknown_outcome_is_looked_up_and_never_repeated_blindly(bench: Bench, commits: bool):
    bench.shelf.commits_before_unknown = commits
    lost: list = []

    def lose_once(operation):
        if operation.kind is OperationKind.CREATE and operation.name not in lost:
            lost.append(operation.name)
            return Unknown("no answer within 30 s")
        return None

    bench.shelf.answer = lose_once
    for _ in range(3):
        bench.cycle()

    names = [one.get("userName") or one["displayName"] for one in bench.shelf.resources.values()]
    assert sorted(names) == sorted({*names})
    assert len(names) == 7


def test_a_plan_lists_what_the_cycle_then_sends(bench: Bench):
    bench.cycle()
    bench.company.change("anna", title="Captain")
    bench.company.delete("bela")
    bench.company.add_user("fred")

    ((plan, objection),) = bench.preview().plans
    assert objection is None
    assert DirectoryStore(bench.engine).counts().leavers == 0
    bench.cycle()

    assert list(plan.operations) == bench.shelf.sent
    assert render_text(plan) == (
        "Target shelf:\n"
        '~ change  user   anna@corp.example  title: nothing -> "Captain"  (changed in the source)\n'
        "- disable user   bela@corp.example  active: true -> false  (left the source)\n"
        "+ add     user   fred@corp.example  (new in scope)\n"
        "~ change  group  staff              -1 member  (changed in the source)\n"
        "Plan: 1 to add, 2 to change, 1 to disable, 4 unchanged; 4 requests."
    )


def test_an_entry_that_cannot_be_mapped_is_shown_and_keeps_its_last_good_state(bench: Bench):
    bench.cycle()
    bench.company.change("anna", mail="")

    report = bench.cycle()

    assert report.status is Status.FAILURES
    assert report.directory.problems == 1
    assert bench.sent() == []
    assert DirectoryStore(bench.engine).find_login("anna@corp.example") is not None


def test_one_person_alone_can_be_brought_in_step(bench: Bench):
    bench.cycle()
    fred = bench.company.add_user("fred")
    bench.company.change("anna", title="Captain")
    bench.company.set_members("staff", "anna", "fred", "inner")

    bench.cycle(user=fred)
    assert bench.sent() == [("create", "fred@corp.example"), ("update", "staff")]
    assert bench.shelf.members_of("staff") >= {"fred@corp.example", "bela@corp.example"}

    bench.cycle()
    assert bench.sent() == [("update", "anna@corp.example"), ("update", "staff")]


def test_large_groups_are_filled_in_chunks(bench: Bench):
    bench.port["view"] = AttributeView(max_members_per_request=2)
    for number in range(5):
        bench.company.add_user(f"n{number}")
    bench.company.add_group("big", *(f"n{number}" for number in range(5)))

    bench.cycle()

    sizes = [len(one.members_added) for one in bench.shelf.sent if one.name == "big"]
    assert sizes == [0, 2, 2, 1]
    assert len(bench.shelf.members_of("big")) == 5


def test_a_stop_ends_a_cycle_between_two_operations(bench: Bench):
    def stop_at_third(operation):
        if len(bench.shelf.sent) == 3:
            bench.stop.set()

    bench.shelf.answer = stop_at_third
    assert bench.cycle().status is Status.STOPPED
    assert len(bench.shelf.resources) == 3

    bench.stop.clear()
    bench.shelf.answer = lambda operation: None
    assert bench.cycle().status is Status.DONE
    assert len(bench.shelf.resources) == 7
