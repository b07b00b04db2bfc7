"""A browser that asks, as far as it matters to a login."""

from __future__ import annotations

from dataclasses import dataclass, field

# Browsers say at most a few hundred; what is longer is nothing that we know.
USER_AGENT_LIMIT = 512


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a browser.

    Attributes:
        address: Where it is, as proxies that we believe say; "" if unknown.
        user_agent: What it says that it is, cut to `USER_AGENT_LIMIT` characters.
        device: Value of the cookie of a device that was to be remembered, or None.

    """

    address: str = ""
    user_agent: str = ""
    device: str | None = field(default=None, repr=False)
