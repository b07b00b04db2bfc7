"""`mail`: does the mail server take what we send, and what waits or was given up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.context import CommandContext
from connector.cli.show import AsJson, ago, print_json, print_table, print_text, utc
from connector.errors import ConnectorError

if TYPE_CHECKING:
    from connector.mail.letter import Entry
    from connector.settings import MailSettings


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this file."""
    mail = typer.Typer(no_args_is_help=True, help="Messages to people about their sign-on.")
    mail.command("test")(send_test)
    mail.command("list")(list_mail)
    app.add_typer(mail, name="mail")


def send_test(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help="Where to, such as you@corp.example.")],
) -> int:
    """Send a message now, and tell what the mail server says.

    Exit codes: 0 the server has taken it, 1 not.

    Example: connector mail test you@corp.example
    """
    from connector.bootstrap.mail import letterhead_of, make_mail_server, write_test
    from connector.mail.letter import Taken

    command: CommandContext = context.obj
    server = make_mail_server(_configured(command))
    letter = write_test(letterhead_of(command.settings), address)
    with server.open() as session:
        print_text(f"{server} {session.describe()}.")
        outcome = session.send(letter)
    if isinstance(outcome, Taken):
        print_text(f"It has taken the message to {address}: {outcome.words or 'without a word'}.")
        return 0
    message = f"mail server {server} did not take the message to {address}: {outcome.words}"
    raise ConnectorError(message)


def list_mail(context: typer.Context, *, as_json: AsJson = False) -> int:
    """List messages that wait to be sent, and those given up.

    Those given up are kept for 30 days; what was sent is in the audit.

    Example: connector mail list
    """
    from connector.clock import SystemClock
    from connector.mail.outbox import Outbox

    command: CommandContext = context.obj
    entries = Outbox(command.engine).entries(SystemClock().now())
    if as_json:
        print_json(list(entries))
    elif entries:
        columns = ("queued", "what", "to", "#tries", "state", "because")
        print_table(columns, map(_row, entries))
    else:
        print_text("No message waits, and none was given up within 30 days.")
    return 0


def _row(entry: Entry) -> tuple[object, ...]:
    if entry.given_up:
        state = f"given up ({entry.given_up})"
    else:
        state = (
            f"waits until {utc(entry.due_at)}" if entry.tried_count and entry.due_at else "waits"
        )
    to = entry.recipient or entry.external_id
    return (ago(entry.queued_at), entry.notice, to, entry.tried_count, state, entry.problem)


def _configured(command: CommandContext) -> MailSettings:
    if command.settings.mail is None:
        message = f"{command.path} has no section [mail], so nothing is sent; see docs/mail.md"
        raise ConnectorError(message)
    return command.settings.mail
