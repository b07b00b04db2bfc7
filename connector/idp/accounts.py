"""What an application's own accounts are to a login: a port, served by the sync."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Account(Protocol):
    """Somebody's account at a target."""

    @property
    def is_active(self) -> bool:
        """Return whether it can be used, as it was last written."""
        ...

    @property
    def document(self) -> Mapping[str, Any]:
        """Return the SCIM resource as it was last written (RFC 7643)."""
        ...


class Accounts(Protocol):
    """The accounts at all targets."""

    def find(self, target: str, external_id: str) -> Account | None:
        """Return what is ours of a person at a target, as far as is known."""
        ...

    def provision(self, target: str, external_id: str) -> str:
        """Bring a person in step there, now; return why that did not succeed in time, or ""."""
        ...
