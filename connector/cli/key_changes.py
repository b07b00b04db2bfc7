"""`key activate`, `retire` and `reseal`: what changes of the signing keys, and who did it."""

from __future__ import annotations

import getpass
import secrets
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.context import CommandContext
from connector.cli.key_view import view_keys
from connector.cli.named import find_slug
from connector.cli.show import counted, print_note, print_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from connector.bootstrap.keys import OpenKeys
    from connector.cli.key_view import KeyView
    from connector.idp.keys.inventory import KeyInventory, KeyRecord

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
# Other processes take a change up within some seconds.
_MARGIN = timedelta(seconds=5)


def activate_key(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="[ID]", help="Default: the one that is staged.")
    ] = "",
    only: Annotated[
        list[str] | None, typer.Option("--app", help="Only for this one; may be repeated.")
    ] = None,
    kept: Annotated[
        list[str] | None, typer.Option("--except", help="Not for this one; may be repeated.")
    ] = None,
    *,
    yes: Yes = False,
) -> int:
    """Sign with a key, for one application or for all.

    Every daemon on this state does so within seconds, without a restart. Applications that have
    not fetched our metadata since the key was staged are named first: logins there fail until they
    have its certificate. To go back, activate the former key.

    Example: connector key activate --app intranet
    """
    from connector.clock import SystemClock
    from connector.idp.keys import rollover

    command: CommandContext = context.obj
    if only and kept:
        message = "say --app or --except, not both"
        raise typer.BadParameter(message)
    keys, view = open_for_change(command), view_keys(command)
    these, stay = _slugs(view, only), _slugs(view, kept)
    key = view.inventory.find(name) if name else rollover.choose_staged(view.inventory)
    concerned = these or [slug for slug in view.slugs if slug not in stay]
    _warn_of_unseen(view, key, concerned, yes=yes)
    now = SystemClock().now()

    def step(found: KeyInventory) -> KeyInventory:
        one = found.find(key.fingerprint)
        keys.seal.open(one.sealed, one.place)
        if these:
            return rollover.activate_for(found, one, these, now)
        return rollover.activate(found, one, now, kept=stay)

    keys.store.change(step)
    record(command, "key.activated", key, applications=these or "*", kept=stay)
    names = ", ".join(view.applications[slug] for slug in concerned) if these or stay else ""
    print_text(f"{key.short} signs for {names or 'every application'} within a few seconds.")
    _print_next(command)
    return 0


def retire_key(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="[ID]", help="From `key list`.")] = "",
    *,
    at_once: Annotated[
        bool, typer.Option("--now", help="Even if what it signed may still be under way.")
    ] = False,
    lost: Annotated[
        bool, typer.Option("--lost", help="All keys that the sealing key does not open.")
    ] = False,
    yes: Yes = False,
) -> int:
    """Take a key out of our metadata, and erase its private half.

    Refused while it signs for an application, and until the last answer that it signed can have
    arrived. With --lost, for when the sealing key is gone for good: a new key takes the place of
    those that nobody can open, and every application needs its certificate.

    Example: connector key retire 3f2a
    """
    from connector.clock import SystemClock
    from connector.idp.keys import rollover

    command: CommandContext = context.obj
    if bool(name) == lost:
        message = "name a key, or say --lost"
        raise typer.BadParameter(message)
    if lost:
        return _retire_lost(command, yes=yes)
    view, now = view_keys(command), SystemClock().now()
    key = view.inventory.find(name)
    settling = timedelta(0) if at_once else command.idp.assertion_lifetime + _MARGIN

    def step(found: KeyInventory) -> KeyInventory:
        one = found.find(key.fingerprint)
        return rollover.retire(found, one, now, slugs=view.slugs, settling=settling)

    _change(command, step)
    record(command, "key.retired", key)
    print_text(f"Retired {key.short}: it is out of our metadata, and its private half is erased.")
    return 0


def reseal_keys(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Holds the new sealing key; made if not there.")],
) -> int:
    """Seal the private keys by another sealing key.

    Other secrets of the state, such as seeds of authenticator apps, are sealed with them. A daemon
    that runs goes on; it needs the new one when it starts next. Afterwards put the file where the
    former sealing key was, or let `seal` of [idp] name it.

    Example: connector key reseal /etc/connector/seal-key
    """
    from connector.idp.keys import rollover
    from connector.idp.keys.files import read_or_create
    from connector.idp.keys.seal import Seal, new_seal, parse_seal

    command: CommandContext = context.obj
    keys = open_for_change(command)
    content = read_or_create(file, new_seal).decode("ascii", "replace")
    seal = Seal(f"file {file}", parse_seal(content, str(file)))
    keys.store.change(lambda found: rollover.reseal(found, keys.seal, seal, secrets.token_bytes))
    record(command, "key.resealed")
    print_text(f"The signing keys are sealed by {file} now, and no more by {keys.seal.origin}.")
    print_text("Put it there, or let `seal` of [idp] name it, before the daemon starts next.")
    return 0


def open_for_change(command: CommandContext) -> OpenKeys:
    """Return the signing keys; the very first is made.

    Raises:
        ConfigurationError: if the sealing key is lacking.
        SealRefused: if it does not open the active key, so that it would not do for the next one.

    """
    from connector.bootstrap.keys import open_keys
    from connector.clock import SystemClock

    keys = open_keys(command.idp, command.engine, SystemClock(), getpass.getuser())
    active = keys.inventory.active
    if active is not None:
        keys.seal.open(active.sealed, active.place)
    return keys


def record(
    command: CommandContext, event: str, key: KeyRecord | None = None, **details: Any
) -> None:
    """Note who did what to which key, in the chain that shows tampering."""
    from connector.audit import Audit, AuditEvent
    from connector.clock import SystemClock

    named = {"key": key.fingerprint} if key is not None else {}
    details = {**named, **details, "by": getpass.getuser()}
    event_of_audit = AuditEvent(SystemClock().now(), event, "success", details=details)
    Audit(command.engine).record(event_of_audit)


def _retire_lost(command: CommandContext, *, yes: bool) -> int:
    from connector.bootstrap.keys import key_folder
    from connector.clock import SystemClock
    from connector.idp.keys.inventory import KeyInventory
    from connector.idp.keys.rollover import retire_lost

    inventory = view_keys(command).inventory
    # As at the very first start: where there is no sealing key any more, one is made.
    seal = key_folder(command.idp).load_seal(KeyInventory())
    lost = [key for key, _ in inventory.unopened_by(seal)]
    if not lost:
        print_text(f"The sealing key ({seal.origin}) opens every signing key; nothing is lost.")
        return 0
    names = ", ".join(key.short for key in lost)
    print_note(f"Nobody can open {names} by the sealing key ({seal.origin}).")
    _ask("Retire it for good? Logins fail until each application has the new certificate.", yes=yes)
    now, has_data = SystemClock().now(), inventory.has_data_for(seal)
    _change(command, lambda found: retire_lost(found, seal, now))
    for key in lost:
        record(command, "key.retired", key, lost=True)
    active = open_for_change(command).inventory.active
    made = active.short if active else "nothing"
    print_text(f"Retired {names}. {made} signs from now on; restart the daemon.")
    print_text("What each application needs now: connector app show NAME")
    if not has_data:
        _forget_apps(command)
    return 0


def _forget_apps(command: CommandContext) -> None:
    """Remove the authenticator apps of everybody, whose seeds nobody can open any more."""
    from connector.idp.factor import FactorKind
    from connector.idp.store.factors import FactorStore

    owners = FactorStore(command.engine).delete_kind(FactorKind.TOTP)
    if owners:
        record(command, "factor.lost", people=owners, kind=FactorKind.TOTP.value)
        print_text(f"The authenticator apps of {counted(len(owners), 'person', 'people')} are gone")
        print_text("with it: they enrol them anew. Passkeys and recovery codes still work.")


def _change(command: CommandContext, step: Callable[[KeyInventory], KeyInventory]) -> KeyInventory:
    from connector.idp.store.signing_keys import SigningKeyStore

    return SigningKeyStore(command.engine).change(step)


def _ask(question: str, *, yes: bool) -> None:
    if not yes:
        typer.confirm(question, abort=True, err=True)


def _warn_of_unseen(view: KeyView, key: KeyRecord, slugs: Sequence[str], *, yes: bool) -> None:
    """Name the applications that may not know the certificate, and ask."""
    changed = [slug for slug in slugs if view.inventory.of_application(slug) != key]
    unseen = view.unseen_by(key, changed)
    if not unseen:
        return
    print_note(f"These have not fetched our metadata since {key.short} was staged:")
    for slug in unseen:
        print_note(f"  {view.applications[slug]} ({slug})")
    _ask("Logins there fail unless its certificate was pasted. Activate it all the same?", yes=yes)


def _slugs(view: KeyView, names: Sequence[str] | None) -> list[str]:
    """Return the slugs of applications by name or slug."""
    return [find_slug(view.applications, name) for name in names or ()]


def _print_next(command: CommandContext) -> None:
    """Say what is left to do of a rollover."""
    view = view_keys(command)
    for key in view.inventory.keys:
        if key.state == "outgoing" and not view.users_of(key):
            print_text(f"In some minutes, to end the change: connector key retire {key.short}")
    for key in view.next_keys():
        print_text(f"For the other applications: connector key activate {key.short}")
