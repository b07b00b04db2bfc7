"""Values of a person at a SCIM attribute path (RFC 7644 section 3.10). Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from connector.mapping.schema import CORE, ENTERPRISE_USER, attributes_of

Document = Mapping[str, Any]
Values = tuple[str, ...]

_FILTERED = re.compile(r'(\w+)\[type eq "([^"]*)"\](?:\.(\w+))?')


def values_at(document: Document, path: str) -> Values:
    """Return the values at a path as text.

    Of several values with one marked as primary, only that one: `emails.value` is *the* address.

    >>> values_at({"emails": [{"value": "a@x"}, {"value": "b@x", "primary": True}]}, "emails.value")
    ('b@x',)
    >>> values_at({"name": {"givenName": "Ann"}}, "name.givenName")
    ('Ann',)

    """
    return compile_path(path)(document)


@lru_cache(maxsize=1024)
def compile_path(path: str) -> Callable[[Document], Values]:
    """Return what reads the values at that path, as `values_at` does.

    An attribute of the enterprise extension may go by its short name.

    >>> compile_path("department")({ENTERPRISE_USER: {"department": "IT"}})
    ('IT',)

    """
    in_core, schema, short = _divide(path)
    filtered = _FILTERED.fullmatch(short)
    if filtered is not None:
        head, wanted, below = filtered[1], filtered[2], (filtered[3] or "value").split(".")
        return lambda document: _to_texts(
            _below([one for one in _listed(document.get(head)) if _is_type(one, wanted)], below)
        )
    head, *rest = short.split(".")

    def read(document: Document) -> Values:
        value = document.get(head) if in_core else None
        if value is None and schema:
            value = document.get(schema, {}).get(head)
        # Most are one text, and a sign-on reads a dozen of them.
        if type(value) is list and len(value) == 1:
            value = value[0]
        if len(rest) == 1 and type(value) is dict and type(text := value.get(rest[0])) is str:
            return (text,) if text else ()
        if not rest and type(value) is str:
            return (value,) if value else ()
        found = _primary(_listed(value))
        return _to_texts(_below(found, rest) if rest else found)

    return read


def find_path_fault(path: Any) -> str:
    """Return why nobody can have a value at that path, or "".

    >>> find_path_fault("emails.value"), find_path_fault("name.givenname")
    ('', "people have no attribute 'name.givenname'; did you mean name.givenName?")

    """
    filtered = _FILTERED.fullmatch(path) if isinstance(path, str) else None
    plain = f"{filtered[1]}.{filtered[3] or 'value'}" if filtered else path
    known = list(_known_paths())
    if plain in known:
        return ""
    likely = f"{plain}.value"
    near = [likely] if likely in known else get_close_matches(str(plain), known, n=1)
    return f"people have no attribute {path!r}" + (f"; did you mean {near[0]}?" if near else "")


def _known_paths() -> Iterator[str]:
    """Yield every path at which a mapping can put a value."""
    yield "externalId"
    for name, attribute in attributes_of("User").items():
        for spelling in {name, name.removeprefix(f"{ENTERPRISE_USER}:")}:
            if attribute.scim_type == "complex":
                yield from (f"{spelling}.{below}" for below in attribute.sub_attributes)
            else:
                yield spelling


def _divide(path: str) -> tuple[bool, str, str]:
    """Return whether it may be an attribute of the core, of which extension, and what is left."""
    if not path.startswith("urn:"):
        return True, ENTERPRISE_USER, path
    schema, _, rest = path.rpartition(":")
    return (True, "", rest) if schema == f"{CORE}User" else (False, schema, rest)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _primary(values: list[Any]) -> list[Any]:
    if len(values) < 2:
        return values
    primary = [each for each in values if isinstance(each, dict) and each.get("primary") is True]
    return primary or values


def _is_type(value: Any, wanted: str) -> bool:
    return isinstance(value, dict) and value.get("type") == wanted


def _below(values: list[Any], names: list[str]) -> list[Any]:
    for name in names:
        values = [
            below
            for each in values
            if isinstance(each, dict)
            for below in _primary(_listed(each.get(name)))
        ]
    return values


def _to_texts(values: list[Any]) -> Values:
    texts = []
    for value in values:
        if isinstance(value, bool):
            texts.append("true" if value else "false")
        elif isinstance(value, str | int | float) and value != "":
            texts.append(str(value))
    return tuple(texts)
