"""A dialect as the text of its file, to be reviewed and kept."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from connector.target.dialect import Dialect


def render_profile(dialect: Dialect, comments: Iterable[str]) -> str:
    """Return a dialect file; `load_dialect` gives the same dialect for it."""
    lines = [f"# {comment}".rstrip() for comment in comments]
    for section in fields(dialect):
        values = list(_values(getattr(dialect, section.name)))
        if values:
            lines += ["", f"[{section.name}]", *values]
    return "\n".join(lines) + "\n"


def _values(section: Any) -> Iterator[str]:
    if not is_dataclass(section):
        return
    for field in fields(section):
        value = getattr(section, field.name)
        # JSON's strings, numbers, booleans and lists of them are TOML's, too.
        if value is not None:
            yield f"{field.name} = {orjson.dumps(value).decode()}"
