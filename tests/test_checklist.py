"""The checklist of docs/security.md: sixty rows, each with tests that there are, or a reason."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
TESTS = ROOT / "tests"
ROW = re.compile(r"\| (\d+) \| ([^|]+) \| ([^|]+) \|")
NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)`")
REASON = re.compile(r"(?:^|\. )Not: \S.{20,}")


def rows() -> dict[int, tuple[str, str]]:
    """Return what and by what it is shown, by number."""
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    table = text.partition("## The checklist\n")[2].partition("\n## ")[0]
    lines = [line for line in table.splitlines() if re.match(r"\| \d", line)]
    found = [ROW.fullmatch(line) for line in lines]
    assert all(found), [line for line, match in zip(lines, found, strict=True) if not match]
    return {int(match[1]): (match[2], match[3]) for match in found}


def names_in(file: str) -> set[str]:
    path = TESTS / file
    if not path.is_file():
        return set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_there_are_sixty_rows_in_order():
    assert list(rows()) == list(range(1, 61))


def test_every_row_names_a_test_or_says_why_not():
    assert [
        number
        for number, (_, shown) in rows().items()
        if not (NAMED.search(shown) or REASON.search(shown))
    ] == []


def test_every_test_that_is_named_is_there():
    named = {pair for _, shown in rows().values() for pair in NAMED.findall(shown)}
    known = {file: names_in(file) for file, _ in named}

    assert len(named) > 100
    assert sorted(f"{file}::{name}" for file, name in named if name not in known[file]) == []


def test_what_is_written_as_the_name_of_a_test_is_one():
    """A name that was misspelt so that it is not even read as one would pass for text."""
    written = [
        word for _, shown in rows().values() for word in re.findall(r"`([^`]*test_[^`]*)`", shown)
    ]

    assert [word for word in written if not NAMED.fullmatch(f"`{word}`")] == []


def test_every_file_of_tests_that_the_manual_names_is_there():
    manuals = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md"))

    patterns = set(re.findall(r"`tests/([\w/*.]+\.py)`", manuals))

    assert patterns
    assert [each for each in patterns if not list(TESTS.glob(each))] == []
