"""Help is short enough to be read whole, and shows how."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.shell import Shell

GROUPS = {
    "runs": ["list", "show", "approve", "reject"],
    "app": ["list", "show", "add", "presets", "refresh", "test"],
    "user": [
        "sessions",
        "revoke",
        "factors",
        "reset-factors",
        "bypass-code",
        "status",
        "unlock",
    ],
    "report": ["factors"],
    "key": ["list", "show", "stage", "import", "activate", "retire", "reseal"],
    "target": ["probe", "show", "forget"],
    "upstream": ["list", "show"],
    "route": ["test"],
}
GROUPS["mail"] = ["test", "list"]
GROUPS["audit"] = ["list", "verify"]
GROUPS["db"] = ["upgrade", "backup"]
SINGLE = ["plan", "apply", "sync", "status", "explain", "drift", "check", "init", "run", "demo"]
COMMANDS = [[one] for one in SINGLE]
COMMANDS += [[group, one] for group, names in GROUPS.items() for one in names]


@pytest.mark.parametrize("group", [[], *([name] for name in GROUPS)])
def test_every_command_is_told_in_one_whole_line(shell: Shell, group: list[str]):
    said = shell.say(*group, "--help")

    listed = said.output.partition("Commands:\n")[2].splitlines()
    names = GROUPS[group[0]] if group else [*SINGLE, *GROUPS]
    assert (said.code, said.errors) == (0, "")
    assert sorted(line.split()[0] for line in listed) == sorted(names)
    assert [line for line in listed if "..." in line or not line.endswith(".")] == []


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_shows_an_example_of_itself(shell: Shell, command: list[str]):
    said = shell.say(*command, "--help")

    text = " ".join(said.output.split())
    assert said.code == 0
    assert re.search(rf"Example: (connector .* && )?connector {' '.join(command)}", text)


def test_help_needs_no_configuration(shell: Shell):
    assert shell.say("sync", "--help").code == 0
    assert list(shell.folder.iterdir()) == []
