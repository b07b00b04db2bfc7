"""What a target refuses is tried again at its own time; a conflict is a task for a person."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from connector.sync.ports import Status
from connector.sync.setbacks import Setbacks
from connector.target.outcome import Outcome, Rejected

if TYPE_CHECKING:
    from connector.planner.operation import Operation
    from tests.sync.bench import Bench

ANNA = "anna@corp.example"


def refuse(bench: Bench, status: int) -> None:
    """Take everything but the account of anna."""

    def answer(operation: Operation) -> Outcome | None:
        is_anna = operation.name == ANNA
        return Rejected(status, "not to my taste") if is_anna else None

    bench.shelf.answer = answer


def tries(bench: Bench) -> int:
    return sum(name == ANNA for _, name in bench.sent())


def test_it_is_tried_again_later_and_later(bench: Bench):
    refuse(bench, 400)
    bench.cycle(heeds_pauses=True)
    minutes, waited = [], 0
    while len(minutes) < 4:
        bench.clock.moment += timedelta(minutes=5)
        waited += 5
        bench.cycle(heeds_pauses=True)
        if tries(bench):
            minutes.append(waited)
            waited = 0
    assert minutes == [5, 10, 20, 40]


def test_a_conflict_waits_for_a_person(bench: Bench):
    refuse(bench, 409)
    bench.cycle(heeds_pauses=True)
    bench.clock.moment += timedelta(days=3)

    bench.cycle(heeds_pauses=True)

    assert tries(bench) == 0
    bench.cycle()
    assert tries(bench) == 1


@pytest.mark.parametrize("status", [400, 409])
def test_it_is_tried_at_once_when_something_else_is_wanted(bench: Bench, status: int):
    refuse(bench, status)
    bench.cycle(heeds_pauses=True)
    bench.company.change("anna", title="Captain")

    bench.cycle(heeds_pauses=True)

    assert tries(bench) == 1


def test_nobody_else_waits_and_nothing_is_sent_for_nothing(bench: Bench):
    refuse(bench, 409)
    bench.cycle(heeds_pauses=True)

    report = bench.cycle(heeds_pauses=True)

    assert bench.sent() == []
    assert report.status is Status.FAILURES
    assert report.targets[0].reason == "1 refused operation waits for another try, or for you"
    bench.company.add_user("fred")
    bench.cycle(heeds_pauses=True)
    assert bench.sent() == [("create", "fred@corp.example")]


def test_what_is_taken_in_the_end_is_forgotten(bench: Bench):
    refuse(bench, 409)
    bench.cycle()
    assert [one.name for one in Setbacks(bench.engine).all()] == [ANNA]
    bench.shelf.answer = lambda operation: None

    bench.cycle()

    assert Setbacks(bench.engine).all() == []
    assert bench.shelf.members_of("staff") >= {ANNA}
