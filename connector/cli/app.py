"""All commands together, and what happens when one fails."""

from __future__ import annotations

import os
import sys
import traceback
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Annotated

import typer

from connector.cli import (
    applications,
    audit,
    check,
    drift,
    explain,
    factor_report,
    federation,
    keys,
    mail,
    plan,
    runs,
    service,
    status,
    sync,
    target,
    users,
)
from connector.cli.context import CommandContext
from connector.cli.show import print_error, print_note
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
plan.add_commands(app)
sync.add_commands(app)
status.add_commands(app)
explain.add_commands(app)
drift.add_commands(app)
runs.add_commands(app)
check.add_commands(app)
target.add_commands(app)
applications.add_commands(app)
federation.add_commands(app)
users.add_commands(app)
factor_report.add_commands(app)
keys.add_commands(app)
mail.add_commands(app)
audit.add_commands(app)
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
    """Run one command and return its exit code; whatever goes wrong is said in words."""
    try:
        outcome = app(_in_order(arguments), standalone_mode=False, prog_name="connector")
    except (ConnectorError, StateError) as error:
        print_error(str(error))
        return EXIT_ERROR
    except typer.TyperException as error:
        return _explain_usage(error)
    except (KeyboardInterrupt, typer.Abort):
        print_error("interrupted")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except OSError as error:
        print_error(
            ": ".join(str(part) for part in (error.filename, error.strerror or error) if part)
        )
        return EXIT_ERROR
    return outcome if isinstance(outcome, int) else 0


def _in_order(arguments: list[str]) -> list[str]:
    """Return the arguments with those of the program first; they may be typed anywhere.

    >>> _in_order(["plan", "--config", "my.toml", "--json", "-v"])
    ['--config', 'my.toml', '-v', 'plan', '--json']

    """
    first: list[str] = []
    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        if word in {"--config", "-c"}:
            first += [word, *islice(words, 1)]
        elif word in {"--verbose", "-v"} or word.startswith("--config="):
            first.append(word)
        else:
            rest.append(word)
    return first + rest


def _explain_usage(error: typer.TyperException) -> int:
    """Say what is wrong with the command as typed, and where to read how it is meant."""
    context = getattr(error, "ctx", None)
    words = error.format_message().rstrip(".")
    if not words or words.startswith("Usage:"):
        # A group of commands by itself: its help is the answer.
        print_note(words)
        return error.exit_code
    command = context.command_path if context else app.info.name
    print_error(f"{words[:1].lower()}{words[1:]}; see: {command} --help")
    return error.exit_code


def admit_fault(
    kind: type[BaseException], fault: BaseException, trace: TracebackType | None
) -> None:
    """Say that the program itself is at fault; how exactly only to those who ask for it.

    Stands in for `sys.excepthook`; the exit code is 1.
    """
    print_error(f"a fault of this program: {kind.__name__}: {fault}")
    if {"-v", "--verbose"}.isdisjoint(sys.argv):
        print_error("please report it, with what the same command says with --verbose")
    else:
        print_note("".join(traceback.format_exception(kind, fault, trace)))
