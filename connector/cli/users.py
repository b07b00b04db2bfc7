"""`user`: where somebody is signed on, and the end of it, for the help desk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from connector.cli import user_factors, user_status
from connector.cli.context import CommandContext
from connector.cli.person import User, find_person
from connector.cli.show import AsJson, ago, print_json, print_table, print_text, utc
from connector.cli.signing_off import end_sign_ons, logout_parts

if TYPE_CHECKING:
    from connector.idp.logout.parts import LogoutParts
    from connector.idp.logout.status import SignOns
    from connector.idp.logout_transaction import Delivery, Logout

EXIT_FAILURES = 4
_WORDS = {
    "signed-out": "signed out",
    "refused": "did not sign them out",
    "silent": "did not answer",
    "untold": "cannot be told by servers",
    "waiting": "not told yet",
    "sent": "the browser has not come back",
}


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this file."""
    users = typer.Typer(no_args_is_help=True, help="People who sign in, for the help desk.")
    users.command("sessions")(list_sessions)
    users.command("revoke")(revoke_sessions)
    user_factors.add_commands(users)
    user_status.add_commands(users)
    app.add_typer(users, name="user")


def list_sessions(
    context: typer.Context,
    user: User,
    *,
    as_json: AsJson = False,
) -> int:
    """List where somebody is signed on.

    Below that, applications that were told within a day that a sign-on is over, and whether they
    answered.

    Example: connector user sessions anna@corp.example
    """
    from connector.idp.logout.status import find_sign_ons

    command: CommandContext = context.obj
    person, parts = find_person(command, user), logout_parts(command)
    sign_ons = find_sign_ons(parts, person.external_id)
    if as_json:
        print_json({"user": person.external_id} | _values(parts, sign_ons))
    else:
        _print(parts, sign_ons)
    return 0


def revoke_sessions(
    context: typer.Context,
    user: User,
    *,
    as_json: AsJson = False,
) -> int:
    """End all sign-ons of somebody.

    Remembered browsers are forgotten with them. Applications are told from server to server; one
    that only a browser reaches is not. Who may sign in can do so again at once: disable the
    account in Active Directory to prevent it.

    Exit codes: 0 signed out everywhere, 4 an application did not answer or cannot be told.

    Example: connector user revoke anna@corp.example
    """
    command: CommandContext = context.obj
    person = find_person(command, user)
    logout = end_sign_ons(command, person.external_id)
    count = logout.session_count
    if as_json:
        applications = [_delivery(logout, each) for each in logout.deliveries]
        values = {"user": person.external_id, "sessions_ended": count}
        print_json(values | {"applications": applications})
    else:
        print_text(f"{count} {'sign-on' if count == 1 else 'sign-ons'} ended.")
        _print_deliveries([(logout, each) for each in logout.deliveries])
    return 0 if logout.is_complete else EXIT_FAILURES


def _values(parts: LogoutParts, sign_ons: SignOns) -> dict[str, Any]:
    return {
        "sessions": [
            {
                "signed_in_at": each.authenticated_at,
                "used_at": each.used_at,
                "expires_at": each.expires_at,
                "address": each.address,
            }
            for each in sign_ons.sessions
        ],
        "applications": [
            {
                "application": each.application,
                "told_at": each.told_at,
                "can_be_told": _can_be_told(parts, each.application),
            }
            for each in sign_ons.participants
        ],
        "signed_off": [_delivery(*pair) for pair in sign_ons.deliveries],
    }


def _can_be_told(parts: LogoutParts, slug: str) -> str:
    """Return by what an application can be told that somebody is signed out."""
    from connector.idp.logout.telling import channel_of

    application = parts.login.registry.by_slug(slug)
    return channel_of(application, has_browser=True).value


def _delivery(logout: Logout, delivery: Delivery) -> dict[str, Any]:
    return {
        "application": delivery.application_name,
        "outcome": delivery.state.value,
        "cause": logout.cause.value,
        "changed_at": logout.changed_at,
        "ended_at": delivery.created_at,
        "answered_at": delivery.answered_at,
        "told_again_at": delivery.due_at,
    }


_CHANNELS = {"soap": "by servers", "browser": "by a browser only", "none": "no"}


def _print(parts: LogoutParts, sign_ons: SignOns) -> None:
    if not sign_ons.sessions:
        print_text("No sign-on lets them in now.")
    else:
        rows = [
            (utc(each.authenticated_at), ago(each.used_at), utc(each.expires_at), each.address)
            for each in sign_ons.sessions
        ]
        print_table(("signed in", "used", "ends", "address"), rows)
    if sign_ons.participants:
        print_text("")
        told = [
            (each.application, ago(each.told_at), _CHANNELS[_can_be_told(parts, each.application)])
            for each in sign_ons.participants
        ]
        print_table(("application", "opened", "can be signed out"), told)
    if sign_ons.deliveries:
        print_text("")
        _print_deliveries(list(sign_ons.deliveries))


def _print_deliveries(pairs: list[tuple[Logout, Delivery]]) -> None:
    from connector.idp.logout.telling import seconds_between

    rows = []
    for logout, delivery in pairs:
        start = logout.changed_at or delivery.created_at
        answered = delivery.answered_at
        took = f"{seconds_between(start, answered)} s" if answered else ""
        again = f"again at {utc(delivery.due_at)}" if delivery.due_at else ""
        words = _WORDS[delivery.state.value]
        rows.append((delivery.application_name, words, logout.cause.value, took, again))
    if rows:
        print_table(("application", "outcome", "because of", "took", ""), rows)
