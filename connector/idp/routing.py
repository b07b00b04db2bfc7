"""Which source of authentication answers for a person (step 4): rules in order, the first decides.

Until somebody is authenticated a route may depend on the application, the domain that was typed and
the network, never on the person: otherwise it would tell who exists. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING

from connector.idp.network import parse_address
from connector.idp.vouched import AD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector.idp.network import Network


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; every condition that it names must hold.

    Attributes:
        source: `AD`, or the name of an upstream.
        number: Its place in the configuration, from 1; 0 for what holds if no rule fits.
        domains: E-mail domains, casefolded; empty: any.
        applications: Slugs; empty: any.
        networks: Where the browser is; empty: anywhere.

    """

    source: str
    number: int = 0
    domains: frozenset[str] = frozenset()
    applications: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    def fits_place(self, application: str, address: str) -> bool:
        """Return whether it may hold there, for somebody of the right domain."""
        if self.applications and application not in self.applications:
            return False
        return not self.networks or _is_within(address, self.networks)

    def fits_domain(self, domain: str) -> bool:
        """Return whether it holds for people of that domain, at the right place."""
        return not self.domains or domain in self.domains

    def covers(self, other: Rule) -> bool:
        """Return whether this rule fits wherever the other one does."""
        return (
            _covers(self.domains, other.domains)
            and _covers(self.applications, other.applications)
            and _covers_networks(self.networks, other.networks)
        )


@dataclass(frozen=True, slots=True)
class Routes:
    """Every rule, in the operator's order; Active Directory answers where none fits."""

    rules: tuple[Rule, ...] = ()

    def decide(self, domain: str, application: str, address: str) -> Rule:
        """Return the rule for people of a domain.

        Args:
            domain: Of an e-mail address, casefolded; "" for none.
            application: Slug of where the person is going.
            address: Where the browser is.

        """
        fitting = self._fitting(application, address)
        return next(rule for rule in fitting if rule.fits_domain(domain))

    def sources(self, application: str, address: str) -> frozenset[str]:
        """Return which sources may answer there, whoever the person is."""
        return frozenset(rule.source for rule in self._fitting(application, address))

    def only_upstream(self, application: str, address: str) -> str:
        """Return the upstream that answers there for everybody, or "" if it depends on who it is.

        >>> Routes((Rule("entra", 1),)).only_upstream("crm", "192.0.2.7")
        'entra'
        >>> Routes((Rule("entra", 1, frozenset({"a.example"})),)).only_upstream("crm", "192.0.2.7")
        ''

        """
        possible = self.sources(application, address)
        return next(iter(possible)) if len(possible) == 1 and AD not in possible else ""

    def unreachable(self) -> Iterator[tuple[Rule, Rule]]:
        """Yield each rule that never decides, with an earlier one that always does in its place."""
        for position, rule in enumerate(self.rules):
            for earlier in self.rules[:position]:
                if earlier.covers(rule):
                    yield rule, earlier
                    break

    def _fitting(self, application: str, address: str) -> Iterator[Rule]:
        """Yield the rules that may decide there, up to the one that leaves nothing to those below.

        What a domain was already sent elsewhere by is not looked at again: a rule of the same
        domains below decides for nobody.
        """
        decided: set[str] = set()
        for rule in (*self.rules, Rule(AD)):
            if not rule.fits_place(application, address) or (
                rule.domains and rule.domains <= decided
            ):
                continue
            yield rule
            if not rule.domains:
                return
            decided |= rule.domains


def domain_of(email: str) -> str:
    """Return the domain of an e-mail address, casefolded; "" if there is none.

    >>> domain_of("Ann@Partner.Example"), domain_of("ann")
    ('partner.example', '')

    """
    return email.rpartition("@")[2].casefold() if "@" in email else ""


def _is_within(address: str, networks: tuple[Network, ...]) -> bool:
    parsed = parse_address(address)
    return parsed is not None and any(parsed in network for network in networks)


def _covers(wide: frozenset[str], narrow: frozenset[str]) -> bool:
    return not wide or bool(narrow and narrow <= wide)


def _covers_networks(wide: tuple[Network, ...], narrow: tuple[Network, ...]) -> bool:
    if not wide:
        return True
    return bool(narrow) and all(any(_is_part(one, each) for each in wide) for one in narrow)


def _is_part(narrow: Network, wide: Network) -> bool:
    if isinstance(narrow, IPv4Network) and isinstance(wide, IPv4Network):
        return narrow.subnet_of(wide)
    if isinstance(narrow, IPv6Network) and isinstance(wide, IPv6Network):
        return narrow.subnet_of(wide)
    return False
