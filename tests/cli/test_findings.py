"""What `check` warns of although every file is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.shell import Shell


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
