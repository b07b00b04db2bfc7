"""The daemon as the service manager has it: a process, signals, and what it answers."""

from __future__ import annotations

import re
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from connector.sync.lock import cycle_lock
from tests.parts.identity_provider import free_port
from tests.parts.operator import FILE_SOURCE, Operator
from tests.parts.service import PATIENCE, Service, serving

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.parts.scim_server import Simulator

pytestmark = pytest.mark.real

PEOPLE = 120
COMPANY = 'domain = "corp.example"\n' + "".join(
    f'[[person]]\nlogin = "p{number}"\n' for number in range(PEOPLE)
)
# So slow that a first load takes seconds.
SLOWLY = "rate = 15\n"
OPERATIONS = '[operations]\nlisten = "127.0.0.1:{port}"\n[schedule]\nevery = "1h"\n'


@pytest.fixture
def operator(tmp_path: Path, mimecast: Simulator) -> Operator:
    operator = Operator(tmp_path)
    configure(operator, mimecast)
    return operator


def configure(operator: Operator, mimecast: Simulator, more: str = "", port: int = 0) -> None:
    (operator.folder / "company.toml").write_text(COMPANY)
    target = operator.write_target(mimecast, more).replace('"error"', '"info"')
    operator.configure(
        FILE_SOURCE.format(file="company.toml"), target, OPERATIONS.format(port=port)
    )


def running(
    operator: Operator, mimecast: Simulator, more: str = ""
) -> AbstractContextManager[Service]:
    port = free_port()
    configure(operator, mimecast, more, port)
    return serving(operator.start("run"), port)


def wait_for_writes(mimecast: Simulator, count: int) -> None:
    patience = threading.Event()
    for _ in range(PATIENCE * 20):
        if len(mimecast.writes) >= count:
            return
        patience.wait(0.05)
    pytest.fail(f"only {len(mimecast.writes)} of {count} requests came")


def runs_of(operator: Operator) -> list[dict[str, Any]]:
    return operator.run_json("runs", "list")


def test_it_answers_syncs_at_once_and_on_request_and_ends_in_order(
    operator: Operator, mimecast: Simulator
):
    with running(operator, mimecast) as service:
        assert service.wait_for("cycle.ended")["status"] == "done"
        assert service.get("/healthz").text == "ok\n"
        assert service.get("/readyz").json() == {"ready": True, "faults": {}}
        numbers = service.get("/metrics").text
        assert f"\nconnector_directory_users {PEOPLE}\n" in numbers
        assert "\nconnector_sync_failed_cycles 0\n" in numbers
        assert len(mimecast.users()) == PEOPLE

        (operator.folder / "company.toml").write_text(COMPANY.replace('"p7"', '"new"'))
        assert service.wait_for("cycle.started")["trigger"] == "schedule"
        service.send(signal.SIGUSR1)
        assert service.wait_for("cycle.ended")["status"] == "done"
        assert service.wait_for("cycle.started")["trigger"] == "request"
        assert mimecast.named("new@corp.example")["active"] is True
        assert mimecast.named("p7@corp.example")["active"] is False

        assert service.end() == 0

    triggers = [run["trigger"] for run in runs_of(operator)]
    # Whoever looks out for changes may have been quicker than the signal, which is heard all the same.
    wanted = ["the daemon, by request", "the daemon, by schedule"]
    assert [trigger for trigger in triggers if trigger != "the daemon, by change"] == wanted


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_in_the_middle_of_a_cycle_between_two_operations(
    operator: Operator, mimecast: Simulator, number: signal.Signals
):
    with running(operator, mimecast, SLOWLY) as service:
        wait_for_writes(mimecast, 5)
        service.send(number)
        assert service.wait_for("cycle.ended")["status"] == "stopped"
        service.wait_for("daemon.stopped")
        assert service.join() == 0

    (run,) = runs_of(operator)
    (part,) = run["parts"]
    assert 5 <= len(mimecast.users()) < PEOPLE
    assert part["applied_count"] <= len(mimecast.users())
    configure(operator, mimecast)
    operator.run("sync")
    assert len({one["userName"] for one in mimecast.users()}) == len(mimecast.users()) == PEOPLE


def test_a_request_during_a_cycle_is_not_lost(operator: Operator, mimecast: Simulator):
    with running(operator, mimecast, SLOWLY) as service:
        wait_for_writes(mimecast, 5)
        service.send(signal.SIGUSR1)
        assert service.wait_for("cycle.ended")["status"] == "done"
        assert service.wait_for("cycle.ended")["status"] == "done"
        assert service.end() == 0

    triggers = [run["trigger"] for run in runs_of(operator)]
    assert triggers == ["the daemon, by request", "the daemon, by schedule"]


def test_a_sync_by_hand_waits_for_the_cycle_of_the_daemon(operator: Operator, mimecast: Simulator):
    with running(operator, mimecast, SLOWLY) as service:
        wait_for_writes(mimecast, 5)
        by_hand = operator.start("sync")
        output, errors = by_hand.communicate(timeout=PATIENCE)
        assert service.end() == 0

    assert by_hand.returncode == 0, errors
    assert f"Waiting for the daemon, by schedule (process {service.process.pid}) ..." in errors
    assert output.endswith("Cycle 2: done.\n")
    later, earlier = runs_of(operator)
    assert earlier["ended_at"] <= later["started_at"]
    assert len(mimecast.users()) == PEOPLE


def test_two_daemons_on_one_state_take_turns(operator: Operator, mimecast: Simulator):
    with running(operator, mimecast, SLOWLY) as first:
        wait_for_writes(mimecast, 5)
        with running(operator, mimecast, SLOWLY) as second:
            assert first.wait_for("cycle.ended")["status"] == "done"
            assert second.wait_for("cycle.ended")["status"] == "done"
            assert second.end() == 0
        assert first.end() == 0

    later, earlier = runs_of(operator)
    assert earlier["ended_at"] <= later["started_at"]
    assert len(mimecast.users()) == PEOPLE


def test_a_daemon_that_waits_for_a_cycle_of_others_still_ends_at_once(
    operator: Operator, mimecast: Simulator
):
    lock = operator.folder / "state.db.lock"
    with cycle_lock(lock, "a test", lambda holder: False), running(operator, mimecast) as service:
        service.wait_for("cycle.started")
        assert service.get("/healthz").text == "ok\n"
        assert service.end() == 0
    assert mimecast.writes == []


def test_what_others_change_is_looked_for_after_a_cycle_and_not_again_after_a_restart(
    operator: Operator, mimecast: Simulator
):
    with running(operator, mimecast) as service:
        compared = service.wait_for("drift.compared")
        assert (compared["compared"], compared["differences"]) == (PEOPLE, 0)
        assert service.end() == 0
    there = mimecast.service.store.resources["Users"][mimecast.named("p7@corp.example")["id"]]
    there["active"] = False

    with running(operator, mimecast) as service:
        service.wait_for("cycle.ended")
        service.send(signal.SIGUSR1)
        service.wait_for("cycle.ended")
        assert service.end() == 0
    assert not [event for event in service.events() if event.startswith("drift.")]

    with running(operator, mimecast, 'drift = "repair"\ndrift_every = "1s"\n') as service:
        found = service.wait_for("drift.found")
        assert (found["target"], found["attributes"]) == ("scim", ["active"])
        assert service.wait_for("drift.compared")["differences"] == 1
        numbers = service.get("/metrics").text
        assert '\nconnector_target_drift_differences{target="scim"} 1\n' in numbers
        assert '\nconnector_target_foreign_accounts{target="scim"} 0\n' in numbers
        service.send(signal.SIGUSR1)
        # The one before the comparison, and one after it.
        service.wait_for("cycle.ended")
        service.wait_for("cycle.ended")
        assert service.end() == 0
    assert mimecast.named("p7@corp.example")["active"] is True


def test_a_comparison_ends_at_once_with_the_daemon(operator: Operator, mimecast: Simulator):
    configure(operator, mimecast)
    operator.run("sync")

    with running(operator, mimecast, "rate = 0.5\n") as service:
        service.wait_for("cycle.ended")
        assert service.end() == 0
    assert "drift.failed" not in service.events()


def test_what_keeps_it_from_its_work_is_said_by_readyz(operator: Operator, mimecast: Simulator):
    with running(operator, mimecast) as service:
        service.wait_for("cycle.ended")
        (operator.folder / "company.toml").write_text("domain = 3\n")
        assert service.wait_for("cycle.ended")["status"] == "failed"

        answer = service.get("/readyz")
        assert answer.status_code == 503
        assert "domain: input should be a valid string" in answer.json()["faults"]["source"]
        assert re.search(r"\nconnector_sync_failed_cycles [1-9]\n", service.get("/metrics").text)
        assert service.get("/healthz").status_code == 200

        (operator.folder / "company.toml").write_text(COMPANY)
        while service.wait_for("cycle.ended")["status"] == "failed":
            pass
        assert service.get("/readyz").json() == {"ready": True, "faults": {}}
        assert service.end() == 0


def test_a_schedule_that_makes_no_sense_is_said_at_the_start(operator: Operator):
    text = (operator.folder / "connector.toml").read_text()
    operator.configure(text.replace('every = "1h"', 'cron = "99 * * * *"'))

    process = operator.start("run")
    output, errors = process.communicate(timeout=PATIENCE)

    assert (process.returncode, output) == (1, "")
    assert errors.startswith("error: connector.toml: schedule.cron: not a crontab line: ")
