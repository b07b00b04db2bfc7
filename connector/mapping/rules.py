"""One mapping file, compiled: rules from attribute values to SCIM values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connector.mapping.template import compile_template, names_in
from connector.mapping.transform import Values, find_transform

Attributes = Mapping[str, Values]
Evaluate = Callable[[Attributes], Values]
Condition = Callable[[Attributes], bool]

RULE_KEYS = frozenset({"from", "constant", "template", "transform", "when", "default", "required"})
WHEN_KEYS = frozenset({"attribute", "present", "equals", "in", "matches"})
LONGEST_PATTERN = 200


@dataclass(frozen=True, slots=True)
class Rule:
    """How one SCIM value comes about.

    Attributes:
        evaluate: From an entry's attributes to values; none if there is nothing to map.
        is_required: Whether having none is a problem.
        sources: Attribute names that it reads, in lower case.

    """

    evaluate: Evaluate
    is_required: bool
    sources: frozenset[str]


@dataclass(frozen=True, slots=True)
class Item:
    """One element of a multi-valued attribute.

    Attributes:
        rules: By sub-attribute name.
        fixed: Sub-attributes that are the same for everybody: type, primary.
        each: Whether every value of `value` makes an element of its own.

    """

    rules: tuple[tuple[str, Rule], ...]
    fixed: Mapping[str, Any]
    each: bool


@dataclass(frozen=True, slots=True)
class ResourceMapping:
    """One mapping file.

    Attributes:
        name: The file's name.
        resource_type: "User" or "Group".
        schemas: URNs that the resources carry.
        single: Rules by path, split into the steps down to the value.
        multiple: Elements by multi-valued attribute.
        login_names: Attributes whose values sign a person in.
        bind_name: Attribute that the source takes as user name.
        wanted: Names of all attributes that are read, in lower case.
        fingerprint: Changes when the file's meaning does.
        examples: Pairs of attributes and the document that should come of them.

    """

    name: str
    resource_type: str
    schemas: tuple[str, ...]
    single: tuple[tuple[tuple[str, ...], Rule], ...]
    multiple: tuple[tuple[str, tuple[Item, ...]], ...]
    login_names: tuple[str, ...]
    bind_name: str
    wanted: tuple[str, ...]
    fingerprint: str
    examples: tuple[tuple[Mapping[str, Values], Mapping[str, Any]], ...]


def compile_rule(written: Any) -> Rule:
    """Return the rule that a file's value says: an attribute's name, or a table.

    Raises:
        ValueError: with every fault, one a line.

    """
    table = {"from": written} if isinstance(written, str) else written
    if not isinstance(table, dict):
        message = 'must be an attribute name or a table such as { from = "mail" }'
        raise ValueError(message)  # noqa: TRY004 - a fault of the file, as all others
    faults = [f"unknown key {key}" for key in table if key not in RULE_KEYS]
    if len(table.keys() & {"from", "constant", "template"}) != 1:
        faults.append("needs one of: from, constant, template")
    evaluate, sources = _compile(table, faults)
    if faults:
        raise ValueError("\n".join(faults))
    return Rule(evaluate, bool(table.get("required", False)), sources)


def _compile(table: Mapping[str, Any], faults: list[str]) -> tuple[Evaluate, frozenset[str]]:
    evaluate, sources = _attempt(faults, _origin, table) or (_nothing, frozenset())
    for name in _listed(table.get("transform", [])):
        transform = _attempt(faults, find_transform, str(name))
        if transform is not None:
            evaluate = _then(evaluate, transform)
    if "default" in table:
        evaluate = _or_else(evaluate, str(table["default"]))
    condition = _attempt(faults, _condition, table["when"]) if "when" in table else None
    if condition is not None:
        evaluate = _only_if(condition[0], evaluate)
        sources |= condition[1]
    return evaluate, sources


def _attempt(faults: list[str], make: Callable[[Any], Any], written: Any) -> Any:
    try:
        return make(written)
    except ValueError as error:
        faults.append(str(error))
        return None


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _nothing(attributes: Attributes) -> Values:
    del attributes
    return ()


def _origin(table: Mapping[str, Any]) -> tuple[Evaluate, frozenset[str]]:
    if "constant" in table:
        values = (str(table["constant"]),)
        return (lambda attributes: values), frozenset()  # noqa: ARG005 - the same for every entry
    if "template" in table:
        return _template(str(table["template"]))
    names = tuple(str(name).lower() for name in _listed(table.get("from", [])))
    if not names or not all(re.fullmatch(r"[a-z][a-z0-9-]*", name) for name in names):
        message = "from must name attributes"
        raise ValueError(message)
    return _first_of(names), frozenset(names)


def _template(text: str) -> tuple[Evaluate, frozenset[str]]:
    render = compile_template(text)
    names = tuple(sorted(names_in(text)))

    def evaluate(attributes: Attributes) -> Values:
        found = {
            name: attributes[name.lower()][0] for name in names if attributes.get(name.lower())
        }
        text = render(found)
        return () if text is None else (text,)

    return evaluate, frozenset(name.lower() for name in names)


def _first_of(names: tuple[str, ...]) -> Evaluate:
    if len(names) == 1:
        (name,) = names
        return lambda attributes: attributes.get(name, ())

    def evaluate(attributes: Attributes) -> Values:
        for name in names:
            if values := attributes.get(name, ()):
                return values
        return ()

    return evaluate


def _then(evaluate: Evaluate, transform: Callable[[Values], Values]) -> Evaluate:
    return lambda attributes: transform(evaluate(attributes))


def _or_else(evaluate: Evaluate, default: str) -> Evaluate:
    return lambda attributes: evaluate(attributes) or (default,)


def _only_if(condition: Condition, evaluate: Evaluate) -> Evaluate:
    return lambda attributes: evaluate(attributes) if condition(attributes) else ()


def _condition(table: Any) -> tuple[Condition, frozenset[str]]:
    """Return the condition of a `when` table; all that it says must hold."""
    if not isinstance(table, dict) or "attribute" not in table or len(table) < 2:  # noqa: PLR2004 - the attribute and a test
        message = 'when must be a table such as { attribute = "c", equals = "DE" }'
        raise ValueError(message)
    unknown = [key for key in table if key not in WHEN_KEYS]
    if unknown:
        message = f"unknown key {unknown[0]} in when; there are: {', '.join(sorted(WHEN_KEYS))}"
        raise ValueError(message)
    name = str(table["attribute"]).lower()
    tests = _tests(table)
    return (lambda attributes: all(test(attributes.get(name, ())) for test in tests)), frozenset(
        {name}
    )


def _tests(table: Mapping[str, Any]) -> list[Callable[[Values], bool]]:
    tests: list[Callable[[Values], bool]] = []
    if "present" in table:
        wanted = bool(table["present"])
        tests.append(lambda values: bool(values) == wanted)
    if "equals" in table:
        folded = str(table["equals"]).casefold()
        tests.append(lambda values: any(value.casefold() == folded for value in values))
    if "in" in table:
        allowed = {str(value).casefold() for value in _listed(table["in"])}
        tests.append(lambda values: any(value.casefold() in allowed for value in values))
    if "matches" in table:
        pattern = _pattern(str(table["matches"]))
        tests.append(lambda values: any(pattern.fullmatch(value) for value in values))
    return tests


def _pattern(text: str) -> re.Pattern[str]:
    """Return a pattern that cannot take for ever: no repeated group holds a repetition."""
    if len(text) > LONGEST_PATTERN or re.search(r"[*+}]\)\s*[*+{]", text):
        message = f"the pattern {text!r} is too long or repeats a repetition"
        raise ValueError(message)
    try:
        return re.compile(text, re.IGNORECASE)
    except re.error as error:
        message = f"the pattern {text!r} is not usable: {error}"
        raise ValueError(message) from error
