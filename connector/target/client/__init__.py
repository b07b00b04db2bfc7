"""The door to a target: the only place of this package with a network, a thread and asyncio.

In: operations, as plain values. Out: outcomes, by plain function calls.

Reading order: `exchange` (one request and its reply, with the waiting that a target asks for),
`background` (the thread that asyncio lives in), `scim` (`ScimTarget`, what everybody else uses).

Invariant: no error of httpx or aiohttp leaves this package, and no coroutine either.
"""

from connector.target.client.scim import ScimTarget
from connector.target.connection import TargetCheck, TargetConnection, connection_of

__all__ = ["ScimTarget", "TargetCheck", "TargetConnection", "connection_of"]
