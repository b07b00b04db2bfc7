"""`status`: how things stand, and what needs attention."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from connector.cli.context import CommandContext
from connector.cli.key_view import view_keys, words_of_status
from connector.cli.show import (
    AsJson,
    ago,
    counted,
    print_json,
    print_table,
    print_text,
    reason_at,
    utc,
)

if TYPE_CHECKING:
    from datetime import datetime

    from connector.mapping.resource import MappingProblem
    from connector.settings import TargetSettings
    from connector.sync.findings import LastComparison
    from connector.sync.history import CycleSummary
    from connector.sync.holds import Hold
    from connector.sync.setbacks import Setback

_SHOWN = 50


def add_commands(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("status")(show_status)


def show_status(context: typer.Context, *, as_json: AsJson = False) -> int:
    """Show how things stand, and what needs attention.

    Example: connector status --json
    """
    from connector.directory.store import DirectoryStore
    from connector.sync.findings import Findings
    from connector.sync.history import History
    from connector.sync.holds import Holds
    from connector.sync.setbacks import Setbacks

    command: CommandContext = context.obj
    store, history = DirectoryStore(command.engine), History(command.engine)
    counts, linked = store.counts(), history.linked_counts()
    problems, last = store.problems(), next(iter(history.cycles(1)), None)
    success_at, holds = history.last_success_at(), Holds(command.engine).open_holds()
    setbacks = Setbacks(command.engine).all()
    names = [target.name for target in command.settings.target]
    drift = {name: Findings(command.engine).of(name) for name in names}
    keys = view_keys(command)
    if as_json:
        values = {
            "directory": counts._asdict(),
            "targets": linked,
            "last_cycle": last,
            "last_success_at": success_at,
            "problems": problems,
            "held": holds,
            "refused": [_values(setback) for setback in setbacks],
            "drift": [one for one in drift.values() if one is not None],
            "signing_keys": keys.values(),
        }
        print_json(values)
        return 0
    print_text(
        f"Directory: {counted(counts.users, 'person', 'people')},"
        f" {counted(counts.groups, 'group')}, {counted(counts.leavers, 'leaver')}."
    )
    for target in command.settings.target:
        _print_target(target, linked.get(target.name, {}), drift[target.name])
    _print_last(last, success_at)
    _print_held(holds)
    _print_setbacks(setbacks)
    for line in words_of_status(keys):
        print_text(line)
    _print_problems(problems, counts.problems)
    return 0


def _print_target(
    target: TargetSettings, held: dict[str, int], last: LastComparison | None
) -> None:
    print_text(
        f"Target {target.name}: {counted(held.get('User', 0), 'account')},"
        f" {counted(held.get('Group', 0), 'group')}."
    )
    _print_drift(target.drift, last)


def _print_drift(action: str, last: LastComparison | None) -> None:
    if last is None:
        print_text(f"  Drift: {'not looked for' if action == 'off' else 'not compared yet'}.")
        return
    if last.reason:
        reason = last.reason.removeprefix(f"target {last.target}: ")
        print_text(f"  Drift: could not be compared {ago(last.tried_at)}: {reason}.")
    if last.compared_at is None:
        return
    count = counted(last.found_count, "difference") if last.found_count else "nothing differs"
    more = "; see: connector drift --last" if last.found_count else ""
    print_text(f"  Drift: {count}, compared {ago(last.compared_at)}{more}.")


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


def _print_problems(problems: list[MappingProblem], count: int) -> None:
    if problems:
        print_text(f"{counted(count, 'entry', 'entries')} cannot be mapped:")
        print_table(
            ("entry", "attribute", "problem"),
            [(one.distinguished_name, one.attribute_path, one.problem) for one in problems],
        )


def _print_held(holds: list[Hold]) -> None:
    for hold in holds:
        print_text(f"Waits for you since {ago(hold.opened_at)}: run {hold.cycle_id}.")
        print_text(f"  {reason_at(hold.target, hold.reason)}.")
        print_text(
            f"  Look: connector runs show {hold.cycle_id};"
            f" then: connector runs approve {hold.cycle_id}, or reject."
        )


def _values(setback: Setback) -> dict[str, Any]:
    return setback._asdict() | {"identity": setback.identity.hex()}


def _print_setbacks(setbacks: list[Setback]) -> None:
    if not setbacks:
        return
    print_text(f"{counted(len(setbacks), 'resource was', 'resources were')} refused:")
    rows = [
        (one.target, one.resource_type, one.name, one.reason, _next_try(one))
        for one in setbacks[:_SHOWN]
    ]
    print_table(("target", "of", "name", "reason", "next try"), rows)
    if len(setbacks) > _SHOWN:
        print_text(f"Only the first {_SHOWN} are shown; all of them: connector status --json")
    print_text("To try all of them now: connector sync")


def _next_try(setback: Setback) -> str:
    if setback.retry_at is None:
        return "when you have settled it there, or changed it in the source"
    return utc(setback.retry_at)
