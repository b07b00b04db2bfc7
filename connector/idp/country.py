"""In which country an address is, by a file that the operator supplies; the one door to maxminddb.

The file is a MaxMind DB with countries, such as GeoLite2-Country or DB-IP Lite. It is mapped into
memory and looked up in microseconds; nobody is asked over the network.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from connector.errors import ConfigurationError, Fault

if TYPE_CHECKING:
    from pathlib import Path

    from maxminddb import Reader

    from connector.idp.network import Address

_KEY = "idp.countries_file"


class Countries(Protocol):
    """Tells the countries of addresses."""

    def of(self, address: Address | None) -> str:
        """Return the ISO 3166-1 code of two capital letters; "" if the country is not known."""
        ...


class NoCountries:
    """Knows none: there is no file."""

    def of(self, address: Address | None) -> str:
        """Return that it is not known."""
        del address
        return ""


class CountryFile:
    """The countries of one file; safe to use from several threads."""

    def __init__(self, reader: Reader) -> None:
        """Use a reader that was opened by `open_countries`."""
        self._reader = reader
        self._has_six = reader.metadata().ip_version == 6

    def of(self, address: Address | None) -> str:
        """Return the ISO 3166-1 code of two capital letters; "" if the country is not known.

        Raises:
            ConfigurationError: if the file is damaged.

        """
        if address is None or (address.version == 6 and not self._has_six):
            return ""
        try:
            record: Any = self._reader.get(address)
        except RuntimeError as error:  # the base of the library's InvalidDatabaseError
            fault = Fault("connector.toml", _KEY, f"the file is damaged: {error}")
            raise ConfigurationError([fault]) from error
        return _code_in(record)


def _code_in(record: Any) -> str:
    """Return the code in a record: of its country, or as itself, as some publishers write it."""
    country = record.get("country") if isinstance(record, dict) else None
    code = country.get("iso_code") if isinstance(country, dict) else country
    return code.upper() if isinstance(code, str) and len(code) == 2 else ""


def open_countries(path: Path | None) -> Countries:
    """Return what tells countries by a file; without one, what knows none.

    Raises:
        ConfigurationError: if it cannot be read, or the library is not installed.

    """
    if path is None:
        return NoCountries()
    try:
        library = import_module("maxminddb")  # of an optional extra
    except ImportError as error:
        problem = "needs the extra `countries`: pip install 'connector[countries]'"
        raise ConfigurationError([Fault("connector.toml", _KEY, problem)]) from error
    try:
        return CountryFile(library.open_database(path))
    except OSError as error:
        problem = f"cannot read {path}: {error.strerror}"
        raise ConfigurationError([Fault("connector.toml", _KEY, problem)]) from error
    except library.InvalidDatabaseError as error:
        problem = f"{path} is no MaxMind file"
        raise ConfigurationError([Fault("connector.toml", _KEY, problem)]) from error
