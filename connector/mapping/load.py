"""Read a mapping file; say everything that is wrong with it at once."""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from connector.errors import ConfigurationError, Fault
from connector.mapping.rules import Item, ResourceMapping, Rule, compile_rule
from connector.mapping.schema import CORE, ENTERPRISE_USER, attributes_of, path_problem

if TYPE_CHECKING:
    from collections.abc import Sequence

TOP_KEYS = ("resource", "attributes", "login", "example")
_FIXED = frozenset({"type", "primary"})


def shipped_folder() -> Path:
    """Return where our own mapping files are: in the installed wheel, or in the source tree."""
    installed = Path(__file__).parent / "shipped"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "mappings"


def load_mapping(name: str, folders: Sequence[Path]) -> ResourceMapping:
    """Return the mapping of a file; the first folder that has it counts.

    Raises:
        ConfigurationError: with every fault of the file.

    """
    return parse_mapping(name, _read(name, folders))


def _read(name: str, folders: Sequence[Path]) -> str:
    for folder in folders:
        path = folder / name
        if path.is_file():
            try:
                return path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                problem = f"cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8 text'}"
                raise ConfigurationError([Fault(str(path), "", problem)]) from error
    places = " or ".join(str(folder) for folder in folders)
    raise ConfigurationError([Fault(name, "", f"no such mapping file in {places}")])


def parse_mapping(name: str, text: str) -> ResourceMapping:
    """Return the mapping that a file's text says.

    Raises:
        ConfigurationError: with every fault.

    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError([Fault(name, "", f"not valid TOML: {error}")]) from error
    reader = _Reader(name, table)
    mapping = reader.read()
    if reader.faults:
        raise ConfigurationError(reader.faults)
    return mapping


class _Reader:
    """Goes through one file and collects what is wrong."""

    def __init__(self, name: str, table: dict[str, Any]) -> None:
        self._name = name
        self._table = table
        self.faults: list[Fault] = []

    def fault(self, key: str, problem: str) -> None:
        self.faults += [Fault(self._name, key, line) for line in problem.splitlines()]

    def read(self) -> ResourceMapping:
        for key in self._table.keys() - set(TOP_KEYS):
            near = get_close_matches(key, TOP_KEYS, n=1)
            self.fault(key, "unknown key" + (f"; did you mean {near[0]}?" if near else ""))
        resource_type = self._resource_type()
        single, multiple = self._attributes(resource_type)
        login_names, bind_name = self._login(resource_type)
        rules = [rule for _, rule in single]
        rules += [rule for _, items in multiple for item in items for _, rule in item.rules]
        sources = {name for rule in rules for name in rule.sources}
        sources |= {*login_names, *([bind_name] if bind_name else [])}
        has_extension = any(path[0] == ENTERPRISE_USER for path, _ in single)
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
            examples=self._examples(),
        )

    def _fingerprint(self) -> str:
        meaning = {key: self._table.get(key) for key in ("resource", "attributes", "login")}
        text = orjson.dumps(meaning, option=orjson.OPT_SORT_KEYS, default=str)
        return blake2b(text, digest_size=8).hexdigest()

    def _resource_type(self) -> str:
        resource_type = self._table.get("resource")
        if resource_type not in ("User", "Group"):
            self.fault("resource", f'must be "User" or "Group", not {resource_type!r}')
            return "User"
        return str(resource_type)

    def _attributes(
        self, resource_type: str
    ) -> tuple[list[tuple[tuple[str, ...], Rule]], list[tuple[str, tuple[Item, ...]]]]:
        single, multiple = [], []
        table = self._table.get("attributes", {})
        if not isinstance(table, dict):
            self.fault("attributes", "must be a table of attribute paths")
            table = {}
        needed = "userName" if resource_type == "User" else "displayName"
        if needed not in table:
            self.fault(f"attributes.{needed}", "is missing; every resource needs it")
        for path, written in table.items():
            key = f"attributes.{path}"
            problem = path_problem(resource_type, path, is_list=isinstance(written, list))
            if problem:
                self.fault(key, problem)
            elif isinstance(written, list):
                multiple.append((path, self._items(resource_type, path, written)))
            elif rule := self._rule(key, written):
                single.append((_steps(path), rule))
        return single, multiple

    def _rule(self, key: str, written: Any) -> Rule | None:
        try:
            return compile_rule(written)
        except ValueError as error:
            self.fault(key, str(error))
            return None

    def _items(self, resource_type: str, path: str, written: list[Any]) -> tuple[Item, ...]:
        known = attributes_of(resource_type)[path].sub_attributes
        items = []
        for number, table in enumerate(written):
            key = f"attributes.{path}[{number}]"
            if not isinstance(table, dict):
                self.fault(key, 'must be a table such as { value = "mail", type = "work" }')
                continue
            for name in table.keys() - known - {"each"}:
                near = get_close_matches(name, [*known, "each"], n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                self.fault(f"{key}.{name}", f"{path} has no such part{hint}")
            rules = tuple(
                (name, rule)
                for name, value in table.items()
                if name in known - _FIXED and (rule := self._rule(f"{key}.{name}", value))
            )
            fixed = {name: table[name] for name in ("type", "primary") if name in table}
            items.append(Item(rules, fixed, bool(table.get("each", False))))
        return tuple(items)

    def _login(self, resource_type: str) -> tuple[tuple[str, ...], str]:
        table = self._table.get("login", {})
        if not isinstance(table, dict) or table.keys() - {"names", "bind"}:
            self.fault("login", 'must be a table of "names" and "bind"')
            return (), ""
        names, bind = table.get("names", []), table.get("bind", "")
        if resource_type == "User" and not (names and bind):
            self.fault("login", 'needs "names" and "bind": who may sign in, and as whom to bind')
        if not isinstance(names, list) or not isinstance(bind, str):
            self.fault("login", '"names" must be a list of attributes and "bind" one attribute')
            return (), ""
        return tuple(str(name).lower() for name in names), bind.lower()

    def _examples(self) -> tuple[tuple[dict[str, tuple[str, ...]], dict[str, Any]], ...]:
        examples = []
        for number, example in enumerate(self._table.get("example", [])):
            key = f"example[{number}]"
            if not isinstance(example, dict) or example.keys() != {"in", "out"}:
                self.fault(key, 'must be a table with "in" and "out"')
                continue
            values = {
                str(name).lower(): tuple(
                    str(one) for one in (value if isinstance(value, list) else [value])
                )
                for name, value in example["in"].items()
            }
            examples.append((values, example["out"]))
        return tuple(examples)


def _steps(path: str) -> tuple[str, ...]:
    """Return the keys down to a value.

    >>> _steps("name.givenName"), _steps("urn:x:2.0:User:department")
    (('name', 'givenName'), ('urn:x:2.0:User', 'department'))

    """
    if path.startswith("urn:"):
        schema, _, name = path.rpartition(":")
        return schema, name
    return tuple(path.split("."))
