"""What is strange about routes and upstreams, though not wrong: what never does anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.idp.vouched import AD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector.idp.routing import Routes, Rule
    from connector.idp.upstream.identity_provider import Upstreams


def lint(routes: Routes, upstreams: Upstreams) -> Iterator[tuple[str, str]]:
    """Yield what was looked at, and what is strange about it."""
    for rule, earlier in routes.unreachable():
        yield f"route {rule.number}", f"never decides: route {earlier.number} comes before it"
    for rule in routes.rules:
        yield from _foreign_domains(rule, upstreams)
    idle = {rule.number for rule, _ in routes.unreachable()}
    used = {rule.source for rule in routes.rules if rule.number not in idle}
    for upstream in upstreams.upstreams:
        if upstream.name not in used:
            yield f"upstream {upstream.name}", "nobody is sent there: no route leads to it"


def _foreign_domains(rule: Rule, upstreams: Upstreams) -> Iterator[tuple[str, str]]:
    upstream = None if rule.source == AD else upstreams.by_name(rule.source)
    if upstream is None:
        return
    foreign = sorted(rule.domains - upstream.domains)
    if foreign:
        words = (
            f"{', '.join(foreign)}: {upstream.name} may not vouch for people there; add it to the"
            " domains of the upstream, or take it from the route"
        )
        yield f"route {rule.number}", words
