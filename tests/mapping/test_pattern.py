"""Patterns in mapping files cannot be made to run for long."""

from __future__ import annotations

import time

import pytest

from connector.mapping.pattern import LONGEST_VALUE, compile_pattern


@pytest.mark.parametrize(
    "text",
    [
        r"(\w+), (\w+)",
        r"svc-.*",
        r"(?:ab|cd)",
        r"[a+*(]+x",
        r"\(\+\)*",
        r"a{2,3}b?",
        r"(ab)+",
        r"[]a]+",
    ],
)
def test_ordinary_patterns_are_taken(text: str):
    assert compile_pattern(text)


@pytest.mark.parametrize(
    "text",
    [
        "(a+)+$",
        "(a*)*b",
        "(?:a|a)*b",
        "(a|aa)+$",
        "((a)|b)*",
        "(a?){30}a{30}",
        "((a+b?))+$",
        "(.{2,9})+$",
        "a*a*a*a*b",
        "(",
        "a**",
        "[",
        "x" * 201,
        "a{99999999999}",
    ],
)
def test_patterns_that_are_wrong_or_could_run_for_long_are_refused(text: str):
    with pytest.raises(ValueError, match="pattern"):
        compile_pattern(text)


@pytest.mark.parametrize("text", ["a*a*a*b", ".*.*.*x", "(a+)(a+)(a+)b", "a?a?a?a?a?aaaaaab"])
def test_the_worst_that_is_taken_ends_soon(text: str):
    started_at = time.process_time()

    assert not compile_pattern(text).fullmatch("a" * LONGEST_VALUE)

    assert time.process_time() - started_at < 2
