"""Random directory changes, and faults at every place, drive whole cycles (see `life.py`).

After the faults stop, two cycles make the target right; meanwhile nobody who is not ours is
touched, nobody is there twice, nobody loses access without evidence, and nothing is sent that was
not planned. A failure prints its schedule, which belongs into `test_schedules.py` from then on.

Every run goes through the same sixty schedules, so that a change is judged by itself; the long
profile (`make test-long`) looks for new ones, 2,000 of them.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.sync.life import Life

SCHEDULES = int(os.environ.get("CONNECTOR_SCHEDULES", "60"))
LONG = int(os.environ.get("CONNECTOR_SCHEDULES", "2000"))


def run_schedules(count: int, *, are_the_same: bool = False) -> None:
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=count,
            stateful_step_count=20,
            deadline=None,
            derandomize=are_the_same,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.timeout(60 + 10 * SCHEDULES)
def test_whatever_happens_two_cycles_make_it_right():
    run_schedules(SCHEDULES, are_the_same=True)


@pytest.mark.long
@pytest.mark.timeout(60 + 10 * LONG)
def test_whatever_happens_often_two_cycles_make_it_right():
    run_schedules(LONG)
