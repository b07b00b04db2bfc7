"""`runs list` and `runs show`: what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from connector.cli.context import CommandContext
from connector.cli.show import ago, counted, print_json, print_table, print_text, reason_at
from connector.cli.sync import AsJson
from connector.errors import ConnectorError

if TYPE_CHECKING:
    from connector.sync.history import CycleSummary, OperationLine

_SHOWN = 200


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this file."""
    runs = typer.Typer(no_args_is_help=True, help="What happened in each cycle.")
    runs.command("list")(list_runs)
    runs.command("show")(show_run)
    app.add_typer(runs, name="runs")


def list_runs(
    context: typer.Context,
    *,
    failed: Annotated[bool, typer.Option("--failed", help="Only cycles with faults.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 20,
    as_json: AsJson = False,
) -> int:
    """List the latest cycles, newest first.

    Example: connector runs list --failed
    """
    from connector.sync.history import History

    command: CommandContext = context.obj
    cycles = History(command.engine).cycles(limit, only_failed=failed)
    if as_json:
        print_json(cycles)
    elif not cycles:
        print_text("No such cycle has run yet.")
    else:
        print_table(
            ("#run", "started", "by", "status", "#planned", "#applied", "#failed", "reason"),
            [_row(cycle) for cycle in cycles],
        )
    return 0


def _row(cycle: CycleSummary) -> tuple[object, ...]:
    reasons = [
        cycle.reason,
        *(reason_at(part.target, part.reason) for part in cycle.parts if part.reason),
    ]
    return (
        cycle.cycle_id,
        ago(cycle.started_at),
        cycle.trigger,
        cycle.status,
        sum(part.planned_count for part in cycle.parts),
        sum(part.applied_count for part in cycle.parts),
        sum(part.failed_count for part in cycle.parts),
        "; ".join(reason for reason in reasons if reason),
    )


def show_run(
    context: typer.Context,
    run: Annotated[int, typer.Argument(help="Number of the cycle, from `runs list`.")],
    *,
    failed: Annotated[bool, typer.Option("--failed", help="Only what was not applied.")] = False,
    as_json: AsJson = False,
) -> int:
    """Show one cycle with every operation.

    What changed from which value to which, and what the target said.

    Example: connector runs show 42 --failed
    """
    from connector.sync.history import History

    command: CommandContext = context.obj
    history = History(command.engine)
    cycle = history.cycle(run)
    if cycle is None:
        message = f"there is no cycle {run}; see: connector runs list"
        raise ConnectorError(message)
    limit = None if as_json else _SHOWN
    operations = history.operations(run, only_failed=failed, limit=limit)
    if as_json:
        print_json({"cycle": cycle, "operations": operations})
        return 0
    print_text(
        f"Cycle {cycle.cycle_id}: {cycle.status}; started {ago(cycle.started_at)},"
        f" by {cycle.trigger}."
    )
    if cycle.reason:
        print_text(f"Reason: {cycle.reason}.")
    for part in cycle.parts:
        counts = f"{part.applied_count} of {part.planned_count} applied, {part.failed_count} failed"
        print_text(f"Target {part.target}: {part.status} ({counts}).")
        if part.reason:
            print_text(f"  Reason: {part.reason.removeprefix(f'target {part.target}: ')}.")
    if operations:
        rows = [
            (one.kind, one.resource_type, one.name, one.status, _detail(one)) for one in operations
        ]
        print_table(("what", "of", "name", "status", "detail"), rows)
    if len(operations) == _SHOWN:
        print_text(
            f"Only the first {_SHOWN} are shown; all of them: connector runs show {run} --json"
        )
    return 0


def _detail(one: OperationLine) -> str:
    changes = [
        f"{path.rpartition(':')[2]}: {_shown(old)} -> {_shown(new)}"
        for path, (old, new) in one.detail.get("changes", {}).items()
    ]
    for key, sign in (("added", "+"), ("removed", "-")):
        if members := one.detail.get(key):
            changes.append(f"{sign}{counted(len(members), 'member')}")
    return "; ".join([*changes, one.reason] if one.reason else changes)


def _shown(value: Any) -> str:
    return "nothing" if value is None else orjson.dumps(value).decode()
