"""`runs`: what happened in each cycle, and what becomes of a plan that is held."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from connector.cli.context import CommandContext
from connector.cli.report import EXIT_HELD, run_and_report
from connector.cli.show import (
    AsJson,
    ago,
    counted,
    print_json,
    print_table,
    print_text,
    reason_at,
)
from connector.errors import ConnectorError

if TYPE_CHECKING:
    from connector.sync.history import CycleSummary, OperationLine
    from connector.sync.holds import Hold, Holds

_SHOWN = 200
Run = Annotated[int, typer.Argument(help="Number of the cycle, from `runs list`.")]
OneTarget = Annotated[str, typer.Option("--target", "-t", help="Only the plan of this target.")]


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this file."""
    runs = typer.Typer(no_args_is_help=True, help="What happened, and what is held.")
    runs.command("list")(list_runs)
    runs.command("show")(show_run)
    runs.command("approve")(approve_run)
    runs.command("reject")(reject_run)
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
    run: Run,
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
        raise _no_such(run)
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


def approve_run(
    context: typer.Context, run: Run, *, target: OneTarget = "", as_json: AsJson = False
) -> int:
    """Send the plan that a cycle held: exactly it, and nothing else.

    Reads the source first. An operation whose ground has moved since then is left out and named;
    the next sync plans it anew. What is approved does not count against the limits of the day.

    Exit codes: 0 done, 1 there is nothing to approve, or the source or a target could not be
    used, 4 something was left out or failed.

    Example: connector runs approve 42
    """
    from connector.sync.holds import Holds
    from connector.sync.request import Request
    from connector.sync.review import Selection

    command: CommandContext = context.obj
    holds, who = Holds(command.engine), getpass.getuser()
    hold = _open_hold(holds, run, target)
    selection = Selection({hold.target: holds.identities(hold)}, who, hold)
    _audit(command, "plan.approved", hold, who)
    request = Request(f"{who}, who approved run {run}", selection=selection)
    return run_and_report(command, request, as_json=as_json)


def reject_run(context: typer.Context, run: Run, *, target: OneTarget = "") -> int:
    """Decide that the plan that a cycle held is not sent.

    The next cycles make the same plan as long as its cause lasts; it stays held, and nobody is
    told again. Mend the source, the scope or the limit.

    Exit codes: 1 there is nothing to reject, 3 the plan stays held.

    Example: connector runs reject 42
    """
    from connector.sync.holds import Decision, Holds

    command: CommandContext = context.obj
    holds, who = Holds(command.engine), getpass.getuser()
    hold = _open_hold(holds, run, target)
    _audit(command, "plan.rejected", hold, who)
    holds.decide(hold, Decision.REJECTED, who, command.parts.clock.now())
    print_text(f"Run {run}: rejected; nothing was sent to target {hold.target}.")
    return EXIT_HELD


def _audit(command: CommandContext, event: str, hold: Hold, who: str) -> None:
    """Note who decided about what, in the chain that shows tampering."""
    from connector.audit import Audit, AuditEvent

    details = {"run": hold.cycle_id, "target": hold.target, "by": who, "plan": hold.reason}
    now = command.parts.clock.now()
    Audit(command.engine).record(AuditEvent(now, event, "success", details=details))


def _open_hold(holds: Holds, run: int, target: str) -> Hold:
    """Return the one plan that is meant.

    Raises:
        ConnectorError: if there is none, or more than one.

    """
    from connector.sync.holds import Decision

    found = [one for one in holds.of_cycle(run) if target in {"", one.target}]
    undecided = [one for one in found if one.decision in {Decision.OPEN, Decision.REJECTED}]
    if len(undecided) == 1:
        return undecided[0]
    if undecided:
        names = ", ".join(one.target for one in undecided)
        message = f"run {run} holds plans of several targets; name one with --target: {names}"
    elif found:
        last = found[-1]
        by = f" by {last.decided_by}" if last.decided_by else ""
        message = f"the plan of run {run} is {last.decision}{by}; see: connector status"
    else:
        message = f"run {run} holds no plan; see: connector status"
    raise ConnectorError(message)


def _no_such(run: int) -> ConnectorError:
    return ConnectorError(f"there is no cycle {run}; see: connector runs list")


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
