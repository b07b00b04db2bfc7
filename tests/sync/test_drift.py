"""What others change at a target is found, kept, and brought back if that is configured."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from connector.audit import Audit
from connector.errors import TargetUnavailable
from connector.planner.known import RELEASED
from connector.planner.safety import Limits
from connector.settings.values import Limit
from connector.sync import findings as kept
from connector.sync.comparing import Compared, compare_due, compare_targets
from connector.sync.findings import Finding, Findings
from connector.sync.history import History
from connector.sync.holds import Holds
from connector.sync.ledger import Ledger
from connector.sync.pauses import Pauses
from connector.sync.ports import Status
from connector.target.outcome import Unknown

if TYPE_CHECKING:
    from tests.sync.bench import Bench

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture
def synced(bench: Bench) -> Bench:
    bench.company.change("anna", title="Clerk")
    bench.cycle()
    return bench


def due(bench: Bench) -> list[Compared]:
    """Do what the daemon does after a cycle."""
    return list(compare_due(bench.parts(), lambda progress: None, bench.stop))


def compare(bench: Bench, *, repair: bool = False) -> list[Compared]:
    """Do what somebody at a shell does."""
    return compare_targets(bench.parts(), (), lambda progress: None, bench.stop, repair=repair)


def found(bench: Bench) -> list[tuple[str, str]]:
    last = Findings(bench.engine).last("shelf")
    return [(one.name, one.path) for one in last.findings]


def meddle(bench: Bench, who: str, **values: object) -> None:
    bench.shelf.named(f"{who}@corp.example").update(values)


def audited(bench: Bench) -> list[dict]:
    events = Audit(bench.engine).recent()
    return [dict(event.details) for event in events if event.event == "drift.found"]


def test_a_target_is_compared_when_its_time_has_come_and_not_before(synced: Bench):
    assert [one.target for one in due(synced)] == ["shelf"]
    assert due(synced) == []

    synced.clock.moment += DAY - HOUR
    assert due(synced) == []
    synced.clock.moment += HOUR
    assert len(due(synced)) == 1


def test_a_clock_that_is_put_back_a_little_is_no_reason_and_far_back_is_one(synced: Bench):
    due(synced)

    synced.clock.moment -= HOUR
    assert due(synced) == []
    synced.clock.moment -= 2 * DAY
    assert len(due(synced)) == 1


def test_nothing_is_looked_for_where_that_is_off_unless_somebody_asks(synced: Bench):
    synced.port |= {"drift": "off"}
    meddle(synced, "anna", title="Boss")

    assert due(synced) == []
    compare(synced)

    assert found(synced) == [("anna@corp.example", "title")]


def test_a_target_that_is_paused_is_not_compared(synced: Bench):
    Pauses(synced.engine).note_failure("shelf", "down", synced.clock.now())
    assert due(synced) == []

    synced.clock.moment += HOUR
    assert len(due(synced)) == 1


def test_what_was_found_tells_both_values_and_both_times(synced: Bench):
    changed_at = datetime(2026, 11, 2, 8, 11, tzinfo=UTC)
    meta = {"lastModified": changed_at.isoformat(), "version": 'W/"2"'}
    meddle(synced, "anna", title="Boss", meta=meta)
    written_at = synced.clock.now()
    (cycle,) = History(synced.engine).cycles(1)
    synced.clock.moment += HOUR

    due(synced)

    last = Findings(synced.engine).last("shelf")
    assert last.findings == (
        Finding(
            resource_type="User",
            external_id=synced.company.entries["anna"].external_id,
            path="title",
            name="anna@corp.example",
            ours="Clerk",
            theirs="Boss",
            seen_at=synced.clock.now(),
            changed_at=changed_at,
            version='W/"2"',
            written_at=written_at,
            cycle_id=cycle.cycle_id,
        ),
    )
    assert (last.compared_count, last.found_count, last.is_repair) == (7, 1, False)


def test_what_is_not_ours_is_counted_and_never_touched(synced: Bench):
    stranger = {"userName": "stranger", "active": True, "members": set()}
    synced.shelf.resources["x"] = dict(stranger)
    synced.port |= {"drift": "repair"}

    due(synced)
    synced.cycle()

    assert Findings(synced.engine).of("shelf").foreign_count == 1
    assert found(synced) == []
    assert synced.shelf.resources["x"] == stranger


def test_what_is_reported_is_not_brought_back(synced: Bench):
    meddle(synced, "anna", title="Boss", active=False)

    due(synced)
    synced.cycle(is_whole=True)

    assert found(synced) == [("anna@corp.example", "active"), ("anna@corp.example", "title")]
    assert synced.sent() == []


def test_what_is_to_be_repaired_is_brought_back_by_the_next_cycle(synced: Bench):
    synced.port |= {"drift": "repair"}
    meddle(synced, "anna", title="Boss")
    meddle(synced, "bela", active=False)
    del synced.shelf.resources[synced.shelf.id_of("cleo@corp.example")]
    synced.shelf.named("staff")["members"].clear()

    (compared,) = due(synced)
    synced.cycle()

    assert found(synced) == [
        ("anna@corp.example", "title"),
        ("bela@corp.example", "active"),
        ("cleo@corp.example", "id"),
        ("staff", "members"),
    ]
    assert compared.last.is_repair
    assert synced.shelf.named("anna@corp.example")["title"] == "Clerk"
    assert synced.shelf.named("bela@corp.example")["active"] is True
    assert synced.shelf.members_of("staff") == {
        f"{one}@corp.example" for one in ("anna", "bela", "cleo")
    }
    assert compare(synced)[0].last.findings == ()


def test_repair_keeps_within_the_limits(synced: Bench):
    synced.port |= {"drift": "repair", "limits": Limits(*[Limit(count=1)] * 3)}
    for name in ("anna", "bela", "dora"):
        meddle(synced, name, name={"givenName": "Nobody"})

    due(synced)
    report = synced.cycle()

    assert report.status is Status.HELD
    assert synced.sent() == []
    assert len(Holds(synced.engine).open_holds()) == 1


def test_a_comparison_by_hand_does_not_take_the_place_of_a_repair(synced: Bench):
    synced.port |= {"drift": "repair"}
    compare(synced)

    assert len(due(synced)) == 1
    assert due(synced) == []


def test_the_grace_of_somebody_who_left_goes_on(synced: Bench):
    synced.port |= {"deprovision": "disable-then-delete", "drift": "repair"}
    external_id = synced.company.entries["anna"].external_id
    synced.company.delete("anna")
    synced.cycle()
    synced.clock.moment += timedelta(days=20)
    meddle(synced, "anna", title="Boss")

    due(synced)
    synced.cycle()

    head = Ledger(synced.engine).known("shelf").users[external_id]
    assert head.digest == RELEASED
    synced.clock.moment += timedelta(days=11)
    synced.cycle()
    assert ("delete", "anna@corp.example") in synced.sent()


def test_the_same_findings_are_news_once(synced: Bench):
    meddle(synced, "anna", title="Boss")
    first_at = synced.clock.now()
    assert [one.is_news for one in due(synced)] == [True]

    synced.clock.moment += DAY
    assert [one.is_news for one in due(synced)] == [False]
    assert [one.seen_at for one in Findings(synced.engine).last("shelf").findings] == [first_at]

    meddle(synced, "bela", title="Boss", name={"givenName": "B"})
    synced.clock.moment += DAY
    assert [one.is_news for one in due(synced)] == [True]

    synced.shelf.named("bela@corp.example")["name"] = {"givenName": "Bela", "familyName": "X"}
    meddle(synced, "anna", title="Clerk")
    synced.clock.moment += DAY
    assert [one.is_news for one in due(synced)] == [False]
    assert [one["differences"] for one in audited(synced)] == [3, 1]


def test_of_a_very_long_value_the_beginning_is_kept(synced: Bench):
    for name in ("anna", "bela", "cleo"):
        meddle(synced, name, name={"givenName": "A" * 3000, "familyName": "X"})
    due(synced)

    last = Findings(synced.engine).last("shelf")
    assert last.found_count == 3
    assert all(len(one.theirs) == kept.LONGEST_VALUE + 1 for one in last.findings)


def test_of_very_many_findings_the_first_are_kept(synced: Bench):
    number = kept.KEPT_AT_MOST + 1
    for one in range(number):
        synced.company.add_user(f"u{one:04}")
    synced.cycle()
    for one in range(number):
        meddle_at = synced.shelf.resources[synced.shelf.id_of(f"u{one:04}@corp.example")]
        meddle_at["userName"] = f"x{one}"

    (compared,) = due(synced)

    last = Findings(synced.engine).last("shelf")
    assert (last.found_count, len(last.findings)) == (number, kept.KEPT_AT_MOST)
    assert len(compared.last.findings) == number


def test_a_target_that_cannot_be_listed_is_asked_again_after_an_hour(synced: Bench):
    due(synced)
    synced.clock.moment += DAY
    former = Findings(synced.engine).last("shelf")
    whole = synced.shelf.read_all
    synced.shelf.read_all = _refuse

    (compared,) = due(synced)
    assert (compared.found, compared.reason) == (None, "target shelf: 403")
    last = Findings(synced.engine).last("shelf")
    assert (last.reason, last.compared_at) == ("target shelf: 403", former.compared_at)
    assert due(synced) == []
    with pytest.raises(TargetUnavailable):
        compare(synced)

    synced.shelf.read_all = whole
    synced.clock.moment += HOUR
    assert [one.reason for one in due(synced)] == [""]
    assert Findings(synced.engine).last("shelf").reason == ""


def _refuse(resource_type: str) -> object:
    message = "target shelf: 403"
    raise TargetUnavailable(message)


def test_what_may_be_our_own_doing_is_not_said_to_be_that_of_others(synced: Bench):
    """The answer to a change was lost, and the target cannot be asked what became of it."""
    synced.company.change("anna", title="Captain")
    synced.shelf.answer = lambda operation: Unknown("no answer")
    looks = synced.shelf.read
    synced.shelf.read = lambda resource_type, target_id: _refuse(resource_type)
    synced.cycle()
    synced.shelf.read = looks
    assert synced.shelf.named("anna@corp.example")["title"] == "Captain"

    (compared,) = due(synced)

    assert compared.found.drifts == ()
    assert [one.name for one in compared.found.doubtful] == ["anna@corp.example"]
    assert found(synced) == []


def test_who_is_stopped_keeps_nothing(synced: Bench):
    meddle(synced, "anna", title="Boss")
    synced.stop.set()

    assert due(synced) == []
    assert Findings(synced.engine).of("shelf") is None
