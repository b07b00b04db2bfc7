"""`app add`, `app presets` and `app refresh`: where applications come from."""

from __future__ import annotations

import shutil
import tomllib
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from connector.cli.application_show import require_idp, who_may
from connector.cli.context import CommandContext
from connector.cli.show import AsJson, print_json, print_note, print_table, print_text
from connector.errors import ConfigurationError, ConnectorError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from connector.idp.application.service_provider import Application
    from connector.settings import Settings

EXIT_WITH_FAILURES = 4


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("add")(add_application)
    app.command("presets")(list_presets)
    app.command("refresh")(refresh_applications)


def add_application(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(help="Name on the pages and in the audit; a preset has one.")
    ] = "",
    *,
    metadata: Annotated[str, typer.Option(help="Its SAML metadata: file or https URL.")] = "",
    metadata_certificate: Annotated[
        str, typer.Option(help="PEM file; the metadata must then be signed.")
    ] = "",
    preset: Annotated[str, typer.Option(help="Or: a known one, from `app presets`.")] = "",
    region: Annotated[str, typer.Option(help="With a preset: the vendor's region.")] = "",
    account_code: Annotated[str, typer.Option(help="With a preset: your code there.")] = "",
    entity_id: Annotated[
        str, typer.Option(help="Which of several; instead of a preset's own; or with --acs.")
    ] = "",
    acs: Annotated[
        list[str] | None,
        typer.Option(help="Where it takes Responses; may be repeated, the default one first."),
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(help='Group that may sign in; may be repeated; "*" for everybody.'),
    ] = None,
) -> int:
    """Add one to the configuration file.

    Checked first; what would not work is not added. A daemon that runs takes it up in seconds.

    Example: connector app add --preset mimecast-personal-portal --region us --account-code CUSA1A1
    """
    command: CommandContext = context.obj
    require_idp(command)
    values: dict[str, Any] = {
        "name": name or _title_of(command.settings, preset),
        "metadata": metadata,
        "metadata_certificate": metadata_certificate,
        "preset": preset,
        "region": region,
        "account_code": account_code,
        "entity_id": entity_id,
        "acs": list(acs or ()),
    }
    values = {key: value for key, value in values.items() if value}
    values["groups"] = "*" if group == ["*"] else list(group or ())
    application = _add(command, values)
    print_text(f"Added {application.name}: {application.service_provider.entity_id}")
    print_text(f"Who may sign in: {who_may(application)}.")
    print_text(f"What to enter on the other side: connector app show {application.slug}")
    return 0


def _title_of(settings: Settings, preset: str) -> str:
    from connector.bootstrap.opening import mapping_folders
    from connector.idp.application.preset import load_presets

    known = load_presets(mapping_folders(settings)).get(preset)
    if known is None and not preset:
        message = "an application with metadata needs a name: connector app add NAME --metadata …"
        raise ConnectorError(message)
    return known.title if known else preset


def _add(command: CommandContext, values: Mapping[str, Any]) -> Application:
    """Return the application that was added to the file and works.

    Raises:
        ConfigurationError: if it does not; the file is as it was.

    """
    from connector.bootstrap.applications import call_for_reading, load_registry
    from connector.clock import SystemClock
    from connector.settings import check_settings

    path, clock = command.path, SystemClock()
    text = f"{path.read_text(encoding='utf-8').rstrip()}\n{_block(values)}"
    settings = check_settings(tomllib.loads(text), name=path.name, folder=path.resolve().parent)
    loaded = load_registry(settings, clock)
    application = loaded.registry.applications[-1]
    if application.service_provider.has_ended(clock.now()):
        message = f"the metadata ended at {application.service_provider.valid_until}"
        raise ConnectorError(message)
    _replace(path, text)
    for note in loaded.notes:
        print_note(f"note: {note}")
    try:
        call_for_reading(settings, clock)
    except ConfigurationError as error:
        print_note(f"note: a daemon that runs takes it up when it is restarted: {error}")
    return application


def _replace(path: Path, text: str) -> None:
    """Put a text in a file's place, whole or not at all, readable by the same people."""
    draft = path.with_name(f".{path.name}.new")
    try:
        draft.touch(mode=0o600)
        draft.write_text(text, encoding="utf-8")
        shutil.copymode(path, draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _block(values: Mapping[str, Any]) -> str:
    # A JSON string or list of strings is one in TOML too.
    lines = [f"{key} = {orjson.dumps(value).decode()}" for key, value in values.items()]
    return "\n".join(["", "[[application]]", *lines, ""])


def list_presets(context: typer.Context, *, as_json: AsJson = False) -> int:
    """List the known applications that publish no metadata.

    Example: connector app presets
    """
    from connector.bootstrap.opening import mapping_folders
    from connector.idp.application.preset import load_presets

    command: CommandContext = context.obj
    presets = load_presets(mapping_folders(command.settings)).values()
    rows = [
        {
            "preset": one.name,
            "title": one.title,
            "regions": list(one.regions or ()),
            "account_code": one.account_code,
            "entity_ids": [one.entity_id, *one.other_entity_ids],
            "acs": list(one.acs),
        }
        for one in presets
    ]
    if as_json:
        print_json(rows)
        return 0
    columns = ("preset", "regions", "account code", "entity ID")
    print_table(
        columns,
        [
            (row["preset"], ", ".join(row["regions"]), row["account_code"], row["entity_ids"][0])
            for row in rows
        ],
    )
    return 0


def refresh_applications(context: typer.Context, *, as_json: AsJson = False) -> int:
    """Fetch the metadata of all applications now.

    And of other identity providers. A daemon that runs takes it up in seconds, and reads the
    applications of the configuration file anew, too. Exit codes: 0 done, 4 some could not be
    fetched; those stay as they were.

    Example: connector app refresh
    """
    from connector.bootstrap.applications import ApplicationFiles, call_for_reading, make_fetcher
    from connector.clock import SystemClock

    command: CommandContext = context.obj
    require_idp(command)
    files = ApplicationFiles(command.settings, SystemClock())
    fetched = make_fetcher(files).look(is_forced=True)
    call_for_reading(command.settings, files.clock)
    if as_json:
        print_json(fetched)
    for one in fetched if not as_json else ():
        state = one.problem or ("has changed" if one.is_new else "has not changed")
        print_text(f"{one.name}: {state.removeprefix(f'{one.url}: ')} ({one.url})")
    if not fetched and not as_json:
        print_text("No application has its metadata at a URL.")
    return EXIT_WITH_FAILURES if any(one.problem for one in fetched) else 0
