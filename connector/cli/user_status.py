"""`user status` and `unlock`: what the help desk says of somebody, above all policies."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.context import CommandContext
from connector.cli.moment import parse_moment
from connector.cli.person import User, find_person, name_of
from connector.cli.show import AsJson, counted, print_json, print_text
from connector.cli.signing_off import end_sign_ons
from connector.cli.user_factors import record, standing_values, tell_person, words_of
from connector.idp.standing import Status

if TYPE_CHECKING:
    from datetime import datetime

    from connector.directory.person import DirectoryUser

_EXIT_FAILURES = 4


def add_commands(users: typer.Typer) -> None:
    """Add the commands of this file."""
    users.command("status")(show_or_set_status)
    users.command("unlock")(unlock)


def show_or_set_status(
    context: typer.Context,
    user: User,
    status: Annotated[
        Status | None,
        typer.Argument(metavar="[active|bypass|disabled|locked-out]", help="Default: only show."),
    ] = None,
    until: Annotated[
        str, typer.Option("--until", help="For so long, such as 8h, or until 2026-12-24T18:00.")
    ] = "",
    reason: Annotated[str, typer.Option("--reason", help="Kept in the audit.")] = "",
    *,
    as_json: AsJson = False,
) -> int:
    """Show how somebody stands, or say it.

    active: the policies decide. bypass: in without a second factor, whatever they ask for. disabled
    and locked-out: not in at all, and signed out now. Active Directory is not changed.

    Exit codes: 0 done, 4 an application did not answer or cannot be told.

    Example: connector user status anna@corp.example bypass --until 8h --reason "phone lost"
    """
    from connector.clock import SystemClock

    command: CommandContext = context.obj
    person, now = find_person(command, user), SystemClock().now()
    if status is None:
        if until or reason:
            message = "say which status it is for"
            raise typer.BadParameter(message)
        return _show(command, person, now, as_json=as_json)
    code = _set(command, person, status, _end(until, now), reason, now)
    _show(command, person, now, as_json=as_json)
    return code


def unlock(context: typer.Context, user: User) -> int:
    """Forget wrong passwords, and end the status locked-out.

    So that somebody can try again at once. Whoever Active Directory itself has locked out stays
    so; that is unlocked there.

    Example: connector user unlock anna@corp.example
    """
    from connector.clock import SystemClock
    from connector.idp.standing import Standing
    from connector.idp.store.attempts import AttemptStore
    from connector.idp.store.standings import UserStandings

    command: CommandContext = context.obj
    person, now = find_person(command, user), SystemClock().now()
    standings = UserStandings(command.engine)
    forgotten = AttemptStore(command.engine).clear_attempts(person.external_id)
    was_locked = standings.of(person.external_id, now) is Status.LOCKED_OUT
    if was_locked:
        who = getpass.getuser()
        standings.set(Standing(person.external_id, Status.ACTIVE, now, None, who))
    record(command, "user.unlocked", person, now, attempts=forgotten, was_locked_out=was_locked)
    print_text(f"{counted(forgotten, 'wrong password')} of {name_of(person)} forgotten.")
    if was_locked:
        print_text("The status locked-out has ended.")
    return 0


def _set(
    command: CommandContext,
    person: DirectoryUser,
    status: Status,
    until: datetime | None,
    reason: str,
    now: datetime,
) -> int:
    from connector.idp.standing import Standing
    from connector.idp.store.standings import UserStandings
    from connector.mail.notice import AccountLockedOut, Occasion

    standing = Standing(person.external_id, status, now, until, getpass.getuser(), reason.strip())
    UserStandings(command.engine).set(standing)
    ends = str(until) if until else ""
    record(command, "user.status_set", person, now, status=status.value, until=ends, reason=reason)
    if status is Status.LOCKED_OUT:
        tell_person(command, person, AccountLockedOut(Occasion(now), until))
    if status not in {Status.DISABLED, Status.LOCKED_OUT}:
        return 0
    logout = end_sign_ons(command, person.external_id)
    return 0 if logout.is_complete else _EXIT_FAILURES


def _show(command: CommandContext, person: DirectoryUser, now: datetime, *, as_json: bool) -> int:
    from connector.idp.store.standings import UserStandings

    standing = UserStandings(command.engine).find(person.external_id, now)
    if as_json:
        values = {"status": "active"} if standing is None else standing_values(standing)
        print_json({"user": person.external_id} | values)
    else:
        words = "active: the policies decide" if standing is None else words_of(standing)
        print_text(f"{name_of(person)} is {words}.")
    return 0


def _end(text: str, now: datetime) -> datetime | None:
    if not text:
        return None
    option, such_as = "--until", ("8h", "2026-12-24T18:00")
    found = parse_moment(text, lambda lasting: now + lasting, option=option, such_as=such_as)
    if found <= now:
        message = f"{text} is over"
        raise typer.BadParameter(message, param_hint=option)
    return found
