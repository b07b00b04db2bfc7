"""What `check` warns of although every file is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.shell import Shell
    from tests.parts.scim_server import Simulator


WRONG = """
[idp]
base_url = "https://sso.corp.example"
countries_file = "company.toml"
[policy]
factors = ["duo"]
[[application]]
name = "Payroll"
metadata = "payroll.xml"
groups = "*"
"""


@pytest.mark.parametrize("deprovision", ["delete", "disable-then-delete"])
def test_deletions_that_a_target_never_does_are_said_beforehand(desk: Shell, deprovision: str):
    folder = desk.folder / "mappings"
    folder.mkdir()
    (folder / "scim.toml").write_text("[write]\ndelete = false\n")
    desk.edit('groups = "*"', f'groups = "*"\ndeprovision = "{deprovision}"', "connector.toml")

    said = desk.say("check")

    assert said.code == 0
    assert (
        'warn  target scim: scim.toml says that it deletes nothing: set deprovision to "disable"'
        in said.output
    )


def test_wrong_policies_are_told_beside_wrong_applications_and_once(
    shell: Shell, mimecast: Simulator
):
    shell.set_up(mimecast, "", WRONG)
    metadata = shell.folder / "payroll.xml"
    metadata.write_text("<none/>")

    said = shell.say("check")

    problem = "error: connector.toml: policy: factors (global) asks for Duo"
    assert said.code == 1
    assert "payroll.xml" in said.errors
    assert said.errors.count(problem) == 1
    assert "company.toml" in said.errors
    assert "it makes sense" not in said.output

    shell.edit(
        'metadata = "payroll.xml"', 'entity_id = "urn:p"\nacs = "https://p/"', "connector.toml"
    )
    assert shell.say("check").errors.count(problem) == 1
