"""SAML attributes of an application: what each is called, and where its values come from.

A rule is written as those of the mapping files are (docs/mappings.md), but reads the attributes
of a SCIM user instead of those of the source; and the person's groups.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from connector.idp.application.attribute_path import Values, compile_path, find_path_fault
from connector.mapping.pattern import LONGEST_VALUE, compile_pattern
from connector.mapping.rules import Naming, compile_rule
from connector.settings.values import to_distinguished_name

if TYPE_CHECKING:
    from collections.abc import Iterable

NAME_FORMAT = "urn:oasis:names:tc:SAML:2.0:attrname-format:"
GROUPS = "groups"
# The groups that a rule has chosen; no attribute can have that name.
_CHOSEN = "chosen groups"
_OWN_KEYS = frozenset({GROUPS, "friendly_name", "name_format"})
_SHORT_FORMATS = frozenset({"basic", "uri", "unspecified"})
Choose = Callable[[Values], Values]


class Person(NamedTuple):
    """As much of a person as attributes are made of.

    Attributes:
        document: The SCIM user.
        groups: Distinguished names of all their groups, nested ones included.

    """

    document: Mapping[str, Any]
    groups: Values = ()


@dataclass(frozen=True, slots=True)
class AttributeRule:
    """One attribute (Core section 2.7.3.1).

    Attributes:
        name: As the service provider knows it.
        written: Where its values come from, as the operator wrote it, to show and to compare.
        name_format: URI.
        friendly_name: For people; "" for none.
        is_required: Nobody gets in without a value.
        reads_groups: Whether the person's groups must be known.
        evaluate: Returns the values; raises ValueError if one cannot be read.

    """

    name: str
    written: str
    name_format: str
    friendly_name: str = ""
    is_required: bool = False
    reads_groups: bool = False
    evaluate: Callable[[Person], Values] = field(default=lambda _: (), repr=False, compare=False)


def plain_attributes(paths: Mapping[str, str]) -> tuple[AttributeRule, ...]:
    """Return the rules that SCIM attribute paths say, by the attribute's name."""
    return tuple(compile_attribute(name, path) for name, path in paths.items())


def compile_attribute(name: str, written: Any) -> AttributeRule:
    """Return the rule for an attribute: a SCIM attribute path, or a table.

    >>> rule = compile_attribute("who", {"template": "{{ name.givenName }} of {{ department }}"})
    >>> rule.evaluate(Person({"name": {"givenName": "Ann"}, "department": "IT"}))
    ('Ann of IT',)

    Raises:
        ValueError: with every fault, one a line.

    """
    match written:
        case str():
            return _plain(name, written)
        case dict():
            return _from_table(name, written)
    message = 'must be a SCIM attribute path or a table such as { from = "emails.value" }'
    raise ValueError(message)


def _from_table(name: str, written: Mapping[str, Any]) -> AttributeRule:
    faults: list[str] = []
    choose = _compile_groups(written, faults)
    name_format = _to_name_format(name, written, faults)
    rule = None
    try:
        rule = compile_rule(_as_rule(written), _SCIM)
        faults += [fault for path in sorted(rule.sources) if (fault := _find_fault(path))]
    except ValueError as error:
        faults += str(error).splitlines()
    if faults or rule is None:
        raise ValueError("\n".join(faults))
    return AttributeRule(
        name,
        _to_text(written),
        name_format,
        written.get("friendly_name", ""),
        rule.is_required,
        bool(rule.sources & {GROUPS, _CHOSEN}),
        _reading(rule.evaluate, rule.sources, choose),
    )


def _plain(name: str, path: str) -> AttributeRule:
    if path == GROUPS:
        return compile_attribute(name, {GROUPS: "*"})
    if fault := find_path_fault(path):
        raise ValueError(fault)
    read = compile_path(path)
    return AttributeRule(
        name, path, _default_format(name), evaluate=lambda person: read(person.document)
    )


def _find_fault(path: Any) -> str:
    return "" if path in (GROUPS, _CHOSEN) else find_path_fault(path)


_SCIM = Naming(_find_fault, str, has_dots=True)


def _as_rule(written: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table as that of a mapping file, with the groups as an attribute like others."""
    table = {key: value for key, value in written.items() if key not in _OWN_KEYS}
    if GROUPS in written and "from" not in written:
        table["from"] = _CHOSEN
    return table


def _reading(
    evaluate: Callable[[Mapping[str, Values]], Values], sources: Iterable[str], choose: Choose
) -> Callable[[Person], Values]:
    """Return a rule that takes what it reads out of a person."""
    readers = [(path, compile_path(path)) for path in sources if path not in (GROUPS, _CHOSEN)]

    def read(person: Person) -> Values:
        attributes = {path: values for path, get in readers if (values := get(person.document))}
        attributes[GROUPS], attributes[_CHOSEN] = person.groups, choose(person.groups)
        return evaluate(attributes)

    return read


def _compile_groups(written: Mapping[str, Any], faults: list[str]) -> Choose:
    """Return what makes values of the names of groups: those that match, or a value for each."""
    groups = written.get(GROUPS, "*")
    if GROUPS in written and "from" in written:
        faults.append("needs one of: from, groups")
    if isinstance(groups, dict):
        return _by_table(groups, faults)
    if groups == "*":
        return lambda names: names
    try:
        pattern = compile_pattern(groups)
    except (ValueError, TypeError) as error:
        faults.append(f'groups must be "*", a pattern, or a table of names and values: {error}')
        return lambda names: names
    return lambda names: tuple(
        one for one in names if len(one) <= LONGEST_VALUE and pattern.fullmatch(one)
    )


def _by_table(groups: Mapping[str, Any], faults: list[str]) -> Choose:
    table: dict[str, Values] = {}
    for name, value in groups.items():
        values = value if isinstance(value, list) else [value]
        if not values or not all(isinstance(one, str) and one for one in values):
            faults.append(f"the value for {name!r} must be text in quotes, or a list of such")
        try:
            table[to_distinguished_name(name).casefold()] = tuple(map(str, values))
        except ValueError as error:
            faults.append(f"groups: {error}")

    def choose(names: Values) -> Values:
        held = {name.casefold() for name in names}
        found = [value for name, values in table.items() if name in held for value in values]
        return tuple(dict.fromkeys(found))

    return choose


def _to_name_format(name: str, written: Mapping[str, Any], faults: list[str]) -> str:
    if not isinstance(written.get("friendly_name", ""), str):
        faults.append("friendly_name must be text in quotes")
    found = written.get("name_format", "")
    if found in _SHORT_FORMATS:
        return f"{NAME_FORMAT}{found}"
    if not isinstance(found, str) or (found and ":" not in found):
        faults.append(f"name_format must be basic, uri, unspecified or a URI, not {found!r}")
    return str(found) or _default_format(name)


def _default_format(name: str) -> str:
    return f"{NAME_FORMAT}{'uri' if ':' in name else 'basic'}"


def _to_text(written: Any) -> str:
    """Return a value on one line, as TOML has it.

    >>> _to_text({"from": "title", "transform": ["upper"]})
    '{ from = "title", transform = ["upper"] }'

    """
    if isinstance(written, dict):
        parts = [f"{_to_key(key)} = {_to_text(value)}" for key, value in written.items()]
        return f"{{ {', '.join(parts)} }}"
    if isinstance(written, list):
        return f"[{', '.join(map(_to_text, written))}]"
    return json.dumps(written, ensure_ascii=False)


def _to_key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key, ensure_ascii=False)
