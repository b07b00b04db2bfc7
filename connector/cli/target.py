"""`target`: what a target can do, tried out, remembered and forgotten."""

from __future__ import annotations

import secrets
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.context import CommandContext
from connector.cli.show import AsJson, ago, print_json, print_note, print_table, print_text
from connector.errors import ConfigurationError, Fault

if TYPE_CHECKING:
    from connector.settings import TargetSettings
    from connector.sync.probing import Found

Name = Annotated[str, typer.Argument(help="The target's name in the configuration.")]
_MARK_BYTES = 4


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this file."""
    group = typer.Typer(no_args_is_help=True, help="Learn what a target can do.")
    group.command("probe")(probe_target)
    group.command("show")(show_target)
    group.command("forget")(forget_target)
    app.add_typer(group, name="target")


def probe_target(
    context: typer.Context,
    name: Name,
    *,
    write: Annotated[
        Path | None, typer.Option("--write", help="Write the dialect file here.")
    ] = None,
    domain: Annotated[
        str, typer.Option("--domain", help="Domain of the test users' names.")
    ] = "probe.invalid",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before writing there.")] = False,
    as_json: AsJson = False,
) -> int:
    """Try out what a target can do.

    Makes test users and a test group there, and removes them again. Tries names, filters, changes,
    disabling, members, bulk requests, pages and versions, and looks at the effect of each. What is
    found is remembered for the next syncs, and printed as a dialect file for you to review. If
    something cannot be removed, its name is printed.

    Exit codes: 0 done, 1 the target cannot be probed, 4 something of the probe was left there.

    Example: connector target probe mimecast --domain corp.example --write mappings/mimecast.toml
    """
    command: CommandContext = context.obj
    settings = _find(command, name)
    if settings.kind != "scim":
        problem = f"is of kind {settings.kind}, whose abilities are known; only scim is probed"
        raise ConfigurationError([Fault(name, "", problem)])
    if write is not None and write.exists():
        raise ConfigurationError([Fault(str(write), "", "is there already; name a new file")])
    if not yes:
        question = f"Make and remove test users and a test group at {settings.base_url}?"
        typer.confirm(question, abort=True, err=True)
    left: list[str] = []
    found = _run(command, settings, domain, left)
    if as_json:
        print_json(found.as_values() | {"left": left})
    else:
        print_table(("tried", "found"), [(one.subject, one.words) for one in found.remarks])
    _hand_over(found, settings, write, as_json=as_json)
    return 4 if left else 0


def _run(command: CommandContext, settings: TargetSettings, domain: str, left: list[str]) -> Found:
    from connector.bootstrap.opening import mapping_folders
    from connector.clock import SystemClock
    from connector.sync.learnt import TargetMemory
    from connector.sync.probing import run_probe
    from connector.target.client import ScimTarget, connection_of
    from connector.target.dialect import load_dialect

    def tell_left(those: list[str]) -> None:
        left.extend(those)
        print_note("These could not be removed; remove them at the target by hand:")
        for one in those:
            print_note(f"  {one}")

    dialect = load_dialect(settings.mapping, mapping_folders(command.settings))
    memory = TargetMemory(command.engine, settings.name, SystemClock(), "probe")
    marks = (secrets.token_hex(_MARK_BYTES), domain)
    with closing(ScimTarget(connection_of(settings), dialect)) as target:
        found = run_probe(target, dialect, marks, lambda step: print_note(f"{step} ..."), tell_left)
    memory.save(found.lessons)
    return found


def _hand_over(
    found: Found, settings: TargetSettings, write: Path | None, *, as_json: bool
) -> None:
    from connector.target.profile import render_profile

    remarks = [f"{one.subject}: {one.words}" for one in found.remarks]
    title = f'As probed at the target "{settings.name}". Review it before you use it.'
    profile = render_profile(found.dialect, [title, "", *remarks])
    if write is not None:
        write.write_text(profile, encoding="utf-8")
        print_note(f'Written to {write}; to use it: mapping = "{write.name}"')
    elif not as_json:
        print_text("")
        print_text(profile.rstrip())


def show_target(context: typer.Context, name: Name, *, as_json: AsJson = False) -> int:
    """Show what was learnt of a target.

    It stands under the keys of the dialect file, counts before it, and is believed for 30 days.

    Example: connector target show mimecast
    """
    from connector.clock import SystemClock
    from connector.sync.learnt import TargetMemory

    command: CommandContext = context.obj
    settings = _find(command, name)
    learnt = TargetMemory(command.engine, settings.name, SystemClock()).all()
    if as_json:
        print_json([one._asdict() for one in learnt])
    elif learnt:
        rows = [(one.what, _shown(one.value), one.learnt_by, ago(one.learnt_at)) for one in learnt]
        print_table(("key", "value", "by", "when"), rows)
    else:
        print_text("Nothing was learnt yet; to try it out: connector target probe " + name)
    return 0


def _shown(value: object) -> str:
    import orjson

    return orjson.dumps(value).decode()


def forget_target(context: typer.Context, name: Name) -> int:
    """Forget what was learnt of a target.

    Its dialect file alone counts then.

    Example: connector target forget mimecast
    """
    from connector.clock import SystemClock
    from connector.sync.learnt import TargetMemory

    command: CommandContext = context.obj
    settings = _find(command, name)
    count = TargetMemory(command.engine, settings.name, SystemClock()).forget()
    print_text(f"Forgotten: {count}." if count else "There was nothing to forget.")
    return 0


def _find(command: CommandContext, name: str) -> TargetSettings:
    targets = {one.name: one for one in command.settings.target}
    if name not in targets:
        known = ", ".join(targets) or "none"
        raise ConfigurationError([Fault(name, "", f"is not a target; configured are: {known}")])
    return targets[name]
