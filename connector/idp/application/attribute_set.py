"""Sets of attributes that are known by name; an operator's own are laid over those we ship."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connector.errors import ConfigurationError, Fault
from connector.idp.application.attribute import AttributeRule, Person, compile_attribute
from connector.idp.application.data_file import lay_over, read_data_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

SETS_FILE = "saml_attributes.toml"
USUAL_SET = "basic"


@dataclass(frozen=True, slots=True)
class Example:
    """One person, and what should be said of them.

    Attributes:
        origin: File, for the faults.
        key: Where in the file.
        set_name: By which set.
        person: The person.
        expected: Values by the attribute's name.

    """

    origin: str
    key: str
    set_name: str
    person: Person
    expected: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class AttributeSets:
    """Every set.

    Attributes:
        sets: Rules by the set's name.
        examples: Of all files.

    """

    sets: Mapping[str, tuple[AttributeRule, ...]]
    examples: tuple[Example, ...] = ()

    def find(self, name: str) -> AttributeRule | None:
        """Return the rule of an attribute of that name, of the first set that has one."""
        rules = (rule for rules in self.sets.values() for rule in rules)
        return next((rule for rule in rules if rule.name == name), None)

    def failures(self) -> Iterator[Fault]:
        """Yield each example that does not come out as written, with both values."""
        for example in self.examples:
            try:
                got = dict(_evaluate(self.sets[example.set_name], example.person))
            except (KeyError, ValueError) as error:
                yield Fault(example.origin, example.key, str(error) or "names no set")
                continue
            if got != example.expected:
                problem = f"expected {_shown(example.expected)}, got {_shown(got)}"
                yield Fault(example.origin, example.key, problem)


def load_attribute_sets(folders: Sequence[Path]) -> AttributeSets:
    """Return the sets of the operator's file and ours.

    Raises:
        ConfigurationError: with every fault of the files.

    """
    files = read_data_files(SETS_FILE, folders)
    tables: Any = {}
    for file in reversed(files):
        tables = lay_over({"set": file.tables.get("set", {})}, tables)
    faults: list[Fault] = []
    for file in files:
        unknown = sorted(file.tables.keys() - {"set", "example"})
        faults += [Fault(file.origin, key, "unknown key") for key in unknown]
    sets = {
        name: compile_attributes(table, files[0].origin, f"set.{name}", faults)
        for name, table in tables["set"].items()
    }
    examples = []
    for file in files:
        for number, written in enumerate(file.tables.get("example", [])):
            key = f"example[{number}]"
            try:
                examples.append(_to_example(written, file.origin, key))
            except ValueError as error:
                faults.append(Fault(file.origin, key, str(error)))
    if faults:
        raise ConfigurationError(faults)
    return AttributeSets(sets, tuple(examples))


def compile_attributes(
    table: Any, origin: str, key: str, faults: list[Fault]
) -> tuple[AttributeRule, ...]:
    """Return the rules of a table; what is wrong with it goes into `faults`."""
    if not isinstance(table, dict):
        faults.append(Fault(origin, key, "must be a table of attributes by name"))
        return ()
    rules = []
    for name, written in table.items():
        try:
            rules.append(compile_attribute(name, written))
        except ValueError as error:
            faults += [Fault(origin, f"{key}.{name}", line) for line in str(error).splitlines()]
    return tuple(rules)


def _evaluate(
    rules: Sequence[AttributeRule], person: Person
) -> Iterator[tuple[str, tuple[str, ...]]]:
    for rule in rules:
        if values := rule.evaluate(person):
            yield rule.name, values


def _to_example(written: Any, origin: str, key: str) -> Example:
    is_right = isinstance(written, dict) and written.keys() - {"groups"} == {"set", "user", "out"}
    if not is_right or not all(isinstance(written[side], dict) for side in ("user", "out")):
        message = 'must have "set", and the tables "user" and "out"; "groups" if they matter'
        raise ValueError(message)
    expected = {
        name: tuple(value) if isinstance(value, list) else (value,)
        for name, value in written["out"].items()
    }
    person = Person(written["user"], tuple(written.get("groups", ())))
    return Example(origin, key, str(written["set"]), person, expected)


def _shown(values: Mapping[str, tuple[str, ...]]) -> str:
    return ", ".join(f"{name} = {', '.join(each)}" for name, each in sorted(values.items()))
