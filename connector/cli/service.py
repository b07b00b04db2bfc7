"""`run`, `demo` and `db`: the program as a service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from connector.cli.context import CommandContext
from connector.cli.show import print_text


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("run")(run_service)
    app.command("demo")(run_demo)
    database = typer.Typer(no_args_is_help=True, help="The state database.")
    database.command("upgrade")(upgrade_database)
    database.command("backup")(back_up_database)
    app.add_typer(database, name="db")


def run_service(context: typer.Context) -> int:
    """Run the daemon: scheduled cycles and all HTTP surfaces, until SIGTERM.

    SIGHUP loads the TLS certificate anew, SIGUSR1 runs a cycle now.

    Example: connector --config /etc/connector/connector.toml run
    """
    from connector.clock import SystemClock
    from connector.daemon import Daemon, run_until_signal

    command: CommandContext = context.obj
    run_until_signal(Daemon(command.settings, command.engine, SystemClock()))
    return 0


def run_demo(
    folder: Annotated[
        Path, typer.Option(help="Where the demo keeps its files; removed and made anew.")
    ] = Path(".demo"),
    port: Annotated[int, typer.Option(help="First of four ports on this machine.")] = 8440,
) -> int:
    """Try everything on this machine alone: a sample company, a SCIM service, an application.

    Nothing leaves the machine, and nothing but the folder is written. Ctrl-C ends it.
    """
    from connector.demo.show import run

    return run(folder, port)


def upgrade_database(context: typer.Context) -> int:
    """Bring the state database to this program's revision, whole or not at all.

    Example: connector db backup state.bak && connector db upgrade
    """
    from state.engine import open_engine
    from state.migrate import upgrade

    command: CommandContext = context.obj
    engine = open_engine(command.settings.state.url)
    command.opened.append(engine)
    before, after = upgrade(engine)
    if before == after:
        print_text(f"The state database is up to date (revision {after}).")
    else:
        print_text(f"The state database is now at revision {after} (was: {before or 'empty'}).")
    return 0


def back_up_database(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Where to; must not exist yet.")],
) -> int:
    """Copy the state database while it is in use (SQLite; use pg_dump for PostgreSQL).

    Example: connector db backup /var/backups/connector.db
    """
    from state.engine import back_up

    command: CommandContext = context.obj
    back_up(command.engine, file)
    print_text(f"Wrote {file}.")
    return 0
