"""Named transforms of attribute values; each takes all values and returns all values.

A rule names them in order: `transform = ["strip", "lower"]`. Some take an argument after a colon,
see `transform_with`. A value that a transform cannot read is a ValueError, which says so without
the value.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from types import MappingProxyType
from typing import TYPE_CHECKING

from connector.mapping.transform_with import TRANSFORMS_WITH_ARGUMENT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Values = tuple[str, ...]

# Letters that Unicode does not take apart (NFKD).
_PLAIN = str.maketrans(
    {"ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "æ": "ae"}
    | {
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",
        "Æ": "AE",
        "œ": "oe",
        "Œ": "OE",
        "þ": "th",
        "Þ": "Th",
        "ð": "d",
        "Ð": "D",
    }
)
# RFC 5321 section 4.1.2 without quoted strings and address literals, RFC 6531 with its letters.
_ATOM = r"[\w!#$%&'*+/=?^`{|}~-]+"
_LABEL = r"[^\W_](?:[^\W_]|-(?=[^\W_]|--)){0,62}"
_ADDRESS = re.compile(
    rf"(?=.{{1,254}}\Z)(?=[^@]{{1,64}}@){_ATOM}(?:[.]{_ATOM})*@(?:{_LABEL}[.])+(?=[^\W\d_]){_LABEL}(?<=[^\W\d_])"
)
_EPOCH_1601 = datetime(1601, 1, 1, tzinfo=UTC)
_NEVER = frozenset({0, 9223372036854775807})
_LAST_TICK = 2_650_467_743_990_000_000  # the end of the year 9999


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
    return tuple([bare for value in values if (bare := value.strip())])


def lower(values: Values) -> Values:
    """Return the values in lower case.

    >>> lower(("Anna@Corp.example",))
    ('anna@corp.example',)

    """
    return tuple([value.lower() for value in values])


def upper(values: Values) -> Values:
    """Return the values in upper case.

    >>> upper(("de",))
    ('DE',)

    """
    return tuple([value.upper() for value in values])


def title(values: Values) -> Values:
    """Return the values with each word's first letter in upper case, the others in lower case.

    >>> title(("ANNA-LENA o'neill",))
    ("Anna-Lena O'Neill",)

    """
    return tuple([value.title() for value in values])


def squeeze(values: Values) -> Values:
    r"""Return the values with one space for every run of blanks and line ends.

    >>> squeeze(("Main  Street 1\r\nBuilding 2 ",))
    ('Main Street 1 Building 2',)

    """
    return tuple(" ".join(value.split()) for value in values)


def unique(values: Values) -> Values:
    """Return each value once, whatever its case; the first stays.

    >>> unique(("a@x.example", "A@x.example"))
    ('a@x.example',)

    """
    return tuple({value.casefold(): value for value in reversed(values)}.values())[::-1]


def ascii_only(values: Values) -> Values:
    """Return the values without accents; letters that have no plain form are left out.

    >>> ascii_only(("Łukasz Müller", "Søren Strauß"))
    ('Lukasz Muller', 'Soren Strauss')

    """
    split = (unicodedata.normalize("NFKD", value.translate(_PLAIN)) for value in values)
    return tuple(value.encode("ascii", "ignore").decode() for value in split)


def digits(values: Values) -> Values:
    """Return the digits only.

    >>> digits(("DE-4711/b",))
    ('4711',)

    """
    return tuple(re.sub(r"[^0-9]", "", value) for value in values)


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


def email(values: Values) -> Values:
    """Return e-mail addresses without blanks around them; what is none is a problem.

    >>> email((" Anna.Berg@corp.example ",))
    ('Anna.Berg@corp.example',)

    """
    bare = strip(values)
    if not all(map(_ADDRESS.fullmatch, bare)):
        message = "a value is not an e-mail address"
        raise ValueError(message)
    return bare


def phone(values: Values) -> Values:
    """Return telephone numbers without the signs that people write for reading.

    >>> phone(("+49 (0)30 / 12-34", "030 1234"))
    ('+49301234', '0301234')

    """
    plain = (re.sub(r"[^0-9+]", "", value.replace("(0)", "")) for value in values)
    return tuple(value for value in plain if value)


def smtp_primary(values: Values) -> Values:
    """Return the primary address of proxyAddresses, the one with SMTP in capitals.

    >>> smtp_primary(("smtp:a@x.example", "SMTP:b@x.example", "x500:/o=x"))
    ('b@x.example',)

    """
    return tuple([value[5:] for value in values if value.startswith("SMTP:")])[:1]


def smtp_aliases(values: Values) -> Values:
    """Return the other mail addresses of proxyAddresses.

    >>> smtp_aliases(("smtp:a@x.example", "SMTP:b@x.example", "x500:/o=x"))
    ('a@x.example',)

    """
    return tuple([value[5:] for value in values if value.startswith("smtp:")])


def common_name(values: Values) -> Values:
    r"""Return the first name of distinguished names, such as the CN of a manager.

    >>> common_name((r"CN=Berg\, Anna,OU=People,DC=x",))
    ('Berg, Anna',)

    """
    found = [re.match(r"[A-Za-z][A-Za-z0-9-]*=((?:[^,\\]|\\.)+)", value) for value in values]
    if None in found:
        message = "a value is not a distinguished name"
        raise ValueError(message)
    return tuple(re.sub(r"\\(.)", r"\1", one[1]) for one in found if one)


def filetime(values: Values) -> Values:
    """Return Windows file times in ISO 8601; "never" is no value.

    >>> filetime(("133485408000000000", "9223372036854775807"))
    ('2024-01-01T00:00:00Z',)

    """
    return tuple(moment for value in values if (moment := _moment(value)))


def _moment(value: str) -> str:
    if not re.fullmatch(r"[0-9]{1,19}", value):
        message = "a value is not a file time"
        raise ValueError(message)
    tick = int(value)
    if tick in _NEVER or tick > _LAST_TICK:
        return ""
    moment = _EPOCH_1601 + timedelta(microseconds=tick // 10)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def generalized_time(values: Values) -> Values:
    """Return LDAP's generalized times (RFC 4517 section 3.3.13) in ISO 8601.

    >>> generalized_time(("20260102030405.0Z",))
    ('2026-01-02T03:04:05Z',)

    """
    found = [re.match(r"([0-9]{4})" + r"([0-9]{2})" * 5, value) for value in values]
    if None in found:
        message = "a value is not a generalized time"
        raise ValueError(message)
    return tuple("{}-{}-{}T{}:{}:{}Z".format(*one.groups()) for one in found if one)


_PLAIN_TRANSFORMS = (
    *(first, strip, squeeze, unique, lower, upper, title, ascii_only, digits),
    *(
        phone,
        email,
        domain,
        local_part,
        smtp_primary,
        smtp_aliases,
        common_name,
        filetime,
        generalized_time,
    ),
)
TRANSFORMS: Mapping[str, Callable[[Values], Values]] = MappingProxyType(
    {one.__name__: one for one in _PLAIN_TRANSFORMS}
)
"""Transforms without an argument, by name."""


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
    if name in TRANSFORMS_WITH_ARGUMENT:
        return TRANSFORMS_WITH_ARGUMENT[name](argument)
    if name in TRANSFORMS:
        message = f"the transform {name} takes no argument"
        raise ValueError(message)
    names = sorted([*TRANSFORMS, *TRANSFORMS_WITH_ARGUMENT])
    near = get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(names)}"
    message = f"no transform is called {name}; {hint}"
    raise ValueError(message)
