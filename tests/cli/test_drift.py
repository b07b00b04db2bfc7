"""What others change at a target is seen, and brought back if that is wanted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.parts.golden import assert_as_reviewed

if TYPE_CHECKING:
    from tests.cli.shell import Shell
    from tests.parts.scim_server import Simulator

GOLDEN = Path(__file__).parent / "drifted"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@pytest.fixture
def synced(desk: Shell, mimecast: Simulator) -> Shell:
    desk.say("sync")
    mimecast.forget_requests()
    return desk


def patch(mimecast: Simulator, place: str, **operation: object) -> None:
    """Do as an administrator of the target would."""
    mimecast.ask("PATCH", place, {"schemas": [PATCH], "Operations": [operation]})


def path_of(mimecast: Simulator, name: str) -> str:
    resource = mimecast.named(name)
    kind = "Users" if "userName" in resource else "Groups"
    return f"/{kind}/{resource['id']}"


def timeless(text: str) -> str:
    """Return what was printed without the times of this run."""
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "TIME", text)
    return re.sub(r"\b\d+ (s|min) ago", "a moment ago", text)


def meddle(mimecast: Simulator) -> None:
    """Do as several administrators of the target would."""
    anna, ben = (mimecast.named(f"{name}@corp.example") for name in ("anna", "ben"))
    patch(mimecast, f"/Users/{anna['id']}", op="replace", path="title", value="Boss")
    there = mimecast.service.store.resources["Users"][anna["id"]]["meta"]
    there |= {"lastModified": "2031-11-02T08:11:00Z", "version": 'W/"7"'}
    staff = path_of(mimecast, "Staff")
    patch(mimecast, staff, op="remove", path=f'members[value eq "{ben["id"]}"]')
    mimecast.ask("DELETE", path_of(mimecast, "cleo@corp.example"))
    mimecast.ask("POST", "/Users", {"userName": "stranger@corp.example"})
    mimecast.forget_requests()


def test_nothing_differs_right_after_a_sync(synced: Shell, mimecast: Simulator):
    said = synced.say("drift")

    assert (said.code, said.output) == (0, "Nothing differs.\n")
    assert mimecast.writes == []


def test_what_others_changed_is_listed_and_nothing_is_done_about_it(
    synced: Shell, mimecast: Simulator
):
    patch(
        mimecast, path_of(mimecast, "anna@corp.example"), op="replace", path="title", value="Boss"
    )
    mimecast.forget_requests()

    said = synced.say("drift")

    assert said.code == 4
    assert timeless(said.output) == (
        "scim: user anna@corp.example\n"
        '  title: "Clerk" -> "Boss"\n'
        "  changed there, the target does not say when; our last write was TIME, in run 1\n"
        "1 resource differs.\n"
    )
    assert synced.say("sync").code == 0
    assert mimecast.writes == []


def test_what_was_noted_is_brought_back_by_the_next_sync(synced: Shell, mimecast: Simulator):
    anna, cleo = (path_of(mimecast, f"{name}@corp.example") for name in ("anna", "cleo"))
    patch(mimecast, anna, op="replace", path="title", value="Boss")
    patch(mimecast, cleo, op="replace", path="active", value=False)
    staff = path_of(mimecast, "Staff")
    removed = mimecast.named("ben@corp.example")["id"]
    patch(mimecast, staff, op="remove", path=f'members[value eq "{removed}"]')
    before = synced.say("drift", "--repair")
    assert "members: 0 added, 1 taken out by others" in before.output

    assert synced.say("sync").code == 0

    assert mimecast.named("anna@corp.example")["title"] == "Clerk"
    assert mimecast.named("cleo@corp.example")["active"] is True
    assert removed in {one["value"] for one in mimecast.named("Staff")["members"]}
    assert synced.say("drift").code == 0


def test_an_account_that_others_deleted_is_made_again(synced: Shell, mimecast: Simulator):
    mimecast.ask("DELETE", path_of(mimecast, "ben@corp.example"))

    said = synced.say("drift", "--repair")

    assert "scim: user ben@corp.example\n  is not there any more\n" in said.output
    assert synced.say("sync").code == 0
    assert mimecast.named("ben@corp.example")["active"] is True
    assert synced.say("drift").code == 0


def test_what_we_never_wrote_is_not_looked_at(synced: Shell, mimecast: Simulator):
    anna = path_of(mimecast, "anna@corp.example")
    patch(mimecast, anna, op="replace", path="nickName", value="Annie")
    mimecast.ask("POST", "/Users", {"userName": "stranger@corp.example"})

    said = synced.say("drift")
    assert said.code == 0
    assert said.output == "scim: 1 account there is not ours; never touched.\nNothing differs.\n"


def test_it_is_read_by_programs_too(synced: Shell, mimecast: Simulator):
    mimecast.ask("DELETE", path_of(mimecast, "ben@corp.example"))

    (drift, *groups) = synced.say("drift", "--json").values

    assert (drift["name"], drift["differences"][0]["attribute_path"]) == ("ben@corp.example", "id")
    assert {one["resource_type"] for one in groups} <= {"Group"}


def test_a_target_that_cannot_be_read_is_an_error_in_words(synced: Shell, mimecast: Simulator):
    synced.edit(mimecast.base_url, "http://127.0.0.1:9/scim/v2", "connector.toml")

    said = synced.say("drift")

    assert said.code == 1
    assert "target scim: cannot be reached at 127.0.0.1:9" in said.errors


def test_the_last_comparison_is_shown_again_without_asking_anybody(
    synced: Shell, mimecast: Simulator
):
    meddle(mimecast)
    assert synced.say("drift").code == 4
    mimecast.forget_requests()

    said = synced.say("drift", "--last")
    status = synced.say("status")

    assert (said.code, said.errors) == (4, "")
    assert mimecast.requests == []
    drift = [line for line in status.output.splitlines() if "Drift:" in line]
    shown = timeless(said.output.replace("2031-11-02 08:11 UTC", "LATER"))
    text = f"$ connector drift --last\n{shown}$ connector status\n{timeless(chr(10).join(drift))}\n"
    assert_as_reviewed(text, GOLDEN / "last.txt")


def test_what_was_noted_is_said_to_be_brought_back(synced: Shell, mimecast: Simulator):
    meddle(mimecast)
    synced.say("drift", "--repair")

    said = synced.say("drift", "--last")

    assert "differences, to be brought back by the next sync." in said.output
    assert synced.say("sync").code == 0
    assert synced.say("drift").code == 0
    assert "nothing differs" in synced.say("drift", "--last").output


def test_the_last_comparison_is_read_by_programs_too(synced: Shell, mimecast: Simulator):
    meddle(mimecast)
    synced.say("drift")

    (last,) = synced.say("drift", "--last", "--json").values
    (status,) = synced.say("status", "--json").values["drift"]

    assert (last["target"], last["foreign_count"], last["reason"]) == ("scim", 1, "")
    (title,) = (one for one in last["findings"] if one["path"] == "title")
    assert (title["ours"], title["theirs"], title["action"]) == ("Clerk", "Boss", "report")
    assert (title["changed_at"], title["cycle_id"]) == ("2031-11-02T08:11:00+00:00", 1)
    assert status["found_count"] == last["found_count"] == len(last["findings"])


def test_before_the_first_comparison_that_is_said(synced: Shell):
    said = synced.say("drift", "--last")

    assert said.code == 0
    assert said.output == ("scim: not compared yet; to do it now: connector drift --target scim\n")
    assert "  Drift: not compared yet.\n" in synced.say("status").output


def test_what_asks_nobody_repairs_nothing(synced: Shell):
    said = synced.say("drift", "--last", "--repair")

    assert said.code == 2
    assert "--last asks no target" in said.errors


def test_a_comparison_that_failed_is_said_beside_what_was_found_before(
    synced: Shell, mimecast: Simulator
):
    meddle(mimecast)
    synced.say("drift")
    synced.edit(mimecast.base_url, "http://127.0.0.1:9/scim/v2", "connector.toml")
    synced.say("drift")

    lines = timeless(synced.say("drift", "--last").output).splitlines()
    status = timeless(synced.say("status").output)

    assert lines[0].startswith("scim: could not be compared TIME: cannot be reached at 127.0.0.1:9")
    assert lines[1].startswith("scim: compared TIME, ")
    assert "  Drift: could not be compared a moment ago: cannot be reached" in status


def test_what_is_left_to_the_target_is_counted_and_not_listed(synced: Shell, mimecast: Simulator):
    synced.edit('groups = "*"', 'groups = "*"\nleave = ["title"]', "connector.toml")
    synced.say("sync")
    anna = path_of(mimecast, "anna@corp.example")
    patch(mimecast, anna, op="replace", path="title", value="Boss")

    said = synced.say("drift", "--repair")

    assert said.code == 0
    assert said.output == (
        "scim: 1 value left to the target is other than ours.\nNothing differs.\n"
    )
    synced.edit('title = "Clerk"', 'title = "Captain"')
    assert "Left to the target, set in a new account only: title." in (
        synced.say("sync") and synced.say("explain", "anna@corp.example").output
    )
    assert mimecast.named("anna@corp.example")["title"] == "Boss"


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("titel", "no mapping gives this target titel; did you mean title?"),
        ("emails.value", "no mapping gives this target emails.value; did you mean emails?"),
        ("userName", "userName cannot be left to a target: accounts and access are kept by it"),
        ("active", "active cannot be left to a target: accounts and access are kept by it"),
    ],
)
@pytest.mark.parametrize("command", ["check", "plan"])
def test_a_path_that_cannot_be_left_is_a_fault_with_its_key(
    desk: Shell, path: str, problem: str, command: str
):
    desk.edit('groups = "*"', f'groups = "*"\nleave = ["title", "{path}"]', "connector.toml")

    said = desk.say(command)

    assert said.code == 1
    assert said.errors == f"error: connector.toml: target[0].leave[1]: {problem}\n"


def test_the_name_that_accounts_are_found_by_cannot_be_left(desk: Shell):
    (desk.folder / "mappings").mkdir()
    (desk.folder / "mappings" / "named.toml").write_text('[user]\nmatch = "displayName"\n')
    more = 'groups = "*"\nmapping = "named.toml"\nleave = ["displayName"]'
    desk.edit('groups = "*"', more, "connector.toml")

    assert (
        "target[0].leave[0]: displayName cannot be left to this target" in desk.say("check").errors
    )
