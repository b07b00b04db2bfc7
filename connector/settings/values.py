"""Values that TOML has no type for: durations, limits, secrets, addresses, paths."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, PlainValidator, ValidationInfo

_UNITS_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"0*([1-9][0-9]*)\s*(s|m|h|d|w)")
# No moment that is so far from now lies outside the calendar.
_LONGEST_YEARS = 100
_LONGEST_SECONDS = 36_525 * 86_400


# What says which account it is, whether it may be used, and who is in a group.
_NEVER_LEFT = frozenset(
    {"userName", "externalId", "active", "members", "groups", "id", "meta", "schemas", "password"}
)


def to_left_path(path: str) -> str:
    """Return the path of an attribute that may be left to a target.

    >>> to_left_path("phoneNumbers")
    'phoneNumbers'

    Raises:
        ValueError: if accounts are found, or access is given, by that attribute.

    """
    if path.partition(".")[0] in _NEVER_LEFT:
        message = f"{path} cannot be left to a target: accounts and access are kept by it"
        raise ValueError(message)
    return path


class DurationTooLong(ValueError):
    """A duration is longer than any that makes sense."""


def parse_duration(text: Any) -> timedelta:
    """Return the duration that a number and a unit say.

    >>> parse_duration("5m")
    datetime.timedelta(seconds=300)

    Raises:
        DurationTooLong: if it is longer than a hundred years.
        ValueError: if it is anything else, or zero.

    """
    if isinstance(text, timedelta):
        return text
    found = _DURATION.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None:
        message = f'must be a number and a unit (s, m, h, d, w), such as "5m", not {text!r}'
        raise ValueError(message)
    digits, unit = found[1], _UNITS_SECONDS[found[2]]
    # No number of so many digits is small enough, and thousands of them make no number at all.
    is_long = len(digits) > len(str(_LONGEST_SECONDS)) or int(digits) * unit > _LONGEST_SECONDS
    if is_long:
        message = f"must be at most {_LONGEST_YEARS} years, not {text!r}"
        raise DurationTooLong(message)
    return timedelta(seconds=int(digits) * unit)


def write_duration(value: timedelta) -> str:
    """Return a duration as `parse_duration` takes it.

    >>> write_duration(timedelta(minutes=5))
    '300s'

    """
    return f"{int(value.total_seconds())}s"


@dataclass(frozen=True, slots=True)
class Limit:
    """How many of a target's resources one cycle may change.

    Attributes:
        count: A fixed number, or None.
        share: A share of the known resources (0.0-1.0), or None.

    """

    count: int | None = None
    share: float | None = None

    def allowed(self, known_count: int) -> int:
        """Return the number allowed out of so many known resources.

        A share of few is next to nothing, so a share always allows ten.

        >>> Limit(share=0.05).allowed(1000), Limit(share=0.05).allowed(20)
        (50, 10)

        """
        if self.count is not None:
            return self.count
        return max(10, int((self.share or 0.0) * known_count))

    def __str__(self) -> str:
        """Return the limit as an operator would write it."""
        return str(self.count) if self.count is not None else f"{(self.share or 0.0) * 100:g}%"


def parse_limit(value: Any) -> Limit:
    """Return the limit that a count or a percentage says.

    >>> parse_limit("30%"), parse_limit(20)
    (Limit(count=None, share=0.3), Limit(count=20, share=None))

    Raises:
        ValueError: if it is neither.

    """
    if isinstance(value, Limit):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return Limit(count=value)
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", value) if isinstance(value, str) else None
    if found is None or float(found[1]) > 100:
        message = f'must be a count such as 20, or a percentage such as "5%", not {value!r}'
        raise ValueError(message)
    return Limit(share=float(found[1]) / 100)


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret read from a file or the environment; its text never shows in a repr."""

    origin: str
    text: str = field(repr=False)

    def reveal(self) -> str:
        """Return the secret itself, at the place that needs it."""
        return self.text


def read_secret(value: Any, info: ValidationInfo) -> Secret:
    """Return the secret that `{ file = }` or `{ env = }` names; a final line end is not part of it.

    Raises:
        ValueError: if it is written inline, or cannot be read, or is empty.

    """
    if isinstance(value, Secret):
        return value
    if not isinstance(value, dict) or len(value) != 1 or not {"file", "env"} & value.keys():
        message = 'must be { file = "path" } or { env = "NAME" }; secrets are never written here'
        raise ValueError(message)
    if "env" in value:
        origin = f"environment variable {value['env']}"
        text = os.environ.get(str(value["env"]), "")
    else:
        path = resolve_path(value["file"], info)
        origin = f"file {path}"
        try:
            text = path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            message = f"cannot read {origin}: {getattr(error, 'strerror', None) or 'not text'}"
            raise ValueError(message) from error
    if not text:
        message = f"{origin} is empty or not set"
        raise ValueError(message)
    return Secret(origin, text)


def resolve_path(value: Any, info: ValidationInfo) -> Path:
    """Return the path, taken from the folder of the configuration file unless absolute."""
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value:
        message = "must be a path"
        raise ValueError(message)
    folder = (info.context or {}).get("folder", Path())
    return Path(folder) / value


def existing_file(value: Any, info: ValidationInfo) -> Path:
    """Return the path of a file that is there."""
    path = resolve_path(value, info)
    if not path.is_file():
        message = f"no such file: {path}"
        raise ValueError(message)
    return path


def resolve_state_url(value: Any, info: ValidationInfo) -> str:
    """Return the database URL; a relative SQLite path starts at the configuration's folder."""
    prefix = "sqlite:///"
    if not isinstance(value, str) or ":" not in value:
        message = 'must be a database URL, such as "sqlite:///state.db"'
        raise ValueError(message)
    if not value.startswith(prefix) or value.startswith(prefix + "/"):
        return value
    return prefix + str(resolve_path(value.removeprefix(prefix), info).absolute())


def resolve_metadata(value: Any, info: ValidationInfo) -> str:
    """Return an https URL as it is, and anything else as the path of a file that is there."""
    if isinstance(value, str) and (value == "" or value.startswith(("https://", "http://"))):
        return value
    return str(existing_file(value, info).absolute())


def to_texts(value: Any) -> Any:
    """Return one text as a list of it; all else as it is.

    >>> to_texts("https://sp.example/acs")
    ['https://sp.example/acs']

    """
    return [value] if isinstance(value, str) else value


def to_distinguished_name(value: str) -> str:
    r"""Return a distinguished name as a directory writes it: no spaces around its parts.

    >>> to_distinguished_name(r"CN=Mimecast Users\2C EU , OU=Groups, DC=corp")
    'CN=Mimecast Users\\, EU,OU=Groups,DC=corp'

    Raises:
        ValueError: if it is none (RFC 4514 section 3).

    """
    # RFC 4514 section 2.4: a character may be written as such or by its code.
    plain = _BY_CODE.sub(lambda found: "\\" + chr(int(found[1], 16)), value.strip())
    name = _AROUND.sub(r"\1", plain)
    if not _DISTINGUISHED_NAME.fullmatch(name):
        hint = '; for everybody: groups = "*"' if value == "*" else ""
        message = f'must be a distinguished name such as "CN=Staff,DC=corp", not {value!r}{hint}'
        raise ValueError(message)
    return name


_BY_CODE = re.compile(r"\\(2[2BbCc]|3[B-Eb-e]|5[Cc])")
_AROUND = re.compile(r"(?<!\\)\s*(?<!\\)([,=])\s*")
_PART = r"[A-Za-z][\w.-]*=(?:[^,\\]|\\.)+"
_DISTINGUISHED_NAME = re.compile(rf"{_PART}(?:,{_PART})*")


@dataclass(frozen=True, slots=True)
class Listen:
    """Where a server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return host:port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_listen(value: Any) -> Listen:
    """Return the address that "host:port" says.

    >>> parse_listen("127.0.0.1:8443")
    Listen(host='127.0.0.1', port=8443)

    """
    if isinstance(value, Listen):
        return value
    host, _, port = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    if not host or not port.isdigit() or int(port) > 65535:
        message = f'must be an address and a port, such as "0.0.0.0:8443", not {value!r}'
        raise ValueError(message)
    return Listen(host.strip("[]"), int(port))


def parse_network(value: object) -> object:
    """Return the network of a text; an address is a network of one.

    >>> parse_network("10.0.0.0/8"), parse_network("::ffff:10.0.0.0/104")
    (IPv4Network('10.0.0.0/8'), IPv4Network('10.0.0.0/8'))

    Raises:
        ValueError: if it is none.

    """
    if not isinstance(value, str):
        return value
    try:
        network = ip_network(value.strip())
    except ValueError as error:
        message = f'must be a network such as "10.0.0.0/8", not {value!r}'
        raise ValueError(message) from error
    # Addresses of IPv4 are taken as such, however they come.
    mapped = network[0].ipv4_mapped if isinstance(network, IPv6Network) else None
    if mapped is None or network.prefixlen < _MAPPED_BITS:
        return network
    return IPv4Network((mapped, network.prefixlen - _MAPPED_BITS))


_MAPPED_BITS = 96

Duration = Annotated[
    timedelta, BeforeValidator(parse_duration), PlainSerializer(write_duration, when_used="json")
]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(parse_network)]
LimitField = Annotated[Limit, PlainValidator(parse_limit)]
SecretField = Annotated[Secret, PlainValidator(read_secret)]
PathField = Annotated[Path, BeforeValidator(resolve_path)]
FileField = Annotated[Path, BeforeValidator(existing_file)]
StateUrl = Annotated[str, BeforeValidator(resolve_state_url)]
MetadataOrigin = Annotated[str, BeforeValidator(resolve_metadata)]
ListenField = Annotated[Listen, PlainValidator(parse_listen)]
TextsField = Annotated[tuple[str, ...], BeforeValidator(to_texts)]
