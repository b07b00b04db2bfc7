"""`app`: whom we sign people in to."""

from __future__ import annotations

import base64
import shutil
import tomllib
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from connector.cli.context import CommandContext
from connector.cli.key_view import view_keys, words_of_application
from connector.cli.show import AsJson, print_json, print_note, print_table, print_text
from connector.errors import ConnectorError, LoginError

if TYPE_CHECKING:
    from pathlib import Path

    from connector.bootstrap.logins import IdentityProvider
    from connector.directory.person import DirectoryUser
    from connector.idp.application.service_provider import Application
    from connector.idp.flow import LoginParts


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this file."""
    applications = typer.Typer(no_args_is_help=True, help="SAML applications.")
    applications.command("list")(list_applications)
    applications.command("show")(show_application)
    applications.command("add")(add_application)
    applications.command("test")(preview_login)
    app.add_typer(applications, name="app")


def list_applications(context: typer.Context, *, as_json: AsJson = False) -> int:
    """List the applications, with who may sign in.

    Example: connector app list
    """
    command: CommandContext = context.obj
    applications = _provider(command).flow.parts.registry.applications
    if as_json:
        print_json([_values(application) for application in applications])
    elif not applications:
        print_text("No application is configured; add one with: connector app add --help")
    else:
        rows = [
            (one.name, one.slug, one.service_provider.entity_id, _who(one)) for one in applications
        ]
        print_table(("name", "slug", "entity ID", "who may sign in"), rows)
    return 0


def show_application(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name or slug, from `app list`.")],
    *,
    as_json: AsJson = False,
) -> int:
    """Show one, and what to enter on the other side.

    Example: connector app show mimecast-personal-portal
    """
    command: CommandContext = context.obj
    provider = _provider(command)
    application = _find(provider, name)
    endpoints = provider.flow.parts.settings.endpoints
    metadata_url = endpoints.metadata_url(application.slug)
    certificate = provider.flow.parts.answerer.keys.key_for(application.slug).certificate
    keys = view_keys(command)
    if as_json:
        ours = {
            "issuer": endpoints.entity_id,
            "login_url": endpoints.sso_url,
            "metadata_url": metadata_url,
            "certificate": certificate,
            "next_keys": [keys.values_of(key) for key in keys.next_keys()],
        }
        print_json(_values(application) | ours)
        return 0
    print_text(f"{application.name} ({application.slug}): {_who(application)}")
    print_text(f"  Entity ID:    {application.service_provider.entity_id}")
    for acs in application.service_provider.acs_endpoints:
        print_text(f"  ACS:          {acs.url}")
    print_text(f"  NameID:       {application.name_id} as {application.name_id_format}")
    if application.target:
        print_text(f"  Accounts:     at target {application.target}, made at the first sign-in")
    print_text("Enter on the other side:")
    print_text(f"  Issuer:       {endpoints.entity_id}")
    print_text(f"  Login URL:    {endpoints.sso_url}")
    print_text(f"  Metadata URL: {metadata_url}")
    print_text(f"  Certificate:  {certificate}")
    for line in words_of_application(keys, application.slug):
        print_text(line)
    return 0


def add_application(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name on the pages and in the audit.")],
    metadata: Annotated[str, typer.Option(help="The service provider's metadata: file or URL.")],
    group: Annotated[
        list[str] | None,
        typer.Option(help='Group that may sign in; may be repeated; "*" for everybody.'),
    ] = None,
) -> int:
    """Add one to the configuration file.

    Checked first; what would not work is not added. For the presets of Mimecast, copy the block
    that `connector init` writes.

    Example: connector app add Intranet --metadata sp.xml --group "CN=Staff,DC=corp,DC=example"
    """
    from connector.bootstrap.logins import load_registry
    from connector.clock import SystemClock
    from connector.settings import check_settings

    command: CommandContext = context.obj
    _ = command.idp
    groups = "*" if group == ["*"] else list(group or ())
    block = _block({"name": name, "metadata": metadata, "groups": groups})
    path = command.path
    text = f"{path.read_text(encoding='utf-8').rstrip()}\n{block}"
    settings = check_settings(tomllib.loads(text), name=path.name, folder=path.resolve().parent)
    registry, notes = load_registry(settings, SystemClock())
    _replace(path, text)
    for note in notes:
        print_note(f"note: {note}")
    application = registry.applications[-1]
    print_text(f"Added {application.name}: {application.service_provider.entity_id}")
    print_text(f"Who may sign in: {_who(application)}. It takes effect when the daemon restarts.")
    print_text(f"What to enter on the other side: connector app show {application.slug}")
    return 0


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


def _block(values: dict[str, Any]) -> str:
    # A JSON string or list of strings is one in TOML too.
    lines = [f"{key} = {orjson.dumps(value).decode()}" for key, value in values.items()]
    return "\n".join(["", "[[application]]", *lines, ""])


def preview_login(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name or slug, from `app list`.")],
    user: Annotated[str, typer.Option("--user", "-u", help="Whom, by e-mail address.")],
    *,
    as_json: AsJson = False,
) -> int:
    """Show what a login would send, or why it would not.

    The Response is signed and complete, but for nobody: it is only printed.

    Example: connector app test intranet --user anna@corp.example
    """
    command: CommandContext = context.obj
    provider = _provider(command)
    application = _find(provider, name)
    person = provider.flow.parts.directory.find_login(user.strip().casefold())
    if person is None:
        message = f"nobody in the directory signs in as {user}; after a joiner, sync once"
        raise ConnectorError(message)
    asked = {"user": user, "application": application.name}
    try:
        acs_url, response = _answer(provider.flow.parts, person, application)
    except LoginError as error:
        if as_json:
            print_json(asked | {"admitted": False, "reason": error.reason})
        else:
            print_text(f"{user} would not get into {application.name}: {error}.")
        return 1
    if as_json:
        print_json(asked | {"admitted": True, "acs": acs_url, "response": response})
    else:
        print_text(f"{user} would get into {application.name}; sent to {acs_url}:")
        print_text(response)
    return 0


def _answer(parts: LoginParts, person: DirectoryUser, application: Application) -> tuple[str, str]:
    """Return where a login would be sent to, and what.

    Raises:
        LoginError: if it would not be, or only after the person has got an account.

    """
    from connector.idp.departure import require_account, require_entry
    from connector.idp.message.assertion import SignOn
    from connector.idp.message.authn_request import AuthnRequest

    now = parts.clock.now()
    acs_url = application.service_provider.default_acs().url
    request = AuthnRequest("", application.service_provider.entity_id, application.slug, acs_url)
    require_entry(parts, person.external_id, application, now)
    person = require_account(parts, person, application)
    sign_on = SignOn(f"_{parts.random(16).hex()}", now)
    form = parts.answerer.respond(person, application, request, sign_on, now)
    return acs_url, base64.b64decode(form.saml_response).decode()


def _provider(command: CommandContext) -> IdentityProvider:
    from connector.bootstrap.logins import make_accounts, make_identity_provider
    from connector.clock import SystemClock

    _ = command.idp
    stores = (command.settings, command.engine, SystemClock())
    provider = make_identity_provider(*stores, make_accounts(*stores))
    for note in provider.notes:
        print_note(f"note: {note}")
    return provider


def _find(provider: IdentityProvider, name: str) -> Application:
    applications = provider.flow.parts.registry.applications
    for application in applications:
        if name.casefold() in (application.slug, application.name.casefold()):
            return application
    known = ", ".join(application.slug for application in applications) or "none"
    message = f"no application is called {name}; there are: {known}"
    raise ConnectorError(message)


def _who(application: Application) -> str:
    if application.admits_everybody:
        return "everybody active"
    return "; ".join(sorted(application.groups)) or "nobody: no group is named"


def _values(application: Application) -> dict[str, Any]:
    return {
        "name": application.name,
        "slug": application.slug,
        "entity_id": application.service_provider.entity_id,
        "acs": [acs.url for acs in application.service_provider.acs_endpoints],
        "groups": "*" if application.admits_everybody else sorted(application.groups),
        "name_id": application.name_id,
        "name_id_format": application.name_id_format,
        "target": application.target,
        "attributes": dict(application.attributes),
    }
