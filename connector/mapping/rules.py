"""One mapping file, compiled: rules from attribute values to SCIM values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import Any

from connector.mapping.condition import Attributes, compile_condition
from connector.mapping.template import compile_template
from connector.mapping.transform import Values, find_transform

Evaluate = Callable[[Attributes], Values]

ORIGINS = ("from", "constant", "template")
RULE_KEYS = (*ORIGINS, "transform", "lookup", "when", "default", "required")
# RFC 4512 section 2.5: a short name or a numeric object identifier.
_ATTRIBUTE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*|[0-9]+(\.[0-9]+)+")


@dataclass(frozen=True, slots=True)
class Naming:
    """How the attributes that a rule reads are named.

    Attributes:
        find_fault: Returns why something is not the name of an attribute, or "".
        fold: Writes a name as the attributes have it.
        has_dots: Whether there are names with dots, as SCIM's.

    """

    find_fault: Callable[[Any], str]
    fold: Callable[[str], str]
    has_dots: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """How one value comes about.

    Attributes:
        evaluate: From an entry's attributes to values, none of them blank; ValueError if a value
            cannot be read.
        is_required: Whether having none is a problem.
        sources: Attribute names that it reads, folded.

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
        each: Whether every value of the only rule makes an element of its own.

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

    @property
    def origins(self) -> dict[str, frozenset[str]]:
        """Return the attribute paths that it may give, each with the attributes it is read from."""
        found = {to_path(steps): rule.sources for steps, rule in self.single}
        for path, items in self.multiple:
            rules = [rule for item in items for _, rule in item.rules]
            found[path] = frozenset[str]().union(*(rule.sources for rule in rules))
        return found


def to_path(steps: tuple[str, ...]) -> str:
    """Return the path as it is written (RFC 7644 section 3.10).

    >>> to_path(("name", "givenName")), to_path(("urn:x:2.0:User", "department"))
    ('name.givenName', 'urn:x:2.0:User:department')

    """
    return (":" if steps[0].startswith("urn:") else ".").join(steps)


def compile_rule(written: Any, naming: Naming | None = None) -> Rule:
    """Return the rule that a file's value says: an attribute's name, or a table.

    Args:
        written: As in the file.
        naming: Of the attributes that it reads; None for those of LDAP.

    Raises:
        ValueError: with every fault, one a line.

    """
    match written:
        case str():
            table: dict[str, Any] = {"from": written}
        case dict():
            table = written
        case _:
            message = 'must be an attribute name or a table such as { from = "mail" }'
            raise ValueError(message)
    faults = _find_faults(table)
    evaluate, sources = _compile(table, naming or _LDAP, faults)
    if faults:
        raise ValueError("\n".join(faults))
    return Rule(evaluate, table.get("required", False), sources)


def find_attribute_fault(name: Any) -> str:
    """Return why this is not the name of an attribute, or ""."""
    if isinstance(name, str) and _ATTRIBUTE_NAME.fullmatch(name):
        return ""
    return f"{name!r} is not the name of an attribute"


def _find_faults(table: Mapping[str, Any]) -> list[str]:
    faults = []
    for key in [key for key in table if key not in RULE_KEYS]:
        near = get_close_matches(key, RULE_KEYS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(RULE_KEYS)}"
        faults.append(f"unknown key {key}; {hint}")
    if len(table.keys() & set(ORIGINS)) != 1:
        faults.append("needs one of: from, constant, template")
    faults += [
        f"{key} must be text in quotes"
        for key in ("constant", "template", "default")
        if not isinstance(table.get(key, ""), str)
    ]
    if not isinstance(table.get("required", False), bool):
        faults.append("required must be true or false")
    return faults


_LDAP = Naming(find_attribute_fault, str.lower)


def _compile(
    table: Mapping[str, Any], naming: Naming, faults: list[str]
) -> tuple[Evaluate, frozenset[str]]:
    attempt = partial(_attempt, faults)
    has_origin = bool(table.keys() & set(ORIGINS))
    evaluate, sources = (attempt(partial(_origin, naming), table) if has_origin else None) or (
        partial(_same, ()),
        frozenset(),
    )
    if changes := [
        change
        for name in _listed(table.get("transform", []))
        if (change := attempt(find_transform, str(name)))
    ]:
        evaluate = _then(evaluate, changes)
    if "lookup" in table and (found := attempt(_lookup, table["lookup"])):
        evaluate = _then(evaluate, [found])
    if default := table.get("default"):
        evaluate = _or_else(evaluate, str(default))
    look = partial(compile_condition, fold=naming.fold)
    if "when" in table and (condition := attempt(look, table["when"])):
        evaluate = _only_if(condition[0], evaluate)
        sources |= condition[1]
    return evaluate, sources


def _attempt(faults: list[str], make: Callable[[Any], Any], written: Any) -> Any:
    try:
        return make(written)
    except ValueError as error:
        faults += str(error).splitlines()
        return None


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _same(values: Values, attributes: Attributes) -> Values:
    """Return the values, whatever the entry has."""
    del attributes
    return values


def _origin(naming: Naming, table: Mapping[str, Any]) -> tuple[Evaluate, frozenset[str]]:
    if "constant" in table:
        return partial(_same, _filled((str(table["constant"]),))), frozenset()
    if "template" in table:
        return _template(naming, str(table["template"]))
    names = _listed(table.get("from", []))
    faults = [fault for name in names if (fault := naming.find_fault(name))]
    if faults or not names:
        raise ValueError("\n".join(faults) or "from must name an attribute")
    folded = tuple(naming.fold(name) for name in names)
    return _first_of(folded), frozenset(folded)


def _template(naming: Naming, text: str) -> tuple[Evaluate, frozenset[str]]:
    render, names = compile_template(text, naming.fold, has_dots=naming.has_dots)

    def evaluate(attributes: Attributes) -> Values:
        text = render(attributes)
        return () if text is None else (text,)

    return evaluate, names


def _lookup(written: Any) -> Callable[[Values], Values]:
    """Return what exchanges the values that a table names, and leaves the others."""
    if not isinstance(written, dict) or not all(isinstance(to, str) for to in written.values()):
        message = 'lookup must be a table such as { "Berlin" = "BER" }'
        raise ValueError(message)
    table = {value.casefold(): to for value, to in written.items()}
    return lambda values: tuple(table.get(value.casefold(), value) for value in values)


def _filled(values: Values) -> Values:
    """Return the values without blank ones, which count as none."""
    if len(values) == 1:
        return values if values[0].strip() else ()
    return tuple([value for value in values if value.strip()])


def _first_of(names: tuple[str, ...]) -> Evaluate:
    if len(names) == 1:
        (name,) = names
        return lambda attributes: _filled(attributes[name]) if name in attributes else ()

    def evaluate(attributes: Attributes) -> Values:
        for name in names:
            if name in attributes and (values := _filled(attributes[name])):
                return values
        return ()

    return evaluate


def _then(evaluate: Evaluate, changes: list[Callable[[Values], Values]]) -> Evaluate:
    def changed(attributes: Attributes) -> Values:
        values = evaluate(attributes)
        if not values:
            return ()
        for change in changes:
            values = change(values)
        return _filled(values)

    return changed


def _or_else(evaluate: Evaluate, default: str) -> Evaluate:
    return lambda attributes: evaluate(attributes) or (default,)


def _only_if(condition: Callable[[Attributes], bool], evaluate: Evaluate) -> Evaluate:
    return lambda attributes: evaluate(attributes) if condition(attributes) else ()
