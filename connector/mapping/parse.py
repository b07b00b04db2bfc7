"""A mapping file's tables to a `ResourceMapping`; everything that is wrong is said at once."""

from __future__ import annotations

from difflib import get_close_matches
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import orjson

from connector.errors import ConfigurationError, Fault
from connector.mapping.parse_example import Example, parse_example
from connector.mapping.rules import Item, ResourceMapping, Rule, compile_rule, find_attribute_fault
from connector.mapping.schema import CORE, ENTERPRISE_USER, attributes_of, path_problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

TOP_KEYS = ("resource", "attributes", "login", "example")
# Raise it when a transform or a rule changes what it gives: all entries are then mapped anew.
MEANING_VERSION = 1
_FIXED = frozenset({"type", "primary"})

Single = tuple[tuple[str, ...], Rule]
Multiple = tuple[str, tuple[Item, ...]]


def parse_table(name: str, table: Mapping[str, Any]) -> ResourceMapping:
    """Return the mapping that a file's tables say.

    Raises:
        ConfigurationError: with every fault.

    """
    reader = _Reader(name, table)
    mapping = reader.read()
    if reader.faults:
        raise ConfigurationError(reader.faults)
    return mapping


class _Reader:
    """Goes through one file and collects what is wrong."""

    def __init__(self, name: str, table: Mapping[str, Any]) -> None:
        self._name = name
        self._table = table
        self.faults: list[Fault] = []

    def read(self) -> ResourceMapping:
        """Return what could be read; it is of use only if there are no faults."""
        for key in self._table.keys() - set(TOP_KEYS):
            self._fault(key, f"unknown key{_hint(key, TOP_KEYS)}")
        resource_type = self._resource_type()
        single, multiple = self._attributes(resource_type)
        login_names, bind_name = self._login(resource_type)
        rules = [rule for _, rule in single]
        rules += [rule for _, items in multiple for item in items for _, rule in item.rules]
        sources = {name for rule in rules for name in rule.sources}
        sources |= {*login_names, *([bind_name] if bind_name else [])}
        has_extension = any(steps[0] == ENTERPRISE_USER for steps, _ in single)
        return ResourceMapping(
            name=self._name,
            resource_type=resource_type,
            schemas=(f"{CORE}{resource_type}", *([ENTERPRISE_USER] if has_extension else [])),
            single=tuple(single),
            multiple=tuple(multiple),
            login_names=login_names,
            bind_name=bind_name,
            wanted=tuple(sorted(sources)),
            fingerprint=self._fingerprint(),
            examples=tuple(self._examples()),
        )

    def _fault(self, key: str, problem: str) -> None:
        self.faults += [Fault(self._name, key, line) for line in problem.splitlines()]

    def _fingerprint(self) -> str:
        meaning = {key: self._table.get(key) for key in ("resource", "attributes", "login")}
        text = orjson.dumps([MEANING_VERSION, meaning], option=orjson.OPT_SORT_KEYS, default=str)
        return blake2b(text, digest_size=8).hexdigest()

    def _resource_type(self) -> str:
        resource_type = self._table.get("resource")
        if resource_type in ("User", "Group"):
            return str(resource_type)
        self._fault("resource", f'must be "User" or "Group", not {resource_type!r}')
        return "User"

    # -- attributes ------------------------------------------------------------------------------

    def _attributes(self, resource_type: str) -> tuple[list[Single], list[Multiple]]:
        single: list[Single] = []
        multiple: list[Multiple] = []
        table = self._table.get("attributes", {})
        if not isinstance(table, dict):
            self._fault("attributes", "must be a table of attribute paths")
            table = {}
        needed = "userName" if resource_type == "User" else "displayName"
        if needed not in table:
            self._fault(f"attributes.{needed}", "is missing; every resource needs it")
        for path, written in table.items():
            key = f"attributes.{path}"
            problem = path_problem(resource_type, path, is_list=isinstance(written, list))
            if problem:
                self._fault(key, problem)
            elif isinstance(written, list):
                multiple.append((path, self._items(resource_type, path, written)))
            elif rule := self._rule(key, written):
                single.append((_to_steps(path), rule))
        return single, multiple

    def _rule(self, key: str, written: Any) -> Rule | None:
        try:
            return compile_rule(written)
        except ValueError as error:
            self._fault(key, str(error))
            return None

    def _items(self, resource_type: str, path: str, written: list[Any]) -> tuple[Item, ...]:
        known = attributes_of(resource_type)[path].sub_attributes
        items = []
        for number, table in enumerate(written):
            key = f"attributes.{path}[{number}]"
            if isinstance(table, dict):
                items.append(self._item(key, table, known))
            else:
                self._fault(key, 'must be a table such as { value = "mail", type = "work" }')
        if sum(item.fixed.get("primary") is True for item in items) > 1:
            self._fault(f"attributes.{path}", "only one element may be primary")
        return tuple(items)

    def _item(self, key: str, table: Mapping[str, Any], known: frozenset[str]) -> Item:
        for name in sorted(table.keys() - known - {"each"}):
            self._fault(f"{key}.{name}", f"no such part{_hint(name, [*known, 'each'])}")
        named = sorted(table.keys() & (known - _FIXED), key=list(table).index)
        rules = [(name, self._rule(f"{key}.{name}", table[name])) for name in named]
        for problem in _find_item_faults(table, len(rules)):
            self._fault(key, problem)
        return Item(
            tuple((name, rule) for name, rule in rules if rule is not None),
            {name: table[name] for name in ("type", "primary") if name in table and name in known},
            table.get("each") is True,
        )

    # -- logins and examples ---------------------------------------------------------------------

    def _login(self, resource_type: str) -> tuple[tuple[str, ...], str]:
        table = self._table.get("login", {})
        if resource_type == "Group":
            if table:
                self._fault("login", "is for users only")
            return (), ""
        if not isinstance(table, dict):
            self._fault("login", 'must be a table of "names" and "bind"')
            return (), ""
        for key in sorted(table.keys() - {"names", "bind"}):
            self._fault(f"login.{key}", f"unknown key{_hint(key, ['names', 'bind'])}")
        names = table.get("names", [])
        bind = table.get("bind", "")
        if not isinstance(names, list) or not names:
            self._fault("login.names", "must list the attributes that people may sign in by")
            names = []
        for name, key in (*((name, "login.names") for name in names), (bind, "login.bind")):
            if problem := find_attribute_fault(name):
                self._fault(key, problem)
        return tuple(str(name).lower() for name in names), str(bind).lower()

    def _examples(self) -> Iterator[Example]:
        examples = self._table.get("example", [])
        if not isinstance(examples, list):
            self._fault("example", "must be written as [[example]]")
            return
        for number, example in enumerate(examples):
            try:
                yield parse_example(example)
            except ValueError as error:
                self._fault(f"example[{number}]", str(error))


def _find_item_faults(table: Mapping[str, Any], rule_count: int) -> Iterator[str]:
    if not rule_count:
        yield 'needs a rule, such as value = "mail"'
    if not isinstance(table.get("type", ""), str):
        yield "type must be text in quotes"
    for name in ("primary", "each"):
        if not isinstance(table.get(name, False), bool):
            yield f"{name} must be true or false"
    if table.get("each") is True:
        if rule_count > 1:
            yield "each makes an element of every value, so that there can be one rule only"
        if table.get("primary") is True:
            yield "each may make several elements, of which only one could be primary"


def _hint(word: str, known: Collection[str]) -> str:
    near = get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(sorted(known))}"


def _to_steps(path: str) -> tuple[str, ...]:
    """Return the keys down to a value.

    >>> _to_steps("name.givenName"), _to_steps("urn:x:2.0:User:department")
    (('name', 'givenName'), ('urn:x:2.0:User', 'department'))

    """
    if path.startswith("urn:"):
        schema, _, name = path.rpartition(":")
        return schema, name
    return tuple(path.split("."))
