"""Somebody at a shell in a folder of their own, in this process."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connector.cli.app import run
from tests.parts.operator import FILE_SOURCE, Operator

if TYPE_CHECKING:
    import pytest

    from tests.parts.scim_server import Simulator

COMPANY = """\
domain = "corp.example"

[[person]]
login = "anna"
given = "Anna"
family = "Berg"
title = "Clerk"
groups = ["Sales"]

[[person]]
login = "ben"
given = "Ben"
family = "Lund"
groups = ["Sales", "Staff"]

[[person]]
login = "cleo"
given = "Cleo"
family = "Marsh"
groups = ["Staff"]

[[group]]
name = "Sales"

[[group]]
name = "Staff"
members = ["Sales"]
"""
OPERATIONS = '[operations]\nlisten = "127.0.0.1:{port}"\n'
IDP = """\
[idp]
base_url = "https://sso.corp.example"
listen = "127.0.0.1:0"
[[application]]
name = "Mimecast Personal Portal"
preset = "mimecast-personal-portal"
region = "us"
account_code = "CUSA1A1"
groups = ["CN=Sales,OU=Groups,DC=corp,DC=example"]
"""


@dataclass(frozen=True)
class Said:
    """What a command printed, and how it ended."""

    code: int
    output: str
    errors: str

    @property
    def values(self) -> Any:
        return json.loads(self.output)


class Shell(Operator):
    """Runs commands in this process; the company and the configuration are files to edit."""

    def __init__(self, capsys: pytest.CaptureFixture[str], folder) -> None:
        super().__init__(folder)
        self._capsys = capsys

    def set_up(self, target: Simulator, more: str = "", *sections: str) -> None:
        """Write the company, and a configuration that leads to the target."""
        self.company(COMPANY)
        self.configure(
            FILE_SOURCE.format(file="company.toml"), self.write_target(target, more), *sections
        )

    def company(self, text: str) -> None:
        tomllib.loads(text)
        (self.folder / "company.toml").write_text(text)

    def edit(self, old: str, new: str, file: str = "company.toml") -> None:
        """Edit a file by hand."""
        path = self.folder / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    def say(self, *arguments: str) -> Said:
        """Type a command; return what came of it."""
        self._capsys.readouterr()
        code = run(list(arguments))
        output, errors = self._capsys.readouterr()
        return Said(code, output, errors)
