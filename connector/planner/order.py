"""In which order operations are sent, so that a name is free before somebody else gets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.planner.operation import OperationKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from connector.planner.operation import Operation

_NAMES = {"User": "userName", "Group": "displayName"}


def by_name(operations: Iterable[Operation]) -> list[Operation]:
    """Return the operations by name."""
    return sorted(operations, key=lambda operation: operation.name.casefold())


def in_order_of_names(operations: Iterable[Operation]) -> Iterator[Operation]:
    """Yield the operations as they come, but who gives a name up before who gets it.

    Where names go round in a circle, one of them stays in the way: the target refuses it.
    """
    waiting = list(operations)
    freeing = {name: one for one in waiting if (name := freed_name(one)) is not None}
    done: set[int] = set()
    for operation in waiting:
        chain = []
        link: Operation | None = operation
        while link is not None and id(link) not in done:
            done.add(id(link))
            chain.append(link)
            link = freeing.get(claimed_name(link) or "")
        yield from reversed(chain)


def freed_name(operation: Operation) -> str | None:
    """Return the name, casefolded, that nobody has once this is done; or None."""
    path = _NAMES.get(operation.resource_type, "")
    former = operation.previous.get(path) if path in operation.changes else None
    return former.casefold() if isinstance(former, str) else None


def claimed_name(operation: Operation) -> str | None:
    """Return the name, casefolded, that this gives to a resource that did not have it; or None."""
    is_named = _NAMES.get(operation.resource_type, "") in operation.changes
    return operation.name.casefold() if is_named or operation.kind is OperationKind.CREATE else None
