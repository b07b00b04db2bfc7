"""Nobody loses access without evidence, and nobody keeps it against the evidence."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from connector.planner.safety import Limits
from connector.settings.values import Limit
from connector.sync.ports import Status

if TYPE_CHECKING:
    from connector.clock import FixedClock
    from tests.sync.bench import Bench


def test_somebody_disabled_whose_entry_can_no_longer_be_mapped_loses_access(bench: Bench):
    """Off-boarding often clears the mail address and disables the account in one go."""
    bench.cycle()
    bench.company.change("anna", mail="")
    bench.company.disable("anna")

    report = bench.cycle()

    assert bench.sent() == [("disable", "anna@corp.example")]
    assert report.directory.problems == 1
    bench.cycle()
    assert bench.sent() == []


def test_an_unmapped_person_who_is_moved_stays_in_the_groups(bench: Bench):
    bench.port["groups"] = (bench.company.name_of("staff"),)
    bench.cycle()
    bench.company.change("anna", mail="")
    bench.company.rename_unit("OU=People", "OU=Humans")

    bench.cycle()

    assert bench.sent() == []


def test_the_members_of_an_unmapped_group_stay_in_scope_when_it_is_moved(bench: Bench):
    bench.port["groups"] = (bench.company.name_of("staff"),)
    bench.cycle()
    bench.company.change("inner", cn="")
    inner = bench.company.name_of("inner")
    bench.company.rename_unit(inner, inner.replace("OU=Groups", "OU=Teams"))

    report = bench.cycle()

    assert report.directory.problems == 1
    assert bench.sent() == []


def test_somebody_new_who_cannot_be_mapped_is_not_created(bench: Bench):
    bench.company.add_user("fred", mail="")

    assert bench.cycle().directory.problems == 1
    assert not any(name.startswith("fred") for _, name in bench.sent())


def test_what_upsert_only_held_back_is_done_when_the_mode_is_sync_again(bench: Bench):
    bench.cycle()
    bench.port["mode"] = "upsert-only"
    bench.company.change("bela", title="Captain")
    bench.company.disable("bela")
    report = bench.cycle()
    assert bench.sent() == [("update", "bela@corp.example")]
    assert report.targets[0].plan.notes == (
        "1 person disabled in the source keeps access (mode upsert-only)",
    )
    bench.cycle()
    assert bench.sent() == []

    bench.port["mode"] = "sync"
    bench.cycle()
    assert bench.sent() == [("disable", "bela@corp.example")]


@pytest.mark.parametrize("way", ["leaves", "goes out of scope"])
def test_grace_begins_when_a_disabled_person_goes_not_when_they_were_disabled(
    bench: Bench, clock: FixedClock, way: str
):
    bench.port["deprovision"] = "disable-then-delete"
    bench.port["groups"] = (bench.company.name_of("staff"),)
    bench.cycle()
    bench.company.disable("anna")
    bench.cycle()
    clock.moment += timedelta(days=100)

    if way == "leaves":
        bench.company.delete("anna")
    else:
        bench.company.set_members("staff", "bela", "inner")
    bench.cycle()
    assert bench.sent() == [("update", "staff")]
    clock.moment += timedelta(days=29)
    bench.cycle()
    assert bench.sent() == []

    clock.moment += timedelta(days=1)
    bench.cycle()
    assert bench.sent() == [("delete", "anna@corp.example")]


def test_somebody_who_comes_back_within_the_grace_begins_a_new_one_next_time(
    bench: Bench, clock: FixedClock
):
    bench.port["deprovision"] = "disable-then-delete"
    bench.port["groups"] = (bench.company.name_of("staff"),)
    bench.company.disable("emil")
    bench.cycle()
    for _ in range(3):
        bench.company.set_members("staff", "bela", "inner")
        bench.cycle()
        assert ("disable", "anna@corp.example") in bench.sent()
        clock.moment += timedelta(days=20)
        bench.company.set_members("staff", "anna", "bela", "inner")
        bench.cycle()
        assert ("enable", "anna@corp.example") in bench.sent()


def test_a_source_that_suddenly_shows_no_group_takes_nobody_away(bench: Bench):
    bench.company.forgets_changes = "a full read"
    bench.port["deprovision"] = "delete"
    bench.cycle()
    for name in ("staff", "inner"):
        bench.company.delete(name)

    report = bench.cycle()

    assert bench.sent() == []
    assert report.status is Status.FAILURES
    assert "0 groups read, 2 known" in report.reason


def test_a_source_that_suddenly_shows_nobody_takes_nobody_away(bench: Bench):
    bench.company.forgets_changes = "a full read"
    bench.port["limits"] = Limits(*[Limit(count=100)] * 3)
    bench.cycle()
    for name in ("anna", "bela", "cleo", "dora", "emil"):
        bench.company.delete(name)

    report = bench.cycle()

    assert bench.sent() == []
    assert "0 people read, 5 known" in report.reason


def test_an_account_of_an_entry_not_seen_under_new_rules_is_mapped_when_it_is_seen(bench: Bench):
    """A read that was not complete must not pass for one that mapped everything anew."""
    bench.cycle()
    emil = bench.company.entries.pop("emil")
    bench.company.incomplete = "a size limit cut it off"
    bench.rules = "rules-2"
    bench.title = "Mapped anew"
    bench.cycle()

    bench.company.entries["emil"] = emil
    bench.company.incomplete = ""
    bench.cycle()

    assert bench.sent() == [("update", "emil@corp.example")]


@pytest.mark.parametrize("who_is_late", ["the entry", "the group"])
def test_who_is_renamed_while_the_source_is_read_keeps_access(bench: Bench, who_is_late: str):
    """Users are read before groups: a name may change in between."""
    bench.company.forgets_changes = "a full read"
    bench.port["groups"] = (bench.company.name_of("staff"),)
    bench.cycle()
    late = bench.company.entries["anna" if who_is_late == "the entry" else "staff"]
    bench.company.rename_unit("CN=anna,OU=People", "CN=Anna Berg,OU=People")
    now = dict(bench.company.entries)
    bench.company.entries["anna" if who_is_late == "the entry" else "staff"] = late

    report = bench.cycle()
    assert bench.sent() == []
    assert "1 name changed while it went on" in report.reason

    bench.company.entries.update(now)
    assert bench.cycle().status is Status.DONE
    assert bench.sent() == []


@pytest.mark.parametrize("late", ["inner", "staff"])
def test_a_group_renamed_while_the_source_is_read_keeps_its_members_in_scope(
    bench: Bench, late: str
):
    bench.port["groups"] = (bench.company.name_of("staff"),)
    bench.cycle()
    before = bench.company.entries[late]
    bench.company.rename_unit("CN=inner", "CN=core")
    now = dict(bench.company.entries)
    bench.company.entries[late] = before

    bench.cycle()
    assert bench.sent() == []

    bench.company.entries.update(now)
    assert bench.cycle().status is Status.DONE
    assert bench.sent() == []


def test_a_stranger_in_place_of_a_member_delays_the_removal_by_one_cycle_at_most(bench: Bench):
    bench.cycle()
    bench.company.set_members("staff", "bela", "inner")
    entry = bench.company.entries["staff"]
    bench.company._replace("staff", member_names=(*entry.member_names, "CN=printer,OU=Things"))
    bench.cycle()

    bench.cycle()

    assert bench.shelf.members_of("staff") == {"bela@corp.example", "cleo@corp.example"}
    assert bench.cycle().status is Status.DONE


def test_somebody_deleted_while_a_group_is_renamed_raises_no_doubt(bench: Bench):
    bench.cycle()
    bench.company.rename_unit("OU=Groups", "OU=Teams")
    bench.company.rename_unit("OU=People", "OU=Humans")
    bench.company.delete("anna")

    assert bench.cycle().status is Status.DONE
    assert ("disable", "anna@corp.example") in bench.sent()


def test_groups_that_suddenly_show_no_members_are_not_emptied(bench: Bench):
    names = [f"n{number}" for number in range(8)]
    for name in names:
        bench.company.add_user(name)
    for group in ("red", "blue"):
        bench.company.add_group(group, *names)
    bench.cycle()
    for group in ("red", "blue", "staff", "inner"):
        bench.company.set_members(group)

    report, again = bench.cycle(), bench.cycle()

    words = "20 of 20 memberships to remove, limit 10 (configured: 50%): blue, inner, red"
    assert report.targets[0].reason == f"target shelf: {words}"
    held = f"target shelf: held since run {report.cycle_id}: {words}"
    assert again.targets[0].reason == held
    assert bench.sent() == []
    assert bench.cycle(allow_removals=1).status is Status.DONE
    assert bench.shelf.members_of("red") == set()


@pytest.fixture
def remote(bench: Bench) -> Bench:
    """Two people in a unit of their own, read by an account that sees nothing deleted."""
    bench.company.hides_deleted = True
    bench.company.forgets_changes = "a full read"
    for name in ("rita", "ron"):
        bench.company.add_user(name)
        bench.company.rename(name, f"CN={name},OU=Remote,DC=corp")
    bench.cycle()
    return bench


def hide(bench: Bench, *names: str) -> None:
    for name in names:
        del bench.company.entries[name]


def test_a_unit_of_which_nobody_comes_any_more_is_not_believed_to_be_empty(remote: Bench):
    hide(remote, "rita", "ron")

    report = remote.cycle()

    assert remote.sent() == []
    assert "all 2 people of ou=remote,dc=corp did not come" in report.reason
    assert report.directory.leavers == 0


@pytest.mark.parametrize("way", ["one is still there", "somebody joins", "it is seen as deleted"])
def test_a_unit_that_is_seen_to_be_there_may_lose_its_people(remote: Bench, way: str):
    hide(remote, "rita")
    if way != "one is still there":
        hide(remote, "ron")
    if way == "somebody joins":
        remote.company.add_user("rosa")
        remote.company.rename("rosa", "CN=rosa,OU=Remote,DC=corp")
    remote.company.hides_deleted = way != "it is seen as deleted"

    report = remote.cycle()

    assert report.status is Status.DONE
    assert ("disable", "rita@corp.example") in remote.sent()


@pytest.fixture
def mailed(bench: Bench) -> Bench:
    """Six more, who would go by another name if they had no address."""
    for number in range(6):
        bench.company.add_user(f"m{number}", upn=f"m{number}@ad.example")
    bench.cycle()
    return bench


def lose_addresses(bench: Bench, count: int) -> None:
    for number in range(count):
        bench.company.change(f"m{number}", mail="")


@pytest.mark.parametrize("is_full", [False, True])
def test_many_who_lose_their_address_at_once_keep_their_names(mailed: Bench, is_full: bool):
    """More likely we may no longer read it than that so many mailboxes were closed."""
    lose_addresses(mailed, 4)

    report = mailed.cycle(is_full=is_full)

    words = "4 people show no e-mail address any more: a right to read may be lost"
    assert report.reason == f"the read was not complete: {words}"
    assert report.directory.problems == 4
    assert mailed.sent() == []
    assert mailed.cycle(is_full=is_full).status is Status.FAILURES
    assert mailed.sent() == []
    for number in range(4):
        mailed.company.change(f"m{number}", mail=f"m{number}@corp.example")
    assert mailed.cycle().status is Status.DONE
    assert mailed.sent() == []


def test_mailboxes_that_are_closed_one_after_the_other_are_believed(mailed: Bench):
    lose_addresses(mailed, 3)

    mailed.cycle()

    assert sorted(mailed.sent()) == [("update", f"m{number}@ad.example") for number in range(3)]


def test_many_who_lose_their_address_and_are_disabled_lose_access(mailed: Bench):
    lose_addresses(mailed, 4)
    for number in range(4):
        mailed.company.disable(f"m{number}")

    mailed.cycle()

    assert {kind for kind, _ in mailed.sent()} == {"disable"}
    assert len(mailed.sent()) == 4


def test_one_of_many_who_lost_their_address_is_believed_when_asked_for(mailed: Bench):
    lose_addresses(mailed, 5)
    mailed.cycle()

    mailed.cycle(user=mailed.company.entries["m2"].external_id)

    assert mailed.sent() == [("update", "m2@ad.example")]
