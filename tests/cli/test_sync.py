"""`plan`, `sync`, `status` and `runs`: what an operator sees, and what a script gets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.shell import Shell
    from tests.parts.scim_server import Simulator

CLEO = '[[person]]\nlogin = "cleo"\ngiven = "Cleo"\nfamily = "Marsh"\ngroups = ["Staff"]\n'
NO_REMOVALS = "[target.limits]\nmax_deletes = 0\nmax_disables = 0\n[log]"


def test_a_plan_is_shown_in_lines_that_can_be_read_aloud(desk: Shell, mimecast: Simulator):
    said = desk.say("plan")

    assert said.code == 0
    assert said.output == (
        "Target scim:\n"
        "+ add     user   anna@corp.example  (new in scope)\n"
        "+ add     user   ben@corp.example   (new in scope)\n"
        "+ add     user   cleo@corp.example  (new in scope)\n"
        "+ add     group  Sales              (new in scope)\n"
        "+ add     group  Staff              (new in scope)\n"
        "~ change  group  Sales              +2 members  (members of the new group)\n"
        "~ change  group  Staff              +3 members  (members of the new group)\n"
        "Plan: 5 to add, 0 unchanged; 7 requests.\n"
    )
    assert said.errors == "Reading ...\nPlanning scim ...\n"
    assert mimecast.requests == []


def test_a_script_learns_from_the_exit_code_whether_there_is_anything_to_do(desk: Shell):
    assert desk.say("plan", "--detailed-exitcode").code == 2
    assert desk.say("sync").code == 0
    assert desk.say("plan", "--detailed-exitcode").code == 0


def test_a_sync_says_what_it_did(desk: Shell):
    said = desk.say("sync")

    assert said.code == 0
    assert said.output == (
        "Read 5 entries: 3 people, 2 groups.\n"
        "People: 3 joiners; 0 left in all.\n"
        "Target scim: done (7 applied).\n"
        "  Plan: 5 to add, 0 unchanged; 7 requests.\n"
        "Cycle 1: done.\n"
    )
    assert said.errors == "Reading ...\nPlanning scim ...\nSending to scim ...\n"


def test_a_dry_run_is_the_plan(desk: Shell, mimecast: Simulator):
    assert desk.say("sync", "--dry-run") == desk.say("plan")
    assert desk.say("sync", "--dry-run", "--json").values == desk.say("plan", "--json").values
    assert mimecast.requests == []


def test_a_plan_changes_nothing_that_a_later_one_would_see(desk: Shell):
    first = desk.say("plan")

    assert desk.say("plan") == first
    assert "Directory: 0 people, 0 groups, 0 leavers." in desk.say("status").output


def test_one_person_is_found_by_address(desk: Shell):
    unknown = desk.say("plan", "--user", "zoe@corp.example")
    assert unknown.code == 1
    assert unknown.errors.endswith(
        "error: nobody goes by zoe@corp.example, in the source or in the directory\n"
    )
    joiner = desk.say("plan", "--user", "anna@corp.example")
    assert "+ add     user   anna@corp.example  (new in scope)" in joiner.output

    desk.say("sync")
    desk.edit('"Clerk"', '"Captain"')
    desk.edit('"Lund"', '"Lind"')
    one = desk.say("plan", "--user", "Anna@Corp.example")

    assert one.output.splitlines()[1:] == [
        '~ change  user   anna@corp.example  title: "Clerk" -> "Captain"  (changed in the source)',
        "Plan: 1 to change, 4 unchanged; 1 request.",
    ]


@pytest.mark.parametrize("command", ["plan", "sync"])
def test_an_unknown_target_is_wrong_usage_and_the_known_ones_are_named(desk: Shell, command: str):
    said = desk.say(command, "--target", "mimcast")

    assert said.code == 2
    assert "no target is called mimcast; there are: scim" in said.errors
    assert desk.say(command, "--target", "scim").code == 0


def test_a_refused_operation_ends_in_4_and_says_where_to_look(desk: Shell, mimecast: Simulator):
    mimecast.behave(failing_names=frozenset({"ben@corp.example"}))

    said = desk.say("sync")

    assert said.code == 4
    assert "Target scim: done with failures (6 applied, 1 rejected).\n" in said.output
    assert said.errors.splitlines()[-1] == (
        "error: target scim: 1 of 7 operations failed; see: connector runs show 1 --failed"
    )
    shown = desk.say("runs", "show", "1", "--failed").output
    assert shown.splitlines()[-1] == "create  User  ben@corp.example  rejected  500: internal error"
    status = desk.say("status").output
    assert re.search(r"Last cycle: 1, done with failures, \d+ s ago\.\n", status)
    assert "  target scim: 1 of 7 operations failed.\n" in status
    assert "Last cycle without any fault: never.\n" in status


def test_what_a_limit_holds_ends_in_3_and_can_be_allowed_once(desk: Shell, mimecast: Simulator):
    desk.say("sync")
    desk.edit("[log]", NO_REMOVALS, "connector.toml")
    desk.edit(CLEO, "")
    mimecast.forget_requests()

    plan, sync, status = desk.say("plan"), desk.say("sync"), desk.say("status")

    held = "target scim: 1 of 5 resources to disable, limit 0 (configured: 0): cleo@corp.example"
    assert (plan.code, sync.code, status.code) == (3, 3, 0)
    assert plan.output.endswith(f"Held: {held}.\n")
    assert f"error: {held}; see: connector status; then: connector runs approve 2" in sync.errors
    assert (
        "Look: connector runs show 2; then: connector runs approve 2, or reject.\n" in status.output
    )
    assert f"  {held}.\n" in status.output
    assert mimecast.writes == []
    assert desk.say("runs", "list").output.count(held) == 1

    assert desk.say("sync", "--allow-deletes", "1").code == 0
    assert mimecast.named("cleo@corp.example")["active"] is False


def test_a_source_that_cannot_be_read_ends_in_1_and_changes_nothing(
    desk: Shell, mimecast: Simulator
):
    desk.say("sync")
    mimecast.forget_requests()
    desk.edit('login = "ben"', 'logn = "ben"')

    plan, sync = desk.say("plan"), desk.say("sync")

    assert (plan.code, sync.code) == (1, 1)
    assert plan.errors == sync.errors
    assert "login: field required" in plan.errors
    assert sync.output == "Cycle 2: failed.\n"
    assert desk.say("sync", "--json").values["targets"] == []
    assert mimecast.requests == []


def test_a_target_that_cannot_be_reached_is_named_once(desk: Shell, mimecast: Simulator):
    desk.edit(mimecast.base_url, "http://127.0.0.1:9/scim/v2", "connector.toml")

    said = desk.say("sync")

    assert said.code == 1
    assert said.errors.splitlines()[-1] == (
        "error: target scim: cannot be reached at 127.0.0.1:9: connection refused"
    )


def test_entries_that_cannot_be_mapped_are_listed(desk: Shell):
    desk.edit('login = "ben"', 'login = "ben"\nmail = ""\nupn = ""')

    said = desk.say("sync")

    assert said.code == 4
    assert "warning: 1 entry cannot be mapped; see: connector status" in said.errors
    status = desk.say("status").output.splitlines()
    assert status[-3:-1] == [
        "1 entry cannot be mapped:",
        "entry                                     attribute  problem",
    ]
    assert status[-1].startswith("CN=Ben Lund,OU=People,DC=corp,DC=example  userName   is required")


def test_runs_are_listed_newest_first_and_shown_with_values(desk: Shell):
    assert desk.say("runs", "list").output == "No such cycle has run yet.\n"
    desk.say("sync")
    desk.edit('"Clerk"', '"Captain"')
    desk.edit(CLEO, "")
    desk.say("sync")

    listed = desk.say("runs", "list").output.splitlines()
    assert [line.split()[0] for line in listed] == ["run", "2", "1"]
    assert desk.say("runs", "list", "--limit", "1").output.splitlines() == listed[:2]
    assert desk.say("runs", "list", "--failed").output == "No such cycle has run yet.\n"
    shown = desk.say("runs", "show", "2").output.splitlines()
    assert shown[1:] == [
        "Target scim: done (3 of 3 applied, 0 failed).",
        "what     of     name               status   detail",
        'update   User   anna@corp.example  applied  title: "Clerk" -> "Captain"',
        "disable  User   cleo@corp.example  applied  active: true -> false",
        "update   Group  Staff              applied  -1 member",
    ]
    assert desk.say("runs", "show", "3").errors == (
        "error: there is no cycle 3; see: connector runs list\n"
    )


def test_every_read_gives_json(desk: Shell, mimecast: Simulator):
    assert desk.say("status", "--json").values["last_cycle"] is None
    assert desk.say("runs", "list", "--json").values == []

    plan = desk.say("plan", "--json").values[0]
    assert {one["method"] for one in plan["operations"]} == {"POST", "PATCH"}
    sync = desk.say("sync", "--json").values
    assert (sync["status"], sync["people"]) == ("done", {"joiner": 3})
    assert sync["targets"][0]["counts"] == {"applied": 7}
    status = desk.say("status", "--json").values
    assert status["targets"] == {"scim": {"Group": 2, "User": 3}}
    assert status["last_cycle"]["cycle_id"] == 1
    (cycle,) = desk.say("runs", "list", "--json").values
    assert cycle == desk.say("runs", "show", "1", "--json").values["cycle"]
    assert len(desk.say("runs", "show", "1", "--json").values["operations"]) == 7


def test_nothing_but_results_is_on_standard_output(desk: Shell):
    for command in ("plan", "sync", "status", "check"):
        assert desk.say(command, "--json").values is not None
    assert "..." not in desk.say("sync").output
