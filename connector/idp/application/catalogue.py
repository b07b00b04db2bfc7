"""The applications as they are now: replaced whole while logins go on, and never changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connector.idp.application.service_provider import Registry


class Catalogue:
    """Holds the registry of this process.

    Whoever asks gets one registry and keeps to it; the next who asks may get another. Safe from
    several threads, because a reference is read and written whole.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    @property
    def registry(self) -> Registry:
        """Return the registry as it is now."""
        return self._registry

    def replace(self, registry: Registry) -> bool:
        """Have everybody who asks from now on get this one; return whether it is another."""
        is_other = registry != self._registry
        if is_other:
            self._registry = registry
        return is_other
