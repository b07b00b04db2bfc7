"""`key`: by what we sign, which application has seen it, and the next one."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.context import CommandContext
from connector.cli.key_changes import activate_key, open_for_change, record, reseal_keys, retire_key
from connector.cli.key_view import in_pairs, to_pem, view_keys
from connector.cli.show import AsJson, ago, print_json, print_note, print_table, print_text, utc
from connector.idp.keys.algorithm import KeyAlgorithm

if TYPE_CHECKING:
    from connector.bootstrap.keys import OpenKeys
    from connector.cli.key_view import KeyView
    from connector.idp.keys.certificate import KeyPair
    from connector.idp.keys.inventory import KeyRecord


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this file and of `key_changes`."""
    keys = typer.Typer(no_args_is_help=True, help="Signing keys.")
    keys.command("list")(list_keys)
    keys.command("show")(show_key)
    keys.command("stage")(stage_key)
    keys.command("import")(import_key)
    keys.command("activate")(activate_key)
    keys.command("retire")(retire_key)
    keys.command("reseal")(reseal_keys)
    app.add_typer(keys, name="key")


def list_keys(
    context: typer.Context,
    *,
    with_retired: Annotated[bool, typer.Option("--all", help="Retired ones too.")] = False,
    as_json: AsJson = False,
) -> int:
    """List the signing keys, and who has seen the next one.

    "staged" is in our metadata, and signs only for applications that it was activated for;
    "active" signs for all others; "outgoing" was active, and stays in our metadata until you
    retire it.

    Example: connector key list --json
    """
    view = _view(context.obj)
    if as_json:
        print_json(view.values(with_retired=with_retired))
        return 0
    columns = ("ID", "state", "algorithm", "certificate ends", "signs for")
    print_table(columns, view.rows(with_retired=with_retired))
    for key in view.next_keys():
        print_text(f"\nStaged {ago(key.staged_at, view.now)}, {key.short} was seen by:")
        _print_seen(view, key)
    return 0


def show_key(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="ID", help="Beginning of its fingerprint, from `key list`.")
    ],
    *,
    pem: Annotated[bool, typer.Option("--pem", help="Only the certificate, to paste.")] = False,
    as_json: AsJson = False,
) -> int:
    """Show one, with its certificate, and who has seen it.

    Example: connector key show 3f2a --pem > next.pem
    """
    view = _view(context.obj)
    key = view.inventory.find(name)
    if as_json:
        print_json(view.values_of(key) | {"certificate": to_pem(key)})
        return 0
    if not pem:
        print_text(f"{key.short}: {key.state}, {key.algorithm}")
        print_text(f"  SHA-256:      {in_pairs(key.fingerprint)}")
        print_text(f"  Certificate:  {utc(key.not_before)} to {utc(key.not_after)}")
        signs_for = ", ".join(view.applications[slug] for slug in view.users_of(key))
        print_text(f"  Signs for:    {signs_for or 'nobody'}")
        if key.is_published:
            print_text("Seen by:")
            _print_seen(view, key)
    print_text(to_pem(key).rstrip())
    return 0


def stage_key(
    context: typer.Context,
    algorithm: Annotated[
        KeyAlgorithm | None, typer.Option(help="Default: that of the active key.")
    ] = None,
) -> int:
    """Make the next key, and publish its certificate.

    It signs nothing until it is activated. Applications that fetch our metadata take its
    certificate from there; into the others it is pasted.

    Example: connector key stage --algorithm rsa-3072
    """
    from connector.clock import SystemClock
    from connector.idp.keys.certificate import make_pair

    command: CommandContext = context.obj
    keys = open_for_change(command)
    active = keys.inventory.active
    default = KeyAlgorithm(active.algorithm) if active else KeyAlgorithm.RSA_2048
    _stage(command, keys, make_pair(algorithm or default, SystemClock().now()), "key.staged")
    return 0


def import_key(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="PEM: a private key and its certificate.")],
) -> int:
    """Stage a key of your own, with its certificate.

    RSA of 2048, 3072 or 4096 bits, or ECDSA on P-256 or P-384. The file is not needed afterwards.

    Example: connector key import signing-2027.pem
    """
    from connector.idp.keys.certificate import read_pair
    from connector.idp.keys.files import read_private

    command: CommandContext = context.obj
    pair = read_pair(read_private(file), str(file))
    _stage(command, open_for_change(command), pair, "key.imported")
    print_note(f"note: the state database keeps this key, sealed; {file} can be removed")
    return 0


def _stage(command: CommandContext, keys: OpenKeys, pair: KeyPair, event: str) -> None:
    from connector.clock import SystemClock
    from connector.idp.endpoints import IdpEndpoints
    from connector.idp.keys.inventory import KeyState
    from connector.idp.keys.rollover import stage
    from connector.idp.keys.start import to_record

    now = SystemClock().now()
    key = to_record(pair, keys.seal, now, secrets.token_bytes, KeyState.STAGED)
    keys.store.change(lambda found: stage(found, key))
    record(command, event, key, algorithm=key.algorithm)
    print_text(f"Staged {key.short} ({key.algorithm}), good until {key.not_after:%Y-%m-%d}.")
    print_text("It is in our metadata now, and signs nothing yet. Let each application take it:")
    endpoints = IdpEndpoints(command.idp.entity_id, command.idp.base_url)
    view = view_keys(command)
    rows = [(name, endpoints.metadata_url(slug)) for slug, name in view.applications.items()]
    print_table(("application", "metadata URL"), rows)
    print_text(f"Where it is pasted instead: connector key show {key.short} --pem")
    if pair.algorithm.is_elliptic:
        print_text("Not every application takes ECDSA; try one first: --app of key activate.")
    print_text("Then: connector key list, and connector key activate")


def _view(command: CommandContext) -> KeyView:
    """Return the keys; the very first is made."""
    view = view_keys(command)
    if view.inventory.active is not None:
        return view
    open_for_change(command)
    return view_keys(command)


def _print_seen(view: KeyView, key: KeyRecord) -> None:
    rows = [
        (name, view.short_of(slug), view.words_of_seen(slug, key))
        for slug, name in view.applications.items()
    ]
    print_table(("application", "signed with", "fetched our metadata"), rows)
    nameless = view.seen("", key)
    if nameless is not None:
        print_text(
            f"The metadata URL without a name was fetched {ago(nameless.last_at, view.now)} by"
            f" {nameless.address}; for which application, nobody can tell."
        )
