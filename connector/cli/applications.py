"""`app list` and `app test`: whom we sign people in to."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli import application_add, application_show
from connector.cli.application_show import (
    find_loaded,
    make_provider,
    values_of,
    who_may,
)
from connector.cli.context import CommandContext
from connector.cli.show import AsJson, print_json, print_table, print_text
from connector.errors import ConnectorError, LoginError

if TYPE_CHECKING:
    from connector.directory.person import DirectoryUser
    from connector.idp.application.service_provider import Application
    from connector.idp.flow import LoginParts


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this file."""
    applications = typer.Typer(no_args_is_help=True, help="SAML applications.")
    applications.command("list")(list_applications)
    application_show.add_commands(applications)
    application_add.add_commands(applications)
    applications.command("test")(preview_login)
    app.add_typer(applications, name="app")


def list_applications(context: typer.Context, *, as_json: AsJson = False) -> int:
    """List the applications, with who may sign in.

    Example: connector app list
    """
    command: CommandContext = context.obj
    applications = make_provider(command).flow.parts.registry.applications
    if as_json:
        print_json([values_of(application) for application in applications])
    elif not applications:
        print_text("No application is configured; add one with: connector app add --help")
    else:
        rows = [
            (one.name, one.slug, one.service_provider.entity_id, who_may(one))
            for one in applications
        ]
        print_table(("name", "slug", "entity ID", "who may sign in"), rows)
    return 0


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
    provider = make_provider(command)
    application = find_loaded(provider, name)
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
    from connector.idp.entry import require_account, require_entry
    from connector.idp.message.assertion import SignOn
    from connector.idp.message.authn_request import unasked_request

    now = parts.clock.now()
    request = unasked_request(application, now)
    require_entry(parts, person.external_id, application)
    person = require_account(parts, person, application)
    sign_on = SignOn(f"_{parts.random(16).hex()}", now)
    groups = parts.directory.group_names(person.external_id)
    form = parts.answerer.respond(person, application, request, sign_on, now, groups)
    return request.acs_url, base64.b64decode(form.saml_response).decode()
