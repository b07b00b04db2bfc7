"""Accounts and groups that follow others of the same name; names that change hands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from connector.sync.ports import Status
from connector.target.outcome import Rejected

if TYPE_CHECKING:
    from tests.sync.bench import Bench


def test_who_takes_over_an_account_does_not_inherit_its_groups(bench: Bench):
    bench.cycle()
    bench.company.delete("anna")
    bench.company.add_user("annette", mail="anna@corp.example")

    bench.cycle()

    assert bench.shelf.members_of("staff") == {"bela@corp.example", "cleo@corp.example"}
    assert bench.sent() == [("update", "anna@corp.example"), ("update", "staff")]
    bench.cycle()
    assert bench.sent() == []


def test_a_takeover_sends_nothing_for_groups_that_stay_the_same(bench: Bench):
    bench.cycle()
    bench.company.recreate("anna")

    ((plan, _),) = bench.preview().plans
    bench.cycle()

    assert bench.sent() == [("update", "anna@corp.example")]
    assert list(plan.operations) == bench.shelf.sent


def test_only_one_of_two_newcomers_takes_an_account_over(bench: Bench):
    bench.cycle()
    bench.company.delete("anna")
    for name in ("annette", "annika"):
        bench.company.add_user(name, mail="Anna@corp.example")

    bench.cycle()

    assert sorted(kind for kind, name in bench.sent() if "nna" in name) == ["create", "update"]


def test_the_account_of_somebody_who_is_only_out_of_scope_is_not_taken_over(bench: Bench):
    bench.port["groups"] = (bench.company.name_of("staff"),)
    bench.cycle()
    bench.company.add_user("annette", mail="anna@corp.example")
    bench.company.set_members("staff", "annette", "bela", "inner")

    bench.cycle()

    assert ("disable", "anna@corp.example") in bench.sent()
    assert ("create", "anna@corp.example") in bench.sent()


def test_create_only_takes_over_nothing(bench: Bench):
    bench.cycle()
    bench.port["mode"] = "create-only"
    bench.company.recreate("anna")

    bench.cycle()

    assert {kind for kind, _ in bench.sent()} <= {"create"}


def test_a_former_account_that_is_gone_at_the_target_is_made_anew(bench: Bench):
    bench.cycle()
    bench.company.recreate("anna")
    del bench.shelf.resources[bench.shelf.id_of("anna@corp.example")]
    bench.shelf.answer = lambda operation: (
        Rejected(404, "gone at the target")
        if operation.target_id and operation.target_id not in bench.shelf.resources
        else None
    )

    bench.cycle()
    assert bench.cycle().status is Status.DONE

    assert "anna@corp.example" in bench.shelf.members_of("staff")
    bench.cycle()
    assert bench.sent() == []


@pytest.mark.parametrize("deprovision", ["disable", "delete"])
def test_a_group_made_anew_under_the_same_name_is_the_same_group_there(
    bench: Bench, deprovision: str
):
    bench.port["deprovision"] = deprovision
    bench.cycle()
    there = bench.shelf.id_of("staff")
    bench.company.recreate("staff")
    bench.company.set_members("staff", "anna", "dora")

    ((plan, _),) = bench.preview().plans
    bench.cycle()

    assert bench.sent() == [("update", "staff")]
    assert list(plan.operations) == bench.shelf.sent
    assert bench.shelf.id_of("staff") == there
    assert bench.shelf.named("staff")["externalId"] == bench.company.entries["staff"].external_id
    assert bench.shelf.members_of("staff") == {"anna@corp.example", "dora@corp.example"}
    bench.cycle()
    assert bench.sent() == []


def test_a_group_that_is_only_out_of_scope_is_not_taken_over(bench: Bench):
    bench.company.add_group("other", "dora")
    bench.port["push_groups"] = (bench.company.name_of("staff"),)
    bench.cycle()
    bench.company.change("other", cn="staff")
    bench.port["push_groups"] = (bench.company.name_of("other"),)

    bench.cycle()

    assert ("create", "staff") in bench.sent()


def test_a_name_is_free_before_somebody_else_gets_it(bench: Bench):
    """One after the other, and never at the same time."""
    bench.shelf.names_are_unique = True
    bench.cycle()
    for name, mail in (("anna", "b"), ("bela", "c"), ("cleo", "d"), ("dora", "e")):
        bench.company.change(name, mail=f"{mail}@corp.example")
    bench.company.add_user("fred", mail="anna@corp.example")
    bench.company.change("emil", mail="z@corp.example")

    for _ in range(2):
        bench.company.change("dora", mail="emil@corp.example")
        assert bench.cycle().status is Status.DONE
