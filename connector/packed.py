"""Resources as they are kept: JSON in a tenth of the memory that dictionaries take.

A first load has a hundred thousand of them in one plan, and looks into each a few times only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, final

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator


@final
class Packed(Mapping[str, Any]):
    """A document that is decoded whenever somebody looks into it; `values_of` does so once.

    >>> anna = pack({"userName": "anna", "active": True})
    >>> anna["userName"], len(anna), anna == {"userName": "anna", "active": True}
    ('anna', 2, True)

    """

    __slots__ = ("json",)

    def __init__(self, json: bytes) -> None:
        """Keep the JSON of an object."""
        self.json = json

    def __getitem__(self, key: str) -> Any:
        """Return a value; raise KeyError if there is none."""
        return values_of(self)[key]

    def __iter__(self) -> Iterator[str]:
        """Yield the keys."""
        return iter(values_of(self))

    def __len__(self) -> int:
        """Return how many keys there are."""
        return len(values_of(self))

    def __repr__(self) -> str:
        """Return the document as it reads."""
        return f"Packed({self.json!r})"


def pack(document: Mapping[str, Any]) -> Packed:
    """Return a document packed."""
    if isinstance(document, Packed):
        return document
    # A copy, for the library keeps room for more behind what it returns.
    return Packed(bytes(memoryview(orjson.dumps(document))))


def values_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document as a dictionary of its own."""
    if type(document) is Packed:
        values: dict[str, Any] = orjson.loads(document.json)
        return values
    return dict(document)


def to_json(document: Mapping[str, Any]) -> bytes:
    """Return a document as JSON."""
    return document.json if type(document) is Packed else orjson.dumps(document)
