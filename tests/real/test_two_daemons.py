"""Two daemons and a command line on one state: one cycle at a time, and nothing is sent twice."""

from __future__ import annotations

import json
import random
import signal
import threading
import time
from collections import Counter
from contextlib import ExitStack
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from connector.demo.scim_service import ScimService
from tests.parts.identity_provider import free_port
from tests.parts.in_step import assert_target_equals_directory, people_of
from tests.parts.operator import Operator
from tests.parts.scim_server import Simulator, running_service
from tests.parts.service import PATIENCE, Service, serving
from tests.parts.turnover import Turnover

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.parts.samba import Samba

pytestmark = pytest.mark.real

USERS, GROUPS = 60, 6
SECONDS = 10
# Each of these is another request each time; who leaves and comes back is the same one again.
NEVER_THE_SAME = ("join", "change", "rename", "disable")
# So that others come while one is at work, and get their turn too.
BRISKLY, SLOWLY = "rate = 15\n", "rate = 3\n"
LIMITS = "[target.limits]\nmax_disables = 1000\nmax_updates = 1000\n"
DAEMON = """\
[operations]
listen = "127.0.0.1:{port}"
[schedule]
every = "2s"
"""


class Recorder(ScimService):
    """The SCIM service of the demo, which keeps whatever would change it."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[tuple[str, str, str]] = []

    def _carry_out(
        self, method: str, endpoint: str, target_id: str, body: dict[str, Any]
    ) -> tuple[int, Any]:
        if method != "GET":
            told = json.dumps(body, sort_keys=True)
            self.writes.append((method, f"{endpoint}/{target_id}", told))
        return super()._carry_out(method, endpoint, target_id, body)

    @property
    def created(self) -> Counter[str]:
        """How often each userName or displayName was to be created."""
        bodies = [json.loads(told) for method, _, told in self.writes if method == "POST"]
        return Counter(one.get("userName") or one["displayName"] for one in bodies)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def target(recorder: Recorder) -> Iterator[Simulator]:
    with running_service(recorder) as simulator:
        yield simulator


@pytest.fixture
def operator(tmp_path: Path, samba: Samba, target: Simulator) -> Operator:
    samba.reset(users=USERS, groups=GROUPS)
    operator = Operator(tmp_path)
    configure(operator, samba, target, BRISKLY, BRISKLY)
    return operator


def configure(operator: Operator, samba: Samba, target: Simulator, first: str, second: str) -> None:
    """The command line's file, and one for each daemon, which has an address of its own."""
    source = (
        operator.write_source(samba) + 'group_filter = "(&(objectCategory=group)(cn=group*))"\n'
    )
    operator.configure(source, operator.write_target(target, LIMITS))
    for name, pace in (("first", first), ("second", second)):
        section = operator.write_target(target, pace + LIMITS).replace('"error"', '"info"')
        text = "\n".join([source, section, DAEMON.format(port=free_port())])
        (operator.folder / f"{name}.toml").write_text(text)


def daemon(operator: Operator, name: str) -> AbstractContextManager[Service]:
    return serving(operator.start("--config", f"{name}.toml", "run"))


def wait_until(recorder: Recorder, count: int) -> None:
    """Until so many requests have come; what comes is waited for, not the time."""
    deadline = time.monotonic() + PATIENCE
    while len(recorder.writes) < count:
        assert time.monotonic() < deadline, f"only {len(recorder.writes)} of {count} requests came"
        threading.Event().wait(0.01)


def cycles_of(operator: Operator) -> list[dict[str, Any]]:
    """All that left a trace, the earliest first."""
    return operator.run_json("runs", "list", "--limit", "10000")[::-1]


def assert_one_at_a_time(cycles: list[dict[str, Any]]) -> None:
    overlaps = [
        (earlier["cycle_id"], later["cycle_id"])
        for earlier, later in pairwise(sorted(cycles, key=lambda one: one["started_at"]))
        if earlier["ended_at"] is None or later["started_at"] < earlier["ended_at"]
    ]
    assert overlaps == []


def assert_nothing_was_sent_twice(recorder: Recorder) -> None:
    assert [one for one, count in Counter(recorder.writes).items() if count > 1] == []
    assert [name for name, count in recorder.created.items() if count > 1] == []


def test_they_take_turns_while_people_change(
    samba: Samba, target: Simulator, recorder: Recorder, operator: Operator
):
    turnover = Turnover(samba, random.Random(2), NEVER_THE_SAME)
    with ExitStack() as stack:
        daemons = [stack.enter_context(daemon(operator, name)) for name in ("first", "second")]
        by_hand = change_and_sync_by_hand(turnover, operator)
        last = operator.run_json("sync")
        assert [service.end() for service in daemons] == [0, 0]

    assert last["status"] == "done", last
    assert_target_equals_directory(samba, target)
    cycles = cycles_of(operator)
    assert_one_at_a_time(cycles)
    assert_nothing_was_sent_twice(recorder)
    assert {one["status"] for one in cycles} == {"done"}
    # All three were at work, and each of them had to wait for others.
    ended = [{line["cycle_id"] for line in one.told("cycle.ended")} for one in daemons]
    assert all(ended)
    assert not ended[0] & ended[1]
    assert len([one for one in cycles if one["trigger"] == "the command line"]) == len(by_hand) + 1
    assert any(one.told("cycle.waiting") for one in daemons)
    assert any("Waiting for the daemon, by " in told for told in by_hand)


def change_and_sync_by_hand(turnover: Turnover, operator: Operator) -> list[str]:
    """For some seconds; return what each call of the command line had to say."""
    told: list[str] = []
    running: subprocess.Popen[str] | None = None
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline or running is not None:
        if running is None:
            running = operator.start("sync")
        turnover.happen(1)
        threading.Event().wait(0.1)
        if running.poll() is not None:
            output, errors = running.communicate()
            assert running.returncode == 0, output + errors
            told.append(errors)
            running = None
    assert len(told) > 1
    return told


def test_when_the_one_at_work_is_killed_the_others_take_over(
    samba: Samba, target: Simulator, recorder: Recorder, operator: Operator
):
    configure(operator, samba, target, SLOWLY, "")
    with daemon(operator, "first") as first:
        wait_until(recorder, 10)
        with daemon(operator, "second") as second:
            holder = f"the daemon, by schedule (process {first.process.pid})"
            words = f"a cycle is running, started by {holder}"
            assert second.wait_for("cycle.waiting")["reason"] == words
            with operator.start("sync") as by_hand:
                assert by_hand.stderr.readline() == f"Waiting for {holder} ...\n"
                assert len(recorder.writes) < USERS
                first.send(signal.SIGKILL)
                first.process.wait(PATIENCE)

                assert second.wait_for("cycle.ended")["status"] == "done"
                output, errors = by_hand.communicate(timeout=PATIENCE)
                assert by_hand.returncode == 0, output + errors
            assert second.end() == 0

    cycles = cycles_of(operator)
    assert (cycles[0]["status"], cycles[0]["reason"]) == ("interrupted", "killed")
    assert {one["status"] for one in cycles[1:]} == {"done"}
    assert_one_at_a_time(cycles)
    assert len(people_of(target)) == USERS
    assert [name for name, count in recorder.created.items() if count > 1] == []
