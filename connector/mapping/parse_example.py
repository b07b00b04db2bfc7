"""One `[[example]]` of a mapping file: attributes in, document out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Example = tuple[Mapping[str, tuple[str, ...]], Mapping[str, Any]]


def parse_example(written: Any) -> Example:
    """Return what goes in, by attribute name in lower case, and what should come out.

    >>> parse_example({"in": {"givenName": "Anna"}, "out": {"name": {"givenName": "Anna"}}})
    ({'givenname': ('Anna',)}, {'name': {'givenName': 'Anna'}})

    Raises:
        ValueError: if it is not a pair of tables.

    """
    is_pair = isinstance(written, dict) and written.keys() == {"in", "out"}
    if not is_pair or not all(isinstance(side, dict) for side in written.values()):
        message = 'must be a pair of tables, "in" and "out"'
        raise ValueError(message)
    values = {name.lower(): _to_values(name, value) for name, value in written["in"].items()}
    return values, written["out"]


def _to_values(name: str, value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) for one in values):
        message = f"in.{name} must be text in quotes, or a list of such"
        raise ValueError(message)
    return tuple(values)
