"""Map one entry (step 4): the hot path, on plain dicts; schemas were checked with the file."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import orjson

from connector.mapping.resource import MappedResource, MappingProblem

if TYPE_CHECKING:
    from connector.mapping.rules import Attributes, Item, ResourceMapping, Rule
    from connector.source.entry import SourceEntry


class _Problem(Exception):
    """Ends one entry, inside this file only."""

    def __init__(self, path: str, words: str) -> None:
        self.path = path
        self.words = words


def map_entry(entry: SourceEntry, mapping: ResourceMapping) -> MappedResource | MappingProblem:
    """Return the entry as a resource, or what stood in its way."""
    try:
        document = build_document(entry.attributes, mapping, entry.external_id)
        login_names, bind_name = _login(entry.attributes, mapping)
    except _Problem as problem:
        return MappingProblem(
            entry.external_id, entry.distinguished_name, problem.path, problem.words
        )
    text = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    digest = blake2b(text, digest_size=16).digest()
    return MappedResource(
        mapping.resource_type, entry.external_id, document, digest, login_names, bind_name
    )


def build_document(
    attributes: Attributes, mapping: ResourceMapping, external_id: str
) -> dict[str, Any]:
    """Return the document that these attribute values become."""
    document: dict[str, Any] = {"schemas": list(mapping.schemas), "externalId": external_id}
    for steps, rule in mapping.single:
        value = _single(attributes, rule, steps)
        if value is None:
            continue
        if len(steps) == 1:
            document[steps[0]] = value
        else:
            document.setdefault(steps[0], {})[steps[1]] = value
    for path, items in mapping.multiple:
        elements = _elements(attributes, path, items)
        if elements:
            document[path] = elements
    # An extension of which nothing came about is not announced.
    document["schemas"] = [
        urn for urn in document["schemas"] if ":extension:" not in urn or urn in document
    ]
    return document


def _single(attributes: Attributes, rule: Rule, steps: tuple[str, ...]) -> str | None:
    for value in rule.evaluate(attributes):
        if value and not value.isspace():
            return value
    if rule.is_required:
        raise _Problem(".".join(steps), "is required and the entry has no value for it")
    return None


def _elements(attributes: Attributes, path: str, items: tuple[Item, ...]) -> list[dict[str, Any]]:
    """Return the elements of a multi-valued attribute; of equal values the first stays."""
    elements: list[dict[str, Any]] = []
    seen: set[str] = set()
    for item in items:
        for parts in _parts(attributes, path, item):
            value = parts.get("value")
            folded = value.casefold() if value is not None else repr(parts)
            if folded in seen:
                continue
            seen.add(folded)
            elements.append({**parts, **item.fixed})
    return elements


def _parts(attributes: Attributes, path: str, item: Item) -> list[dict[str, str]]:
    if item.each:
        ((name, rule),) = item.rules
        values = [value for value in rule.evaluate(attributes) if value and not value.isspace()]
        return [{name: value} for value in values]
    parts = {}
    for name, rule in item.rules:
        value = _single(attributes, rule, (path, name))
        if value is not None:
            parts[name] = value
    return [parts] if parts else []


def _login(attributes: Attributes, mapping: ResourceMapping) -> tuple[tuple[str, ...], str]:
    if not mapping.bind_name:
        return (), ""
    names = {
        value.strip().casefold()
        for name in mapping.login_names
        for value in attributes.get(name, ())
        if value.strip()
    }
    bind_name = next(iter(attributes.get(mapping.bind_name, ())), "")
    return tuple(sorted(names)), bind_name
