"""English sentences in other languages (pure but for reading the file once).

The English text is the key, as with gettext; a language is one file beside this one.
"""

from __future__ import annotations

import tomllib
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Language(StrEnum):
    """What messages are written in."""

    ENGLISH = "en"
    GERMAN = "de"


def language_of(tags: str) -> Language:
    """Return the language for the first tag of an Accept-Language value (RFC 9110 s12.5.4).

    >>> language_of("de-CH, en;q=0.5"), language_of("fr"), language_of("")
    (<Language.GERMAN: 'de'>, <Language.ENGLISH: 'en'>, <Language.ENGLISH: 'en'>)

    """
    first = tags.replace("_", "-").partition(",")[0].partition(";")[0]
    primary = first.strip().partition("-")[0].lower()
    return Language(primary) if primary in set(Language) else Language.ENGLISH


def translated(text: str, language: Language) -> str:
    """Return a text of ours in a language."""
    return text if language is Language.ENGLISH else catalogue(language)[text]


@cache
def catalogue(language: Language) -> Mapping[str, str]:
    """Return every text of a language by its English one."""
    file = files("connector.mail") / f"words.{language.value}.toml"
    words: dict[str, str] = tomllib.loads(file.read_text(encoding="utf-8"))
    return MappingProxyType(words)
