"""`check` and `init`: is the configuration right, and one to start from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.context import CommandContext
from connector.cli.show import AsJson, print_json, print_text
from connector.errors import ConfigurationError, ConnectorError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.bootstrap.finding import Finding
    from connector.errors import Fault


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("check")(check_configuration)
    app.command("init")(write_configuration)


def check_configuration(
    context: typer.Context,
    *,
    online: Annotated[
        bool,
        typer.Option("--online", help="Also bind to the source, and reach each target and Duo."),
    ] = False,
    effect: Annotated[
        bool, typer.Option("--effect", help="What the policies would change for people.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Check the configuration; say everything that is wrong at once.

    With --online, also sign in to the source, ask each target and Duo; nothing is changed there.

    With --effect, tell instead what its policies, and the groups of its applications, would change
    for everybody in the directory, compared with those that the daemon goes by.

    Exit codes: 0 usable, 1 not.

    Example: connector check --online
    """
    from connector.bootstrap.online import check_online
    from connector.cli.findings import check_offline
    from connector.cli.policy_effect import print_effect

    command: CommandContext = context.obj
    if effect:
        return print_effect(command, as_json=as_json)
    try:
        findings = check_offline(command.settings)
    except ConfigurationError as error:
        if not as_json:
            raise
        print_json([_fault_values(fault) for fault in error.faults])
        return 1
    if online:
        findings = [*findings, *check_online(command.settings)]
    _print_findings(findings, as_json=as_json)
    return 1 if any(finding.level == "fail" for finding in findings) else 0


def _fault_values(fault: Fault) -> dict[str, str]:
    subject = ": ".join(part for part in (fault.file, fault.key) if part)
    return {"level": "fail", "subject": subject, "words": fault.problem}


def _print_findings(findings: Sequence[Finding], *, as_json: bool) -> None:
    if as_json:
        print_json(list(findings))
        return
    for finding in findings:
        print_text(f"{finding.level:<5} {finding.subject}: {finding.words}")


def write_configuration(
    context: typer.Context,
    base: Annotated[str, typer.Option(help="Your domain, such as corp.example.")] = "corp.example",
) -> int:
    """Write a commented configuration to start from.

    Never over one that is there.

    Example: connector init --base corp.example
    """
    command: CommandContext = context.obj
    name = "DC=" + base.replace(".", ",DC=")
    text = _TEMPLATE.replace("corp.example", base).replace("DC=corp,DC=example", name)
    try:
        with Path(command.path).open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        message = f"{command.path} is there already; name another: connector --config FILE init"
        raise ConnectorError(message) from error
    except OSError as error:
        message = f"cannot write {command.path}: {error.strerror}"
        raise ConnectorError(message) from error
    print_text(f"Wrote {command.path}. Edit it, then run: connector check --online")
    return 0


_TEMPLATE = """\
# People of Active Directory to SCIM targets, and their sign-on. Every key: docs/configuration.md

[source]
servers = ["ldaps://dc1.corp.example", "ldaps://dc2.corp.example"]   # tried in order
bind_dn = "svc-connector@corp.example"     # an ordinary account is enough
password = { file = "ad-password" }        # or { env = "AD_PASSWORD" }; never inline
base = "DC=corp,DC=example"
# ca_file = "corp-ca.pem"                  # if the servers' certificates are your own

[schedule]
every = "5m"

[[target]]
name = "mimecast"
base_url = "https://scim.example/v2"
token = { file = "mimecast-token" }
mapping = "mimecast.toml"
groups = ["CN=Mimecast Users,OU=Groups,DC=corp,DC=example"]   # whose members are in scope

[target.limits]                            # more than this is held, and nothing is sent
max_deletes = 20
max_disables = "10%"
max_updates = "50%"

# The identity provider; remove it to sync only.
[idp]
base_url = "https://sso.corp.example"
listen = "0.0.0.0:8443"
tls = { cert = "tls.pem", key = "tls.key" }
organization = "Corp"

# By which server people are told that their sign-on has changed.
# [mail]
# server = "smtp://mail.corp.example:587"
# from = "no-reply@corp.example"
# user = "svc-connector"
# password = { file = "mail-password" }

[[application]]
name = "Mimecast Personal Portal"
preset = "mimecast-personal-portal"
region = "us"
account_code = "CUSA1A1"
groups = ["CN=Mimecast Users,OU=Groups,DC=corp,DC=example"]
"""
