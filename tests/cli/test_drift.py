"""What others change at a target is seen, and brought back if that is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.shell import Shell
    from tests.parts.scim_server import Simulator

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
    assert said.output == (
        'scim: user anna@corp.example\n  title: "Clerk" -> "Boss"\n1 resource differs.\n'
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

    assert synced.say("drift").code == 0


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
