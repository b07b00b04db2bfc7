"""The parts of single logout, for commands that look at sign-ons or end them."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from connector.cli.show import print_note
from connector.errors import ConnectorError

if TYPE_CHECKING:
    from connector.cli.context import CommandContext
    from connector.idp.logout.parts import LogoutParts
    from connector.idp.logout_transaction import Logout


def logout_parts(command: CommandContext) -> LogoutParts:
    """Return the parts of single logout.

    Raises:
        ConnectorError: if nobody signs on here.

    """
    from connector.bootstrap.logins import make_identity_provider
    from connector.clock import SystemClock

    if command.settings.idp is None:
        message = f"{command.path} has no section [idp], so nobody signs on here"
        raise ConnectorError(message)
    provider = make_identity_provider(command.settings, command.engine, SystemClock())
    for note in provider.notes:
        print_note(f"note: {note}")
    return provider.logout.parts


def end_sign_ons(command: CommandContext, external_id: str) -> Logout:
    """End all sign-ons of a person, in the name of whoever runs the command."""
    from connector.idp.logout.status import revoke

    return revoke(logout_parts(command), external_id, getpass.getuser())
