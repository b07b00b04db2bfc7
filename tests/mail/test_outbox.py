"""Messages that wait, on either database: kept with what they tell of, tried for a day, never lost."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from connector.audit import Audit, AuditEvent, append
from connector.mail.letter import Deferred, GivenUp, Refused, Taken
from connector.mail.outbox import LEASE, LIFETIME, REMEMBERED, Outbox, queue
from state.handle import keeping
from tests.mail.desk import NOW, letter
from tests.parts.mortal import Killed, Mortal

if TYPE_CHECKING:
    from datetime import datetime

BUSY = Deferred("451 4.3.2 try again later", 451)
IN_DOUBT = Deferred("it did not answer in time", is_in_doubt=True)


@pytest.fixture
def outbox(engine) -> Outbox:
    return Outbox(engine)


def events(engine, name: str) -> list[AuditEvent]:
    return [event for event in Audit(engine).recent() if event.event == name]


def test_what_is_queued_is_due_and_claimed_once(outbox: Outbox):
    assert not outbox.is_due(NOW)
    outbox.add(letter())

    assert outbox.is_due(NOW)
    assert outbox.claim(NOW) == letter()
    assert not outbox.is_due(NOW)
    assert outbox.claim(NOW) is None


def test_the_oldest_goes_first(outbox: Outbox):
    outbox.add(letter("b2", at=NOW))
    outbox.add(letter("a1", at=NOW - timedelta(seconds=1)))

    assert [outbox.claim(NOW).letter_id for _ in range(2)] == ["a1", "b2"]


def test_what_was_taken_is_gone_and_in_the_audit(outbox: Outbox, engine):
    outbox.add(letter())
    outbox.claim(NOW)

    assert outbox.note("a1", Taken("2.0.0 OK"), NOW + timedelta(seconds=2)) is None

    assert outbox.entries(NOW) == ()
    (event,) = events(engine, "notice.sent")
    assert (event.outcome, event.actor) == ("success", "anna-1")
    assert event.details == {"notice": "factor-added", "tries": "1", "seconds": "2.00"}
    assert outbox.tally() == {"queued": 1, "sent": 1, "given-up": 0}


def test_what_is_refused_is_given_up_at_once_and_nothing_of_its_text_stays(outbox: Outbox, engine):
    outbox.add(letter())
    outbox.claim(NOW)

    given_up = outbox.note("a1", Refused("550 5.1.1 no such user", 550), NOW)

    assert given_up is GivenUp.REFUSED
    assert not outbox.is_due(NOW + LIFETIME)
    (entry,) = outbox.entries(NOW)
    assert (entry.given_up, entry.problem) == ("mail-refused", "550 5.1.1 no such user")
    assert (entry.due_at, entry.ended_at, entry.tried_count) == (None, NOW, 1)
    (event,) = events(engine, "notice.given_up")
    assert (event.outcome, event.reason, event.actor) == ("failure", "mail-refused", "anna-1")
    assert outbox.tally() == {"queued": 1, "sent": 0, "given-up": 1}
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT message FROM mail_outbox").all()
    assert [bytes(row.message) for row in rows] == [b""]


def test_what_is_put_off_is_tried_again_for_a_day_ever_less_often(outbox: Outbox, engine):
    outbox.add(letter())
    now, tried, given_up = NOW, [], None

    while given_up is None:
        assert outbox.claim(now - timedelta(microseconds=1)) is None
        assert outbox.claim(now) is not None
        tried.append(now)
        given_up = outbox.note("a1", BUSY, now)
        now = outbox.entries(NOW)[0].due_at

    pauses = [later - earlier for earlier, later in pairwise(tried)]
    assert pauses[:7] == [timedelta(minutes=2**n) for n in range(6)] + [timedelta(hours=1)]
    assert timedelta(hours=22) < tried[-1] - NOW < LIFETIME
    assert given_up is GivenUp.TOO_LATE
    assert [event.reason for event in events(engine, "notice.given_up")] == ["mail-too-late"]
    assert outbox.entries(NOW)[0].problem == BUSY.words


def test_what_the_server_could_not_be_reached_for_waits_and_is_given_up_after_a_day(outbox: Outbox):
    outbox.add(letter())

    outbox.note_unreachable("it did not answer in time", NOW)

    assert outbox.give_up_hopeless(NOW + LIFETIME - timedelta(seconds=1)) == ()
    assert outbox.is_due(NOW + LIFETIME)
    (entry,) = outbox.give_up_hopeless(NOW + LIFETIME)
    assert (entry.given_up, entry.problem, entry.tried_count) == (
        "mail-too-late",
        "it did not answer in time",
        0,
    )
    assert outbox.entries(NOW) == (entry,)
    assert outbox.claim(NOW + LIFETIME) is None


def test_after_a_kill_it_is_handed_over_once_more_and_then_never_again(outbox: Outbox, engine):
    """A warning that comes twice is better than none; one that comes for ever is not."""
    outbox.add(letter())
    now, handed_over = NOW, 0

    for _ in range(5):
        outbox.give_up_hopeless(now)
        # Each time the process is killed before it can note anything.
        handed_over += outbox.claim(now) is not None
        now += LEASE

    assert handed_over == 2
    (entry,) = outbox.entries(NOW)
    assert entry.given_up == "mail-in-doubt"
    assert [event.reason for event in events(engine, "notice.given_up")] == ["mail-in-doubt"]


def test_a_line_that_breaks_after_the_end_of_the_message_counts_like_a_kill(outbox: Outbox):
    outbox.add(letter())
    outbox.claim(NOW)
    assert outbox.note("a1", IN_DOUBT, NOW) is None
    due_at = outbox.entries(NOW)[0].due_at

    outbox.claim(due_at)

    assert outbox.note("a1", IN_DOUBT, due_at) is GivenUp.IN_DOUBT


def test_a_server_that_says_no_for_now_leaves_nothing_in_doubt(outbox: Outbox):
    outbox.add(letter())

    now = NOW
    for _ in range(4):
        outbox.claim(now)
        assert outbox.note("a1", BUSY, now) is None
        now = outbox.entries(NOW)[0].due_at

    assert outbox.give_up_hopeless(now) == ()
    assert outbox.claim(now) is not None


def test_what_somebody_else_has_noted_meanwhile_stays(outbox: Outbox):
    """A process that hung for longer than the lease comes back."""
    outbox.add(letter())
    outbox.claim(NOW)
    outbox.claim(NOW + LEASE)
    outbox.note("a1", Taken(), NOW + LEASE)

    assert outbox.note("a1", Refused("550 no", 550), NOW + LEASE) is None

    assert outbox.entries(NOW) == ()
    assert outbox.tally() == {"queued": 1, "sent": 1, "given-up": 0}


def test_without_an_address_nobody_can_be_told_and_that_is_said(outbox: Outbox, engine):
    outbox.add(letter(recipient=""))

    assert not outbox.is_due(NOW)
    (entry,) = outbox.entries(NOW)
    assert (entry.given_up, entry.external_id) == ("mail-no-address", "anna-1")
    assert [event.reason for event in events(engine, "notice.given_up")] == ["mail-no-address"]
    assert outbox.tally() == {"queued": 1, "sent": 0, "given-up": 1}


def test_what_was_given_up_is_remembered_for_a_month(outbox: Outbox):
    later = NOW + REMEMBERED + timedelta(seconds=1)
    outbox.add(letter("old", recipient=""))
    outbox.add(letter("new", recipient="", at=NOW + timedelta(seconds=1)))
    outbox.add(letter("waits"))

    def ids(now: datetime) -> set[str]:
        return {entry.letter_id for entry in outbox.entries(now)}

    assert ids(later) == {"new", "waits"}
    assert ids(NOW) == {"old", "new", "waits"}

    outbox.forget(later)

    assert ids(NOW) == {"new", "waits"}


def test_who_waits_is_counted(outbox: Outbox):
    for number in range(3):
        outbox.add(letter(f"a{number}"))
    outbox.add(letter("b", recipient=""))
    outbox.claim(NOW)

    assert outbox.waiting_count() == 3


def test_a_message_is_kept_with_what_it_tells_of_or_not_at_all(outbox: Outbox, engine):
    removed = AuditEvent(NOW, "factor.removed", "success", actor="anna-1")
    mortal = Mortal()

    with pytest.raises(Killed), keeping(engine) as handle:
        append(handle, removed)
        queue(handle, letter())
        mortal.moments_left = 0
        mortal.moment()

    assert not outbox.is_due(NOW)
    assert Audit(engine).recent() == ()

    with keeping(engine) as handle:
        append(handle, removed)
        queue(handle, letter())

    assert outbox.is_due(NOW)
    assert Audit(engine).recent() == (removed,)


@pytest.mark.parametrize("moments", range(17))
def test_wherever_the_process_dies_a_message_is_sent_twice_at_most_and_never_lost(
    outbox: Outbox, engine, moments: int
):
    mortal, taken, now = Mortal(), [], NOW
    mortal.watch(engine)
    outbox.add(letter())

    def deliver() -> None:
        outbox.give_up_hopeless(now)
        claimed = outbox.claim(now)
        if claimed is None:
            return
        mortal.moment()
        taken.append(claimed)
        mortal.moment()
        outbox.note(claimed.letter_id, Taken(), now)

    mortal.moments_left = moments
    with suppress(Killed):
        deliver()
    mortal.restart()
    now += LEASE
    deliver()

    assert 1 <= len(taken) <= 2
    assert {each.message for each in taken} == {letter().message}
    assert outbox.entries(NOW) == ()
    assert outbox.tally() == {"queued": 1, "sent": 1, "given-up": 0}
    assert Audit(engine).first_break() is None


def test_a_letter_of_which_there_are_many_is_none_too_few(outbox: Outbox):
    many = [replace(letter(f"a{number:03}"), queued_at=NOW) for number in range(100)]
    for each in many:
        outbox.add(each)

    claimed = []
    while (each := outbox.claim(NOW)) is not None:
        outbox.note(each.letter_id, Taken(), NOW)
        claimed.append(each.letter_id)

    assert sorted(claimed) == [each.letter_id for each in many]
    assert outbox.tally()["sent"] == 100


def test_of_several_that_claim_at_once_each_gets_another(outbox: Outbox):
    for number in range(24):
        outbox.add(letter(f"a{number:02}"))
    claimed: list[str] = []

    def work() -> None:
        while (each := outbox.claim(NOW)) is not None:
            claimed.append(each.letter_id)
            outbox.note(each.letter_id, Taken(), NOW)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(claimed) == [f"a{number:02}" for number in range(24)]
    assert outbox.tally() == {"queued": 24, "sent": 24, "given-up": 0}
