"""A company, a target, and everything that may happen between them: the fault simulator.

What a run prints when it fails can be put into a test as it is (see `test_schedules.py`).
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from connector.clock import FixedClock
from connector.errors import TargetUnavailable
from connector.planner.safety import ALL, Limits
from connector.settings.values import Limit
from connector.sync.comparing import compare_targets
from connector.sync.history import History
from connector.sync.holds import Decision, Holds
from connector.sync.ports import Status
from connector.sync.review import Selection
from state.engine import open_engine
from tests.parts.mortal import Killed, Mortal, MortalTarget
from tests.parts.states import new_state
from tests.parts.wire import FAULTS, Wire
from tests.sync.bench import Bench

if TYPE_CHECKING:
    from connector.source.entry import SourceEntry

NAMES = tuple(f"p{number}" for number in range(8))
GROUPS = ("red", "blue")
MANY, ONE = Limit(count=1000), Limit(count=1)
LOOSE = Limits(MANY, MANY, MANY, ALL, ALL)
STRANGER = {"id": "t0", "userName": "stranger@corp.example", "externalId": "not ours"}
names = st.sampled_from(NAMES)
faults = st.lists(st.sampled_from(FAULTS), max_size=6)


@cache
def template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="connector-faults-"))
    engine = new_state(folder / "state.db")
    engine.dispose()
    return folder / "state.db"


class Life(RuleBasedStateMachine):
    """Rules are what may happen; invariants hold after each of them."""

    @initialize(
        deprovision=st.sampled_from(("disable", "delete", "disable-then-delete")),
        is_guarded=st.booleans(),
    )
    def begin(self, deprovision: str = "disable", is_guarded: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="connector-faults-"))
        shutil.copy(template(), self.folder / "state.db")
        self.engine = open_engine(f"sqlite:///{self.folder}/state.db")
        clock = FixedClock(datetime(2026, 11, 2, 8, tzinfo=UTC))
        self.bench, self.wire, self.mortal = (
            Bench(self.engine, clock, self.folder),
            Wire(),
            Mortal(),
        )
        self.company = self.bench.company
        self.mortal.watch(self.engine)
        self.bench.port |= {
            "limits": replace(LOOSE, deletes=ONE, disables=ONE) if is_guarded else LOOSE,
            "deprovision": deprovision,
            "grace": timedelta(hours=20),
            "first_cycle": "send",
            "connect": lambda: MortalTarget(self.wire.connect(), self.mortal),
        }
        self.wire.users["t0"] = dict(STRANGER)
        # Those of whom somebody has said that they shall not have access: external_ids, and the
        # target's ids of accounts that others have disabled there.
        self.may_lose_access: set[str] = set()
        for name in NAMES[:4]:
            self.company.add_user(name)
        for group in GROUPS:
            self.company.add_group(group, *NAMES[:2])

    def teardown(self) -> None:
        if not hasattr(self, "engine"):
            return
        try:
            self.settle()
        finally:
            self.engine.dispose()
            shutil.rmtree(self.folder)

    # -- the directory changes ------------------------------------------------------------------

    def _entry(self, name: str) -> SourceEntry | None:
        return self.company.entries.get(name)

    def _note_absence(self, name: str) -> None:
        self.may_lose_access.add(self.company.entries[name].external_id)

    @rule(name=names)
    def somebody_joins(self, name: str) -> None:
        if not self._entry(name):
            self.company.add_user(name)

    @rule(name=names, title=st.sampled_from(("Clerk", "Captain", "Cook")))
    def somebody_changes(self, name: str, title: str) -> None:
        if self._entry(name):
            self.company.change(name, title=title)

    @rule(name=names, host=st.sampled_from(("corp", "ship")))
    def somebody_gets_another_address(self, name: str, host: str) -> None:
        if self._entry(name):
            self.company.change(name, mail=f"{name}@{host}.example")

    @rule(name=names, is_enabled=st.booleans())
    def somebody_is_disabled_or_enabled(self, name: str, is_enabled: bool) -> None:
        if self._entry(name):
            self.company.disable(name, is_enabled=is_enabled)
            self._note_absence(name)

    @rule(name=names)
    def somebody_leaves(self, name: str) -> None:
        # A source that has lost everybody is not believed, and waits for an operator.
        is_last = sum(self._entry(one) is not None for one in NAMES) == 1
        if self._entry(name) and not is_last:
            self._note_absence(name)
            self.company.delete(name)

    @rule(name=names)
    def somebody_is_made_anew(self, name: str) -> None:
        if self._entry(name):
            self._note_absence(name)
            self.company.delete(name)
            self.company.add_user(name)
            self.company.recreate(name)

    @rule(group=st.sampled_from(GROUPS), members=st.lists(names, unique=True, max_size=5))
    def a_group_changes(self, group: str, members: list[str]) -> None:
        self.company.set_members(group, *(one for one in members if self._entry(one)))

    @rule(is_back=st.booleans())
    def a_unit_is_renamed(self, is_back: bool) -> None:
        old, new = ("OU=Staff", "OU=People") if is_back else ("OU=People", "OU=Staff")
        self.company.rename_unit(old, new)

    # -- others are at work at the target -------------------------------------------------------

    def _account(self, name: str) -> dict[str, Any] | None:
        wanted = f"{name}@corp.example"
        return next((one for one in self.wire.users.values() if one["userName"] == wanted), None)

    @rule(name=names, path=st.sampled_from(("title", "active", "id")))
    def somebody_meddles_with_an_account(self, name: str, path: str) -> None:
        account = self._account(name)
        if account is None:
            return
        if path == "id":
            self.wire.service.store.delete("Users", account["id"])
        elif path == "active":
            account["active"] = not account["active"]
            self.may_lose_access |= {account["id"], account.get("externalId", "")}
        elif "title" in account:
            # What we never wrote is theirs.
            account["title"] = "Stowaway"

    @rule(name=names)
    def a_stranger_gets_the_name_first(self, name: str) -> None:
        if self._account(name) is None:
            target_id = f"stranger-{name}-{len(self.wire.users)}"
            user = {"id": target_id, "userName": f"{name}@corp.example", "active": True, "meta": {}}
            self.wire.users[target_id] = user

    # -- faults ---------------------------------------------------------------------------------

    @rule(of_writes=faults, of_reads=faults)
    def the_target_misbehaves(self, of_writes: list[str], of_reads: list[str]) -> None:
        self.wire.write_faults, self.wire.read_faults = list(of_writes), list(of_reads)

    @rule(is_reachable=st.booleans())
    def the_target_comes_and_goes(self, is_reachable: bool) -> None:
        self.wire.is_reachable = is_reachable

    @rule(pages=st.none() | st.integers(0, 3), doubt=st.sampled_from(("", "a size limit")))
    def the_source_misbehaves(self, pages: int | None, doubt: str) -> None:
        self.company.breaks_after_pages, self.company.incomplete = pages, doubt

    @rule(words=st.sampled_from(("", "another domain controller")))
    def changes_cannot_be_told(self, words: str) -> None:
        self.company.forgets_changes = words

    @rule(name=names, new=names)
    def somebody_is_renamed(self, name: str, new: str) -> None:
        entry = self._entry(name)
        if entry and not self._entry(new):
            parent = entry.distinguished_name.partition(",")[2]
            self.company.rename(name, f"CN={new} called {name},{parent}")

    @rule(hours=st.sampled_from((-5, 1, 30)))
    def the_clock_jumps(self, hours: int) -> None:
        self.bench.clock.moment += timedelta(hours=hours)

    @rule(moments=st.integers(0, 200))
    def the_process_is_to_die(self, moments: int) -> None:
        self.mortal.moments_left = moments

    # -- cycles ---------------------------------------------------------------------------------

    @rule(heeds_pauses=st.booleans())
    def a_cycle_runs(self, heeds_pauses: bool) -> None:
        self._cycle(heeds_pauses=heeds_pauses)

    @rule(name=names)
    def a_cycle_runs_for_one(self, name: str) -> None:
        if self._entry(name):
            self._cycle(user=self.company.entries[name].external_id)

    @rule(approves=st.booleans())
    def an_operator_decides(self, approves: bool) -> None:
        holds = Holds(self.engine)
        for hold in self._alive(holds.open_holds):
            if approves:
                selected = {hold.target: self._alive(lambda hold=hold: holds.identities(hold))}
                self._cycle(selection=Selection(selected, "an operator", hold))
            else:
                decided = (hold, Decision.REJECTED, "an operator", self.bench.clock.now())
                self._alive(lambda decided=decided: holds.decide(*decided))

    @rule(repair=st.booleans())
    def the_target_is_compared(self, repair: bool) -> None:
        try:
            self._compare(repair=repair)
        except (Killed, TargetUnavailable):
            self.mortal.restart()

    def _compare(self, *, repair: bool) -> None:
        parts, stop = self.bench.parts(), self.bench.stop
        compare_targets(parts, (), lambda progress: None, stop, repair=repair)

    def _alive(self, look: Any) -> Any:
        """Look with other eyes than those of the process that is to die."""
        left, self.mortal.moments_left = self.mortal.moments_left, None
        try:
            return look()
        finally:
            self.mortal.moments_left = left

    def _cycle(self, **asked: Any) -> Any:
        self.wire.writes.clear()
        try:
            return self.bench.cycle(**asked)
        except Killed:
            return None
        finally:
            self.mortal.restart()
            self.see_that_all_was_planned()

    def see_that_all_was_planned(self) -> None:
        """Nothing is sent that is not in the ledger as planned by this cycle."""
        if not self.wire.writes:
            return
        history = History(self.engine)
        (latest,) = history.cycles(1)
        planned = {"POST": set(), "DELETE": set(), "PATCH": set()}
        for one in history.operations(latest.cycle_id):
            assert one.status != "held", "a plan that is held was sent"
            keys = {one.external_id, one.detail.get("succeeds", ""), one.name}
            verb = {"create": "POST", "delete": "DELETE"}.get(one.kind, "PATCH")
            planned[verb] |= keys
            # Whoever is there already is adopted by a change.
            planned["PATCH"] |= keys if verb == "POST" else set()
        for write in self.wire.writes:
            assert planned[write.method] & {write.external_id, write.name}, write

    @precondition(lambda self: hasattr(self, "engine"))
    @invariant()
    def whoever_is_not_ours_is_not_touched(self) -> None:
        assert self.wire.users["t0"] == STRANGER

    @precondition(lambda self: hasattr(self, "engine"))
    @invariant()
    def nobody_is_there_twice(self) -> None:
        for resources in (self.wire.users, self.wire.groups):
            keys = [one["externalId"] for one in resources.values() if one.get("externalId")]
            assert len(keys) == len(set(keys))

    @precondition(lambda self: hasattr(self, "engine"))
    @invariant()
    def nobody_loses_access_without_evidence(self) -> None:
        for one in self.wire.users.values():
            if one.get("active") is False:
                assert self.may_lose_access & {one["id"], one.get("externalId")}
        assert self.wire.deleted <= self.may_lose_access

    def settle(self) -> None:
        """The faults stop; what others did is looked for; two cycles make it right."""
        self.wire.mend()
        self.mortal.restart()
        self.company.breaks_after_pages, self.company.incomplete = None, ""
        self.bench.clock.moment += timedelta(days=2)
        self._strangers_give_way()
        self._compare(repair=True)
        for _ in range(2):
            report = self._cycle(allow_removals=1000)
        assert report.status is Status.DONE, report
        self.see_that_all_is_right()
        self._cycle(allow_removals=1000)
        assert self.wire.writes == []
        self.whoever_is_not_ours_is_not_touched()
        self.nobody_is_there_twice()
        self.nobody_loses_access_without_evidence()

    def _strangers_give_way(self) -> None:
        """Do the task of a person: a name that somebody of ours shall get is held by a stranger."""
        held = {one.get("externalId") for one in self.wire.users.values()}
        for entry in self.company.entries.values():
            wanted = entry.attributes.get("mail", ("",))[0]
            for target_id, one in list(self.wire.users.items()):
                is_strange = one["userName"] == wanted and not one.get("externalId")
                if is_strange and entry.external_id in held:
                    self.wire.service.store.delete("Users", target_id)

    def see_that_all_is_right(self) -> None:
        usable = {
            entry.distinguished_name: entry
            for entry in self.company.entries.values()
            if "mail" in entry.attributes and entry.is_enabled
        }
        wanted = {
            entry.attributes["mail"][0]: entry.attributes.get("title", (None,))[0]
            for entry in usable.values()
        }
        there = {
            one["userName"]: one.get("title")
            for one in self.wire.users.values()
            if one.get("active") and one.get("externalId")
        }
        assert there == wanted
        for group in GROUPS:
            members = self.company.entries[group].member_names
            mails = {usable[one].attributes["mail"][0] for one in members if one in usable}
            assert self.wire.members_of(group) & wanted.keys() == mails
