"""`user factors`, `reset-factors` and `bypass-code`: what somebody proves themselves with."""

from __future__ import annotations

import getpass
import secrets
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.context import CommandContext
from connector.cli.person import User, find_person, name_of
from connector.cli.show import (
    AsJson,
    ago,
    counted,
    print_json,
    print_note,
    print_table,
    print_text,
    utc,
)

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from connector.directory.person import DirectoryUser
    from connector.idp.factor import EnrolledFactor
    from connector.idp.standing import Standing
    from connector.mail.notice import Notice

KIND_WORDS = {
    "passkey": "passkey",
    "duo": "Duo",
    "totp": "authenticator app",
    "recovery-code": "recovery codes",
    "bypass-code": "bypass code",
}
_USES_AT_MOST = 1000
_LONGEST_DAYS = 30


def add_commands(users: typer.Typer) -> None:
    """Add the commands of this file."""
    users.command("factors")(list_factors)
    users.command("reset-factors")(reset_factors)
    users.command("bypass-code")(issue_bypass_code)


def list_factors(context: typer.Context, user: User, *, as_json: AsJson = False) -> int:
    """List somebody's second factors.

    Example: connector user factors anna@corp.example
    """
    from connector.clock import SystemClock
    from connector.idp.store.factors import FactorStore
    from connector.idp.store.standings import UserStandings

    command: CommandContext = context.obj
    person, now = find_person(command, user), SystemClock().now()
    factors = FactorStore(command.engine).of_person(person.external_id, now)
    standing = UserStandings(command.engine).find(person.external_id, now)
    if as_json:
        print_json(_values(person, factors, standing))
        return 0
    if standing is not None:
        print_text(f"{name_of(person)} is {words_of(standing)}.")
    if not factors:
        print_text(f"{name_of(person)} has no second factor.")
        return 0
    rows = [
        (
            factor.name,
            KIND_WORDS[factor.kind],
            utc(factor.created_at),
            ago(factor.used_at, now),
            _state_of(factor),
        )
        for factor in factors
    ]
    print_table(("name", "kind", "added", "used", "state"), rows)
    return 0


def reset_factors(
    context: typer.Context,
    user: User,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> int:
    """Remove all second factors of somebody.

    Remembered browsers are forgotten with them, and the person is told by mail. For somebody who
    has lost everything. Make sure that it is them: whoever knows the password enrols next. To let
    somebody in once, a bypass code is enough. Sign-ons go on; to end them too: connector user
    revoke.

    Example: connector user reset-factors anna@corp.example
    """
    from connector.clock import SystemClock
    from connector.idp.store.devices import DeviceStore
    from connector.idp.store.factors import FactorStore
    from connector.mail.notice import FactorsReset, Occasion

    command: CommandContext = context.obj
    person, now = find_person(command, user), SystemClock().now()
    store = FactorStore(command.engine)
    factors = store.of_person(person.external_id, now)
    if not factors:
        print_text(f"{name_of(person)} has no second factor; nothing is removed.")
        return 0
    if not yes:
        names = ", ".join(f"{factor.name} ({KIND_WORDS[factor.kind]})" for factor in factors)
        print_note(f"{name_of(person)} has: {names}.")
        typer.confirm("Remove all of it? The person enrols anew then.", abort=True, err=True)
    removed = store.remove_all(person.external_id, now)
    # A browser is remembered for a factor that it had shown.
    DeviceStore(command.engine).forget(person.external_id)
    record(
        command,
        "factor.reset",
        person,
        now,
        factors=[f"{factor.kind.value} {factor.factor_id}" for factor in removed],
    )
    tell_person(command, person, FactorsReset(Occasion(now)))
    print_text(f"Removed {counted(len(removed), 'factor')} of {name_of(person)}.")
    print_text("To let them in until they have enrolled: connector user bypass-code")
    return 0


def issue_bypass_code(
    context: typer.Context,
    user: User,
    uses: Annotated[
        int, typer.Option("--uses", min=1, max=_USES_AT_MOST, help="How often it works.")
    ] = 1,
    lifetime: Annotated[
        str, typer.Option("--lifetime", help="How long: 30m, 4h, 2d; 30 days at most.")
    ] = "1h",
) -> int:
    """Print a code in place of somebody's second factor.

    It is shown this once. Read it out to nobody but its owner, and make sure that it is them; the
    password is asked for all the same.

    Example: connector user bypass-code anna@corp.example --lifetime 4h
    """
    from connector.clock import SystemClock
    from connector.idp.authenticator.bypass_code import BypassCodes
    from connector.idp.authenticator.written_code import pepper_of
    from connector.idp.keys.files import load_or_create_secret
    from connector.idp.store.codes import CodeStore
    from connector.mail.notice import BypassCodeIssued, Occasion

    command: CommandContext = context.obj
    lasting, who = _lifetime(lifetime), getpass.getuser()
    person, now = find_person(command, user), SystemClock().now()
    pepper = pepper_of(load_or_create_secret(command.idp.keys))
    codes = BypassCodes(CodeStore(command.engine), pepper, secrets.token_bytes)
    code = codes.issue(person.external_id, lasting, uses, who, now)
    record(command, "factor.bypass_issued", person, now, uses=uses, until=str(now + lasting))
    tell_person(command, person, BypassCodeIssued(Occasion(now), now + lasting, uses))
    print_text(code)
    often = "once" if uses == 1 else f"{uses} times"
    print_note(f"It works {often} for {name_of(person)}, until {utc(now + lasting)}.")
    if not person.is_active(now):
        print_note(f"warning: the account of {name_of(person)} is not active, so it lets nobody in")
    return 0


def tell_person(command: CommandContext, person: DirectoryUser, notice: Notice) -> None:
    """Have somebody told by mail what the help desk did."""
    from connector.bootstrap.mail import make_notices
    from connector.clock import SystemClock

    make_notices(command.settings, command.engine, SystemClock()).tell(person, notice)


def record(
    command: CommandContext, event: str, person: DirectoryUser, now: datetime, **details: Any
) -> None:
    """Note what was done for whom, and by whom."""
    from connector.audit import Audit, AuditEvent

    details |= {"by": getpass.getuser()}
    Audit(command.engine).record(
        AuditEvent(now, event, "success", actor=person.external_id, details=details)
    )


def words_of(standing: Standing) -> str:
    """Return how somebody stands, and who says so.

    >>> from datetime import UTC, datetime
    >>> from connector.idp.standing import Standing, Status
    >>> words_of(Standing("ann", Status.DISABLED, datetime(2026, 1, 1, tzinfo=UTC), None, "dana"))
    'disabled since 2026-01-01 00:00 UTC, by dana'

    """
    until = f" until {utc(standing.until)}" if standing.until else ""
    reason = f": {standing.reason}" if standing.reason else ""
    status = standing.status.value.replace("-", " ")
    return f"{status}{until} since {utc(standing.since)}, by {standing.by}{reason}"


def _lifetime(text: str) -> timedelta:
    from datetime import timedelta

    from connector.settings.values import parse_duration

    try:
        found = parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--lifetime") from error
    if found > timedelta(days=_LONGEST_DAYS):
        message = f"is longer than {_LONGEST_DAYS} days"
        raise typer.BadParameter(message, param_hint="--lifetime")
    return found


def _state_of(factor: EnrolledFactor) -> str:
    if factor.disabled_at is not None:
        return f"disabled {utc(factor.disabled_at)}: {factor.disabled_for}"
    return "" if factor.remaining is None else f"{factor.remaining} left"


def _values(
    person: DirectoryUser, factors: tuple[EnrolledFactor, ...], standing: Standing | None
) -> dict[str, Any]:
    return {
        "user": person.external_id,
        "status": {"status": "active"} if standing is None else standing_values(standing),
        "factors": [
            {
                "id": factor.factor_id,
                "kind": factor.kind.value,
                "name": factor.name,
                "created_at": factor.created_at,
                "used_at": factor.used_at,
                "disabled_at": factor.disabled_at,
                "disabled_for": factor.disabled_for,
                "remaining": factor.remaining,
                "is_usable": factor.is_usable,
            }
            for factor in factors
        ],
    }


def standing_values(standing: Standing) -> dict[str, Any]:
    """Return how somebody stands as JSON values."""
    return {
        "status": standing.status.value,
        "since": standing.since,
        "until": standing.until,
        "by": standing.by,
        "reason": standing.reason,
    }
