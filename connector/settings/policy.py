"""The keys of [policy], [application.policy] and [[application.group_policy]]."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, model_validator

from connector.settings.section import EntryName, Groups, Name, Section
from connector.settings.values import (
    Duration,
    DurationTooLong,
    Network,
    parse_duration,
    write_duration,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FactorName = Literal["passkey", "duo", "totp", "recovery-code", "bypass-code"]
# Codes come beside these, or from the help desk: nobody has only them.
_OWN = ("passkey", "duo", "totp")
_FREQUENCIES = ("session", "login")


def _frequency(value: Any) -> Any:
    if value in _FREQUENCIES:
        return value
    try:
        return parse_duration(value)
    except DurationTooLong:
        raise
    except ValueError as error:
        message = f'must be "session", "login" or a duration such as "4h", not {value!r}'
        raise ValueError(message) from error


def _write_frequency(value: timedelta | str) -> str:
    return write_duration(value) if isinstance(value, timedelta) else value


def _country(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{2}", value):
        message = f'must be a code of two letters such as "DE", not {value!r}'
        raise ValueError(message)
    return value.upper()


def _some(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values:
        message = "must name at least one"
        raise ValueError(message)
    return values


Frequency = Annotated[
    Literal["session", "login"] | timedelta,
    BeforeValidator(_frequency),
    PlainSerializer(_write_frequency, when_used="json"),
]
Country = Annotated[str, AfterValidator(_country)]
Major = Annotated[int, Field(ge=0)]


class NetworkRules(Section):
    """What depends on where the browser is.

    Attributes:
        without: No second factor is asked for from these networks.
        require: One is always asked for from these.
        refuse: Nobody enters from these.
        others: "ask", or "refuse": nobody enters from anywhere but `without` and `require`.
        enrol_from_without: Who has no factor enrols one in `without`, too.

    """

    without: tuple[Network, ...] = ()
    require: tuple[Network, ...] = ()
    refuse: tuple[Network, ...] = ()
    others: Literal["ask", "refuse"] = "ask"
    enrol_from_without: bool = True

    @model_validator(mode="after")
    def _each_has_an_effect(self) -> Self:
        losing = (("without", "require"), ("without", "refuse"), ("require", "refuse"))
        for loser, winner in losing:
            for one, other in _covered(getattr(self, loser), getattr(self, winner)):
                message = (
                    f"{one} in {loser} would never count: {other} in {winner} is the same or wider,"
                    f" and {winner} comes first"
                )
                raise ValueError(message)
        return self


def _covered(
    networks: Sequence[Network], others: Sequence[Network]
) -> Iterator[tuple[Network, Network]]:
    """Yield each network that lies wholly within one of the others, with that one."""
    for one in networks:
        for other in others:
            starts, ends = int(other[0]) <= int(one[0]), int(one[-1]) <= int(other[-1])
            if one.version == other.version and starts and ends:
                yield one, other


class CountryRules(Section):
    """What depends on the country of the browser's address.

    Attributes:
        without: No second factor is asked for from these countries.
        require: One is always asked for from these.
        refuse: Nobody enters from these.
        others: "ask", or "refuse": nobody enters from anywhere but `without` and `require`.

    """

    without: tuple[Country, ...] = ()
    require: tuple[Country, ...] = ()
    refuse: tuple[Country, ...] = ()
    others: Literal["ask", "refuse"] = "ask"

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        named = [*self.without, *self.require, *self.refuse]
        twice = sorted({one for one in named if named.count(one) > 1})
        if twice:
            message = f"each country belongs in one list; named twice: {', '.join(twice)}"
            raise ValueError(message)
        return self


class BrowserRules(Section):
    """The oldest major versions of browsers that are let in; 0: any.

    Attributes:
        chrome: Of Chrome.
        firefox: Of Firefox.
        safari: Of Safari.
        edge: Of Edge.

    """

    chrome: Major = 0
    firefox: Major = 0
    safari: Major = 0
    edge: Major = 0


class PolicySettings(Section):
    """One layer of the policy; a key that is not there says nothing, and the layer below decides.

    Attributes:
        authentication: "enforce": a second factor is asked for; "bypass": none; "deny": nobody
            enters.
        new_users: Who has no factor yet: "enrol" one, "allow" them in without, or "deny".
        factors: Kinds of factors that count.
        phishing_resistant: Only passkeys count.
        second_factor: How often: once a "session", at every "login", or when so long ago.
        remembered_devices: "off", or for which a browser is remembered: "application", "shared".
        remembered_for: How long.
        passwordless: A passkey alone signs in.
        session_lifetime: An older sign-on has to be made anew; default: that of [idp].
        session_idle: So has one that was not used for so long; default: that of [idp].
        networks: What depends on where the browser is.
        countries: What depends on the country of its address.
        browsers: The oldest versions that are let in.

    """

    authentication: Literal["enforce", "bypass", "deny"] = "enforce"
    new_users: Literal["enrol", "allow", "deny"] = "enrol"
    factors: Annotated[tuple[FactorName, ...], AfterValidator(_some)] = (
        "passkey",
        "duo",
        "totp",
        "recovery-code",
        "bypass-code",
    )
    phishing_resistant: bool = False
    second_factor: Frequency = "session"
    remembered_devices: Literal["off", "application", "shared"] = "off"
    remembered_for: Duration = timedelta(days=30)
    passwordless: bool = True
    session_lifetime: Duration = timedelta(hours=12)
    session_idle: Duration = timedelta(hours=1)
    networks: NetworkRules = NetworkRules()
    countries: CountryRules = CountryRules()
    browsers: BrowserRules = BrowserRules()

    @model_validator(mode="after")
    def _leaves_a_factor(self) -> Self:
        if "factors" not in self.model_fields_set:
            return self
        if not set(self.factors) & set(_OWN):
            message = f"factors must name one that people have: {', '.join(_OWN)}"
            raise ValueError(message)
        if self.phishing_resistant and "passkey" not in self.factors:
            message = 'phishing_resistant needs "passkey" in factors: no other kind is'
            raise ValueError(message)
        return self


class GroupPolicySettings(PolicySettings):
    """A layer for members of some groups, at one application. The first that fits decides.

    Attributes:
        groups: Distinguished names of the groups, nested ones included.

    """

    groups: Annotated[tuple[EntryName, ...], AfterValidator(_some)]


class ApplicationRules(Section):
    """Who may enter an application, and what is asked of them.

    Attributes:
        name: Of the application.
        groups: Distinguished names of the groups that may enter; "*" for everybody active.
        policy: Its own layer.
        group_policy: Layers for some of its people.

    """

    name: Name
    groups: Groups = ()
    policy: PolicySettings | None = None
    group_policy: tuple[GroupPolicySettings, ...] = ()


class Rules(Section):
    """All that says who may enter where, and what is asked of them; as JSON it can be read back.

    Attributes:
        session_lifetime: What holds where no layer says anything, of [idp].
        session_idle: Likewise.
        policy: The global layer.
        application: The applications.

    """

    session_lifetime: Duration
    session_idle: Duration
    policy: PolicySettings | None = None
    application: tuple[ApplicationRules, ...] = ()

    def to_json(self) -> bytes:
        """Return what `Rules.model_validate_json` makes the same of."""
        return self.model_dump_json(exclude_unset=True).encode()
