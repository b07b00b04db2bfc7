"""`explain` tells, in words that stand by themselves, how somebody came to what they have."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.shell import IDP
from tests.cli.test_sync import CLEO, NO_REMOVALS
from tests.parts.golden import assert_as_reviewed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.shell import Shell
    from tests.parts.scim_server import Simulator

GOLDEN = Path(__file__).parent / "explained"
STAFF = 'groups = ["CN=Staff,OU=Groups,DC=corp,DC=example"]'
SALES = 'groups = ["CN=Sales,OU=Groups,DC=corp,DC=example"]'


def scope(desk: Shell, groups: str) -> None:
    desk.edit('groups = "*"', groups, "connector.toml")


def in_scope_through_a_nested_group(desk: Shell, mimecast: Simulator) -> str:
    scope(desk, STAFF)
    desk.say("sync")
    return "anna@corp.example"


def in_none_of_the_groups(desk: Shell, mimecast: Simulator) -> str:
    scope(desk, SALES)
    desk.say("sync")
    return "cleo@corp.example"


def nobody_is_in_scope(desk: Shell, mimecast: Simulator) -> str:
    scope(desk, "groups = []")
    desk.say("sync")
    return "anna@corp.example"


def disabled_in_the_source(desk: Shell, mimecast: Simulator) -> str:
    desk.say("sync")
    desk.edit('title = "Clerk"', 'title = "Clerk"\ndisabled = true')
    desk.say("sync")
    return "anna@corp.example"


def left_the_source(desk: Shell, mimecast: Simulator) -> str:
    desk.say("sync")
    desk.edit(CLEO, "")
    desk.say("sync")
    return "cleo@corp.example"


def held_by_a_limit(desk: Shell, mimecast: Simulator) -> str:
    desk.say("sync")
    desk.edit("[log]", NO_REMOVALS, "connector.toml")
    desk.edit(CLEO, "")
    desk.say("sync")
    return "cleo@corp.example"


def rejected_by_an_operator(desk: Shell, mimecast: Simulator) -> str:
    held_by_a_limit(desk, mimecast)
    desk.say("runs", "reject", "2")
    return "cleo@corp.example"


def refused_by_the_target(desk: Shell, mimecast: Simulator) -> str:
    mimecast.behave(failing_names=frozenset({"ben@corp.example"}))
    desk.say("sync")
    return "ben@corp.example"


def about_to_lose_access_by_a_new_scope(desk: Shell, mimecast: Simulator) -> str:
    desk.say("sync")
    scope(desk, SALES)
    return "cleo@corp.example"


def a_name_mistyped(desk: Shell, mimecast: Simulator) -> str:
    desk.say("sync")
    return "cloe@corp.example"


def an_entry_that_cannot_be_mapped(desk: Shell, mimecast: Simulator) -> str:
    desk.edit('login = "ben"', 'login = "ben"\nmail = ""\nupn = ""')
    desk.say("sync")
    return "ben@corp.example"


def a_source_that_was_never_read(desk: Shell, mimecast: Simulator) -> str:
    return "anna@corp.example"


def may_sign_in_and_may_not(desk: Shell, mimecast: Simulator) -> str:
    text = (desk.folder / "connector.toml").read_text()
    (desk.folder / "connector.toml").write_text(text + IDP)
    desk.say("sync")
    return "cleo@corp.example"


SITUATIONS = [
    in_scope_through_a_nested_group,
    in_none_of_the_groups,
    nobody_is_in_scope,
    disabled_in_the_source,
    left_the_source,
    held_by_a_limit,
    rejected_by_an_operator,
    refused_by_the_target,
    about_to_lose_access_by_a_new_scope,
    a_name_mistyped,
    an_entry_that_cannot_be_mapped,
    a_source_that_was_never_read,
    may_sign_in_and_may_not,
]


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda one: one.__name__)
def test_it_is_understood_by_itself(
    desk: Shell, mimecast: Simulator, situation: Callable[[Shell, Simulator], str]
):
    user = situation(desk, mimecast)
    mimecast.forget_requests()

    said = desk.say("explain", user)

    text = re.sub(r"\b\d+ s ago", "a moment ago", said.output + said.errors)
    text = re.sub(r"(?<=id )[0-9a-f-]{36}|(?<=externalId )[0-9a-f-]{36}", "...", text)
    text = re.sub(r"target: \S+ rejected", "target: somebody rejected", text)
    assert_as_reviewed(f"$ connector explain {user}\n{text}", GOLDEN / f"{situation.__name__}.txt")
    assert mimecast.writes == []


def test_it_is_read_by_programs_too(desk: Shell):
    desk.say("sync")

    values = desk.say("explain", "ben@corp.example", "--json").values

    assert values["person"]["document"]["userName"] == "ben@corp.example"
    assert [one["account"]["name"] for one in values["targets"]] == ["ben@corp.example"]
    assert values["applications"] == {}


def test_a_person_is_found_by_externalid_and_by_distinguished_name(desk: Shell):
    desk.say("sync")
    person = desk.say("explain", "ben@corp.example", "--json").values["person"]

    for name in (person["external_id"], person["distinguished_name"].upper()):
        assert desk.say("explain", name, "--json").values["person"] == person
