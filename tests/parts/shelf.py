"""A target in memory that does what it is told, counts, and can be told to misbehave."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from connector.planner.operation import Operation, OperationKind
from connector.target.outcome import Applied, Outcome, Rejected, Unavailable, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


@dataclass
class Shelf:
    """Resources by target id, as the operations left them."""

    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    sent: list[Operation] = field(default_factory=list)
    answer: Callable[[Operation], Outcome | None] = lambda operation: None
    resolved: Callable[[Operation], Outcome | None] = lambda operation: None
    commits_before_unknown: bool = True
    names_are_unique: bool = False
    is_at_rest: bool = True
    target_ids: Mapping[str, str] = field(default_factory=dict)

    def send(
        self, operations: Sequence[Operation], target_ids: Mapping[str, str]
    ) -> Iterator[tuple[Operation, Outcome]]:
        self.is_at_rest, self.target_ids = False, target_ids
        try:
            for operation in operations:
                self.sent.append(operation)
                told = self.answer(operation)
                if isinstance(told, Unknown) and self.commits_before_unknown:
                    self._do(operation, target_ids)
                yield operation, told or self._do(operation, target_ids)
        finally:
            self.is_at_rest = True

    def resolve(self, operation: Operation, target_ids: Mapping[str, str]) -> Outcome:
        told = self.resolved(operation)
        if told is not None:
            return told
        match operation.kind:
            case OperationKind.CREATE:
                for target_id, resource in self.resources.items():
                    if resource["externalId"] == operation.external_id:
                        return Applied(target_id)
                return Unavailable("it is not there")
            case OperationKind.DELETE if operation.target_id not in self.resources:
                return Applied(operation.target_id or "")
        return Unavailable("to be sent again")

    def read(self, resource_type: str, target_id: str) -> dict[str, Any] | None:
        """Return one resource as SCIM shows it; None if it is not there."""
        resource = self.resources.get(target_id)
        if resource is None:
            return None
        members = [{"value": one} for one in sorted(resource["members"])]
        return {**resource, "id": target_id, "members": members}

    def read_all(self, resource_type: str) -> Iterator[dict[str, Any]]:
        """Yield every resource of a type as SCIM shows it."""
        for target_id, resource in list(self.resources.items()):
            if ("userName" in resource) == (resource_type == "User"):
                yield self.read(resource_type, target_id)

    def count(self, resource_type: str) -> int:
        assert resource_type == "User"
        return sum("userName" in one for one in self.resources.values())

    def close(self) -> None:
        """Nothing to let go of."""

    def do(self, operation: Operation) -> Outcome:
        """Do what the operation that is being answered asks."""
        return self._do(operation, self.target_ids)

    def _do(self, operation: Operation, target_ids: Mapping[str, str]) -> Outcome:
        if self.names_are_unique and self._is_taken(operation):
            return Rejected(409, "there is one of that name")
        if operation.kind is OperationKind.CREATE:
            target_id = f"t{len(self.resources) + 1}-{operation.name}"
            self.resources[target_id] = dict(operation.document) | {"members": set()}
            return Applied(target_id)
        assert operation.target_id is not None
        if operation.kind is OperationKind.DELETE:
            del self.resources[operation.target_id]
            return Applied(operation.target_id)
        resource = self.resources[operation.target_id]
        for path, value in operation.changes.items():
            _put(resource, path, value)
        resource["members"] |= {target_ids[one] for one in operation.members_added}
        resource["members"] -= {target_ids[one] for one in operation.members_removed}
        return Applied(operation.target_id)

    def _is_taken(self, operation: Operation) -> bool:
        wanted = operation.document.get("userName")
        return wanted is not None and any(
            one.get("userName") == wanted and target_id != operation.target_id
            for target_id, one in self.resources.items()
        )

    # -- what a test asks -----------------------------------------------------------------------

    def named(self, name: str) -> dict[str, Any]:
        """Return the one resource of that name."""
        (found,) = (
            one
            for one in self.resources.values()
            if name in (one.get("userName"), one.get("displayName"))
        )
        return found

    def id_of(self, name: str) -> str:
        """Return the id of the one resource of that name."""
        resource = self.named(name)
        (found,) = (key for key, one in self.resources.items() if one is resource)
        return found

    def members_of(self, name: str) -> set[str]:
        """Return the names of a group's members."""
        return {
            self.resources[one]["userName"]
            for one in self.named(name)["members"]
            if one in self.resources
        }


def _put(resource: dict[str, Any], path: str, value: Any) -> None:
    head, _, rest = path.partition(".")
    if rest:
        inner = resource.setdefault(head, {})
        inner.pop(rest, None) if value is None else inner.__setitem__(rest, value)
    elif value is None:
        resource.pop(path, None)
    else:
        resource[path] = value
