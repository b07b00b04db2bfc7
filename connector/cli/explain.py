"""`explain`: why somebody is, or is not, in a target, and where they may sign in."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from connector.cli.context import CommandContext
from connector.cli.show import AsJson, ago, print_error, print_json, print_note, print_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from connector.directory.person import DirectoryUser
    from connector.directory.search import DirectorySearch
    from connector.sync.explain import TargetStanding
    from connector.sync.history import PastOperation
    from connector.sync.holds import Hold

_WHO = "E-mail address, login name, distinguished name or externalId."


def add_commands(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("explain")(explain_user)


def explain_user(
    context: typer.Context,
    user: Annotated[str, typer.Argument(help=_WHO)],
    *,
    target: Annotated[str, typer.Option("--target", "-t", help="Only this target.")] = "",
    app: Annotated[str, typer.Option("--app", "-a", help="How a login there is decided.")] = "",
    address: Annotated[
        str, typer.Option("--from", help="With --app: where the browser is, such as 203.0.113.7.")
    ] = "",
    browser: Annotated[
        str, typer.Option("--browser", help="With --app: the User-Agent that it sends.")
    ] = "",
    as_json: AsJson = False,
) -> int:
    """Tell why somebody is, or is not, in a target, or may sign in.

    Reads what is stored; asks neither the source nor a target, and changes nothing.

    With --app: how a login by password is decided there, line by line: the point of the policy,
    its value, the layer of the configuration that set it, and what it says. The line that
    decides has a star.

    Exit codes: 0 told, 1 nobody is called like that; the nearest names are listed.

    Example: connector explain alice@corp.example --app Payroll --from 203.0.113.7
    """
    from connector.cli.explain_login import Asked, explain_logins
    from connector.directory.search import DirectorySearch

    command: CommandContext = context.obj
    search = DirectorySearch(command.engine)
    asked = Asked(app, address, browser) if app or address or browser else None
    people = search.people(user)
    if not people:
        return _nobody(command, search, user)
    if asked is not None:
        explain_logins(command, people, asked, as_json=as_json)
        return 0
    return _explain_all(command, people, (user, target), as_json=as_json)


def _explain_all(
    command: CommandContext, people: list[DirectoryUser], asked: tuple[str, str], *, as_json: bool
) -> int:
    from connector.cli.way_in import ways_in
    from connector.sync.explain import explain

    user, target = asked
    now = command.parts.clock.now()
    for person in people:
        standings = [
            explain(command.engine, port, person, now)
            for port in command.parts.targets
            if target in {"", port.name}
        ]
        applications = dict(ways_in(command, person, now))
        if as_json:
            print_json(_values(person, standings, applications))
            continue
        _print_person(command, person, now)
        for standing in standings:
            _print_standing(standing)
        for name, words in applications.items():
            print_text(f"Application {name}: {words}.")
    if len(people) > 1:
        print_note(f"note: {len(people)} people go by {user}, so it signs in none of them")
    return 0


def _values(
    person: DirectoryUser, standings: list[TargetStanding], applications: dict[str, str]
) -> dict[str, Any]:
    described = asdict(person) | {"digest": person.digest.hex()}
    targets = []
    for standing in standings:
        account = standing.account and standing.account._asdict()
        if account:
            account["digest"] = account["digest"].hex()
        targets.append(asdict(standing) | {"account": account})
    return {"person": described, "targets": targets, "applications": applications}


def _nobody(command: CommandContext, search: DirectorySearch, user: str) -> int:
    from connector.directory.store import DirectoryStore

    print_error(f"nobody in the directory goes by {user}")
    for problem in search.problems(user):
        words = f"{problem.attribute_path}: {problem.problem}"
        print_text(f"An entry that cannot be mapped: {problem.distinguished_name}: {words}.")
    names = search.nearest_names(user)
    if names:
        print_text(f"The nearest names: {', '.join(names)}.")
    mark = DirectoryStore(command.engine).read_mark()
    when = f"was last read {ago(mark.read_at)}" if mark else "has never been read"
    print_text(f"The source {when}; to read it now: connector sync")
    return 1


def _print_person(command: CommandContext, person: DirectoryUser, now: datetime) -> None:
    from connector.bootstrap.cycles import load_mappings
    from connector.directory.store import DirectoryStore

    print_text(f"{person.document.get('userName', person.distinguished_name)}")
    mark = DirectoryStore(command.engine).read_mark()
    server = f" from {mark.server}" if mark else ""
    read = f", read {ago(mark.read_at)}{server}" if mark else ""
    print_text(f"Source: {person.distinguished_name}{read}.")
    print_text(f"  externalId {person.external_id}; first seen {ago(person.first_seen_at)}.")
    print_text(f"  {_state_of(person, now)}.")
    print_text("Mapped:")
    sources = load_mappings(command.settings).user.origins
    for path, value in _flat(person.document):
        origin = ", ".join(sorted(sources.get(path, ())))
        shown = orjson.dumps(value).decode()
        print_text(f"  {path} = {shown}{f'  (from {origin})' if origin else ''}")


def _state_of(person: DirectoryUser, now: datetime) -> str:
    if person.left_at is not None:
        return f"Left the source {ago(person.left_at)}"
    if not person.is_enabled:
        return "Disabled in the source"
    if not person.is_active(now):
        return f"The account ended on {person.expires_at:%Y-%m-%d %H:%M} UTC"
    if person.expires_at is not None:
        return f"Enabled; the account ends on {person.expires_at:%Y-%m-%d %H:%M} UTC"
    return "Enabled"


def _flat(document: Any) -> Iterator[tuple[str, Any]]:
    from connector.planner.diff import flatten

    for path, value in sorted(flatten(document).items()):
        if path != "externalId":
            yield path, value


def _print_standing(standing: TargetStanding) -> None:
    scope = "in scope" if standing.is_in_scope else "not in scope"
    print_text(f"Target {standing.target}: {scope}: {standing.scope}.")
    account = standing.account
    if account is None:
        print_text("  Holds no account of ours for this person.")
    else:
        state = "active" if account.is_active else "disabled"
        print_text(f"  Holds {account.name}, {state}, with id {account.target_id}.")
    if standing.left:
        print_text(f"  Left to the target, set in a new account only: {', '.join(standing.left)}.")
    for past in standing.latest:
        print_text(f"  {_past(past)}.")
    if standing.hold is not None:
        print_text(f"  Nothing is sent to this target: {_held(standing.hold)}.")
    for step in standing.next_steps:
        print_text(f"  {'Held' if standing.hold else 'Next'}: {step}.")
    if not standing.next_steps:
        print_text("  Nothing is to be done.")


def _held(hold: Hold) -> str:
    from connector.sync.holds import Decision

    if hold.decision is Decision.REJECTED:
        return f"{hold.decided_by} rejected the plan of run {hold.cycle_id}: {hold.reason}"
    return f"the plan of run {hold.cycle_id} waits for approval: {hold.reason}"


def _past(past: PastOperation) -> str:
    when = f", {ago(past.answered_at)}" if past.answered_at else ""
    said = f": {past.line.reason}" if past.line.reason else ""
    return f"Run {past.cycle_id}: {past.line.kind} {past.line.status}{when}{said}"
