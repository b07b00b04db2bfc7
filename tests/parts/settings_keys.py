"""The keys of a configuration file, as its model has them."""

from __future__ import annotations

from typing import get_args

from pydantic import BaseModel


def keys_of(model: type[BaseModel], prefix: str = "") -> set[str]:
    """Return every key that a section may have, such as "source.ca_file", tables in it included."""
    keys = set()
    for name, field in model.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        keys.add(key)
        for part in (field.annotation, *get_args(field.annotation)):
            for each in (part, *get_args(part)):
                if isinstance(each, type) and issubclass(each, BaseModel):
                    keys |= keys_of(each, f"{key}.")
    return keys
