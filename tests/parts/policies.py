"""Policies as tests want them, without a configuration file."""

from __future__ import annotations

from typing import Any

from connector.idp.policy import Policies, Policy, effective
from connector.idp.policy.layers import NOTHING_ASKED, layer


def policies(of_applications: dict[str, dict[str, Any]] | None = None, **says: Any) -> Policies:
    """Return policies that say so in general, and so at applications, by slug."""
    shared = (Policy("global", says),)
    return Policies(
        effective(shared),
        {
            slug: layer((*shared, Policy(f"application {slug}", own)))
            for slug, own in (of_applications or {}).items()
        },
    )


# As an installation is that has no [policy].
WITHOUT = NOTHING_ASKED
