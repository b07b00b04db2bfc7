"""The door to a target: the only place of this package with a network, a thread and asyncio.

In: operations, as plain values. Out: outcomes, by plain function calls.

Reading order: `exchange` (one request and its reply, with the waiting that a target asks for),
`token_exchange` (the same with a token that ends), `background` (the thread that asyncio lives
in), `converse`, `scim` and `mimecast_api` (`ScimTarget` and `MimecastApiTarget`, what everybody
else uses).

Invariant: no error of httpx or aiohttp leaves this package, and no coroutine either.
"""

from connector.target.client.mimecast_api import MimecastApiTarget
from connector.target.client.scim import ScimTarget
from connector.target.connection import (
    ApiAccess,
    TargetCheck,
    TargetConnection,
    api_access_of,
    connection_of,
)

__all__ = [
    "ApiAccess",
    "MimecastApiTarget",
    "ScimTarget",
    "TargetCheck",
    "TargetConnection",
    "api_access_of",
    "connection_of",
]
