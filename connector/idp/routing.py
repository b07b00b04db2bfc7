"""Which authentication source checks a person (step 4).

Until somebody is authenticated a route may depend on the request, the domain and the network, never
on the person: otherwise it would tell who exists.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connector.idp.message.authn_request import AuthnRequest


class Route(StrEnum):
    """An authentication source."""

    ACTIVE_DIRECTORY = "ad"


def choose_route(request: AuthnRequest, email: str, address: str) -> Route:
    """Return who checks the person; so far there is one source."""
    del request, email, address
    return Route.ACTIVE_DIRECTORY
