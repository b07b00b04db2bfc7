"""A plan over a limit is held whole until somebody decides, and never passes in slices."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from connector.planner.safety import Limits
from connector.settings.values import Limit
from connector.sync.holds import Decision, Holds
from connector.sync.ports import Status
from connector.sync.review import Selection
from connector.target.outcome import Outcome, Unknown

if TYPE_CHECKING:
    from tests.sync.bench import Bench

FEW = Limits(Limit(count=1), Limit(count=1), Limit(count=100))


@pytest.fixture
def held(bench: Bench) -> Bench:
    """Two people left, one may be disabled; a third one is new."""
    bench.port["limits"] = FEW
    bench.cycle()
    for name in ("anna", "bela"):
        bench.company.delete(name)
    bench.company.add_user("fred")
    assert bench.cycle().status is Status.HELD
    return bench


def approve(bench: Bench):
    (hold,) = Holds(bench.engine).open_holds()
    operations = {hold.target: Holds(bench.engine).identities(hold)}
    return bench.cycle(selection=Selection(operations, "an operator", hold))


def reject(bench: Bench) -> int:
    holds = Holds(bench.engine)
    (hold,) = holds.open_holds()
    holds.decide(hold, Decision.REJECTED, "an operator", bench.clock.now())
    return hold.cycle_id


def test_what_is_approved_is_sent_as_it_was_planned(held: Bench):
    planned = [(op.kind.value, op.name) for op in held.preview().plans[0][0].operations]

    report = approve(held)

    assert report.status is Status.DONE
    assert held.sent() == planned
    assert held.cycle().status is Status.DONE
    assert held.sent() == []


def test_what_is_rejected_is_never_sent(held: Bench):
    run = reject(held)

    report = held.cycle()

    assert (report.status, held.sent()) == (Status.HELD, [])
    assert report.targets[0].reason.startswith(
        f"target shelf: rejected by an operator in run {run}: 2 of 7 resources to disable"
    )


def test_the_alert_is_given_once(held: Bench):
    again = [held.cycle().targets[0] for _ in range(3)]

    assert [part.is_news for part in again] == [False] * 3
    assert [part.status for part in again] == [Status.HELD] * 3
    assert len(Holds(held.engine).open_holds()) == 1


def test_a_plan_that_grows_much_beyond_what_is_held_is_news(held: Bench):
    for number in range(11):
        held.company.add_user(f"temp{number}")
    held.port["limits"] = Limits(Limit(count=99), Limit(count=99), Limit(count=99))
    assert held.cycle().status is Status.DONE
    held.port["limits"] = FEW
    held.clock.moment += timedelta(days=2)
    held.company.delete("cleo")
    held.company.delete("dora")
    first = held.cycle()
    for number in range(11):
        held.company.delete(f"temp{number}")

    second = held.cycle()

    assert (first.targets[0].is_news, second.targets[0].is_news) == (True, True)
    assert [one.cycle_id for one in Holds(held.engine).open_holds()] == [second.cycle_id]


def test_an_operation_whose_ground_has_moved_is_left_out_and_named(held: Bench):
    held.company.add_user("anna")  # under the same objectGUID: restored from the recycle bin

    report = approve(held)

    assert report.status is Status.FAILURES
    assert "disable anna@corp.example" in report.targets[0].moved
    assert ("disable", "bela@corp.example") in held.sent()
    assert not any(name.startswith("anna") for _, name in held.sent())


def test_nothing_is_approved_that_was_not_in_the_plan(held: Bench):
    held.company.delete("cleo")

    approve(held)

    assert not any(name.startswith("cleo") for _, name in held.sent())


def test_what_was_approved_does_not_count_against_the_day(held: Bench):
    approve(held)
    held.company.delete("cleo")

    assert held.cycle().status is Status.DONE
    assert ("disable", "cleo@corp.example") in held.sent()


def test_a_limit_does_not_pass_in_slices(bench: Bench):
    """One a cycle is as good as two at once to somebody who loses access."""
    bench.port["limits"] = FEW
    bench.cycle()
    bench.company.delete("anna")
    assert bench.cycle().status is Status.DONE
    bench.company.delete("bela")

    report = bench.cycle()

    assert report.status is Status.HELD
    assert report.targets[0].reason.startswith(
        "target shelf: 1 of 7 resources to disable after 1 within a day, limit 1"
    )
    bench.clock.moment += timedelta(hours=25)
    assert bench.cycle().status is Status.DONE


def test_a_person_does_not_pass_the_limit_of_the_day_by_being_named(bench: Bench):
    bench.port["limits"] = FEW
    bench.cycle()
    bench.company.delete("anna")
    bench.cycle()
    bela = bench.company.entries["bela"].external_id
    bench.company.delete("bela")

    report = bench.cycle(user=bela)

    assert (report.status, bench.sent()) == (Status.HELD, [])


def test_a_hold_whose_cause_is_gone_is_obsolete(held: Bench):
    held.company.add_user("anna")
    held.company.add_user("bela")

    assert held.cycle().status is Status.DONE
    assert Holds(held.engine).open_holds() == []


def test_one_group_does_not_lose_most_of_its_members_unseen(bench: Bench):
    for number in range(30):
        bench.company.add_user(f"m{number}")
    names = [f"m{number}" for number in range(30)]
    bench.company.add_group("crew", *names)
    bench.company.add_group("crowd", *names)
    bench.cycle()
    bench.company.set_members("crew", *names[:10])

    report = bench.cycle()

    assert report.status is Status.HELD
    assert report.targets[0].reason == (
        "target shelf: 20 of 30 members of one group to remove, limit 15 (configured: 50%): crew"
    )


def test_the_first_plan_to_a_target_that_is_not_empty_waits_for_review(bench: Bench):
    bench.shelf.resources["t0"] = {"userName": "somebody@corp.example", "externalId": "x"}

    report = bench.cycle()

    assert (report.status, bench.sent()) == (Status.HELD, [])
    assert "the target already holds 1 account" in report.targets[0].reason
    assert not bench.cycle().targets[0].is_news
    assert approve(bench).status is Status.DONE
    assert len(bench.sent()) > 5
    bench.company.add_user("fred")
    assert bench.cycle().status is Status.DONE


def test_the_first_plan_is_sent_at_once_where_that_is_configured(bench: Bench):
    bench.shelf.resources["t0"] = {"userName": "somebody@corp.example", "externalId": "x"}
    bench.port["first_cycle"] = "send"

    assert bench.cycle().status is Status.DONE


def test_a_first_load_that_was_killed_goes_on_without_review(bench: Bench):
    """What an earlier cycle left in doubt is found there; to complete it is no change."""
    bench.port["limits"] = Limits(Limit(count=0), Limit(count=0), Limit(count=0))
    answered = []

    def break_off(operation: object) -> Outcome | None:
        answered.append(operation)
        return Unknown("no answer in time")

    bench.shelf.answer = break_off
    bench.shelf.resolved = lambda operation: Unknown("no answer in time")
    bench.cycle()
    assert len(answered) >= 5
    bench.shelf.answer = bench.shelf.resolved = lambda operation: None

    assert bench.cycle().status is Status.DONE
    assert len(bench.shelf.resources) == 7
