"""Every kind of system is brought in step with one company, and then left alone."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from connector.planner.safety import Limits
from connector.settings.values import Limit
from connector.sync.drift import find_drift
from connector.sync.ports import Status
from tests.contracts.systems import SYSTEMS, running
from tests.parts.company import map_company_entry
from tests.sync.bench import Bench

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from connector.clock import FixedClock
    from tests.contracts.systems import System

pytestmark = pytest.mark.real

STAN = {"stan@corp.example": (True, "stan by hand")}


class NamedBench(Bench):
    """A bench whose people have display names, and whose target is a real connection."""

    def _map_entry(self, entry):
        mapped = map_company_entry(entry)
        if getattr(mapped, "resource_type", "") != "User":
            return mapped
        name = mapped.document["name"]
        shown = f"{name['givenName']} {name['familyName']}"
        return replace(mapped, document=mapped.document | {"displayName": shown})


@pytest.fixture(params=SYSTEMS)
def system(request):
    with running(request.param) as system:
        yield system


@pytest.fixture
def bench(system: System, sqlite_engine: Engine, clock: FixedClock, tmp_path: Path) -> NamedBench:
    bench = NamedBench(sqlite_engine, clock, tmp_path)
    unlimited = Limit(count=1000)
    bench.port |= {
        "connect": system.connect,
        "view": system.view,
        "first_cycle": "send",
        "limits": Limits(unlimited, unlimited, unlimited, unlimited),
    }
    for name in ("anna", "bela", "cleo", "dora", "emil"):
        bench.company.add_user(name)
    bench.company.add_group("inner", "cleo")
    bench.company.add_group("staff", "anna", "bela", "inner")
    return bench


def in_step(bench: Bench, system: System) -> None:
    """Bring the system in step, and see that another cycle writes nothing."""
    report = bench.cycle()
    assert report.status is Status.DONE, report
    before = system.traces()

    again = bench.cycle()

    assert again.status is Status.DONE, again
    assert again.targets[0].plan.operations == ()
    assert system.traces() == before


def people(**names: str) -> dict[str, tuple[bool, str]]:
    """Return the people that are expected; a name with a "-" is that of an account switched off."""
    return {
        f"{key}@corp.example": (not shown.startswith("-"), shown.removeprefix("-"))
        for key, shown in names.items()
    }


def members(*names: str) -> set[str]:
    return {f"{name}@corp.example" for name in names}


def test_a_company_and_all_that_happens_to_it_arrive(bench: NamedBench, system: System):
    system.put_strangers()
    untouched = system.traces()
    in_step(bench, system)
    assert system.traces() != untouched

    everybody = people(anna="Anna X", bela="Bela X", cleo="Cleo X", dora="Dora X", emil="Emil X")
    assert system.people() == everybody | STAN
    assert system.groups() == {
        "inner": members("cleo"),
        "staff": members("anna", "bela", "cleo"),
        "club": members("stan"),
    }

    company = bench.company
    company.add_user("fred")
    company.change("anna", givenname="Anne")
    company.disable("bela")
    company.delete("emil")
    company.change("staff", cn="crew")
    company.set_members("staff", "anna", "dora", "fred")
    in_step(bench, system)

    assert system.people() == STAN | people(
        anna="Anne X", bela="-Bela X", cleo="Cleo X", dora="Dora X", emil="-Emil X", fred="Fred X"
    )
    assert system.groups() == {
        "inner": members("cleo"),
        "crew": members("anna", "dora", "fred"),
        "club": members("stan"),
    }

    company.disable("bela", is_enabled=True)
    company.set_members("staff", "bela")
    bench.clock.moment += timedelta(days=1)
    in_step(bench, system)

    assert system.people()["bela@corp.example"] == (True, "Bela X")
    assert system.groups()["crew"] == members("bela")


def test_a_new_address_arrives_or_is_a_task_for_somebody(bench: NamedBench, system: System):
    in_step(bench, system)
    bench.company.change("anna", mail="anna.berg@corp.example")

    if system.takes_renames:
        in_step(bench, system)
        assert system.people().keys() >= members("anna.berg")
        assert not system.people().keys() & members("anna")
        assert system.groups()["staff"] >= members("anna.berg")
        return
    report = bench.cycle()
    before = system.traces()
    bench.cycle()

    assert report.status is Status.FAILURES
    assert report.targets[0].counts == {"rejected": 1}
    assert system.people().keys() >= members("anna")
    assert system.traces() == before


def test_everybody_is_listed_once(bench: NamedBench, system: System):
    for number in range(25):
        bench.company.add_user(f"u{number}")
    in_step(bench, system)

    with closing(system.connect()) as target:
        names = [one["userName"] for one in target.read_all("User")]
        count = target.count("User")

    assert sorted(names) == sorted(system.people())
    assert len(names) == count == 30


def test_what_others_changed_is_found_and_nothing_else(bench: NamedBench, system: System):
    bench.cycle()
    (port,) = bench.parts().targets

    with closing(port.connect()) as target:
        found = find_drift(bench.engine, port, target, lambda progress: None, bench.stop)
        assert found.drifts == ()
        assert target.read("User", "no-such-id") is None
        assert target.read("Group", "no-such-id") is None
