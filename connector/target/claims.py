"""Which resources at the target are whose, while operations are under way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.planner.operation import OperationKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connector.planner.operation import Operation


class Claims:
    """Who holds what: two of ours must never end up with one resource."""

    def __init__(self, target_ids: Mapping[str, str]) -> None:
        """Begin with what is known; `target_ids` may grow while we work."""
        self.target_ids = target_ids
        self._new: set[str] = set()
        self._owners: dict[str, str] | None = None
        self._claimed: dict[str, str] = {}

    def expect(self, operation: Operation) -> None:
        """Learn of an operation before it is sent: who is created has a claim of their own."""
        if operation.kind is OperationKind.CREATE:
            self._new.add(operation.external_id)

    def claim(self, target_id: str, external_id: str) -> bool:
        """Take a resource for one of ours; return False if it is another's already."""
        owner = self._claimed.get(target_id) or self._known_owners().get(target_id)
        if owner not in {None, external_id}:
            return False
        self._claimed[target_id] = external_id
        return True

    def is_of_another(self, resource: Mapping[str, Any], external_id: str) -> bool:
        """Return whether a resource belongs to another one of ours, by its key or by its id."""
        key, target_id = resource.get("externalId"), str(resource.get("id", ""))
        if key != external_id and (key in self._new or key in self.target_ids):
            return True
        owner = self._claimed.get(target_id) or self._known_owners().get(target_id)
        return owner not in {None, external_id}

    def _known_owners(self) -> dict[str, str]:
        if self._owners is None:
            # Copied first, in one step: the caller adds to it in another thread.
            known = dict(self.target_ids)
            self._owners = {target_id: external_id for external_id, target_id in known.items()}
        return self._owners
