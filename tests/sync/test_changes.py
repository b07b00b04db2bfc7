"""Reads of changes give what a full read gives, and only those concerned are looked at."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from connector.sync.history import History
from connector.sync.lookout import Lookout
from connector.sync.ports import Status
from connector.sync.settled import Settlements
from connector.target.outcome import Unavailable
from state.engine import writing

if TYPE_CHECKING:
    from tests.sync.bench import Bench


def whole(bench: Bench):
    """Compare everything; whatever a reading of changes has missed is found by it."""
    return bench.cycle(is_full=True, is_whole=True)


@pytest.fixture
def settled(bench: Bench) -> Bench:
    bench.cycle()
    return bench


def test_a_change_of_one_is_read_and_sent_alone(settled: Bench):
    settled.company.change("anna", title="Captain")

    report = settled.cycle()

    assert not report.read.proof.is_full
    assert report.read.seen_count == 1
    assert settled.sent() == [("update", "anna@corp.example")]
    assert whole(settled).status is Status.DONE
    assert settled.sent() == []


def test_who_is_renamed_stays_in_groups_that_were_not_read(settled: Bench):
    settled.company.rename("anna", "CN=Anna Berg,OU=People,DC=corp")
    settled.company.rename_unit("OU=People", "OU=Staff")

    assert settled.cycle().status is Status.DONE
    assert settled.sent() == []
    assert (whole(settled).reason, settled.sent()) == ("", [])


def test_who_is_deleted_leaves_groups_that_were_not_read(settled: Bench):
    before = settled.shelf.members_of("staff")
    settled.company.delete("anna")

    settled.cycle()

    assert ("disable", "anna@corp.example") in settled.sent()
    assert settled.shelf.members_of("staff") == before - {"anna@corp.example"}
    assert (whole(settled).reason, settled.sent()) == ("", [])


def test_who_is_made_anew_under_the_same_name_keeps_the_account_and_loses_the_groups(
    settled: Bench,
):
    """The tombstone of the former person is not taken for the one who is there now."""
    account = settled.shelf.id_of("anna@corp.example")
    settled.company.delete("anna")
    settled.company.add_user("anna")
    settled.company.recreate("anna")

    assert settled.cycle().status is Status.DONE

    assert settled.shelf.id_of("anna@corp.example") == account
    assert settled.shelf.resources[account]["active"] is True
    assert "anna@corp.example" not in settled.shelf.members_of("staff")
    assert (whole(settled).reason, settled.sent()) == ("", [])


def test_who_comes_into_sight_is_in_the_groups_that_held_them_all_along(settled: Bench):
    """The group has not changed, and names them as they are called now."""
    anna = settled.company.entries.pop("anna")
    settled.company.gone[anna.external_id] = settled.company.usn = settled.company.usn + 1
    settled.cycle()
    assert "anna@corp.example" not in settled.shelf.members_of("staff")
    settled.company.entries["anna"] = anna
    settled.company.change("anna", title="Captain")

    settled.cycle()

    assert "anna@corp.example" in settled.shelf.members_of("staff")
    assert (whole(settled).reason, settled.sent()) == ("", [])


def test_a_group_that_joins_another_brings_its_people_into_scope(settled: Bench):
    settled.port["groups"] = (settled.company.name_of("staff"),)
    settled.company.add_user("fred")
    settled.company.add_group("crew", "fred")
    settled.cycle()
    assert ("create", "fred@corp.example") not in settled.sent()
    held = [name for name in ("anna", "bela", "cleo", "crew") if name in settled.company.entries]
    settled.company.set_members("staff", *held)

    settled.cycle()

    assert ("create", "fred@corp.example") in settled.sent()
    assert (whole(settled).reason, settled.sent()) == ("", [])


def test_a_stranger_in_place_of_a_member_is_no_lasting_doubt(settled: Bench):
    """A read of changes that was in doubt begins where the last began: it brings the same again."""
    settled.company.tells_members_alone = True
    settled.company.set_members("staff", "bela", "inner")
    settled.company.add_stranger("staff", "CN=printer,OU=Things,DC=corp")
    assert "1 name changed while it went on" in settled.cycle().reason

    assert settled.cycle().status is Status.DONE
    assert "anna@corp.example" not in settled.shelf.members_of("staff")
    assert (whole(settled).reason, settled.sent()) == ("", [])


def test_a_target_that_nothing_has_changed_for_is_not_even_asked(settled: Bench):
    def refuse():
        raise AssertionError

    settled.port["connect"] = refuse
    report = settled.cycle()

    assert report.status is Status.DONE
    assert report.targets[0].plan.unchanged_count == report.targets[0].plan.known_count > 0


def test_what_failed_is_looked_at_again_although_nothing_changed_since(settled: Bench):
    settled.company.change("anna", title="Captain")
    settled.shelf.answer = lambda operation: Unavailable("busy")
    settled.cycle()
    settled.shelf.answer = lambda operation: None

    settled.cycle()

    assert settled.sent() == [("update", "anna@corp.example")]


def test_an_account_whose_last_day_is_over_is_disabled_without_any_change(settled: Bench):
    settled.company.expire("anna", settled.clock.now() + timedelta(hours=1))
    settled.cycle()
    settled.clock.moment += timedelta(hours=2)

    settled.cycle()

    assert settled.sent() == [("disable", "anna@corp.example")]


def test_a_quiet_cycle_that_finds_nothing_is_not_written_down(settled: Bench):
    before = len(History(settled.engine).cycles())

    assert settled.cycle(is_quiet=True).cycle_id == 0
    assert len(History(settled.engine).cycles()) == before
    settled.company.change("anna", title="Captain")
    assert settled.cycle(is_quiet=True).cycle_id > 0
    assert settled.sent() == [("update", "anna@corp.example")]


def test_a_quiet_cycle_tells_of_a_failure_once_and_of_its_end(settled: Bench):
    settled.company.change("anna", title="Captain")
    settled.company.breaks_after_pages = 0
    numbers = [settled.cycle(is_quiet=True).cycle_id for _ in range(3)]
    assert numbers[0] > 0
    assert numbers[1:] == [0, 0]
    settled.company.breaks_after_pages = None

    assert settled.cycle(is_quiet=True).status is Status.DONE
    assert History(settled.engine).cycles(1)[0].status == "done"


def test_a_full_read_says_what_reads_of_changes_had_missed(settled: Bench):
    settled.cycle()
    settled.clock.moment += timedelta(minutes=1)
    settled.company.change("bela", title="Cook")
    settled.cycle()
    settled.company._replace("anna", _is_noticed=False, is_enabled=False)

    report = settled.cycle(is_full=True)

    assert report.status is Status.FAILURES
    assert report.reason.startswith("1 entry was not as reads of changes had it, and is now: ")
    assert ("disable", "anna@corp.example") in settled.sent()


def test_everything_is_read_when_it_is_time_for_it(settled: Bench):
    settled.clock.moment += timedelta(hours=25)

    report = settled.cycle()

    assert report.read.proof.is_full
    assert report.read.note == "it is time for it"


def test_everything_is_read_where_changes_cannot_be_told(settled: Bench):
    settled.company.forgets_changes = "another domain controller answers"

    report = settled.cycle()

    assert (report.read.proof.is_full, report.read.note) == (
        True,
        "another domain controller answers",
    )


def test_another_scope_has_everybody_looked_at(settled: Bench):
    settled.port["groups"] = ()

    settled.cycle()

    assert all(kind != "create" for kind, _ in settled.sent())
    assert ("disable", "anna@corp.example") in settled.sent()


def test_a_mark_that_was_lost_costs_no_more_than_a_look_at_everybody(settled: Bench):
    with writing(settled.engine) as connection:
        connection.exec_driver_sql("DELETE FROM target_settled")

    assert settled.cycle().status is Status.DONE
    assert settled.sent() == []
    assert Settlements(settled.engine).of("shelf") is not None


def test_the_lookout_has_changes_read_as_they_come(settled: Bench):
    stopping, ran = threading.Event(), threading.Event()

    def run() -> bool:
        ran.set()
        return True

    lookout = Lookout(settled.company, run, stopping)
    lookout.start()
    try:
        assert ran.wait(5)  # what changed while nobody looked
        ran.clear()
        settled.company.change("anna", title="Captain")
        assert ran.wait(5)
    finally:
        stopping.set()
        lookout.stop()
