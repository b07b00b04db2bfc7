"""Changes whose answer was lost: what the target then holds is looked at, not guessed.

Each is a schedule that once went wrong. `lost after` has been done at the target, `lost before`
has not; `killed` means that the process ended instead of learning anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from connector.planner.safety import ALL, Limits
from connector.settings.values import Limit
from connector.sync.ports import Status
from connector.target.outcome import Unknown

if TYPE_CHECKING:
    from connector.planner.operation import Operation
    from tests.sync.bench import Bench

FATES = ("lost before", "lost after", "killed before", "killed after")


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def served(bench: Bench) -> Bench:
    """Everybody is there, and no limit is in the way."""
    many = Limit(count=1000)
    bench.port["limits"] = Limits(many, many, many, ALL, ALL)
    bench.cycle()
    return bench


def meet(bench: Bench, fate: str) -> None:
    """Run a cycle whose every request meets a fate."""

    def answer(operation: Operation) -> Unknown:
        if fate == "killed after":
            bench.shelf.do(operation)
        if fate.startswith("killed"):
            raise Killed
        return Unknown("no answer in time")

    bench.shelf.answer, bench.shelf.commits_before_unknown = answer, fate == "lost after"
    if fate.startswith("killed"):
        with pytest.raises(Killed):
            bench.cycle()
    else:
        bench.cycle()
    bench.shelf.answer = lambda operation: None


def settle(bench: Bench) -> None:
    reports = [bench.cycle() for _ in range(3)]
    assert [one.status for one in reports[1:]] == [Status.DONE, Status.DONE]
    assert bench.sent() == []


def rename(bench: Bench, title: str) -> None:
    bench.company.change("anna", title=title)


@pytest.mark.parametrize("fate", FATES)
def test_a_group_that_was_emptied_is_emptied_in_the_end(served: Bench, fate: str):
    served.company.set_members("staff")
    meet(served, fate)
    settle(served)
    assert served.shelf.members_of("staff") == set()


@pytest.mark.parametrize("fate", FATES)
def test_who_left_is_disabled_in_the_end(served: Bench, fate: str):
    served.company.delete("anna")
    meet(served, fate)
    settle(served)
    assert served.shelf.named("anna@corp.example")["active"] is False


@pytest.mark.parametrize("fate", FATES)
def test_a_title_that_is_taken_back_meanwhile_is_taken_back_at_the_target(served: Bench, fate: str):
    rename(served, "Clerk")
    served.cycle()
    rename(served, "Captain")
    meet(served, fate)
    rename(served, "Clerk")
    settle(served)
    assert served.shelf.named("anna@corp.example")["title"] == "Clerk"


@pytest.mark.parametrize("fate", FATES)
def test_who_was_to_be_enabled_and_is_disabled_again_has_no_access(served: Bench, fate: str):
    served.company.disable("anna")
    served.cycle()
    served.company.disable("anna", is_enabled=True)
    meet(served, fate)
    served.company.disable("anna")
    settle(served)
    assert served.shelf.named("anna@corp.example")["active"] is False


@pytest.mark.parametrize("fate", FATES)
def test_who_was_to_be_disabled_and_is_back_has_access(served: Bench, fate: str):
    served.company.disable("anna")
    meet(served, fate)
    served.company.disable("anna", is_enabled=True)
    settle(served)
    assert served.shelf.named("anna@corp.example")["active"] is True


@pytest.mark.parametrize("fate", FATES)
def test_members_who_were_to_go_and_are_back_are_members(served: Bench, fate: str):
    served.company.set_members("staff")
    meet(served, fate)
    served.company.set_members("staff", "anna", "bela")
    settle(served)
    assert served.shelf.members_of("staff") == {"anna@corp.example", "bela@corp.example"}


@pytest.mark.parametrize("fate", FATES)
def test_members_who_were_to_come_and_do_not_are_no_members(served: Bench, fate: str):
    served.company.set_members("staff")
    served.cycle()
    served.company.set_members("staff", "anna", "bela")
    meet(served, fate)
    served.company.set_members("staff")
    settle(served)
    assert served.shelf.members_of("staff") == set()


@pytest.mark.parametrize("what_then", ["another address", "disabled"])
@pytest.mark.parametrize("fate", FATES)
def test_who_was_taking_over_an_account_is_never_there_twice(
    served: Bench, fate: str, what_then: str
):
    """An account that bears the newcomer's externalId is the newcomer's, whatever happened since."""
    served.company.recreate("anna")
    meet(served, fate)
    if what_then == "disabled":
        served.company.disable("anna")
    else:
        served.company.change("anna", mail="anna.new@corp.example")
    settle(served)

    keys = [one["externalId"] for one in served.shelf.resources.values()]
    assert len(keys) == len(set(keys))
    is_done = fate.endswith("after")
    external_id = served.company.entries["anna"].external_id
    own = [one for one in served.shelf.resources.values() if one["externalId"] == external_id]
    assert [one["active"] for one in own] == ([what_then != "disabled"] if own else [])
    assert bool(own) is (is_done or what_then != "disabled")
