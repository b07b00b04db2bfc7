"""Data files that operators lay their own over: what theirs says comes before what ours does."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connector.errors import ConfigurationError, Fault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file of that name.

    Attributes:
        origin: As it is named in faults.
        tables: What it holds.

    """

    origin: str
    tables: Mapping[str, Any]


def read_data_files(name: str, folders: Sequence[Path]) -> tuple[DataFile, ...]:
    """Return every file of that name, the operator's own first.

    Raises:
        ConfigurationError: if there is none, or one cannot be read.

    """
    paths = [path for folder in folders if (path := folder / name).is_file()]
    if not paths:
        places = " or ".join(map(str, folders))
        raise ConfigurationError([Fault(name, "", f"cannot be read: no such file in {places}")])
    return tuple(DataFile(str(path), _read(path)) for path in dict.fromkeys(paths))


def _read(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError([Fault(str(path), "", f"cannot be read: {error}")]) from error


def lay_over(own: Any, ours: Any) -> Any:
    """Return both as one: of tables in both, table by table; of anything else, the operator's.

    >>> lay_over({"regions": {"xx": 1}}, {"title": "T", "regions": {"us": 2}})
    {'title': 'T', 'regions': {'us': 2, 'xx': 1}}

    """
    if not isinstance(own, dict) or not isinstance(ours, dict):
        return own
    return ours | {
        key: lay_over(value, ours[key]) if key in ours else value for key, value in own.items()
    }
