"""A target that fails is left alone for a while and holds nobody back."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

from connector.errors import TargetUnavailable
from connector.sync.cycle import run_cycle
from connector.sync.ports import Parts, Status, TargetPort
from connector.sync.request import Request
from tests.parts.shelf import Shelf

if TYPE_CHECKING:
    from tests.sync.bench import Bench


class Door:
    """A way to a target that may be shut."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf, self.is_shut, self.knocks = shelf, True, 0

    def connect(self) -> Shelf:
        self.knocks += 1
        if self.is_shut:
            message = "target shelf: cannot be reached"
            raise TargetUnavailable(message)
        return self.shelf


def test_the_pause_grows_with_each_failure_and_ends_with_the_first_answer(bench: Bench):
    door = Door(bench.shelf)
    bench.port["connect"] = door.connect
    lengths = []
    for _ in range(4):
        began = bench.clock.moment
        knocks = door.knocks
        while door.knocks == knocks:
            bench.cycle(heeds_pauses=True)
            bench.clock.moment += timedelta(seconds=30)
        lengths.append(bench.clock.moment - began)
    assert lengths == sorted(lengths)
    assert lengths[-1] > 2 * lengths[1]

    door.is_shut = False
    bench.clock.moment += timedelta(hours=1)

    assert bench.cycle(heeds_pauses=True).status is Status.DONE
    assert bench.cycle(heeds_pauses=True).status is Status.DONE


def test_a_paused_target_is_not_asked_and_says_why(bench: Bench):
    door = Door(bench.shelf)
    bench.port["connect"] = door.connect
    bench.cycle()

    report = bench.cycle(heeds_pauses=True)

    assert (report.status, door.knocks) == (Status.FAILED, 1)
    assert report.targets[0].reason.startswith("left alone until ")
    assert report.targets[0].reason.endswith("it failed once: target shelf: cannot be reached")


def test_who_asks_by_hand_does_not_wait_for_the_end_of_a_pause(bench: Bench):
    door = Door(bench.shelf)
    bench.port["connect"] = door.connect
    bench.cycle()
    door.is_shut = False

    assert bench.cycle().status is Status.DONE


def test_a_slow_target_does_not_hold_the_others_back(bench: Bench):
    """The slow one goes on only when the quick one is done."""
    quick, slow = Shelf(), Shelf()
    is_done = threading.Event()

    def wait(operation: object) -> None:
        assert is_done.wait(30)

    def finish(operation: object) -> None:
        if len(quick.sent) == 9:
            is_done.set()

    slow.answer, quick.answer = wait, finish
    ports = [
        TargetPort(**bench.port | {"name": name, "connect": lambda shelf=shelf: shelf})
        for name, shelf in (("slow", slow), ("quick", quick))
    ]
    one = bench.parts()
    parts = Parts(
        one.source,
        one.map_entry,
        one.mapping_fingerprint,
        one.engine,
        tuple(ports),
        one.clock,
        one.lock_path,
    )

    report = run_cycle(parts, Request("test"), lambda progress: None, bench.stop)

    assert report.status is Status.DONE
    assert [part.target for part in report.targets] == ["slow", "quick"]
