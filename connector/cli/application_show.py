"""`app show`: one application, and what is to be done on both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.context import CommandContext
from connector.cli.key_view import view_keys, words_of_application
from connector.cli.named import find_slug
from connector.cli.show import AsJson, print_json, print_note, print_text
from connector.errors import ConnectorError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from connector.bootstrap.logins import IdentityProvider
    from connector.idp.application.service_provider import Application
    from connector.settings import IdpSettings


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("show")(show_application)


def show_application(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name or slug, from `app list`.")],
    *,
    as_json: AsJson = False,
) -> int:
    """Show one, and step by step what to enter on the other side.

    Example: connector app show mimecast-personal-portal
    """
    command: CommandContext = context.obj
    provider = make_provider(command)
    application = find_loaded(provider, name)
    ours = our_values(provider, application)
    keys = view_keys(command)
    here = list(_steps_here(application, ours))
    there = [_filled(step, application, ours) for step in application.steps]
    if as_json:
        both = {"steps_here": here, "steps_there": there}
        next_keys = [keys.values_of(key) for key in keys.next_keys()]
        print_json(values_of(application) | ours | both | {"next_keys": next_keys})
        return 0
    print_text(f"{application.name} ({application.slug}): {who_may(application)}")
    for title, value in _lines(application):
        print_text(f"  {f'{title}:' if title else '':<14}{value}")
    print_text("Enter on the other side:")
    for title, key in _OURS.items():
        print_text(f"  {f'{title}:':<15} {ours[key]}")
    for title, steps in (("On this side:", here), ("On the other side:", there)):
        if steps:
            print_text(title)
        for number, step in enumerate(steps, 1):
            print_text(f"{number:>4}. {step}")
    for line in words_of_application(keys, application.slug):
        print_text(line)
    return 0


_OURS = {
    "Issuer": "issuer",
    "Login URL": "login_url",
    "Logout URL": "logout_url",
    "Logout by SAML": "slo_url",
    "Metadata URL": "metadata_url",
    "Certificate": "certificate",
}


def our_values(provider: IdentityProvider, application: Application) -> dict[str, str]:
    """Return what the other side must know of us."""
    endpoints = provider.flow.parts.settings.endpoints
    return {
        "issuer": endpoints.entity_id,
        "login_url": endpoints.sso_url,
        # Where people find the button that signs them out; who speaks SAML uses the other one.
        "logout_url": f"{endpoints.base_url}/",
        "slo_url": endpoints.slo_url,
        "metadata_url": endpoints.metadata_url(application.slug),
        # On one line, without BEGIN and END: as forms of other sides want it.
        "certificate": provider.flow.parts.answerer.keys.key_for(application.slug).certificate,
    }


def _lines(application: Application) -> Iterator[tuple[str, str]]:
    """Yield what is known of the other side, and what it is told."""
    described = application.service_provider
    yield "Entity ID", described.entity_id
    for entity_id in described.other_entity_ids:
        yield "", f"{entity_id} (also taken, and then answered under that name)"
    for acs in described.acs_endpoints:
        yield "ACS", f"{acs.url}{' (default)' if acs == described.default_acs() else ''}"
    if application.login_url or application.portal_acs_url:
        yield "From portal", application.login_url or application.portal_acs_url
    if application.relay_state:
        yield "RelayState", f"{application.relay_state} (from our portal)"
    yield from _told(application)
    if described.valid_until is not None:
        yield "Metadata", f"valid until {described.valid_until:%Y-%m-%d %H:%M} UTC"
    if application.target:
        yield "Accounts", f"at target {application.target}, made at the first sign-in"


def _told(application: Application) -> Iterator[tuple[str, str]]:
    """Yield what is said of people, and how."""
    yield "NameID", f"{_name_id_of(application)} as {application.name_id_format}"
    for number, rule in enumerate(application.attributes):
        yield "" if number else "Attributes", f"{rule.name} = {rule.written}"
    for rule in (application.requested or {}).get(None, ()):
        yield "", f"{rule.name} = {rule.written} (its metadata asks for it)"
    yield "Signed", " and ".join(_signed(application))
    recipient = application.recipient
    yield "Encrypted", f"by {recipient.cipher.name}" if recipient else "no"


def _signed(application: Application) -> Iterator[str]:
    if application.signs_response:
        yield "Response"
    if application.signs_assertion:
        yield "assertion"


def _name_id_of(application: Application) -> str:
    from connector.idp.names import PERSISTENT_FORMAT, TRANSIENT_FORMAT

    own = {PERSISTENT_FORMAT: "a name for this application alone", TRANSIENT_FORMAT: "a new name"}
    return application.name_id or own.get(application.name_id_format, "emails.value")


def _steps_here(application: Application, ours: Mapping[str, str]) -> Iterator[str]:
    """Yield what is to be done, or looked at, at ours."""
    if not application.groups and not application.admits_everybody:
        yield 'Name who may sign in: groups = ["CN=…"] in connector.toml.'
    yield (
        f"{ours['metadata_url']} must be reachable for the other side's servers,"
        f" {ours['login_url']} for people's browsers."
    )
    if not application.target:
        yield "Whoever signs in must be known there: `connector sync` first, or set target."
    yield (
        "See what would be sent of somebody:"
        f" connector app test {application.slug} --user somebody@corp.example"
    )


def _filled(step: str, application: Application, ours: Mapping[str, str]) -> str:
    values = {"name": application.name, "entity_id": application.service_provider.entity_id}
    for key, value in (values | dict(ours)).items():
        step = step.replace(f"{{{key}}}", value)
    return step


# What the other commands of `app` need, too.


def make_provider(command: CommandContext) -> IdentityProvider:
    """Return the identity provider; what an operator should know of it is said."""
    from connector.bootstrap.logins import make_accounts, make_identity_provider
    from connector.clock import SystemClock

    require_idp(command)
    stores = (command.settings, command.engine, SystemClock())
    provider = make_identity_provider(*stores, make_accounts(*stores))
    for note in provider.notes:
        print_note(f"note: {note}")
    return provider


def require_idp(command: CommandContext) -> IdpSettings:
    """Return the settings of the identity provider.

    Raises:
        ConnectorError: if there are none.

    """
    idp = command.settings.idp
    if idp is None:
        message = f"{command.path} has no section [idp]; `connector init` writes one to copy from"
        raise ConnectorError(message)
    return idp


def find_loaded(provider: IdentityProvider, name: str) -> Application:
    """Return the application of that name or slug, with what its metadata say.

    Raises:
        ConnectorError: naming those that there are.

    """
    by_slug = {one.slug: one for one in provider.flow.parts.registry.applications}
    return by_slug[find_slug({slug: one.name for slug, one in by_slug.items()}, name)]


def who_may(application: Application) -> str:
    """Return who may sign in, in words."""
    if application.admits_everybody:
        return "everybody active"
    return "; ".join(sorted(application.groups)) or "nobody: no group is named"


def values_of(application: Application) -> dict[str, Any]:
    """Return an application as JSON has it."""
    described = application.service_provider
    requested = (application.requested or {}).get(None, ())
    return {
        "name": application.name,
        "slug": application.slug,
        "entity_id": described.entity_id,
        "other_entity_ids": list(described.other_entity_ids),
        "acs": [acs.url for acs in described.acs_endpoints],
        "portal_acs": application.portal_acs_url or described.default_acs().url,
        "relay_state": application.relay_state,
        "login_url": application.login_url,
        "groups": "*" if application.admits_everybody else sorted(application.groups),
        "name_id": _name_id_of(application),
        "name_id_format": application.name_id_format,
        "target": application.target,
        "attributes": {rule.name: rule.written for rule in (*application.attributes, *requested)},
        "signs_response": application.signs_response,
        "signs_assertion": application.signs_assertion,
        "encrypts_by": application.recipient.cipher.name if application.recipient else "",
        "metadata_valid_until": described.valid_until,
    }
