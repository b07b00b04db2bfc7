"""What random faults have found, each schedule as it was printed, in the order of its finding."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.sync.life import Life

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def a_life() -> Iterator[Life]:
    """Yield a life; in the end it settles, and everything must be right."""
    state = Life()
    try:
        yield state
    except BaseException:
        state.engine.dispose()
        raise
    state.teardown()


def test_a_creation_answered_with_a_stranger_does_not_make_the_stranger_ours():
    with a_life() as state:
        state.begin(deprovision="disable", is_guarded=False)
        state.the_target_misbehaves(of_reads=[], of_writes=["fine", "fine", "another's"])
        state.a_cycle_runs(heeds_pauses=False)


def test_a_group_is_emptied_and_the_answer_is_lost():
    with a_life() as state:
        state.begin(deprovision="disable", is_guarded=False)
        state.a_cycle_runs(heeds_pauses=False)
        state.a_group_changes(group="red", members=[])
        state.the_target_misbehaves(of_reads=[], of_writes=["lost before"])
        state.a_cycle_runs(heeds_pauses=False)


def test_somebody_leaves_and_the_answer_is_lost():
    with a_life() as state:
        state.begin(deprovision="disable", is_guarded=False)
        state.a_cycle_runs(heeds_pauses=False)
        state.somebody_leaves(name="p0")
        state.the_target_misbehaves(of_reads=[], of_writes=["lost before"])
        state.a_cycle_runs(heeds_pauses=False)


def test_a_takeover_whose_answer_is_wrong_does_not_cost_the_newcomer_the_account():
    with a_life() as state:
        state.begin(deprovision="disable", is_guarded=True)
        state.a_cycle_runs(heeds_pauses=False)
        state.the_target_misbehaves(of_reads=["throttled", "fine"], of_writes=["not found after"])
        state.somebody_is_made_anew(name="p3")
        state.a_cycle_runs(heeds_pauses=True)
        state.the_clock_jumps(hours=30)


def test_an_account_of_a_stranger_that_others_have_disabled_is_taken_over_in_time():
    with a_life() as state:
        state.begin(deprovision="disable", is_guarded=False)
        state.a_stranger_gets_the_name_first(name="p0")
        state.somebody_meddles_with_an_account(name="p0", path="active")


def test_a_creation_done_and_denied_is_found_although_the_address_has_changed_since():
    with a_life() as state:
        state.begin(deprovision="disable", is_guarded=False)
        state.the_target_misbehaves(of_reads=[], of_writes=["not found after"])
        state.a_cycle_runs_for_one(name="p2")
        state.the_target_misbehaves(of_reads=[], of_writes=[])
        state.somebody_gets_another_address(host="ship", name="p2")
        state.a_cycle_runs_for_one(name="p0")


def test_a_name_that_a_stranger_holds_is_given_once_the_stranger_gives_way():
    with a_life() as state:
        state.begin(deprovision="disable", is_guarded=True)
        state.a_cycle_runs(heeds_pauses=False)
        state.somebody_gets_another_address(host="ship", name="p0")
        state.a_cycle_runs(heeds_pauses=False)
        state.somebody_gets_another_address(host="corp", name="p0")
        state.a_stranger_gets_the_name_first(name="p0")
        state.a_cycle_runs(heeds_pauses=False)


def test_a_stranger_of_that_name_is_not_what_a_creation_made_that_was_denied():
    with a_life() as state:
        state.begin(deprovision="disable", is_guarded=False)
        state.a_stranger_gets_the_name_first(name="p0")
        state.the_target_misbehaves(of_reads=[], of_writes=["not found"])
        state.a_cycle_runs(heeds_pauses=False)


def test_an_adoption_whose_answer_was_a_bad_gateway_is_finished():
    with a_life() as state:
        state.begin(deprovision="disable-then-delete", is_guarded=True)
        state.the_process_is_to_die(moments=100)
        state.somebody_is_made_anew(name="p6")
        state.a_stranger_gets_the_name_first(name="p1")
        state.the_target_misbehaves(of_reads=[], of_writes=["lost after", "bad gateway"])
        state.a_cycle_runs(heeds_pauses=True)
        state.somebody_joins(name="p3")
        state.somebody_is_made_anew(name="p4")
        state.a_cycle_runs_for_one(name="p0")
        state.somebody_is_made_anew(name="p3")
        state.somebody_is_renamed(name="p7", new="p3")
        state.a_cycle_runs(heeds_pauses=False)
        state.somebody_is_made_anew(name="p0")
        state.a_cycle_runs(heeds_pauses=False)
