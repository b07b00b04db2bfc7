"""`sync`: one cycle now."""

from __future__ import annotations

from typing import Annotated

import typer

from connector.cli.context import CommandContext
from connector.cli.plan import show_plan
from connector.cli.report import AllowDeletes, Target, User, request_of, run_and_report
from connector.cli.show import AsJson


def add_commands(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("sync")(run_sync)


def run_sync(
    context: typer.Context,
    *,
    full: Annotated[
        bool, typer.Option("--full", help="Read and compare everything, not only what changed.")
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
    if dry_run:
        return show_plan(
            context,
            full=full,
            target=target,
            user=user,
            allow_deletes=allow_deletes,
            as_json=as_json,
        )
    command: CommandContext = context.obj
    request = request_of(command, target, user, allow_deletes, is_full=full)
    return run_and_report(command, request, as_json=as_json)
