"""`plan` and `apply`: see what a sync would do, and send exactly that."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.context import CommandContext
from connector.cli.report import (
    EXIT_HELD,
    AllowDeletes,
    Target,
    User,
    request_of,
    run_and_report,
)
from connector.cli.show import (
    AsJson,
    LiveProgress,
    print_error,
    print_json,
    print_note,
    print_text,
)

if TYPE_CHECKING:
    from connector.errors import UnsafePlanError
    from connector.planner.operation import Plan
    from connector.sync.cycle import Preview

EXIT_CHANGES = 2


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("plan")(show_plan)
    app.command("apply")(apply_plan)


def show_plan(
    context: typer.Context,
    *,
    full: Annotated[
        bool, typer.Option("--full", help="Read and compare everything, not only what changed.")
    ] = False,
    target: Target = None,
    user: User = "",
    allow_deletes: AllowDeletes = None,
    detailed_exitcode: Annotated[
        bool, typer.Option(help="Exit 2 if there is anything to do.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the plan to this file, for `apply`.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Show what a sync would do now; change nothing anywhere.

    Reads the source, and prints every request that would be sent, with old and new values;
    --json adds method and path. The targets are not asked anything.

    Exit codes: 0 shown, 1 the source could not be read, 2 there is something to do (only with
    --detailed-exitcode), 3 a limit would hold it.

    With --config it shows what another configuration would do before it is in force.

    Example: connector plan --target mimecast --out monday.plan
    """
    from connector.planner.render import render_text
    from connector.sync.cycle import preview_cycle

    command: CommandContext = context.obj
    request = request_of(command, target, user, allow_deletes, is_full=full)
    with LiveProgress() as progress:
        preview = preview_cycle(command.parts, request, progress)
    _warn_of_read(preview)
    if out is not None:
        _write(command, out, preview)
    if as_json:
        print_json([_plan_values(command, *each) for each in preview.plans])
    else:
        for plan, objection in preview.plans:
            print_text(render_text(plan))
            if objection:
                print_text(f"Held: {objection}.")
    return _plan_exit_code(preview, detailed=detailed_exitcode)


def apply_plan(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A file from `plan --out`.")],
    *,
    over_limits: Annotated[
        bool, typer.Option("--over-limits", help="Send it although a limit would hold it.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Send exactly the plan in a file, and nothing else.

    Reads the source first. An operation whose ground has moved since the plan was made is left
    out and named; the next sync plans it anew.

    Exit codes: 0 done, 1 the file, the source or a target could not be used, 3 held by a limit,
    4 something was left out or failed.

    Example: connector apply monday.plan
    """
    from connector.audit import Audit, AuditEvent
    from connector.sync.plan_file import read_plan_file
    from connector.sync.request import Request
    from connector.sync.review import Selection

    command: CommandContext = context.obj
    found = read_plan_file(file)
    known = {target.name for target in command.settings.target}
    for name in sorted(found.operations.keys() - known):
        print_error(f"{file}: no target is called {name} any more")
        return 1
    who = getpass.getuser()
    selection = Selection(found.operations, who, keeps_limits=not over_limits)
    trigger = f"{who}, by the plan {found.digest[:12]}"
    details = {"plan": found.digest, "by": who, "over_limits": over_limits}
    event = AuditEvent(command.parts.clock.now(), "plan.applied", "success", details=details)
    Audit(command.engine).record(event)
    return run_and_report(command, Request(trigger, selection=selection), as_json=as_json)


def _write(command: CommandContext, out: Path, preview: Preview) -> None:
    from connector.sync.plan_file import write_plan_file

    mark = preview.read.proof.watermark
    digest = write_plan_file(out, preview.plans, mark, command.parts.clock.now())
    print_note(f"Plan {digest[:12]} written; to send exactly it: connector apply {out}")


def _plan_values(
    command: CommandContext, plan: Plan, objection: UnsafePlanError | None
) -> dict[str, Any]:
    """Return the plan as JSON values, each operation with the request that it will be."""
    from connector.bootstrap.opening import mapping_folders
    from connector.planner.render import to_json_values
    from connector.target.dialect import load_dialect
    from connector.target.mimecast_api import wire
    from connector.target.request import foreseen

    settings = command.settings
    (target,) = (one for one in settings.target if one.name == plan.target)
    dialect = load_dialect(target.mapping, mapping_folders(settings))
    values = to_json_values(plan)
    for operation, operation_values in zip(plan.operations, values["operations"], strict=True):
        is_scim = target.kind == "scim"
        method, path = foreseen(operation, dialect) if is_scim else wire.foreseen(operation)
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
