"""Random directory changes, and faults at every place, drive whole cycles.

After the faults stop, two cycles make the target right; meanwhile nobody who is not ours is
touched, nobody is there twice, and nobody loses access without evidence. CONNECTOR_SCHEDULES says
how many schedules; the default is for every run, 2000 for a long one.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from connector.clock import FixedClock
from connector.errors import TargetUnavailable
from connector.planner.operation import Operation
from connector.planner.safety import ALL, Limits
from connector.settings.values import Limit
from connector.sync.history import History
from connector.sync.ports import Status
from connector.target.outcome import Outcome, Rejected, Unavailable, Unknown
from state.engine import open_engine
from state.migrate import upgrade
from tests.sync.bench import Bench

SCHEDULES = int(os.environ.get("CONNECTOR_SCHEDULES", "100"))
NAMES = tuple(f"p{number}" for number in range(8))
GROUPS = ("red", "blue")
MANY = Limit(count=1000)
STRANGER = {"userName": "stranger@corp.example", "externalId": "not ours", "members": set()}
TARGET_FAULTS = (
    "fine",
    "refused",
    "unavailable",
    "lost before",
    "lost after",
    "killed before",
    "killed after",
)
names = st.sampled_from(NAMES)
people = st.lists(names, unique=True, max_size=5)


class Killed(BaseException):
    """The process ends here, as by kill -9: nothing after it is run on purpose."""


@cache
def template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="connector-faults-"))
    engine = open_engine(f"sqlite:///{folder}/state.db")
    upgrade(engine)
    engine.dispose()
    return folder / "state.db"


class Faults(RuleBasedStateMachine):
    """A company, a target, and everything that may happen between them."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="connector-faults-"))
        shutil.copy(template(), self.folder / "state.db")
        self.engine = open_engine(f"sqlite:///{self.folder}/state.db")
        clock = FixedClock(datetime(2026, 11, 2, 8, tzinfo=UTC))
        self.bench = Bench(self.engine, clock, self.folder)
        self.bench.port |= {
            "limits": Limits(MANY, MANY, MANY, ALL, MANY),
            "first_cycle": "send",
            "connect": self.connect,
        }
        self.bench.shelf.resources["t0"] = dict(STRANGER)
        self.bench.shelf.names_are_unique = True
        self.faults: list[str] = []
        self.may_be_inactive: set[str] = set()
        self.is_reachable = True
        self.bench.shelf.answer, self.bench.shelf.resolved = self.answer, self.resolved
        for name in NAMES[:4]:
            self.bench.company.add_user(name)
        for group in GROUPS:
            self.bench.company.add_group(group, *NAMES[:2])

    def teardown(self) -> None:
        if not hasattr(self, "engine"):
            return
        try:
            self.settle()
        finally:
            self.engine.dispose()
            shutil.rmtree(self.folder)

    # -- the directory changes ------------------------------------------------------------------

    @property
    def company(self) -> Any:
        return self.bench.company

    def _note_absence(self, name: str) -> None:
        self.may_be_inactive.add(f"{name}@corp.example")

    @rule(name=names)
    def somebody_joins(self, name: str) -> None:
        if name not in self.company.entries:
            self.company.add_user(name)

    @rule(name=names, title=st.sampled_from(("Clerk", "Captain", "Cook")))
    def somebody_changes(self, name: str, title: str) -> None:
        if name in self.company.entries:
            self.company.change(name, title=title)

    @rule(name=names, is_enabled=st.booleans())
    def somebody_is_disabled_or_enabled(self, name: str, is_enabled: bool) -> None:
        if name in self.company.entries:
            self.company.disable(name, is_enabled=is_enabled)
            self._note_absence(name)

    @rule(name=names)
    def somebody_leaves(self, name: str) -> None:
        if name in self.company.entries:
            self.company.delete(name)
            self._note_absence(name)

    @rule(name=names)
    def somebody_is_made_anew(self, name: str) -> None:
        if name in self.company.entries:
            self.company.delete(name)
            self.company.add_user(name)
            self.company.recreate(name)
            self._note_absence(name)

    @rule(group=st.sampled_from(GROUPS), members=people)
    def a_group_changes(self, group: str, members: list[str]) -> None:
        self.company.set_members(group, *(one for one in members if one in self.company.entries))

    @rule(is_back=st.booleans())
    def a_unit_is_renamed(self, is_back: bool) -> None:
        old, new = ("OU=Staff", "OU=People") if is_back else ("OU=People", "OU=Staff")
        self.company.rename_unit(old, new)

    # -- faults ---------------------------------------------------------------------------------

    @rule(faults=st.lists(st.sampled_from(TARGET_FAULTS), max_size=6))
    def the_target_misbehaves(self, faults: list[str]) -> None:
        self.faults = faults

    @rule(is_reachable=st.booleans())
    def the_target_comes_and_goes(self, is_reachable: bool) -> None:
        self.is_reachable = is_reachable

    @rule(pages=st.none() | st.integers(0, 3), doubt=st.sampled_from(("", "a size limit")))
    def the_source_misbehaves(self, pages: int | None, doubt: str) -> None:
        self.company.breaks_after_pages, self.company.incomplete = pages, doubt

    @rule(words=st.sampled_from(("", "another domain controller")))
    def changes_cannot_be_told(self, words: str) -> None:
        self.company.forgets_changes = words

    @rule(name=names, new=names)
    def somebody_is_renamed(self, name: str, new: str) -> None:
        if name in self.company.entries and new not in self.company.entries:
            parent = self.company.name_of(name).partition(",")[2]
            self.company.rename(name, f"CN={new} called {name},{parent}")

    @rule(hours=st.sampled_from((-5, 1, 30)))
    def the_clock_jumps(self, hours: int) -> None:
        self.bench.clock.moment += timedelta(hours=hours)

    def connect(self) -> Any:
        if not self.is_reachable:
            message = "target shelf: cannot be reached"
            raise TargetUnavailable(message)
        return self.bench.shelf

    def answer(self, operation: Operation) -> Outcome | None:
        fault = self.faults.pop(0) if self.faults else "fine"
        self.bench.shelf.commits_before_unknown = fault == "lost after"
        match fault:
            case "refused":
                return Rejected(400, "not to my taste")
            case "unavailable":
                return Unavailable("busy")
            case "lost before" | "lost after":
                return Unknown("no answer in time")
            case "killed before":
                raise Killed
            case "killed after":
                self.bench.shelf.do(operation)
                raise Killed
        return None

    def resolved(self, operation: Operation) -> Outcome | None:
        fault = self.faults.pop(0) if self.faults else "fine"
        return Unknown("no answer in time") if fault.startswith("lost") else None

    # -- cycles ---------------------------------------------------------------------------------

    @rule(heeds_pauses=st.booleans())
    def a_cycle_runs(self, heeds_pauses: bool) -> None:
        try:
            self.bench.cycle(heeds_pauses=heeds_pauses)
        except Killed:
            return
        finally:
            self.see_that_all_was_planned()

    def see_that_all_was_planned(self) -> None:
        """Nothing is sent that is not in the ledger."""
        history = History(self.engine)
        (latest,) = history.cycles(1)
        planned = {(one.kind, one.external_id) for one in history.operations(latest.cycle_id)}
        sent = {(one.kind.value, one.external_id) for one in self.bench.shelf.sent}
        assert sent <= planned

    @precondition(lambda self: hasattr(self, "engine"))
    @invariant()
    def whoever_is_not_ours_is_not_touched(self) -> None:
        assert self.bench.shelf.resources["t0"] == STRANGER

    @precondition(lambda self: hasattr(self, "engine"))
    @invariant()
    def nobody_is_there_twice(self) -> None:
        users = [
            one["userName"] for one in self.bench.shelf.resources.values() if "userName" in one
        ]
        assert len(users) == len(set(users))

    @precondition(lambda self: hasattr(self, "engine"))
    @invariant()
    def nobody_loses_access_without_evidence(self) -> None:
        for one in self.bench.shelf.resources.values():
            if one.get("active") is False:
                assert one["userName"] in self.may_be_inactive

    def settle(self) -> None:
        """The faults stop; two cycles make it right."""
        self.faults, self.is_reachable = [], True
        self.company.breaks_after_pages, self.company.incomplete = None, ""
        self.bench.clock.moment += timedelta(days=2)
        for _ in range(2):
            report = self.bench.cycle()
        assert report.status is Status.DONE, report
        wanted = {
            entry.attributes["mail"][0]: entry.attributes.get("title", (None,))[0]
            for entry in self.company.entries.values()
            if "mail" in entry.attributes and entry.is_enabled
        }
        there = {
            one["userName"]: one.get("title")
            for one in self.bench.shelf.resources.values()
            if one.get("active") is True
        }
        assert there == wanted
        for group in GROUPS:
            assert self.bench.shelf.members_of(group) & wanted.keys() == {
                entry.attributes["mail"][0]
                for entry in self.company.entries.values()
                if entry.distinguished_name in self.company.entries[group].member_names
                and entry.is_enabled
            }
        self.whoever_is_not_ours_is_not_touched()
        self.nobody_is_there_twice()
        self.nobody_loses_access_without_evidence()


TestFaults = Faults.TestCase
TestFaults.pytestmark = [pytest.mark.timeout(60 + 10 * SCHEDULES)]
TestFaults.settings = settings(
    max_examples=SCHEDULES,
    stateful_step_count=20,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
