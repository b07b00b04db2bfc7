"""One cycle at a time, across threads and processes; a holder that dies lets go."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from connector.errors import ConnectorError, CycleRunning
from connector.sync.lock import cycle_lock, database_cycle_lock
from tests.sync.bench import Bench

if TYPE_CHECKING:
    from pathlib import Path

    from connector.clock import FixedClock
    from tests.parts.postgresql import Postgresql

HOLDER = """
import sys, time
from pathlib import Path
from connector.sync.lock import cycle_lock
with cycle_lock(Path(sys.argv[1]), "somebody else", lambda holder: False):
    print("held", flush=True)
    sys.stdin.read()
"""
DATABASE_HOLDER = """
import signal
from connector.sync.lock import database_cycle_lock
from state.engine import open_engine
with database_cycle_lock(open_engine("{url}"), "somebody else", lambda holder: False):
    print("held", flush=True)
    signal.pause()
"""


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "cycle.lock"


def give_up(holder: str) -> bool:
    return False


@pytest.fixture
def holder(lock: Path):
    """Another process that holds the lock until its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.stdin.close()


def test_a_free_lock_is_taken_at_once_again_and_again(lock: Path):
    for _ in range(3):
        with cycle_lock(lock, "we", give_up):
            assert lock.read_text() == f"we (process {os.getpid()})"


def test_who_gives_up_learns_who_holds_it(lock: Path, holder: subprocess.Popen[str]):
    with (
        pytest.raises(CycleRunning, match=rf"by somebody else \(process {holder.pid}\)"),
        cycle_lock(lock, "we", give_up),
    ):
        pass


def test_two_within_one_process_exclude_each_other_too(lock: Path):
    with (
        cycle_lock(lock, "one", give_up),
        pytest.raises(CycleRunning, match="started by one"),
        cycle_lock(lock, "the other", give_up),
    ):
        pass


def test_who_waits_is_told_and_goes_on_when_the_holder_is_done(
    lock: Path, holder: subprocess.Popen[str]
):
    told: list[str] = []

    def wait(name: str) -> bool:
        told.append(name)
        if len(told) == 2:
            holder.stdin.close()
        return True

    with cycle_lock(lock, "we", wait):
        assert lock.read_text().startswith("we ")
    assert set(told) == {f"somebody else (process {holder.pid})"}


def test_a_killed_holder_holds_nothing(lock: Path, holder: subprocess.Popen[str]):
    holder.send_signal(signal.SIGKILL)
    holder.wait(10)

    with cycle_lock(lock, "we", give_up):
        assert lock.read_text().startswith("we ")


def test_an_error_within_lets_go(lock: Path):
    with pytest.raises(ZeroDivisionError), cycle_lock(lock, "we", give_up):
        raise ZeroDivisionError

    with cycle_lock(lock, "we", give_up):
        pass


def test_never_two_at_once_among_many(lock: Path):
    inside, most = [], []

    def work(name: str) -> None:
        with cycle_lock(lock, name, lambda holder: True):
            inside.append(name)
            most.append(len(inside))
            inside.remove(name)

    threads = [threading.Thread(target=work, args=(str(number),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert most == [1] * 8


def test_a_lock_that_cannot_be_made_is_an_error_in_words(tmp_path: Path):
    path = tmp_path / "no such folder" / "cycle.lock"

    with pytest.raises(ConnectorError, match="No such file"), cycle_lock(path, "we", give_up):
        pass


@pytest.mark.real
def test_users_of_one_postgresql_exclude_each_other_wherever_they_run(postgresql: Postgresql):
    with postgresql.database() as here, postgresql.database() as elsewhere:
        with (
            database_cycle_lock(here, "one", give_up),
            pytest.raises(CycleRunning, match=rf"started by one \(process {os.getpid()}\)"),
            database_cycle_lock(elsewhere, "the other", give_up),
        ):
            pass
        with database_cycle_lock(elsewhere, "the other", give_up):
            pass


@pytest.mark.real
def test_a_killed_user_of_a_postgresql_holds_nothing(postgresql: Postgresql):
    with postgresql.database() as here:
        script = DATABASE_HOLDER.format(url=postgresql.url(here.url.database))
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
            assert process.stdout.readline() == b"held\n"
            process.kill()
        with database_cycle_lock(here, "we", lambda holder: True):
            pass


@pytest.mark.real
def test_a_cycle_on_postgresql_waits_for_the_one_elsewhere(
    postgresql: Postgresql, clock: FixedClock, tmp_path: Path
):
    with postgresql.database() as here, postgresql.database() as elsewhere:
        bench = Bench(here, clock, tmp_path)
        bench.stop.set()
        with (
            database_cycle_lock(elsewhere, "elsewhere", give_up),
            pytest.raises(CycleRunning, match="elsewhere"),
        ):
            bench.cycle()
