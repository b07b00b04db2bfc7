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
    """Run the daemon: cycles by schedule, and the sign-on.

    SIGTERM ends it between two operations, SIGUSR1 runs a cycle now, SIGHUP loads the TLS
    certificate, the applications and their metadata anew.

    Example: connector run --config /etc/connector/connector.toml
    """
    from connector.clock import SystemClock
    from connector.daemon import Daemon, run_until_signal

    command: CommandContext = context.obj
    daemon = Daemon(
        command.settings, command.engine, SystemClock(), configuration=command.path.absolute()
    )
    run_until_signal(daemon)
    return 0


def run_demo(
    folder: Annotated[
        Path, typer.Option(help="Where the demo keeps its files; removed and made anew.")
    ] = Path(".demo"),
    port: Annotated[int, typer.Option(help="First of four ports on this machine.")] = 8440,
) -> int:
    """Try everything, on this machine alone.

    A sample company, a SCIM service that stands in for Mimecast, and an application to sign in
    to. Nothing leaves the machine, and nothing but the folder is written. Ctrl-C ends it.

    Example: connector demo --port 9440
    """
    from connector.demo.show import run

    return run(folder, port)


def upgrade_database(context: typer.Context) -> int:
    """Bring the state database up to date.

    Whole or not at all; stop the daemon first.

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
    """Copy the state database while it is in use.

    SQLite only; for PostgreSQL use pg_dump.

    Example: connector db backup /var/backups/connector.db
    """
    from state.engine import back_up

    command: CommandContext = context.obj
    back_up(command.engine, file)
    print_text(f"Wrote {file}.")
    return 0
