"""`audit`: what happened, for whoever asks why, for a SIEM, and whether anybody changed it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.context import CommandContext
from connector.cli.person import WHO, find_person, name_of
from connector.cli.show import print_error, print_line, print_table, print_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from connector.audit import AuditEvent

_SHOWN = 50


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this file."""
    audit = typer.Typer(no_args_is_help=True, help="What happened: logins, changes, by whom.")
    audit.command("list")(list_events)
    audit.command("verify")(verify)
    app.add_typer(audit, name="audit")


def list_events(
    context: typer.Context,
    since: Annotated[
        str, typer.Option("--since", help="For so long, such as 24h, or since 2026-11-30T08:00.")
    ] = "",
    user: Annotated[str, typer.Option("--user", help=WHO)] = "",
    event: Annotated[
        str, typer.Option("--event", help="Only such, such as login.failed, or all of login.")
    ] = "",
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, an event a line, with all details.")
    ] = False,
) -> int:
    """List what happened, the latest last.

    Without --since the latest 50. Events with a reason are failures.

    Example: connector audit list --since 1h --user anna@corp.example
    """
    from connector.audit import Audit

    command: CommandContext = context.obj
    begun = _begun(since) if since else None
    actor = find_person(command, user).external_id if user else ""
    audit = Audit(command.engine)
    events: Iterable[AuditEvent]
    if begun is None:
        events = reversed(audit.recent(_SHOWN, actor=actor, event=event))
    else:
        events = audit.read(begun, actor=actor, event=event)
    if as_json:
        for each in events:
            print_line(each)
        return 0
    rows = list(_rows(command, events))
    if rows:
        print_table(("at (UTC)", "event", "because of", "who", "application", "from"), rows)
    else:
        print_text("Nothing.")
    return 0


def verify(context: typer.Context) -> int:
    """Say whether anybody has changed the audit.

    Each event is chained to the one before it. An event that was changed, taken out or put in
    later shows, as does an end that was cut off.

    Exit codes: 0 as it was written, 1 not.

    Example: connector audit verify
    """
    from connector.audit import Audit

    command: CommandContext = context.obj
    broken = Audit(command.engine).first_break()
    if broken is not None:
        print_error(f"event {broken} of the audit is not as it was written, or is not there")
        return 1
    print_text("The audit is as it was written.")
    return 0


def _rows(command: CommandContext, events: Iterable[AuditEvent]) -> Iterator[tuple[Any, ...]]:
    from connector.directory.store import DirectoryStore

    shown = list(events)
    known = DirectoryStore(command.engine).users(sorted({each.actor for each in shown} - {""}))
    for each in shown:
        who = name_of(known[each.actor]) if each.actor in known else each.actor
        when = f"{each.at:%Y-%m-%d %H:%M:%S}"
        yield when, each.event, each.reason, who, each.application, each.address


def _begun(text: str) -> datetime:
    from connector.cli.moment import parse_moment
    from connector.clock import SystemClock

    now, such_as = SystemClock().now(), ("24h", "2026-11-30T08:00")
    return parse_moment(text, lambda ago: now - ago, option="--since", such_as=such_as)
