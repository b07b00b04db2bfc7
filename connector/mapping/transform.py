"""Named transforms of attribute values; each takes all values and returns all values.

A rule names them in order: `transform = ["strip", "lower"]`. Some take an argument after a colon:
`"prefix:+49"`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Values = tuple[str, ...]

_EPOCH_1601 = datetime(1601, 1, 1, tzinfo=UTC)
_NEVER = frozenset({0, 9223372036854775807})


def first(values: Values) -> Values:
    """Return the first value only.

    >>> first(("a", "b"))
    ('a',)

    """
    return values[:1]


def strip(values: Values) -> Values:
    """Return the values without blanks around them; what is left blank is no value.

    >>> strip((" a ", "  "))
    ('a',)

    """
    return tuple(value.strip() for value in values if value.strip())


def lower(values: Values) -> Values:
    """Return the values in lower case.

    >>> lower(("Anna@Corp.example",))
    ('anna@corp.example',)

    """
    return tuple(value.lower() for value in values)


def upper(values: Values) -> Values:
    """Return the values in upper case.

    >>> upper(("de",))
    ('DE',)

    """
    return tuple(value.upper() for value in values)


def domain(values: Values) -> Values:
    """Return what follows the last @.

    >>> domain(("anna@corp.example",))
    ('corp.example',)

    """
    return tuple(value.rpartition("@")[2] for value in values if "@" in value)


def local_part(values: Values) -> Values:
    """Return what precedes the last @.

    >>> local_part(("anna@corp.example",))
    ('anna',)

    """
    return tuple(value.rpartition("@")[0] for value in values if "@" in value)


def phone(values: Values) -> Values:
    """Return telephone numbers without the signs that people write for reading.

    >>> phone(("+49 (0)30 / 12-34", "030 1234"))
    ('+49301234', '0301234')

    """
    plain = (re.sub(r"[^\d+]", "", value.replace("(0)", "")) for value in values)
    return tuple(value for value in plain if value)


def smtp_primary(values: Values) -> Values:
    """Return the primary address of proxyAddresses, the one with SMTP in capitals.

    >>> smtp_primary(("smtp:a@x.example", "SMTP:b@x.example", "x500:/o=x"))
    ('b@x.example',)

    """
    return tuple(value[5:] for value in values if value.startswith("SMTP:"))[:1]


def smtp_aliases(values: Values) -> Values:
    """Return the other mail addresses of proxyAddresses.

    >>> smtp_aliases(("smtp:a@x.example", "SMTP:b@x.example", "x500:/o=x"))
    ('a@x.example',)

    """
    return tuple(value[5:] for value in values if value.startswith("smtp:"))


def common_name(values: Values) -> Values:
    r"""Return the first name of distinguished names, such as the CN of a manager.

    >>> common_name((r"CN=Berg\, Anna,OU=People,DC=x",))
    ('Berg, Anna',)

    """
    found = (re.match(r"[A-Za-z]+=((?:[^,\\]|\\.)*)", value) for value in values)
    return tuple(re.sub(r"\\(.)", r"\1", one[1]) for one in found if one)


def filetime(values: Values) -> Values:
    """Return Windows file times in ISO 8601; "never" is no value.

    >>> filetime(("133485408000000000", "9223372036854775807"))
    ('2024-01-01T00:00:00Z',)

    """
    ticks = (int(value) for value in values if value.lstrip("-").isdigit())
    moments = (
        _EPOCH_1601 + timedelta(microseconds=tick // 10) for tick in ticks if tick not in _NEVER
    )
    return tuple(moment.strftime("%Y-%m-%dT%H:%M:%SZ") for moment in moments)


def generalized_time(values: Values) -> Values:
    """Return LDAP's generalized times (RFC 4517 section 3.3.13) in ISO 8601.

    >>> generalized_time(("20260102030405.0Z",))
    ('2026-01-02T03:04:05Z',)

    """
    found = (re.match(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)", value) for value in values)
    return tuple("{}-{}-{}T{}:{}:{}Z".format(*one.groups()) for one in found if one)


def _prefix(text: str) -> Callable[[Values], Values]:
    return lambda values: tuple(text + value for value in values)


def _suffix(text: str) -> Callable[[Values], Values]:
    return lambda values: tuple(value + text for value in values)


def _cut(text: str) -> Callable[[Values], Values]:
    return lambda values: tuple(value[: int(text)] for value in values)


def _join(text: str) -> Callable[[Values], Values]:
    return lambda values: (text.join(values),) if values else ()


def _split(text: str) -> Callable[[Values], Values]:
    return lambda values: tuple(part for value in values for part in value.split(text) if part)


def _replace(text: str) -> Callable[[Values], Values]:
    old, _, new = text.partition("=>")
    return lambda values: tuple(value.replace(old, new) for value in values)


TRANSFORMS: Mapping[str, Callable[[Values], Values]] = MappingProxyType(
    {
        one.__name__: one
        for one in (
            first,
            strip,
            lower,
            upper,
            domain,
            local_part,
            phone,
            smtp_primary,
            smtp_aliases,
            common_name,
            filetime,
            generalized_time,
        )
    }
)
"""Transforms without an argument, by name."""

TRANSFORMS_WITH_ARGUMENT: Mapping[str, Callable[[str], Callable[[Values], Values]]] = (
    MappingProxyType(
        {
            "prefix": _prefix,
            "suffix": _suffix,
            "cut": _cut,
            "join": _join,
            "split": _split,
            "replace": _replace,
        }
    )
)
"""Transforms that are written with an argument, such as "cut:64" or "replace:old=>new"."""


def find_transform(text: str) -> Callable[[Values], Values]:
    """Return the transform that a rule names.

    >>> find_transform("replace:-=>.")(("a-b",))
    ('a.b',)

    Raises:
        ValueError: if there is none of that name, or its argument is wrong.

    """
    name, colon, argument = text.partition(":")
    if not colon and name in TRANSFORMS:
        return TRANSFORMS[name]
    if not colon or name not in TRANSFORMS_WITH_ARGUMENT:
        names = ", ".join(sorted([*TRANSFORMS, *(f"{one}:" for one in TRANSFORMS_WITH_ARGUMENT)]))
        message = f"no transform is called {text!r}; there are: {names}"
        raise ValueError(message)
    if name == "cut" and not argument.isdigit():
        message = f'"cut" needs a length, such as "cut:64", not {argument!r}'
        raise ValueError(message)
    return TRANSFORMS_WITH_ARGUMENT[name](argument)
