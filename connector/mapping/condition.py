"""Conditions of mapping files: `when = { attribute = "c", equals = "DE" }`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from connector.mapping.pattern import check_length, compile_pattern
from connector.mapping.transform import Values

Attributes = Mapping[str, Values]
Condition = Callable[[Attributes], bool]
Test = Callable[[Values], bool]

TESTS = ("present", "equals", "in", "matches")


def compile_condition(
    written: Any, fold: Callable[[str], str] = str.lower
) -> tuple[Condition, frozenset[str]]:
    """Return a condition and the attributes that it looks at; all that it says must hold.

    Args:
        written: A table, or a list of such.
        fold: Writes an attribute's name as the attributes have it.

    Raises:
        ValueError: with every fault, one a line.

    """
    tables = written if isinstance(written, list) else [written]
    faults = [fault for table in tables for fault in _find_faults(table)]
    if faults or not tables:
        raise ValueError("\n".join(faults) or "when must say something")
    looks = [
        (fold(table["attribute"]), _to_test(name, table[name]))
        for table in tables
        for name in TESTS
        if name in table
    ]

    def holds(attributes: Attributes) -> bool:
        return all(test(attributes.get(name, ())) for name, test in looks)

    return holds, frozenset(name for name, _ in looks)


def _find_faults(table: Any) -> list[str]:
    shape = 'when must be a table such as { attribute = "c", equals = "DE" }'
    if not isinstance(table, dict):
        return [shape]
    known = ["attribute", *TESTS]
    faults = []
    for key in table.keys() - set(known):
        near = get_close_matches(key, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(known)}"
        faults.append(f"unknown key {key} in when{hint}")
    if not isinstance(table.get("attribute"), str) or not table.keys() & set(TESTS):
        faults.append(shape)
    faults += [
        problem for name in TESTS if name in table and (problem := _find_problem(name, table[name]))
    ]
    return faults


def _find_problem(name: str, value: Any) -> str:
    if name == "present":
        return "" if isinstance(value, bool) else "present must be true or false"
    if name == "in":
        is_right = isinstance(value, list) and all(isinstance(one, str) for one in value)
        return "" if is_right else 'in must be a list such as ["DE", "AT"]'
    if not isinstance(value, str):
        return f"{name} must be text in quotes"
    if name == "matches":
        try:
            compile_pattern(value)
        except ValueError as error:
            return str(error)
    return ""


def _to_test(name: str, value: Any) -> Test:
    """Return a test of an attribute's values: one that passes is enough, but for `present`."""
    if name == "present":
        return lambda values: any(map(str.strip, values)) is value
    if name == "matches":
        pattern = compile_pattern(value)
        return lambda values: any(pattern.fullmatch(check_length(one)) for one in values)
    allowed = frozenset(one.casefold() for one in (value if name == "in" else [value]))
    return lambda values: any(one.casefold() in allowed for one in values)
