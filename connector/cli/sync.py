"""`plan`, `sync`, `status`: what would happen, do it, and how things stand."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.context import CommandContext
from connector.cli.show import (
    LiveProgress,
    ago,
    counted,
    print_error,
    print_json,
    print_note,
    print_table,
    print_text,
    reason_at,
)
from connector.errors import ConnectorError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from connector.errors import UnsafePlanError
    from connector.planner.operation import Plan
    from connector.sync.cycle import CycleReport, Preview, Request, TargetReport
    from connector.sync.history import CycleSummary

EXIT_CHANGES = 2
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
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("plan")(show_plan)
    app.command("sync")(run_sync)
    app.command("status")(show_status)


def show_plan(
    context: typer.Context,
    *,
    target: Target = None,
    user: User = "",
    allow_deletes: AllowDeletes = None,
    detailed_exitcode: Annotated[
        bool, typer.Option(help="Exit 2 if there is anything to do.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Show what a sync would do now; change nothing anywhere.

    Reads the source, and prints every request that would be sent, with old and new values;
    --json adds method and path. The targets are not asked anything.

    Exit codes: 0 shown, 1 the source could not be read, 2 there is something to do (only with
    --detailed-exitcode), 3 a limit would hold it.

    Example: connector plan --target mimecast
    """
    from connector.planner.render import render_text
    from connector.sync.cycle import preview_cycle

    command: CommandContext = context.obj
    request = _request(command, target, user, allow_deletes)
    with LiveProgress() as progress:
        preview = preview_cycle(command.parts, request, progress)
    _warn_of_read(preview)
    if as_json:
        print_json([_plan_values(command, *each) for each in preview.plans])
    else:
        for plan, objection in preview.plans:
            print_text(render_text(plan))
            if objection:
                print_text(f"Held: {objection}.")
    return _plan_exit_code(preview, detailed=detailed_exitcode)


def _plan_values(
    command: CommandContext, plan: Plan, objection: UnsafePlanError | None
) -> dict[str, Any]:
    """Return the plan as JSON values, each operation with the request that it will be."""
    from connector.bootstrap import mapping_folders
    from connector.planner.render import to_json_values
    from connector.target.dialect import load_dialect
    from connector.target.request import foreseen

    settings = command.settings
    (target,) = (one for one in settings.target if one.name == plan.target)
    dialect = load_dialect(target.mapping, mapping_folders(settings))
    values = to_json_values(plan)
    for operation, operation_values in zip(plan.operations, values["operations"], strict=True):
        method, path = foreseen(operation, dialect)
        operation_values |= {"method": method, "path": path}
    return values | {"held": str(objection) if objection else None}


def _plan_exit_code(preview: Preview, *, detailed: bool) -> int:
    if any(objection for _, objection in preview.plans):
        return EXIT_HELD
    return EXIT_CHANGES if detailed and any(plan.operations for plan, _ in preview.plans) else 0


def _warn_of_read(preview: Preview) -> None:
    proof = preview.read.proof
    if not proof.is_complete:
        print_note(f"warning: the read was not complete: {proof.reason}")
    for problem in preview.read.problems:
        print_note(
            f"warning: {problem.distinguished_name}: {problem.attribute_path}: {problem.problem}"
        )
    if preview.doubts_count:
        print_note(
            f"note: {preview.doubts_count} operations of a killed cycle are in doubt;"
            " a sync looks them up first"
        )


def run_sync(
    context: typer.Context,
    *,
    full: Annotated[
        bool, typer.Option("--full", help="Read everything; at present every sync does.")
    ] = False,
    target: Target = None,
    user: User = "",
    allow_deletes: AllowDeletes = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the plan.")] = False,
    as_json: AsJson = False,
) -> int:
    """Run one cycle now; it waits for one that is under way.

    The daemon may run beside it. Ctrl-C ends it between two operations.

    Exit codes: 0 done, 1 the source or a target could not be used, 3 held by a limit, 4 done
    with failures, 130 interrupted.

    Example: connector sync --allow-deletes 40
    """
    from connector.sync.cycle import run_cycle

    del full  # the promise of the name is kept already
    if dry_run:
        return show_plan(
            context, target=target, user=user, allow_deletes=allow_deletes, as_json=as_json
        )
    command: CommandContext = context.obj
    request = _request(command, target, user, allow_deletes)
    with _stopping() as stop, LiveProgress() as progress:
        report = run_cycle(command.parts, request, progress, stop)
    if as_json:
        print_json(_report_values(report))
    else:
        _print_report(report)
    return _exit_code(report)


def _request(
    command: CommandContext, targets: list[str] | None, user: str, allow_deletes: int | None
) -> Request:
    from connector.directory.store import DirectoryStore
    from connector.sync.cycle import Request

    known = [target.name for target in command.settings.target]
    unknown = [name for name in targets or () if name not in known]
    if unknown:
        message = f"no target is called {unknown[0]}; there are: {', '.join(known) or 'none'}"
        raise typer.BadParameter(message, param_hint="--target")
    external_id = ""
    if user:
        person = DirectoryStore(command.engine).find_login(user.strip().casefold())
        if person is None:
            message = f"nobody in the directory signs in as {user}; after a joiner, sync once"
            raise ConnectorError(message)
        external_id = person.external_id
    return Request("the command line", tuple(targets or ()), external_id, allow_deletes)


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
            }
            for part in report.targets
        ],
    }


def _print_report(report: CycleReport) -> None:
    from connector.planner.render import summary

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
        counts = ", ".join(f"{count} {word}" for word, count in sorted(part.counts.items()))
        print_text(f"Target {part.target}: {part.status}{f' ({counts})' if counts else ''}.")
        if part.plan:
            print_text(f"  {summary(part.plan)}")
            for note in part.plan.notes:
                print_text(f"  Note: {note}.")
        if part.reason:
            print_error(f"{reason_at(part.target, part.reason)}{_next_step(report, part)}")
    if report.reason and report.read and report.read.proof.is_complete:
        print_note(f"warning: {report.reason}; see: connector status")
    elif report.reason:
        print_error(report.reason)
    print_text(f"Cycle {report.cycle_id}: {report.status}.")


def _next_step(report: CycleReport, part: TargetReport) -> str:
    """Return what an operator does about it."""
    from connector.sync.ports import Status

    if part.status is Status.FAILURES:
        return f"; see: connector runs show {report.cycle_id} --failed"
    if part.status is Status.HELD:
        return "; see: connector plan; --allow-deletes lets removals pass once"
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


def show_status(context: typer.Context, *, as_json: AsJson = False) -> int:
    """Show how things stand, and what needs attention.

    Example: connector status --json
    """
    from connector.directory.store import DirectoryStore
    from connector.sync.history import History

    command: CommandContext = context.obj
    store, history = DirectoryStore(command.engine), History(command.engine)
    counts, linked = store.counts(), history.linked_counts()
    problems, last = store.problems(), next(iter(history.cycles(1)), None)
    success_at = history.last_success_at()
    if as_json:
        print_json(
            {
                "directory": counts._asdict(),
                "targets": linked,
                "last_cycle": last,
                "last_success_at": success_at,
                "problems": problems,
            }
        )
        return 0
    print_text(
        f"Directory: {counted(counts.users, 'person', 'people')},"
        f" {counted(counts.groups, 'group')}, {counted(counts.leavers, 'leaver')}."
    )
    for target in command.settings.target:
        held = linked.get(target.name, {})
        print_text(
            f"Target {target.name}: {counted(held.get('User', 0), 'account')},"
            f" {counted(held.get('Group', 0), 'group')}."
        )
    _print_last(last, success_at)
    if problems:
        print_text(f"{counted(counts.problems, 'entry', 'entries')} cannot be mapped:")
        print_table(
            ("entry", "attribute", "problem"),
            [(one.distinguished_name, one.attribute_path, one.problem) for one in problems],
        )
    return 0


def _print_last(last: CycleSummary | None, success_at: datetime | None) -> None:
    if last is None:
        print_text("No cycle has run yet; start one with: connector sync")
        return
    reason = f": {last.reason}" if last.reason else ""
    print_text(f"Last cycle: {last.cycle_id}, {last.status}, {ago(last.started_at)}{reason}.")
    for part in last.parts:
        if part.reason:
            print_text(f"  {reason_at(part.target, part.reason)}.")
    if last.status not in {"done", "running"}:
        print_text(f"  More: connector runs show {last.cycle_id} --failed")
    print_text(f"Last cycle without any fault: {ago(success_at)}.")
