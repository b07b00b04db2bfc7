"""The shape that keeps the code readable, and the promise that everything is documented."""

from __future__ import annotations

import ast
import re
import statistics
import tomllib
from pathlib import Path

import pytest

from connector.cli.app import app
from connector.log import EVENTS
from connector.settings import Settings
from tests.parts.settings_keys import keys_of

ROOT = Path(__file__).parent.parent
CODE = sorted(
    path
    for package in ("connector", "state")
    for path in (ROOT / package).rglob("*.py")
    if "versions" not in path.parts
)


def _functions() -> list[tuple[int, str]]:
    found = []
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                length = (node.end_lineno or 0) - node.lineno + 1
                found.append((length, f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"))
    return sorted(found)


def test_functions_are_short():
    lengths = [length for length, _ in _functions()]

    assert statistics.median(lengths) <= 10
    assert lengths[int(len(lengths) * 0.9)] <= 30
    assert [name for length, name in _functions() if length > 50] == []


def test_files_are_short():
    lengths = {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8").count("\n") for path in CODE
    }

    assert {name: length for name, length in lengths.items() if length > 400} == {}
    assert statistics.median(lengths.values()) <= 130


@pytest.mark.parametrize(
    ("what", "limit"),
    [("noqa", 26), ("noqa: BLE001", 2), ("type: ignore", 3), ("pragma: no cover", 0)],
)
def test_exceptions_to_the_rules_only_become_fewer(what: str, limit: int):
    count = sum(path.read_text(encoding="utf-8").count(f"# {what}") for path in CODE)

    assert count <= limit


def test_nothing_is_left_to_do():
    bad = re.compile(r"\bTODO\b|\bFIXME\b|NotImplementedError")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in CODE
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if bad.search(line)
    ]

    assert found == []


def test_every_setting_is_in_the_manual():
    manual = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")

    missing = [
        key for key in sorted(keys_of(Settings)) if f"`{key.rpartition('.')[2]}`" not in manual
    ]
    assert missing == []


def test_every_command_is_in_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    names = [command.name for command in app.registered_commands]
    names += [group.name for group in app.registered_groups]

    assert [name for name in names if f"`connector {name}" not in readme] == []


def test_every_event_of_the_log_is_in_the_manual_and_in_the_code():
    manual = (ROOT / "docs" / "operation.md").read_text(encoding="utf-8")
    code = "".join(path.read_text(encoding="utf-8") for path in CODE if path.name != "log.py")

    assert [event for event in sorted(EVENTS) if f"`{event}`" not in manual] == []
    assert [event for event in sorted(EVENTS) if f'"{event}"' not in code] == []


def test_the_changelog_speaks_of_this_version():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

    assert "## Unreleased" in changelog or f"## {version}" in changelog


def test_nothing_names_a_machine_or_a_registry():
    here = re.escape(str(ROOT.parent) + "/")
    bad = re.compile(rf"{here}|https?://[^\s\"']*(/simple\b|/-/[^\s\"']*\.tgz)")
    suspects = [
        path
        for folder in ("connector", "state", "tests", "docs", "mappings", "benchmarks", ".ci")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix in {".py", ".md", ".toml", ".txt", ".sh", ""}
    ]

    assert [str(path) for path in suspects if bad.search(path.read_text("utf-8", "ignore"))] == []
