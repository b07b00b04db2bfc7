"""Read `connector.toml`; say everything that is wrong with it at once."""

from __future__ import annotations

import re
import tomllib
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from connector.errors import ConfigurationError, Fault
from connector.settings.model import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pydantic_core import ErrorDetails

# The checking library speaks of its own classes.
_TABLE = re.compile(r"a valid dictionary( or instance of \w+)?")


def load_settings(path: Path) -> Settings:
    """Return the settings of a file; relative paths in it start at its folder.

    Raises:
        ConfigurationError: with every fault of the file, each with its key.

    """
    name = path.name
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        problem = "no such file; `connector init` writes one to start from"
        raise ConfigurationError([Fault(str(path), "", problem)]) from error
    except (OSError, UnicodeDecodeError) as error:
        problem = f"cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8 text'}"
        raise ConfigurationError([Fault(str(path), "", problem)]) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError([Fault(name, "", f"not valid TOML: {error}")]) from error
    return check_settings(values, name=name, folder=path.resolve().parent)


def check_settings(values: dict[str, Any], *, name: str, folder: Path) -> Settings:
    """Return the settings that these values say.

    Raises:
        ConfigurationError: with every fault, each with its key.

    """
    try:
        return Settings.model_validate(values, context={"folder": folder})
    except ValidationError as error:
        details = error.errors()
        faults = [_to_fault(name, each) for each in details if not _is_aside(each, details)]
        raise ConfigurationError(faults) from None


def _is_aside(detail: ErrorDetails, details: Sequence[ErrorDetails]) -> bool:
    """Return whether this only says that a value is not the one word that it may also be.

    Of `tls`, which may be false or a table, only what is wrong with the table is of use.
    """
    place = detail["loc"]
    if not place or not str(place[-1]).startswith("literal["):
        return False
    return any(
        each is not detail and each["loc"][: len(place) - 1] == place[:-1] for each in details
    )


def _to_fault(name: str, detail: ErrorDetails) -> Fault:
    return Fault(name, _key(detail["loc"]), _problem(detail))


def _key(location: Sequence[int | str]) -> str:
    """Return the location as an operator would write it, such as "target[0].limits"."""
    key = ""
    for part in location:
        if isinstance(part, int):
            key += f"[{part}]"
        elif not part.startswith(("literal[", "tuple[", "function-")) and part != "TlsSettings":
            key += f".{part}" if key else part
    return key


def _problem(detail: ErrorDetails) -> str:
    match detail["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return f"unknown key{_suggestion(detail['loc'])}"
        case _:
            text = detail["msg"].removeprefix("Value error, ")
            text = _TABLE.sub("a table", text).replace("a valid tuple", "a list")
            return text[:1].lower() + text[1:]


def _suggestion(location: Sequence[int | str]) -> str:
    """Return a hint at the key that was probably meant."""
    section: Any = Settings
    for part in location[:-1]:
        if isinstance(part, str) and part in section.model_fields:
            section = _section_of(section.model_fields[part].annotation)
    keys = [field.alias or name for name, field in section.model_fields.items()]
    near = get_close_matches(str(location[-1]), keys, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _section_of(annotation: Any) -> type[BaseModel]:
    """Return the section class within an annotation such as `tuple[TargetSettings, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part
    return Settings
