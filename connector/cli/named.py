"""Which application a command is about: by its name, or by its slug, which needs no quotes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.errors import ConnectorError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connector.cli.context import CommandContext
    from connector.settings import ApplicationSettings


def find_application(command: CommandContext, name: str) -> ApplicationSettings:
    """Return the application of the configuration that goes by that name or slug.

    Raises:
        ConnectorError: if there is none.

    """
    from connector.idp.application.service_provider import to_slug

    by_slug = {to_slug(one.name): one for one in command.settings.application}
    return by_slug[find_slug({slug: one.name for slug, one in by_slug.items()}, name)]


def find_slug(names: Mapping[str, str], name: str) -> str:
    """Return the slug of the application that goes by that name or slug.

    >>> find_slug({"payroll": "Payroll", "hr-wiki": "HR Wiki"}, "hr wiki")
    'hr-wiki'

    Args:
        names: Of the applications that there are, by slug.
        name: As it was typed.

    Raises:
        ConnectorError: naming those that there are, if it is none of them.

    """
    wanted = name.strip().casefold()
    for slug, known in names.items():
        if wanted in {slug, known.casefold()}:
            return slug
    message = f"no application is called {name}; there are: {', '.join(names) or 'none'}"
    raise ConnectorError(message)
