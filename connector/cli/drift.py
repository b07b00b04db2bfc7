"""`drift`: what others have changed at a target of what is ours."""

from __future__ import annotations

from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from connector.cli.context import CommandContext
from connector.cli.report import EXIT_FAILURES, Target, request_of
from connector.cli.show import (
    AsJson,
    LiveProgress,
    counted,
    print_json,
    print_note,
    print_text,
    utc,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from connector.sync.drift import Drift
    from connector.sync.findings import Finding, LastComparison


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
    last: Annotated[
        bool, typer.Option("--last", help="Show the last comparison; ask no target.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Compare targets with what was last written there.

    Reads everything that a target holds, and lists what of ours others have changed, removed or
    taken out of groups. What we never wrote is not looked at, nor is what is left to the target.
    With --repair it is noted, so that the next sync plans what brings it back, within the limits.
    What was found is kept: --last shows it again, as it does what the daemon has found.

    Exit codes: 0 nothing differs, 1 a target could not be read, 4 something differs.

    Example: connector drift --target mimecast
    """
    command: CommandContext = context.obj
    names = request_of(command, target, "", None).targets
    if last and repair:
        message = "--last asks no target, so there is nothing to repair"
        raise typer.BadParameter(message, param_hint="--repair")
    if last:
        return _show_last(command, names, as_json=as_json)
    return _compare(command, names, repair=repair, as_json=as_json)


# -- now -----------------------------------------------------------------------------------------


def _compare(
    command: CommandContext, names: tuple[str, ...], *, repair: bool, as_json: bool
) -> int:
    from threading import Event

    from connector.sync.comparing import compare_targets

    with LiveProgress() as progress:
        compared = compare_targets(command.parts, names, progress, Event(), repair=repair)
    drifts = [drift for one in compared if one.found for drift in one.found.drifts]
    if as_json:
        print_json([_values(drift) for drift in drifts])
    else:
        for one in compared:
            if one.last:
                _print_found(one.last)
        count = counted(len(drifts), "resource differs", "resources differ")
        print_text(f"{count}." if drifts else "Nothing differs.")
    if drifts and repair:
        print_note("Noted; to bring it back now: connector sync")
    elif drifts:
        print_note("To bring it back: connector drift --repair, then connector sync")
    return EXIT_FAILURES if drifts else 0


def _values(drift: Drift) -> dict[str, Any]:
    written = drift.written._asdict() if drift.written else None
    differences = [one._asdict() for one in drift.differences]
    return asdict(drift) | {"differences": differences, "written": written}


# -- the last time -------------------------------------------------------------------------------


def _show_last(command: CommandContext, names: tuple[str, ...], *, as_json: bool) -> int:
    from connector.sync.findings import Findings

    findings = Findings(command.engine)
    wanted = names or tuple(target.name for target in command.settings.target)
    found = {name: findings.last(name) for name in wanted}
    if as_json:
        print_json([_last_values(one) for one in found.values() if one is not None])
    else:
        for name, one in found.items():
            _print_last(name, one)
    return EXIT_FAILURES if any(one and one.found_count for one in found.values()) else 0


def _last_values(one: LastComparison) -> dict[str, Any]:
    action = {"action": "repair" if one.is_repair else "report"}
    findings = [finding._asdict() | action for finding in one.findings]
    return asdict(one) | {"findings": findings}


def _print_last(name: str, one: LastComparison | None) -> None:
    if one is None:
        print_text(f"{name}: not compared yet; to do it now: connector drift --target {name}")
        return
    if one.reason:
        reason = one.reason.removeprefix(f"target {name}: ")
        print_text(f"{name}: could not be compared {utc(one.tried_at)}: {reason}.")
    if one.compared_at is None:
        return
    count = counted(one.found_count, "difference")
    done = "to be brought back by the next sync" if one.is_repair else "reported"
    words = f"{count}, {done}" if one.found_count else "nothing differs"
    ours = counted(one.compared_count, "resource")
    print_text(f"{name}: compared {utc(one.compared_at)}, {ours} of ours: {words}.")
    _print_found(one)
    if len(one.findings) < one.found_count:
        print_text(f"Only the first {len(one.findings)} are kept; all: connector drift")


# -- how it looks --------------------------------------------------------------------------------


def _print_found(one: LastComparison) -> None:
    if one.foreign_count:
        verb = "is" if one.foreign_count == 1 else "are"
        words = f"{counted(one.foreign_count, 'account')} there {verb} not ours"
        print_text(f"{one.target}: {words}; never touched.")
    if one.left_count:
        verb = "is" if one.left_count == 1 else "are"
        words = f"{counted(one.left_count, 'value')} left to the target {verb} other than ours"
        print_text(f"{one.target}: {words}.")
    for (kind, _), group in groupby(
        one.findings, lambda each: (each.resource_type, each.external_id)
    ):
        same = list(group)
        print_text(f"{one.target}: {kind.lower()} {same[0].name}")
        for line in _lines(same, one.compared_at):
            print_text(f"  {line}")


def _lines(found: Iterable[Finding], compared_at: datetime | None) -> Iterator[str]:
    """Yield what differs of one resource, and what is known of who did it."""
    finding = None
    for finding in found:
        is_old = compared_at is not None and finding.seen_at < compared_at
        since = f"  (since {utc(finding.seen_at)})" if is_old else ""
        yield f"{_difference(finding)}{since}"
    if finding is not None:
        yield _whose_doing(finding)


def _difference(finding: Finding) -> str:
    if finding.path == "id":
        return "is not there any more"
    if finding.path == "members":
        added, removed = finding.theirs["count"], finding.ours["count"]
        return f"members: {added} added, {removed} taken out by others"
    shown = "nothing" if finding.theirs is None else orjson.dumps(finding.theirs).decode()
    return f"{finding.path}: {orjson.dumps(finding.ours).decode()} -> {shown}"


def _whose_doing(finding: Finding) -> str:
    """Return when it was changed there and when we last wrote: SCIM tells of no author."""
    ours = "our last write is not on record"
    if finding.written_at is not None:
        ours = f"our last write was {utc(finding.written_at)}, in run {finding.cycle_id}"
    if finding.path == "id":
        return ours
    if finding.changed_at is None:
        version = f" (version {finding.version})" if finding.version else ""
        return f"changed there, the target does not say when{version}; {ours}"
    is_later = finding.written_at is not None and finding.changed_at > finding.written_at
    not_us = ", not by us" if is_later else ""
    return f"changed there {utc(finding.changed_at)}{not_us}; {ours}"
