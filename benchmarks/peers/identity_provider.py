"""An identity provider as the benchmarks see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """One that answers.

    Attributes:
        name: With its version.
        host: Name and port that it is called by, as in the Host header.
        address: Where it listens: address and port.
        sso_url: Its single sign-on service by HTTP-Redirect.
        certificate: What it signs with, PEM.
        typed: What its login pages are told, by the name of the field.
        roots: Numbers of its processes; their children count too.

    """

    name: str
    host: str
    address: tuple[str, int]
    sso_url: str
    certificate: str
    typed: Mapping[str, str] = field(repr=False)
    roots: tuple[int, ...]
