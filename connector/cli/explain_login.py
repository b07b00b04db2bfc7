"""How a login is decided; part of `explain`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from connector.cli.named import find_application
from connector.cli.show import print_json, print_text
from connector.cli.way_in import find_visitor, way_in
from connector.errors import ConnectorError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.cli.context import CommandContext
    from connector.cli.way_in import Visitor
    from connector.directory.person import DirectoryUser
    from connector.idp.factor import FactorKind
    from connector.idp.policy import (
        Allow,
        Ask,
        Circumstances,
        Deny,
        Enrol,
        Ruling,
        SignInAgain,
        StepUp,
    )
    from connector.settings import ApplicationSettings


@dataclass(frozen=True, slots=True)
class Asked:
    """Which login is asked about.

    Attributes:
        application: Its name or slug.
        address: Where the browser is, or "".
        browser: The User-Agent that it sends, or "".

    """

    application: str
    address: str
    browser: str


@dataclass(frozen=True, slots=True)
class Explained:
    """How one login by password is decided.

    Attributes:
        way_in: Whether the person is let in from anywhere, and by which group, or why not.
        known: What is known of it.
        enrolled: Kinds of factors that the person can prove.
        decision: Of the policy.
        following: What the person is asked then; None if they are not let in.
        rulings: What each point says.

    """

    way_in: str
    known: Circumstances
    enrolled: tuple[FactorKind, ...]
    decision: Allow | Deny | StepUp | SignInAgain
    following: Allow | Ask | Enrol | Deny | None
    rulings: tuple[Ruling, ...]


def explain_logins(
    command: CommandContext, people: Sequence[DirectoryUser], asked: Asked, *, as_json: bool
) -> None:
    """Print how logins of these people would be decided.

    Raises:
        ConnectorError: if there is no such application, or no such address.

    """
    application = _application(command, asked)
    for person in people:
        explained = _explain(command, person, application, asked)
        if as_json:
            about = {"person": person.external_id, "application": application.name}
            print_json(about | _values(explained))
            continue
        print_text(f"{person.document.get('userName', person.distinguished_name)}")
        print_text(f"Application {application.name}: {explained.way_in}.")
        print_text(f"Factors that can be used: {', '.join(explained.enrolled) or 'none'}.")
        print_text(f"A login by password {_whence(explained.known)}:")
        for ruling in explained.rulings:
            print_text(f"{'*' if ruling.decides else ' '} {ruling}")
        print_text(f"{_outcome(explained)}.")


def _explain(
    command: CommandContext, person: DirectoryUser, application: ApplicationSettings, asked: Asked
) -> Explained:
    from connector.bootstrap.policies import load_policies, shared_kinds
    from connector.clock import SystemClock
    from connector.idp.application.service_provider import to_slug
    from connector.idp.factor import FactorKind, usable_kinds
    from connector.idp.policy import Allow, StepUp, decide, meet, rulings
    from connector.idp.store.factors import FactorStore

    visitor = find_visitor(command, person, SystemClock().now())
    known = _circumstances(command, visitor, application, asked)
    slug = to_slug(application.name)
    effective = load_policies(command.settings).effective_for(slug, visitor.groups)
    own = usable_kinds(FactorStore(command.engine).of_person(person.external_id, visitor.now))
    usable = shared_kinds(command.settings) | {*own}
    enrolled = tuple(kind for kind in FactorKind if kind in usable)
    decision, following = decide(known, effective), None
    if isinstance(decision, Allow | StepUp):
        following = meet(decision, enrolled, effective)
    return Explained(
        way_in=way_in(command, visitor, application, effective),
        known=known,
        enrolled=enrolled,
        decision=decision,
        following=following,
        rulings=rulings(known, effective),
    )


def _application(command: CommandContext, asked: Asked) -> ApplicationSettings:
    if not asked.application:
        message = "--from and --browser are of use with --app only: name an application"
        raise ConnectorError(message)
    return find_application(command, asked.application)


def _circumstances(
    command: CommandContext, visitor: Visitor, application: ApplicationSettings, asked: Asked
) -> Circumstances:
    """Return what is known of a login by password."""
    from connector.idp.country import open_countries
    from connector.idp.network import parse_address

    address = parse_address(asked.address)
    if asked.address and address is None:
        message = f"--from must be an address such as 203.0.113.7, not {asked.address!r}"
        raise ConnectorError(message)
    return replace(
        visitor.circumstances(application),
        address=address,
        country=open_countries(command.idp.countries_file).of(address),
        user_agent=asked.browser,
    )


def _whence(known: Circumstances) -> str:
    from connector.idp.policy.browser import parse_user_agent

    country = f" ({known.country})" if known.country else ""
    place = f"from {known.address}{country}" if known.address else "from an address not known"
    return f"{place}, by {parse_user_agent(known.user_agent)}"


def _outcome(explained: Explained) -> str:
    """Return what the login comes to, in words."""
    from connector.idp.policy import Ask, Deny, Enrol, SignInAgain

    match explained.decision:
        case Deny(reason):
            return f"They do not get in: {reason}"
        case SignInAgain(reason):
            return f"They have to sign in anew: {reason}"
    words = "They get in without a second factor"
    match explained.following:
        case Deny(reason):
            words = f"They have no factor that counts, and do not get in: {reason}"
        case Ask(kinds):
            words = f"They are asked for {_choice(kinds)}{_remembering(explained.decision)}"
        case Enrol(kinds, after):
            first = f"prove {_choice(after)}, and then " if after else ""
            words = f"They have no factor that counts, and have to {first}enrol {_choice(kinds)}"
    return words


def _choice(kinds: tuple[FactorKind, ...]) -> str:
    from connector.idp.policy.proving import Choice

    return str(Choice(kinds))


def _remembering(decision: Allow | Deny | StepUp | SignInAgain) -> str:
    """Return that the browser may be remembered then, or ""."""
    from connector.idp.policy import StepUp
    from connector.idp.policy.points import spelled

    if not isinstance(decision, StepUp) or decision.remember_for is None:
        return ""
    owner = "all applications that share" if decision.is_shared else "this application"
    return f"; the browser may then be remembered for {spelled(decision.remember_for)}, for {owner}"


_DECISIONS = {"Allow": "allow", "Deny": "deny", "StepUp": "ask", "SignInAgain": "sign-in-again"}
_FOLLOWING = {"Allow": "allow", "Ask": "ask", "Enrol": "enrol", "Deny": "deny"}


def _values(explained: Explained) -> dict[str, Any]:
    from connector.idp.policy.browser import parse_user_agent
    from connector.idp.policy.points import spelled

    known, following = explained.known, explained.following
    decision = {"is": _DECISIONS[type(explained.decision).__name__]} | asdict(explained.decision)
    if isinstance(lasting := decision.get("remember_for"), timedelta):
        decision["remember_for"] = spelled(lasting)
    values = {
        "address": str(known.address) if known.address else None,
        "country": known.country,
        "browser": parse_user_agent(known.user_agent)._asdict(),
        "status": known.status,
        "enrolled": explained.enrolled,
        "decision": decision,
        "following": None,
        "rulings": [asdict(ruling) for ruling in explained.rulings],
    }
    if following is not None:
        values["following"] = {"is": _FOLLOWING[type(following).__name__]} | asdict(following)
    return values
