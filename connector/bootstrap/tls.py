"""Which certificates of others are believed."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from connector.errors import ConfigurationError, Fault

if TYPE_CHECKING:
    from pathlib import Path


def trusting(ca_file: Path | None, key: str = "idp.ca_file") -> ssl.SSLContext:
    """Return a context that believes the system's authorities, and those of a file besides.

    Args:
        ca_file: PEM; None for the system's alone.
        key: Where the file is named, for the fault.

    Raises:
        ConfigurationError: if the file holds none.

    """
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError) as error:
            fault = Fault("", key, f"no certificates in PEM form in {ca_file}")
            raise ConfigurationError([fault]) from error
    return context
