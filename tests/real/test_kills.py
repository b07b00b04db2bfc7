"""kill -9 at random moments over a whole life, with a real directory and a real SCIM server.

The short life, 20 kills, is part of every run, and can only show that nothing is badly wrong: on a
busy machine one of its kills may be all that comes while a cycle sends. The long one, 500 kills over
50 cycles, is of `make test-long`, and asks for 50. CONNECTOR_SEED gives it another life.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from connector.sync.history import History
from state.engine import open_engine
from tests.parts.in_step import assert_target_equals_directory, people_of, search
from tests.parts.nursery import Nursery
from tests.parts.operator import Operator
from tests.parts.turnover import Turnover

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.parts.samba import Samba
    from tests.parts.scim_server import ScimEndpoint

pytestmark = pytest.mark.real

SEED = int(os.environ.get("CONNECTOR_SEED", "50"))
# A life has more turnover than any limit would let pass within a day.
# One request at a time makes the sending most of a cycle.
TARGET = """\
concurrency = 1
mapping = "{mapping}"
[target.limits]
max_deletes = 100000
max_disables = 100000
max_updates = 100000
"""
# Cycles take turns: many changes in one request, or each in its own.
MAPPINGS = ("scim.toml", "singly.toml")
SINGLY = '[bulk]\nuse = "never"\n'
# The limit of memberships can be lifted for one cycle only.
SYNC = ("sync", "--allow-deletes", "100000")
TRIES_PER_KILL, MISSES_AT_MOST = 10, 4
THIRDS = 3


@dataclass
class Executioner:
    """Runs the connector, and kills it at moments spread over the time that it takes.

    Attributes:
        span: How many seconds a cycle takes if it is left alone.
        kills: The moments of those kills that hit a live process, as parts of the span then.
        misses: How often the process had ended by itself.
        misses_in_a_row: Since the last kill, or the last measurement.

    """

    nursery: Nursery
    chance: random.Random
    span: float = 0
    kills: list[float] = field(default_factory=list)
    misses: int = 0
    misses_in_a_row: int = 0

    def run_undisturbed(self) -> None:
        begun_at = time.monotonic()
        self.nursery.start(*SYNC)
        assert self.nursery.wait() == 0, "not done; the state database beside this test says why"
        self.span, self.misses_in_a_row = time.monotonic() - begun_at, 0

    def run_and_kill(self) -> None:
        """Only who was still alive counts; a machine with less to do than before is measured anew."""
        if self.misses_in_a_row >= MISSES_AT_MOST:
            self.run_undisturbed()
            return
        moment = self.chance.uniform(0, self.span)
        self.nursery.start(*SYNC)
        threading.Event().wait(moment)
        if self.nursery.kill():
            self.kills.append(moment / self.span)
            self.misses_in_a_row = 0
            return
        self.misses += 1
        self.misses_in_a_row += 1

    def by_thirds(self) -> Counter[int]:
        return Counter(min(int(one * THIRDS), THIRDS - 1) for one in self.kills)


@pytest.fixture
def operator(tmp_path: Path, samba: Samba, scim2_server: ScimEndpoint) -> Operator:
    samba.reset(users=60, groups=6)
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "singly.toml").write_text(SINGLY)
    operator = Operator(tmp_path)
    configure(operator, samba, scim2_server, MAPPINGS[0])
    return operator


def configure(operator: Operator, samba: Samba, target: ScimEndpoint, mapping: str) -> None:
    groups = 'group_filter = "(&(objectCategory=group)(cn=group*))"\n'
    section = operator.write_target(target, TARGET.format(mapping=mapping))
    operator.configure(operator.write_source(samba) + groups, section)


@pytest.fixture
def nursery(operator: Operator) -> Iterator[Nursery]:
    nursery = Nursery(operator.folder)
    yield nursery
    nursery.close()


@pytest.mark.parametrize(
    ("seed", "cycles", "kills", "while_sending"),
    [
        pytest.param(7, 4, 20, 1, id="seed 7: 20 kills in 4 cycles"),
        pytest.param(
            SEED,
            50,
            500,
            50,
            id=f"seed {SEED}: 500 kills in 50 cycles",
            marks=[pytest.mark.long, pytest.mark.timeout(3600)],
        ),
    ],
)
def test_whoever_kills_it_whenever_it_ends_right(
    samba: Samba,
    scim2_server: ScimEndpoint,
    operator: Operator,
    nursery: Nursery,
    seed: int,
    cycles: int,
    kills: int,
    while_sending: int,
):
    """After each cycle that is let live: nobody is there twice, and nobody disabled has access."""
    chance = random.Random(seed)
    turnover, executioner = Turnover(samba, chance), Executioner(nursery, chance)
    executioner.run_undisturbed()
    turnover.happen(8)
    executioner.run_undisturbed()
    begun_at = time.monotonic()

    for cycle in range(1, cycles + 1):
        wanted, tries = kills * cycle // cycles, 0
        configure(operator, samba, scim2_server, MAPPINGS[cycle % 2])
        turnover.happen(6)
        while len(executioner.kills) < wanted:
            tries += 1
            assert tries <= TRIES_PER_KILL * kills // cycles, "the process ends before it is killed"
            turnover.happen(chance.randint(2, 8))
            executioner.run_and_kill()
        executioner.run_undisturbed()
        assert_nobody_is_twice_and_nobody_disabled_has_access(samba, scim2_server)
        assert_target_equals_directory(samba, scim2_server)

    assert len(executioner.kills) == kills
    assert min(executioner.by_thirds().values()) >= kills // 20
    ends = ends_of_cycles(operator)
    print(
        f"seed {seed}: {kills} kills of live processes ({executioner.misses} came too late) in "
        f"{cycles} cycles and {time.monotonic() - begun_at:.0f} s; by thirds of a cycle: "
        f"{sorted(executioner.by_thirds().items())}; {turnover.happened}; {dict(ends)}"
    )
    # Most of them came while a cycle was at work, many with requests on their way.
    assert ends["killed"] >= kills // 3
    assert ends["killed while it sent"] >= while_sending
    assert_nothing_is_left_to_write(scim2_server, operator)


def assert_nobody_is_twice_and_nobody_disabled_has_access(
    samba: Samba, target: ScimEndpoint
) -> None:
    people = people_of(target)  # which sees that nobody is there twice
    entries = search(samba, "(mail=*)", ["objectGUID", "userAccountControl"])
    disabled = {one["objectGUID"] for _, one in entries if int(one["userAccountControl"]) & 2}
    assert [
        people[key]["userName"] for key in disabled & people.keys() if people[key]["active"]
    ] == []


def ends_of_cycles(operator: Operator) -> Counter[str]:
    """How the cycles of a life ended, by its own record."""
    engine = open_engine(f"sqlite:///{operator.folder}/state.db")
    ends: Counter[str] = Counter()
    history = History(engine)
    for cycle in history.cycles(100_000):
        is_killed = cycle.status == "interrupted"
        ends["killed" if is_killed else cycle.status] += 1
        if is_killed:
            left = {one.status for one in history.operations(cycle.cycle_id)}
            ends["killed while it sent"] += bool(left - {"applied"})
            ends["killed before it had a plan"] += not left
    engine.dispose()
    return ends


def assert_nothing_is_left_to_write(target: ScimEndpoint, operator: Operator) -> None:
    """The server keeps when each resource was changed last."""
    before = target.users(), target.groups()
    report = operator.run_json("sync", "--full")
    assert report["status"] == "done", report
    assert report["targets"][0]["counts"] == {}
    assert (target.users(), target.groups()) == before
