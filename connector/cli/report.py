"""A cycle as commands run it: what they ask, how far it is, and how it ended."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.context import CommandContext
from connector.cli.show import (
    LiveProgress,
    counted,
    print_error,
    print_json,
    print_note,
    print_text,
    reason_at,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector.sync.cycle import CycleReport
    from connector.sync.request import Request
    from connector.sync.serving import TargetReport

EXIT_HELD = 3
EXIT_FAILURES = 4
EXIT_STOPPED = 130

Target = Annotated[
    list[str] | None, typer.Option("--target", "-t", help="Only this target; may be repeated.")
]
User = Annotated[str, typer.Option("--user", "-u", help="Only this person, by e-mail address.")]
AllowDeletes = Annotated[
    int | None,
    typer.Option(min=0, help="Allow so many deletes, and so many disables, this once."),
]


def run_and_report(command: CommandContext, request: Request, *, as_json: bool) -> int:
    """Run a cycle as a command does: with progress, a report and an exit code."""
    from connector.sync.cycle import run_cycle

    with _stopping() as stop, LiveProgress() as progress:
        report = run_cycle(command.parts, request, progress, stop)
    if as_json:
        print_json(_report_values(report))
    else:
        _print_report(report)
    return _exit_code(report)


def request_of(
    command: CommandContext,
    targets: list[str] | None,
    user: str,
    allow_deletes: int | None,
    *,
    is_full: bool = False,
) -> Request:
    """Return what the options of a command ask of a cycle."""
    from connector.sync.request import Request

    known = [target.name for target in command.settings.target]
    unknown = [name for name in targets or () if name not in known]
    if unknown:
        message = f"no target is called {unknown[0]}; there are: {', '.join(known) or 'none'}"
        raise typer.BadParameter(message, param_hint="--target")
    return Request(
        "the command line",
        tuple(targets or ()),
        user.strip(),
        allow_deletes,
        is_full=is_full,
        is_whole=is_full,
    )


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """Turn Ctrl-C and SIGTERM into a stop between two operations."""
    stop = threading.Event()
    former = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        former[number] = signal.signal(number, lambda *_: stop.set())
    try:
        yield stop
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _report_values(report: CycleReport) -> dict[str, Any]:
    return {
        "cycle": report.cycle_id,
        "status": report.status,
        "reason": report.reason,
        "directory": report.directory._asdict(),
        "people": {kind: count for kind, count in report.read.transitions.items() if count}
        if report.read
        else {},
        "targets": [
            {
                "target": part.target,
                "status": part.status,
                "reason": part.reason,
                "counts": dict(part.counts),
                "unchanged": part.plan.unchanged_count if part.plan else None,
                "left_out": list(part.moved),
            }
            for part in report.targets
        ],
    }


def _print_report(report: CycleReport) -> None:
    people, groups, leavers, _ = report.directory
    if report.read:
        seen = counted(report.read.seen_count, "entry", "entries")
        held = f"{counted(people, 'person', 'people')}, {counted(groups, 'group')}"
        print_text(f"Read {seen}: {held}.")
        moves = ", ".join(
            counted(count, kind) for kind, count in report.read.transitions.items() if count
        )
        print_text(f"People: {moves or 'no change'}; {leavers} left in all.")
    for part in report.targets:
        _print_part(report, part)
    if report.reason and report.read and report.read.proof.is_complete:
        print_note(f"warning: {report.reason}; see: connector status")
    elif report.reason:
        print_error(report.reason)
    print_text(f"Cycle {report.cycle_id}: {report.status}.")


def _print_part(report: CycleReport, part: TargetReport) -> None:
    from connector.planner.render import summary

    counts = ", ".join(f"{count} {word}" for word, count in sorted(part.counts.items()))
    print_text(f"Target {part.target}: {part.status}{f' ({counts})' if counts else ''}.")
    if part.plan:
        print_text(f"  {summary(part.plan)}")
        for note in part.plan.notes:
            print_text(f"  Note: {note}.")
    for name in part.moved:
        print_text(f"  Left out, its ground has moved: {name}.")
    if part.reason:
        print_error(f"{reason_at(part.target, part.reason)}{_next_step(report, part)}")


def _next_step(report: CycleReport, part: TargetReport) -> str:
    """Return what an operator does about it."""
    from connector.sync.ports import Status

    if part.status is Status.FAILURES:
        return f"; see: connector runs show {report.cycle_id} --failed"
    if part.is_news:
        return f"; see: connector status; then: connector runs approve {report.cycle_id}, or reject"
    if part.status is Status.HELD:
        return "; see: connector status"
    return ""


def _exit_code(report: CycleReport) -> int:
    from connector.sync.ports import Status

    return {
        Status.DONE: 0,
        Status.STOPPED: EXIT_STOPPED,
        Status.FAILURES: EXIT_FAILURES,
        Status.HELD: EXIT_HELD,
        Status.FAILED: 1,
    }[report.status]
