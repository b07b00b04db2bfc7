"""A plan in a file is sent as it was reviewed, and a held one as it was shown."""

from __future__ import annotations

import getpass
import json
import stat
from typing import TYPE_CHECKING

import pytest

from connector.audit import Audit
from state.engine import open_engine
from tests.cli.test_sync import CLEO, NO_REMOVALS

if TYPE_CHECKING:
    from tests.cli.shell import Shell
    from tests.parts.scim_server import Simulator


def sent(mimecast: Simulator) -> list[tuple[str, str]]:
    return [(one.method, one.path) for one in mimecast.writes]


def test_apply_sends_exactly_the_plan_of_the_file(desk: Shell, mimecast: Simulator):
    desk.say("sync")
    desk.edit('title = "Clerk"', 'title = "Captain"')
    plan = desk.say("plan", "--out", "monday.plan")
    desk.edit('family = "Lund"', 'family = "Strand"')
    mimecast.forget_requests()

    said = desk.say("apply", "monday.plan")

    assert "to send exactly it: connector apply monday.plan" in plan.errors
    assert said.code == 0
    assert len(sent(mimecast)) == 1
    assert mimecast.named("anna@corp.example")["title"] == "Captain"
    assert mimecast.named("ben@corp.example")["name"]["familyName"] == "Lund"


def test_what_has_lost_its_ground_is_left_out_and_named(desk: Shell, mimecast: Simulator):
    desk.say("sync")
    desk.edit('title = "Clerk"', 'title = "Captain"')
    desk.say("plan", "--out", "monday.plan")
    desk.edit('title = "Captain"', 'title = "Admiral"')
    mimecast.forget_requests()

    said = desk.say("apply", "monday.plan")

    assert said.code == 4
    assert "Left out, its ground has moved: update anna@corp.example." in said.output
    assert "1 operation was left out, because the ground has moved" in said.errors
    assert sent(mimecast) == []


def test_a_file_is_for_its_owner_only_and_names_what_it_was_made_from(desk: Shell):
    desk.say("plan", "--out", "first.plan")

    path = desk.folder / "first.plan"
    contents = json.loads(path.read_text())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert contents["format"] == "connector-plan-1"
    assert contents["source"]["read_at"] < contents["made_at"]
    assert [one["target"] for one in contents["targets"]] == ["scim"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "it is not JSON"),
        ("[]", "is no plan of this program"),
        ('{"format": "connector-plan-1", "digest": "0"}', "is not as it was written"),
    ],
)
def test_a_file_that_is_no_plan_is_refused(desk: Shell, text: str, words: str):
    (desk.folder / "odd.plan").write_text(text)

    said = desk.say("apply", "odd.plan")

    assert (said.code, said.output) == (1, "")
    assert words in said.errors


def test_an_edited_file_is_refused(desk: Shell, mimecast: Simulator):
    desk.say("plan", "--out", "first.plan")
    desk.edit("anna@corp.example", "anne@corp.example", "first.plan")

    assert "is not as it was written" in desk.say("apply", "first.plan").errors
    assert sent(mimecast) == []


def test_a_file_that_cannot_be_written_is_an_error_in_words(desk: Shell):
    said = desk.say("plan", "--out", "nowhere/first.plan")

    assert (said.code, "nowhere/first.plan cannot be written" in said.errors) == (1, True)


def test_a_file_does_not_pass_the_limits_unless_told_to(desk: Shell, mimecast: Simulator):
    desk.say("sync")
    desk.edit("[log]", NO_REMOVALS, "connector.toml")
    desk.edit(CLEO, "")
    desk.say("plan", "--out", "leavers.plan")
    mimecast.forget_requests()

    assert desk.say("apply", "leavers.plan").code == 3
    assert sent(mimecast) == []
    assert desk.say("apply", "leavers.plan", "--over-limits").code == 0
    assert mimecast.named("cleo@corp.example")["active"] is False


def test_another_configuration_shows_its_effect_before_it_is_in_force(desk: Shell):
    desk.say("sync")
    text = (desk.folder / "connector.toml").read_text()
    scope = 'groups = ["CN=Sales,OU=Groups,DC=corp,DC=example"]'
    (desk.folder / "new.toml").write_text(text.replace('groups = "*"', scope))

    said = desk.say("plan", "--config", "new.toml")

    assert "- disable user   cleo@corp.example" in said.output
    assert "nothing to do" in desk.say("plan").output


def test_a_held_plan_is_shown_approved_and_done(desk: Shell, mimecast: Simulator):
    desk.say("sync")
    desk.edit("[log]", NO_REMOVALS, "connector.toml")
    desk.edit(CLEO, "")
    desk.say("sync")

    shown = desk.say("runs", "show", "2")
    approved = desk.say("runs", "approve", "2")

    assert "disable  User   cleo@corp.example  held" in shown.output
    assert approved.code == 0
    assert mimecast.named("cleo@corp.example")["active"] is False
    again = desk.say("runs", "approve", "2")
    assert again.code == 1
    assert "error: the plan of run 2 is approved by" in again.errors
    assert desk.say("sync").code == 0


def test_a_rejected_plan_stays_held_and_nothing_is_sent(desk: Shell, mimecast: Simulator):
    desk.say("sync")
    desk.edit("[log]", NO_REMOVALS, "connector.toml")
    desk.edit(CLEO, "")
    desk.say("sync")
    mimecast.forget_requests()

    rejected = desk.say("runs", "reject", "2")
    later = desk.say("sync")

    assert (rejected.code, later.code, sent(mimecast)) == (3, 3, [])
    assert "rejected by" in later.errors
    assert "Waits for you" not in desk.say("status").output


def test_a_run_that_holds_nothing_cannot_be_approved(desk: Shell):
    desk.say("sync")

    said = desk.say("runs", "approve", "1")

    assert (said.code, said.errors) == (1, "error: run 1 holds no plan; see: connector status\n")


def test_who_decided_is_in_the_audit(desk: Shell):
    desk.say("sync")
    desk.edit("[log]", NO_REMOVALS, "connector.toml")
    desk.edit(CLEO, "")
    desk.say("sync")
    desk.say("plan", "--out", "leavers.plan")

    desk.say("runs", "reject", "2")
    desk.say("runs", "approve", "2")
    desk.say("apply", "leavers.plan")

    engine = open_engine(f"sqlite:///{desk.folder}/state.db")
    events = Audit(engine).recent()
    engine.dispose()
    assert [one.event for one in events] == ["plan.applied", "plan.approved", "plan.rejected"]
    assert events[1].details["run"] == 2
    assert events[1].details["by"] == getpass.getuser()
