"""Every point that a policy can decide, and what holds where nobody has said anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from connector.idp.factor import FactorKind
from connector.idp.network import NetworkSet


class Authentication(StrEnum):
    """Whether a second factor is asked for at all."""

    ENFORCE = "enforce"
    BYPASS = "bypass"
    DENY = "deny"  # nobody enters


class NewUsers(StrEnum):
    """What becomes of somebody who has no factor that could be asked for."""

    ENROL = "enrol"
    ALLOW = "allow"
    DENY = "deny"


class Frequency(StrEnum):
    """How often a second factor is asked for, if not by the clock."""

    SESSION = "session"  # once a sign-on
    LOGIN = "login"  # at every login of the application


class Remembering(StrEnum):
    """Whether a browser in which a factor was proved is asked again."""

    OFF = "off"
    APPLICATION = "application"
    SHARED = "shared"  # by all applications that share


class Others(StrEnum):
    """What becomes of places that no list names."""

    ASK = "ask"
    REFUSE = "refuse"


_NOWHERE = NetworkSet()


@dataclass(frozen=True, slots=True)
class Points:
    """A value for every point. The names are those of the configuration, without its dots.

    Attributes:
        authentication: Whether a second factor is asked for.
        new_users: What becomes of those who have none.
        factors: Kinds that count.
        phishing_resistant: Only those of them count that are.
        second_factor: How often it is asked for; a duration: once it was proved so long ago.
        remembered_devices: Whether a browser is asked again in which it was proved.
        remembered_for: For how long not.
        passwordless: A passkey alone signs in.
        session_lifetime: A sign-on older than that has to be made anew for this application.
        session_idle: So has one that was not used for so long.
        networks_without: No second factor is asked for from there.
        networks_require: One is always asked for from there.
        networks_refuse: Nobody enters from there.
        networks_others: What holds for all other networks.
        networks_enrol_from_without: Who has no factor enrols one in `networks_without`, too.
        countries_without: As of networks; ISO 3166-1 codes of two capital letters.
        countries_require: Likewise.
        countries_refuse: Likewise.
        countries_others: Likewise.
        browsers_chrome: The oldest major version of Chrome that is let in; 0: any.
        browsers_firefox: Of Firefox.
        browsers_safari: Of Safari.
        browsers_edge: Of Edge.

    """

    authentication: Authentication = Authentication.ENFORCE
    new_users: NewUsers = NewUsers.ENROL
    factors: frozenset[FactorKind] = frozenset(FactorKind)
    phishing_resistant: bool = False
    second_factor: Frequency | timedelta = Frequency.SESSION
    remembered_devices: Remembering = Remembering.OFF
    remembered_for: timedelta = timedelta(days=30)
    passwordless: bool = True
    session_lifetime: timedelta = timedelta(hours=12)
    session_idle: timedelta = timedelta(hours=1)
    networks_without: NetworkSet = _NOWHERE
    networks_require: NetworkSet = _NOWHERE
    networks_refuse: NetworkSet = _NOWHERE
    networks_others: Others = Others.ASK
    networks_enrol_from_without: bool = True
    countries_without: frozenset[str] = frozenset()
    countries_require: frozenset[str] = frozenset()
    countries_refuse: frozenset[str] = frozenset()
    countries_others: Others = Others.ASK
    browsers_chrome: int = 0
    browsers_firefox: int = 0
    browsers_safari: int = 0
    browsers_edge: int = 0

    @property
    def kinds(self) -> tuple[FactorKind, ...]:
        """Return the kinds of factors that count, the strongest first."""
        return tuple(
            kind
            for kind in FactorKind
            if kind in self.factors and (kind.is_phishing_resistant or not self.phishing_resistant)
        )


def key_of(point: str) -> str:
    """Return a point as it is written in the configuration.

    >>> key_of("networks_enrol_from_without"), key_of("second_factor")
    ('networks.enrol_from_without', 'second_factor')

    """
    table, _, key = point.partition("_")
    return f"{table}.{key}" if table in {"networks", "countries", "browsers"} else point


def spelled(value: object) -> str:
    """Return a value as it is written in the configuration, without quotes and brackets.

    >>> spelled(timedelta(hours=36)), spelled(frozenset({"KP", "IR"})), spelled(False)
    ('36h', 'IR, KP', 'false')

    """
    match value:
        case bool():
            return str(value).lower()
        case timedelta():
            return _duration(value)
        case frozenset():
            order = list(FactorKind)
            kinds = [str(each) for each in order if each in value]
            return ", ".join(kinds or sorted(map(str, value))) or "none"
        case NetworkSet():
            return str(value) or "none"
        case _:
            return str(value)


def _duration(value: timedelta) -> str:
    seconds = int(value.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds % size == 0 and seconds:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
