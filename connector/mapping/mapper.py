"""Map one entry (step 4): the hot path, on plain dicts; schemas were checked with the file."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import orjson

from connector.mapping.resource import MappedResource, MappingProblem
from connector.mapping.rules import to_path

if TYPE_CHECKING:
    from connector.mapping.condition import Attributes
    from connector.mapping.rules import Item, ResourceMapping
    from connector.source.entry import SourceEntry

DIGEST_BYTES = 16
_MISSING = "is required and the entry has no value for it"


class _Problem(Exception):
    """Ends one entry, inside this file only."""

    def __init__(self, steps: tuple[str, ...], words: str) -> None:
        self.path = to_path(steps)
        self.words = words


def map_entry(entry: SourceEntry, mapping: ResourceMapping) -> MappedResource | MappingProblem:
    """Return the entry as a resource, or what stood in its way."""
    attributes = entry.attributes
    document: dict[str, Any] = {"schemas": [*mapping.schemas], "externalId": entry.external_id}
    try:
        _add_single(document, attributes, mapping)
        for path, items in mapping.multiple:
            if elements := _elements(attributes, path, items):
                document[path] = elements
    except _Problem as problem:
        return MappingProblem(
            entry.external_id, entry.distinguished_name, problem.path, problem.words
        )
    for urn in mapping.schemas[1:]:
        # An extension of which nothing came about is not announced.
        if urn not in document:
            document["schemas"].remove(urn)
    text = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    digest = blake2b(text, digest_size=DIGEST_BYTES).digest()
    login_names, bind_name = _login(attributes, mapping)
    return MappedResource(
        mapping.resource_type, entry.external_id, document, digest, login_names, bind_name
    )


def _add_single(document: dict[str, Any], attributes: Attributes, mapping: ResourceMapping) -> None:
    """Set every single-valued attribute that has a value."""
    for steps, rule in mapping.single:
        try:
            values = rule.evaluate(attributes)
        except ValueError as error:
            raise _Problem(steps, str(error)) from error
        if not values:
            if rule.is_required:
                raise _Problem(steps, _MISSING)
        elif len(steps) == 1:
            document[steps[0]] = values[0]
        elif steps[0] in document:
            document[steps[0]][steps[1]] = values[0]
        else:
            document[steps[0]] = {steps[1]: values[0]}


def _elements(attributes: Attributes, path: str, items: tuple[Item, ...]) -> list[dict[str, Any]]:
    """Return the elements of a multi-valued attribute."""
    elements: list[dict[str, Any]] = []
    for item in items:
        parts: dict[str, Any] = {}
        for name, rule in item.rules:
            try:
                values = rule.evaluate(attributes)
            except ValueError as error:
                raise _Problem((path, name), str(error)) from error
            if values:
                parts[name] = values[0]
            elif rule.is_required:
                raise _Problem((path, name), _MISSING)
        if parts and item.each:
            # There is one rule, and this is its name and these are all its values.
            elements += [{name: value, **item.fixed} for value in values]
        elif parts:
            parts.update(item.fixed)
            elements.append(parts)
    return _unique(elements) if len(elements) > 1 else elements


def _unique(elements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the elements without those whose value was there before, whatever its case."""
    kept: dict[str, dict[str, Any]] = {}
    for element in elements:
        key = element["value"].casefold() if "value" in element else repr(element)
        kept.setdefault(key, element)
    return list(kept.values())


def _login(attributes: Attributes, mapping: ResourceMapping) -> tuple[tuple[str, ...], str]:
    if not mapping.bind_name:
        return (), ""
    names = {
        name
        for attribute in mapping.login_names
        for value in attributes.get(attribute, ())
        if (name := value.strip().casefold())
    }
    bind_names = attributes.get(mapping.bind_name, ())
    return tuple(sorted(names)), bind_names[0].strip() if bind_names else ""
