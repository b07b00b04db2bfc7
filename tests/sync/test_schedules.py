"""Schedules of faults that once went wrong, word for word as the simulator found them."""

from __future__ import annotations

import pytest

from tests.sync.test_faults import Faults


@pytest.fixture
def schedule():
    machine = Faults()
    machine.begin()
    yield machine
    # Two cycles without faults make it right.
    machine.teardown()


def test_a_group_is_emptied_and_the_answer_is_lost(schedule: Faults):
    schedule.a_cycle_runs(heeds_pauses=False)
    schedule.a_group_changes(group="red", members=[])
    schedule.the_target_misbehaves(faults=["lost before"])
    schedule.a_cycle_runs(heeds_pauses=False)


@pytest.mark.parametrize("fault", ["lost before", "lost after"])
def test_somebody_leaves_and_the_answer_is_lost(schedule: Faults, fault: str):
    schedule.a_cycle_runs(heeds_pauses=False)
    schedule.somebody_leaves(name="p0")
    schedule.the_target_misbehaves(faults=[fault])
    schedule.a_cycle_runs(heeds_pauses=False)


@pytest.mark.parametrize("fault", ["lost before", "lost after"])
def test_somebody_leaves_and_the_second_answer_is_lost_too(schedule: Faults, fault: str):
    schedule.a_cycle_runs(heeds_pauses=False)
    schedule.somebody_leaves(name="p0")
    schedule.the_target_misbehaves(faults=["lost before", fault])
    schedule.a_cycle_runs(heeds_pauses=False)
