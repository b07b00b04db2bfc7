"""Where somebody may sign in, in words; part of `explain`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from connector.cli.context import CommandContext
    from connector.directory.person import DirectoryUser
    from connector.directory.search import Step
    from connector.idp.policy import Circumstances, Effective
    from connector.idp.standing import Status
    from connector.settings import ApplicationSettings

# What keeps people out wherever they are; what else does, depends on the place.
_EVERYWHERE = frozenset({"status", "authentication"})


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who may want to sign in, as far as the state knows them.

    Attributes:
        person: Who it is.
        groups: Casefolded names of all groups that they are in.
        steps: The ways there, as `DirectorySearch.steps_up` tells them.
        status: What the help desk says of them.
        now: The moment.

    """

    person: DirectoryUser
    groups: frozenset[str]
    steps: Mapping[str, Step]
    status: Status
    now: datetime

    def circumstances(self, application: ApplicationSettings) -> Circumstances:
        """Return what is known of a login by password, but for where it comes from."""
        from connector.bootstrap.policies import entrance_of
        from connector.idp.policy import Circumstances, Deny, may_enter

        entry = may_enter(self.person, self.groups, entrance_of(application), self.now)
        return Circumstances(
            now=self.now,
            status=self.status,
            barred=entry.reason if isinstance(entry, Deny) else None,
            first_at=self.now,
        )


def find_visitor(command: CommandContext, person: DirectoryUser, now: datetime) -> Visitor:
    """Return what the state knows of a person."""
    from connector.directory.search import DirectorySearch
    from connector.directory.store import DirectoryStore
    from connector.idp.store.standings import UserStandings

    found = DirectoryStore(command.engine).standing(person.external_id)
    return Visitor(
        person=person,
        groups=found[1] if found else frozenset(),
        steps=DirectorySearch(command.engine).steps_up(person),
        status=UserStandings(command.engine).of(person.external_id, now),
        now=now,
    )


def ways_in(
    command: CommandContext, person: DirectoryUser, now: datetime
) -> Iterator[tuple[str, str]]:
    """Yield each application and whether the person may sign in there, in words.

    Raises:
        ConfigurationError: if the policies are wrong.

    """
    from connector.bootstrap.policies import load_policies
    from connector.idp.application.service_provider import to_slug

    if not command.settings.application:
        return
    visitor, policies = find_visitor(command, person, now), load_policies(command.settings)
    for application in command.settings.application:
        effective = policies.effective_for(to_slug(application.name), visitor.groups)
        yield application.name, way_in(command, visitor, application, effective)


def way_in(
    command: CommandContext,
    visitor: Visitor,
    application: ApplicationSettings,
    effective: Effective,
) -> str:
    """Return whether somebody may sign in at an application, in words.

    Account, groups, the help desk and the policy count, but not the place: see `explain --app`.

    Args:
        command: Leads to what targets hold.
        visitor: Who would sign in.
        application: Where.
        effective: What holds there for them.

    """
    from connector.idp.policy import Deny, decide, rulings
    from connector.idp.reason import Reason

    known = visitor.circumstances(application)
    match decide(known, effective):
        case Deny(reason=Reason.NOT_ACTIVE):
            return "may not sign in: the account is not active"
        case Deny(reason=Reason.NOT_IN_GROUP):
            groups = "; ".join(application.groups)
            why = (
                f"in none of its groups: {groups}"
                if groups
                else "it names no groups, so nobody may"
            )
            return f"may not sign in: {why}"
        case Deny(point=point) if point in _EVERYWHERE:
            deciding = next(one for one in rulings(known, effective) if one.decides)
            return f"may not sign in: {deciding}"
    return f"may sign in: {_by_what(visitor, application)}{_named(command, visitor, application)}"


def _by_what(visitor: Visitor, application: ApplicationSettings) -> str:
    from connector.directory.search import way_to

    if application.groups == "*":
        return "everybody active may"
    ways = (way_to(group, visitor.steps) for group in application.groups)
    # There is one, unless the source was read between two looks at the state.
    way = next((way for way in ways if way), ["one of its groups"])
    return f"member of {', which is in '.join(way)}"


def _named(command: CommandContext, visitor: Visitor, application: ApplicationSettings) -> str:
    """Return as whom an application with accounts at a target is told of a person, in words."""
    from connector.idp.application.attribute_path import values_at
    from connector.sync.ledger import Ledger

    if not application.target:
        return ""
    person = visitor.person
    name_id = application.name_id or "emails.value"
    ours = next(iter(values_at(person.document, name_id)), "")
    account = Ledger(command.engine).account_of(application.target, person.external_id)
    if account is None:
        return f", once the account at {application.target} is made, which the sign-in does"
    theirs = next(iter(values_at(account[1], name_id)), "")
    if not theirs:
        return (
            f", as {ours}; MISMATCH possible: what was written to {application.target} has no"
            f" {name_id}"
        )
    if theirs != ours:
        return (
            f", as {theirs}, which {application.target} holds; MISMATCH: the directory says"
            f" {ours or 'nothing'}, and no cycle has changed it there yet"
        )
    return f", as {theirs}, which {application.target} holds"
