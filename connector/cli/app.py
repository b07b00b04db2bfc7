"""All commands together, and what happens when one fails."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import click
import typer

from connector.cli import applications, check, runs, service, sync
from connector.cli.context import CommandContext
from connector.cli.show import print_error
from connector.errors import ConnectorError
from state.errors import StateError

EXIT_ERROR = 1
EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="connector",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help=(
        "Keeps people and groups of Active Directory in step with SCIM targets such as Mimecast,"
        " and signs the same people in by SAML."
    ),
)
sync.add_commands(app)
runs.add_commands(app)
check.add_commands(app)
applications.add_commands(app)
service.add_commands(app)


@app.callback()
def configure(
    context: typer.Context,
    config: Annotated[
        Path,
        typer.Option("--config", "-c", envvar="CONNECTOR_CONFIG", help="The configuration file."),
    ] = Path("connector.toml"),
    *,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log everything.")] = False,
) -> None:
    """Take note of the configuration file."""
    context.obj = CommandContext(config, is_verbose=verbose)
    context.call_on_close(context.obj.close)


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    try:
        outcome = app(arguments, standalone_mode=False)
    except (ConnectorError, StateError) as error:
        print_error(str(error))
        return EXIT_ERROR
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        print_error("interrupted")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    return outcome if isinstance(outcome, int) else 0
