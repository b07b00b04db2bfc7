"""The thread that delivers: soon, once, patiently, and gone when it is told to go."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from connector.clock import SystemClock
from connector.mail.outbox import LIFETIME, Outbox
from connector.mail.post import LONGEST_PAUSE_SECONDS, LOOK_SECONDS, SHORTEST_PAUSE_SECONDS, Post
from state.errors import StateError
from tests.mail.desk import NOW, letter
from tests.mail.test_smtp import door, plain  # noqa: F401 - a fixture
from tests.parts.mail_server import MailServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector.clock import FixedClock


@dataclass
class Logged:
    """What the log says meanwhile."""

    lines: list[dict[str, Any]] = field(default_factory=list)

    def of(self, event: str) -> list[dict[str, Any]]:
        return [
            {key: value for key, value in line.items() if key not in {"event", "log_level"}}
            for line in self.lines
            if line["event"] == event
        ]


@pytest.fixture
def logged() -> Iterator[Logged]:
    with structlog.testing.capture_logs() as lines:
        yield Logged(lines)


@pytest.fixture
def outbox(engine) -> Outbox:
    return Outbox(engine)


@pytest.fixture
def post(outbox: Outbox, plain: MailServer, clock: FixedClock) -> Post:
    clock.moment = NOW
    return Post(outbox, door(plain), clock)


def test_what_is_due_is_delivered_once(post: Post, outbox: Outbox, plain, logged: Logged):
    outbox.add(letter())

    assert post.look() == LOOK_SECONDS
    assert post.look() == LOOK_SECONDS

    assert len(plain.delivered) == 1
    assert outbox.entries(NOW) == ()
    assert logged.of("mail.sent") == [{"external_id": "anna-1", "notice": "factor-added"}]


def test_nobody_is_called_while_nothing_is_due(post: Post, plain):
    for _ in range(3):
        post.look()

    assert plain.connection_count == 0


def test_a_temporary_refusal_is_followed_by_a_delivery(
    post: Post, outbox: Outbox, plain, clock, logged: Logged
):
    plain.at_recipient.append("451 4.7.1 <anna.berg@corp.example>: Greylisted")
    outbox.add(letter())

    post.look()
    assert plain.delivered == []
    (entry,) = outbox.entries(NOW)
    assert "Greylisted" in entry.problem
    clock.moment = entry.due_at
    post.look()

    assert len(plain.delivered) == 1
    assert outbox.tally() == {"queued": 1, "sent": 1, "given-up": 0}
    # The server's own words name the person; the log does not.
    (line,) = logged.of("mail.postponed")
    assert line["reason"] == "the mail server says 451"


def test_a_permanent_refusal_is_given_up_and_nobody_tries_again(
    post: Post, outbox: Outbox, plain, clock, logged: Logged
):
    plain.at_recipient.append("550 5.1.1 <anna.berg@corp.example>: no such user")
    outbox.add(letter())

    post.look()
    clock.moment += LIFETIME
    post.look()

    assert plain.delivered == []
    assert plain.connection_count == 1
    assert outbox.tally() == {"queued": 1, "sent": 0, "given-up": 1}
    assert logged.of("mail.given_up") == [
        {
            "external_id": "anna-1",
            "notice": "factor-added",
            "reason": "mail-refused",
            "code": 550,
        }
    ]


def test_one_that_is_refused_keeps_no_other_from_being_delivered(
    post: Post, outbox: Outbox, plain, clock
):
    plain.at_end += ["552 5.3.4 too large", "451 4.3.0 not now"]
    for number in range(4):
        outbox.add(letter(f"a{number}", at=NOW + timedelta(microseconds=number)))

    clock.moment += timedelta(seconds=1)
    post.look()

    assert [each.message["Message-ID"] for each in plain.delivered] == [
        "<a2@corp.example>",
        "<a3@corp.example>",
    ]


def test_a_server_that_is_down_for_a_while_gets_each_message_once(
    post: Post, outbox: Outbox, plain, clock, logged: Logged
):
    plain.stop()
    for number in range(3):
        outbox.add(letter(f"a{number}"))

    pauses = [post.look() for _ in range(8)]
    assert {entry.tried_count for entry in outbox.entries(NOW)} == {0}
    assert {entry.problem for entry in outbox.entries(NOW)} == {
        f"mail server 127.0.0.1:{plain.port}: connection refused"
    }
    plain.start()
    clock.moment += timedelta(minutes=20)
    assert post.look() == LOOK_SECONDS

    assert pauses[:3] == [SHORTEST_PAUSE_SECONDS * factor for factor in (1, 2, 4)]
    assert pauses[-1] == LONGEST_PAUSE_SECONDS
    assert len(plain.delivered) == 3
    # Said once, not every time.
    assert len(logged.of("mail.failed")) == 1
    plain.stop()
    outbox.add(letter("later", at=clock.moment))
    assert post.look() == SHORTEST_PAUSE_SECONDS
    assert len(logged.of("mail.failed")) == 2
    plain.start()


def test_a_server_that_is_down_for_a_day_gets_nothing_any_more(
    post: Post, outbox: Outbox, plain, clock, logged: Logged
):
    plain.stop()
    outbox.add(letter())
    post.look()
    plain.start()

    clock.moment += LIFETIME
    post.look()

    assert plain.delivered == []
    assert [line["reason"] for line in logged.of("mail.given_up")] == ["mail-too-late"]


def test_a_database_that_cannot_be_used_is_said_and_looked_at_again(plain, clock, logged: Logged):
    class Broken(Outbox):
        def is_due(self, now) -> bool:
            raise StateError("the state database cannot be used: disk full")

    post = Post(Broken(None), door(plain), clock)

    assert post.look() == SHORTEST_PAUSE_SECONDS
    assert logged.of("mail.failed") == [{"reason": "the state database cannot be used: disk full"}]


# The thread.


@dataclass
class Running:
    """A post in its thread."""

    outbox: Outbox
    start: Callable[..., Post]


@pytest.fixture
def running(engine, plain: MailServer) -> Iterator[Running]:
    posts = []

    def start(**changes: object) -> Post:
        posts.append(Post(Outbox(engine), door(plain, **changes), SystemClock()))
        posts[-1].start()
        return posts[-1]

    yield Running(Outbox(engine), start)
    for post in posts:
        post.stop()


def now_letter(letter_id: str = "a1"):
    return letter(letter_id, at=SystemClock().now())


def test_what_is_queued_by_whomever_is_on_its_way_within_two_seconds(running: Running, plain):
    running.start()

    took = []
    for number in range(3):
        begun_at = time.monotonic()
        running.outbox.add(now_letter(f"a{number}"))
        plain.wait_for(number + 1)
        took.append(time.monotonic() - begun_at)

    # The machine may have had other things to do for once.
    assert min(took) < 2


def test_two_that_deliver_side_by_side_deliver_nothing_twice(running: Running, plain):
    for number in range(40):
        running.outbox.add(now_letter(f"a{number}"))
    posts = [running.start() for _ in range(3)]

    plain.wait_for(40)
    for post in posts:
        post.stop()

    ids = [each.message["Message-ID"] for each in plain.delivered]
    assert len(ids) == len(set(ids)) == 40
    assert running.outbox.tally() == {"queued": 40, "sent": 40, "given-up": 0}


def test_it_ends_in_seconds_although_the_server_never_answers(running: Running, plain):
    plain.hangs = True
    running.outbox.add(now_letter())
    post = running.start()
    plain.wait_for(1)

    begun_at = time.monotonic()
    post.stop()

    assert time.monotonic() - begun_at < 4
    (entry,) = running.outbox.entries(NOW)
    assert (entry.given_up, entry.problem) == ("", "it hung up")
    assert [thread for thread in threading.enumerate() if thread.name == "mail"] == []


def test_it_ends_at_once_when_there_is_nothing_to_do(running: Running):
    post = running.start()

    begun_at = time.monotonic()
    post.stop()

    assert time.monotonic() - begun_at < 0.5


def test_one_that_was_never_started_can_be_stopped(outbox, plain):
    Post(outbox, door(plain), SystemClock()).stop()
