"""`drift`: what others have changed at a target of what is ours."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from connector.cli.context import CommandContext
from connector.cli.report import EXIT_FAILURES, Target, request_of
from connector.cli.show import AsJson, LiveProgress, counted, print_json, print_note, print_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector.planner.drift import Difference
    from connector.sync.drift import Drift


def add_commands(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("drift")(show_drift)


def show_drift(
    context: typer.Context,
    *,
    target: Target = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Let the next sync bring back what differs.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Compare targets with what was last written there.

    Reads everything that a target holds, and lists what of ours others have changed, removed or
    taken out of groups. What we never wrote is not looked at. With --repair it is noted, so that
    the next sync plans what brings it back, within the limits.

    Exit codes: 0 nothing differs, 1 a target could not be read, 4 something differs.

    Example: connector drift --target mimecast
    """
    from connector.sync.drift import compare_targets

    command: CommandContext = context.obj
    names = request_of(command, target, "", None).targets
    with LiveProgress() as progress:
        found = compare_targets(command.parts, names, progress, repair=repair)
    if as_json:
        print_json([_values(drift) for drift in found])
    else:
        _print(found)
    if found and repair:
        print_note("Noted; to bring it back now: connector sync")
    elif found:
        print_note("To bring it back: connector drift --repair, then connector sync")
    return EXIT_FAILURES if found else 0


def _values(drift: Drift) -> dict[str, Any]:
    return asdict(drift) | {"differences": [one._asdict() for one in drift.differences]}


def _print(found: list[Drift]) -> None:
    for drift in found:
        print_text(f"{drift.target}: {drift.resource_type.lower()} {drift.name}")
        for line in _lines(drift.differences):
            print_text(f"  {line}")
    count = counted(len(found), "resource differs", "resources differ")
    print_text(f"{count}." if found else "Nothing differs.")


def _lines(found: tuple[Difference, ...]) -> Iterator[str]:
    for path, ours, theirs in found:
        if path == "id":
            yield "is not there any more"
        elif path == "members":
            added, removed = len(set(theirs) - set(ours)), len(set(ours) - set(theirs))
            yield f"members: {added} added, {removed} taken out by others"
        else:
            shown = "nothing" if theirs is None else orjson.dumps(theirs).decode()
            yield f"{path}: {orjson.dumps(ours).decode()} -> {shown}"
