"""Transforms that are written with an argument after a colon, such as "cut:64"."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from connector.mapping.pattern import check_length, compile_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Transform = Callable[[tuple[str, ...]], tuple[str, ...]]

LONGEST_RESULT = 4000


def prefix(text: str) -> Transform:
    """Put text before each value.

    >>> prefix("tel:")(("+49 30 1",))
    ('tel:+49 30 1',)

    """
    before = _needed("prefix", text)
    return lambda values: tuple(before + value for value in values)


def suffix(text: str) -> Transform:
    """Put text after each value.

    >>> suffix("@corp.example")(("anna",))
    ('anna@corp.example',)

    """
    after = _needed("suffix", text)
    return lambda values: tuple(value + after for value in values)


def cut(text: str) -> Transform:
    """Keep so many characters of each value.

    >>> cut("3")(("Research",))
    ('Res',)

    """
    length = _to_number("cut", text)
    return lambda values: tuple(value[:length] for value in values)


def join(text: str) -> Transform:
    """Make one value of all, with text between them.

    >>> join(", ")(("a", "b"))
    ('a, b',)

    """
    return lambda values: (text.join(values),) if values else ()


def split(text: str) -> Transform:
    """Make several values of each, at every place where the text is.

    >>> split(";")(("a;b", "c"))
    ('a', 'b', 'c')

    """
    separator = _needed("split", text)
    return lambda values: tuple(part for value in values for part in value.split(separator))


def replace(text: str) -> Transform:
    """Replace text by other text, written old=>new.

    >>> replace("GmbH=>Ltd")(("Northwind GmbH",))
    ('Northwind Ltd',)

    """
    old, new = _to_pair("replace", text)
    return lambda values: tuple(_bounded(value.replace(old, new)) for value in values)


def substitute(text: str) -> Transform:
    r"""Replace what matches a pattern by other text, written pattern=>new; \1 is its first group.

    >>> substitute(r"^(\w+), (\w+)$=>\2 \1")(("Berg, Anna",))
    ('Anna Berg',)

    """
    written, new = _to_pair("substitute", text)
    pattern = compile_pattern(written)
    try:
        re.compile(r"(?:" + written + r")|").sub(new, "")
    except (re.error, IndexError) as error:
        message = f"substitute: {new!r} does not fit the pattern: {error}"
        raise ValueError(message) from error
    return lambda values: tuple(_bounded(pattern.sub(new, check_length(value))) for value in values)


def keep(text: str) -> Transform:
    """Keep the values that match a pattern from beginning to end.

    >>> keep(r".*@northwind[.]example")(("a@northwind.example", "a@corp.local"))
    ('a@northwind.example',)

    """
    pattern = compile_pattern(_needed("keep", text))
    return lambda values: tuple(value for value in values if pattern.fullmatch(check_length(value)))


def drop(text: str) -> Transform:
    """Leave out the values that match a pattern from beginning to end.

    >>> drop(r".*@corp[.]local")(("a@northwind.example", "a@corp.local"))
    ('a@northwind.example',)

    """
    pattern = compile_pattern(_needed("drop", text))
    return lambda values: tuple(
        value for value in values if not pattern.fullmatch(check_length(value))
    )


def e164(text: str) -> Transform:
    """Write telephone numbers as +, country, number (ITU-T E.164); the argument is the own country.

    >>> e164("49")(("030 / 12 34", "+45 (0)33 12", "0046 8 1"))
    ('+49301234', '+453312', '+4681')

    """
    country = str(_to_number("e164", text))
    return lambda values: tuple(_to_e164(value, country) for value in values)


TRANSFORMS_WITH_ARGUMENT: Mapping[str, Callable[[str], Transform]] = MappingProxyType(
    {
        one.__name__: one
        for one in (prefix, suffix, cut, join, split, replace, substitute, keep, drop, e164)
    }
)
"""What makes a transform of its argument, by name; ValueError if the argument is wrong."""


def _to_e164(value: str, country: str) -> str:
    plain = re.sub(r"[^0-9+]", "", value.replace("(0)", ""))
    if plain.startswith("00"):
        plain = f"+{plain[2:]}"
    elif plain.startswith("0"):
        plain = f"+{country}{plain[1:]}"
    if not re.fullmatch(r"[+][1-9][0-9]{1,14}", plain):
        message = "a value is not a telephone number with its country or area"
        raise ValueError(message)
    return plain


def _needed(name: str, text: str) -> str:
    if not text:
        message = f'{name} needs an argument after a colon, such as "{name}:x"'
        raise ValueError(message)
    return text


def _to_number(name: str, text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,3}", text):
        message = f'{name} needs a number after a colon, such as "{name}:64", not {text!r}'
        raise ValueError(message)
    return int(text)


def _to_pair(name: str, text: str) -> tuple[str, str]:
    old, arrow, new = text.partition("=>")
    if not old or not arrow:
        message = f'{name} needs what and by what, such as "{name}:old=>new", not {text!r}'
        raise ValueError(message)
    return old, new


def _bounded(value: str) -> str:
    if len(value) > LONGEST_RESULT:
        message = f"a value becomes longer than {LONGEST_RESULT} characters"
        raise ValueError(message)
    return value
