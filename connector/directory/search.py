"""Find people, and by which groups they are where they are: for explanations, not for logins."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import or_, select

from connector.directory.store import (
    GROUPS,
    LOGIN_NAMES,
    MEMBERS,
    PROBLEMS,
    USERS,
    DirectoryStore,
)
from connector.mapping.resource import MappingProblem
from state.engine import reading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connector.directory.person import DirectoryUser
    from state.engine import Engine

_NEAREST = 5


class Step(NamedTuple):
    """One group on the way up.

    Attributes:
        distinguished_name: Of the group.
        below: Casefolded name of who is directly in it: a group, or the person.

    """

    distinguished_name: str
    below: str


class DirectorySearch:
    """Looks for people as those who ask for them would name them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def people(self, text: str) -> list[DirectoryUser]:
        """Return who goes by a login name, an externalId or a distinguished name; leavers too."""
        folded = text.strip().casefold()
        by_login = select(LOGIN_NAMES.c.external_id).where(LOGIN_NAMES.c.name == folded)
        by_key = select(USERS.c.external_id).where(
            or_(USERS.c.external_id == folded, USERS.c.name_folded == folded)
        )
        with reading(self._engine) as connection:
            found = {*connection.scalars(by_login), *connection.scalars(by_key)}
        people = DirectoryStore(self._engine).users(sorted(found)).values()
        return sorted(people, key=lambda person: (person.left_at is not None, person.external_id))

    def nearest_names(self, text: str) -> list[str]:
        """Return the login names that look most like this one."""
        folded = text.strip().casefold()
        alike = LOGIN_NAMES.c.name.startswith(folded[:1], autoescape=True)
        with reading(self._engine) as connection:
            names = connection.scalars(select(LOGIN_NAMES.c.name).where(alike).distinct()).all()
        return get_close_matches(folded, names, n=_NEAREST, cutoff=0.5)

    def problems(self, text: str) -> list[MappingProblem]:
        """Return entries that cannot be mapped and have this text in their name."""
        wanted = text.strip().partition("@")[0]
        is_alike = PROBLEMS.c.distinguished_name.icontains(wanted, autoescape=True)
        with reading(self._engine) as connection:
            rows = connection.execute(select(PROBLEMS).where(is_alike).limit(_NEAREST))
            return [
                MappingProblem(
                    row.external_id, row.distinguished_name, row.attribute_path, row.problem
                )
                for row in rows
            ]

    def steps_up(self, person: DirectoryUser) -> dict[str, Step]:
        """Return all groups of a person by casefolded name, each with the shortest way to it."""
        found: dict[str, Step] = {}
        waiting = {person.distinguished_name.casefold()}
        with reading(self._engine) as connection:
            while waiting:
                above = (
                    select(GROUPS.c.distinguished_name, MEMBERS.c.name_folded)
                    .join(MEMBERS, MEMBERS.c.group_id == GROUPS.c.external_id)
                    .where(MEMBERS.c.name_folded.in_(waiting))
                    .order_by(GROUPS.c.name_folded, MEMBERS.c.name_folded)
                )
                waiting = set()
                for name, below in connection.execute(above):
                    if name.casefold() not in found:
                        found[name.casefold()] = Step(name, below)
                        waiting.add(name.casefold())
        return found


def way_to(group: str, steps: Mapping[str, Step]) -> list[str]:
    """Return the groups from the person's own up to this one; [] if it is none of theirs.

    >>> steps = {"cn=a": Step("CN=A", "cn=anna"), "cn=b": Step("CN=B", "cn=a")}
    >>> way_to("CN=b", steps), way_to("CN=c", steps)
    (['CN=A', 'CN=B'], [])

    """
    way: list[str] = []
    step = steps.get(group.casefold())
    while step is not None:
        way.insert(0, step.distinguished_name)
        step = steps.get(step.below)
    return way
