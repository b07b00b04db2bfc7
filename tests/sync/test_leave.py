"""What is left to a target is set in new accounts, and is the target's own from then on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from connector.sync.comparing import compare_targets
from connector.sync.findings import Findings
from connector.sync.ports import Status
from tests.parts.wire import Wire

if TYPE_CHECKING:
    from tests.sync.bench import Bench


@pytest.fixture
def leaving(bench: Bench) -> Bench:
    bench.company.change("anna", title="Clerk")
    bench.port |= {"view": replace(bench.port["view"], left=("title",))}
    bench.cycle()
    return bench


def anna(bench: Bench) -> dict:
    return bench.shelf.named("anna@corp.example")


def test_a_new_account_gets_it(leaving: Bench):
    assert anna(leaving)["title"] == "Clerk"


def test_a_change_in_the_source_is_no_operation_and_is_looked_at_once(leaving: Bench):
    leaving.company.change("anna", title="Captain")

    assert leaving.preview().plans[0][0].operations == ()
    assert leaving.cycle().status is Status.DONE
    assert leaving.sent() == []
    assert leaving.cycle(is_quiet=True).cycle_id == 0


def test_what_goes_along_with_it_is_sent_alone(leaving: Bench):
    leaving.company.change("anna", title="Captain", sn="Berg")

    leaving.cycle()

    (operation,) = leaving.shelf.sent
    assert dict(operation.changes) == {"name.familyName": "Berg"}
    assert operation.document["title"] == "Clerk"
    assert anna(leaving)["title"] == "Clerk"


def test_what_the_target_makes_of_it_is_no_drift_and_is_not_brought_back(leaving: Bench):
    anna(leaving)["title"] = "Boss"
    compare_targets(leaving.parts(), (), lambda progress: None, leaving.stop, repair=True)
    leaving.cycle()

    last = Findings(leaving.engine).last("shelf")
    assert (last.found_count, last.left_count) == (0, 1)
    assert leaving.sent() == []
    assert anna(leaving)["title"] == "Boss"


def test_what_is_not_left_any_more_is_brought_in_step(leaving: Bench):
    leaving.company.change("anna", title="Captain")
    leaving.cycle()
    leaving.port |= {"view": replace(leaving.port["view"], left=())}

    leaving.cycle()

    assert anna(leaving)["title"] == "Captain"


def test_what_is_left_from_now_on_is_no_reason_to_send_anything(bench: Bench):
    bench.company.change("anna", title="Clerk")
    bench.cycle()
    bench.port |= {"view": replace(bench.port["view"], left=("title", "name"))}

    bench.cycle()

    assert bench.sent() == []


def test_who_takes_an_account_over_gets_it_as_it_is(leaving: Bench):
    leaving.company.delete("anna")
    leaving.cycle()
    leaving.company.add_user("anna", title="Captain")
    leaving.company.recreate("anna")

    leaving.cycle()

    assert anna(leaving)["active"] is True
    assert anna(leaving)["externalId"] == leaving.company.entries["anna"].external_id
    assert anna(leaving)["title"] == "Clerk"


@pytest.mark.parametrize("verb", ["patch", "put"])
def test_an_account_that_is_adopted_keeps_its_own(bench: Bench, verb: str):
    wire = Wire()
    wire.users["t0"] = {"id": "t0", "userName": "anna@corp.example", "title": "Boss", "meta": {}}
    bench.company.change("anna", title="Clerk")
    bench.port |= {"first_cycle": "send", "connect": lambda: wire.connect(verb)}
    bench.port |= {"view": replace(bench.port["view"], left=("title",))}

    assert bench.cycle().status is Status.DONE
    adopted = dict(wire.users["t0"])
    assert bench.cycle(is_whole=True).status is Status.DONE

    assert adopted["externalId"] == bench.company.entries["anna"].external_id
    assert adopted["name"] == {"givenName": "Anna", "familyName": "X"}
    assert adopted["title"] == wire.users["t0"]["title"] == "Boss"
    compare_targets(bench.parts(), (), lambda progress: None, bench.stop, repair=False)
    assert Findings(bench.engine).of("shelf").found_count == 0

    bench.port |= {"view": replace(bench.port["view"], left=())}
    bench.cycle()
    assert wire.users["t0"]["title"] == "Clerk"
