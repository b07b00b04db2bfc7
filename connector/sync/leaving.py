"""What a target may keep to itself (`leave`): attributes that it would otherwise get from us."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from connector.errors import ConfigurationError, Fault
from connector.planner.left import is_within

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.mapping.rules import ResourceMapping
    from connector.settings import TargetSettings
    from connector.target.dialect import Dialect


def check_leave(
    targets: Sequence[TargetSettings], mapping: ResourceMapping, dialects: Sequence[Dialect]
) -> None:
    """See that every path that is left to a target is one that it would get.

    Args:
        targets: As configured.
        mapping: Of people.
        dialects: Of the targets, in their order.

    Raises:
        ConfigurationError: with every path that is not.

    """
    faults = [
        Fault("connector.toml", f"target[{number}].leave[{place}]", problem)
        for number, (target, dialect) in enumerate(zip(targets, dialects, strict=True))
        for place, path in enumerate(target.leave)
        if (problem := _problem(path, mapping, dialect))
    ]
    if faults:
        raise ConfigurationError(faults)


def _problem(path: str, mapping: ResourceMapping, dialect: Dialect) -> str:
    """Return why a path cannot be left to a target, or ""."""
    if path == dialect.user.match:
        return f"{path} cannot be left to this target: accounts are found there by it"
    view = dialect.view()
    sent = sorted(one for one in mapping.origins if view.takes(one))
    if any(is_within(one, [path]) for one in sent):
        return ""
    near = get_close_matches(path, sent, n=1)
    hint = f"did you mean {near[0]}?" if near else f"it gets: {', '.join(sent)}"
    return f"no mapping gives this target {path}; {hint}"
