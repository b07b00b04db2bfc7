"""Whom a command is about: somebody of the directory, as the help desk would name them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from connector.errors import ConnectorError

if TYPE_CHECKING:
    from connector.cli.context import CommandContext
    from connector.directory.person import DirectoryUser

WHO = "E-mail address, login name, distinguished name or externalId."
User = Annotated[str, typer.Argument(help=WHO)]


def find_person(command: CommandContext, user: str) -> DirectoryUser:
    """Return who goes by that name; whoever left recently, too.

    Raises:
        ConnectorError: if nobody does, or several do.

    """
    from connector.directory.search import DirectorySearch

    search = DirectorySearch(command.engine)
    people = search.people(user)
    if not people:
        nearest = ", ".join(search.nearest_names(user))
        hint = f"; the nearest names: {nearest}" if nearest else ""
        message = f"nobody in the directory goes by {user}{hint}"
        raise ConnectorError(message)
    if len(people) > 1:
        ids = ", ".join(person.external_id for person in people)
        message = f"{len(people)} people go by {user}: name one by externalId: {ids}"
        raise ConnectorError(message)
    return people[0]


def name_of(person: DirectoryUser) -> str:
    """Return what a person is called."""
    return str(person.document.get("userName") or person.distinguished_name)
