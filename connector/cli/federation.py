"""`upstream` and `route`: whose word we take besides, and who checks whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.context import CommandContext
from connector.cli.named import find_application
from connector.cli.show import AsJson, print_json, print_note, print_table, print_text
from connector.errors import ConnectorError

if TYPE_CHECKING:
    from connector.idp.endpoints import IdpEndpoints
    from connector.idp.routing import Routes, Rule
    from connector.idp.upstream.identity_provider import Upstream, Upstreams


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this file."""
    upstreams = typer.Typer(no_args_is_help=True, help="Other identity providers.")
    upstreams.command("list")(list_upstreams)
    upstreams.command("show")(show_upstream)
    app.add_typer(upstreams, name="upstream")
    routes = typer.Typer(no_args_is_help=True, help="Which source checks whom.")
    routes.command("test")(explain_route)
    app.add_typer(routes, name="route")


def list_upstreams(context: typer.Context, *, as_json: AsJson = False) -> int:
    """List the identity providers whose word is taken, and for whom.

    Example: connector upstream list
    """
    upstreams, _, endpoints = _federation(context.obj)
    if as_json:
        print_json([_values(each, endpoints) for each in upstreams.upstreams])
    elif not upstreams.upstreams:
        print_text("No other identity provider is configured; see docs/federation.md")
    else:
        rows = [
            (each.name, each.provider.entity_id, ", ".join(sorted(each.domains)))
            for each in upstreams.upstreams
        ]
        print_table(("name", "entity ID", "may vouch for"), rows)
    return 0


def show_upstream(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name, from `upstream list`.")],
    *,
    as_json: AsJson = False,
) -> int:
    """Show one, and what to enter on its side.

    Example: connector upstream show Partner
    """
    upstreams, _, endpoints = _federation(context.obj)
    upstream = _find(upstreams, name)
    values = _values(upstream, endpoints)
    if as_json:
        print_json(values)
        return 0
    print_text(f"{upstream.name}: {values['issuer']}")
    print_text(f"  Asked at:       {values['sso_url']} ({values['binding']})")
    print_text(f"  May vouch for:  {', '.join(values['domains'])}")
    print_text(f"  Person:         {upstream.match.value}, equal to: {upstream.match.equals}")
    for certificate in values["certificates"]:
        print_text(
            f"  Signs with:     SHA-256 {certificate['sha256']}, until"
            f" {certificate['not_after']:%Y-%m-%d}"
        )
    print_text("Enter on its side:")
    print_text(f"  Metadata URL:   {values['metadata_url']}")
    print_text("  or by hand:")
    print_text(f"  Entity ID:      {values['entity_id']}")
    print_text(f"  ACS (reply) URL: {values['acs_url']}, by HTTP-POST")
    print_text(f"  Name:           {_wanted_name(upstream)}")
    print_text("  Signature:      sign the assertion, or the Response, or both; SHA-256 or better")
    if upstream.requires_encryption:
        print_text("  Encryption:     AES-GCM, the key by RSA-OAEP; certificate: in the metadata")
    return 0


def explain_route(
    context: typer.Context,
    email: Annotated[str, typer.Argument(help="An e-mail address, as typed at a sign-in.")],
    application: Annotated[
        str, typer.Option("--app", "-a", help="Name or slug of the application.")
    ],
    address: Annotated[str, typer.Option("--from", help="Where the browser is.")] = "",
    *,
    as_json: AsJson = False,
) -> int:
    """Say which rule decides who checks somebody.

    And what would keep them out in spite of it. Without --from, rules of networks do not fit.

    Example: connector route test pat@partner.example --app intranet --from 10.1.2.3
    """
    from connector.directory.store import DirectoryStore
    from connector.idp.application.service_provider import to_slug
    from connector.idp.authenticator.upstream import home_domain
    from connector.idp.routing import domain_of

    command: CommandContext = context.obj
    upstreams, routes, _ = _federation(command)
    slug = to_slug(find_application(command, application).name)
    typed = routes.decide(domain_of(email), slug, address)
    user = DirectoryStore(command.engine).find_login(email.strip().casefold())
    home = home_domain(user) if user is not None else ""
    own = routes.decide(home, slug, address) if user is not None else None
    values = {
        "email": email,
        "application": slug,
        "from": address,
        "source": typed.source,
        "rule": typed.number,
        "asks_for_address": not routes.only_upstream(slug, address),
        "known": user is not None,
        "home_domain": home,
        "problems": _problems(typed, own, domain_of(email), upstreams),
    }
    if as_json:
        print_json(values)
    else:
        _print_route(typed, values)
    return 0


def _print_route(rule: Rule, values: dict[str, Any]) -> None:
    print_text(f"{_rule_words(rule)} decides: {_source_words(rule.source)}")
    if values["asks_for_address"]:
        print_text("The address is asked for first.")
    else:
        print_text(f"Everybody goes to {rule.source} there; nobody is asked for an address.")
    for problem in values["problems"]:
        print_note(f"note: {problem}")


def _problems(typed: Rule, own: Rule | None, domain: str, upstreams: Upstreams) -> list[str]:
    """Return why the login would not succeed in spite of the rule."""
    found = []
    upstream = upstreams.by_name(typed.source)
    if upstream is not None and domain not in upstream.domains:
        found.append(f"{upstream.name} may not vouch for people of {domain or 'no domain'}")
    if own is None:
        found.append("nobody in the directory signs in by that name; after a joiner, sync once")
    elif own.source != typed.source:
        found.append(
            f"by their own address {_rule_words(own)} decides, {_source_words(own.source)}: they"
            " would be refused"
        )
    return found


def _rule_words(rule: Rule) -> str:
    if not rule.number:
        return "No rule; the default"
    conditions = [
        ("domains", sorted(rule.domains)),
        ("applications", sorted(rule.applications)),
        ("networks", [str(network) for network in rule.networks]),
    ]
    words = "; ".join(f"{name} {', '.join(values)}" for name, values in conditions if values)
    return f"Rule {rule.number} ({words or 'everybody'})"


def _source_words(source: str) -> str:
    from connector.idp.vouched import AD

    return "the password of Active Directory" if source == AD else f"upstream {source}"


def _wanted_name(upstream: Upstream) -> str:
    what = {"email": "the primary e-mail address", "bind": "the user principal name"}.get(
        upstream.match.equals, "a login name, such as the e-mail address"
    )
    is_name_id = upstream.match.value == "NameID"
    return f"{what} as {'NameID' if is_name_id else f'attribute {upstream.match.value}'}"


def _values(upstream: Upstream, endpoints: IdpEndpoints) -> dict[str, Any]:
    from cryptography.hazmat.primitives.hashes import SHA256

    binding, url = upstream.provider.door()
    return {
        "name": upstream.name,
        "issuer": upstream.provider.entity_id,
        "sso_url": url,
        "binding": binding.value.rpartition(":")[2],
        "certificates": [
            {
                "sha256": each.fingerprint(SHA256()).hex(),
                "not_after": each.not_valid_after_utc,
            }
            for each in upstream.provider.certificates
        ],
        "domains": sorted(upstream.domains),
        "match": {"value": upstream.match.value, "equals": upstream.match.equals},
        "require_encryption": upstream.requires_encryption,
        "allow_unsolicited": upstream.allows_unsolicited,
        "authn_context": list(upstream.authn_context),
        "metadata_url": f"{endpoints.upstream_metadata_url}/{upstream.slug}",
        "entity_id": upstream.entity_id,
        "acs_url": endpoints.upstream_acs_url,
    }


def _federation(command: CommandContext) -> tuple[Upstreams, Routes, IdpEndpoints]:
    from connector.bootstrap.federation import load_federation
    from connector.clock import SystemClock
    from connector.idp.endpoints import IdpEndpoints

    idp = command.idp
    upstreams, routes, notes = load_federation(command.settings, SystemClock())
    for note in notes:
        print_note(f"note: {note}")
    return upstreams, routes, IdpEndpoints(idp.entity_id, idp.base_url)


def _find(upstreams: Upstreams, name: str) -> Upstream:
    for upstream in upstreams.upstreams:
        if name.casefold() in (upstream.slug, upstream.name.casefold()):
            return upstream
    known = ", ".join(upstream.name for upstream in upstreams.upstreams) or "none"
    message = f"no upstream is called {name}; there are: {known}"
    raise ConnectorError(message)
