"""Find a mapping file: in the operator's folder, or among ours."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from connector.errors import ConfigurationError, Fault
from connector.mapping.parse import parse_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.mapping.rules import ResourceMapping


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


def parse_mapping(name: str, text: str) -> ResourceMapping:
    """Return the mapping that a file's text says.

    Raises:
        ConfigurationError: with every fault.

    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError([Fault(name, "", f"not valid TOML: {error}")]) from error
    return parse_table(name, table)


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
