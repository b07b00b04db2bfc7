"""A decision in words: what each point says, with the value and the layer that set it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from connector.idp.policy.finding import ACCESS, STATUS, Effect, Finding
from connector.idp.policy.judging import findings
from connector.idp.policy.points import NewUsers, Remembering, key_of, spelled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector.idp.policy.circumstances import Circumstances
    from connector.idp.policy.layers import Effective
    from connector.idp.policy.points import Points

_LONGEST = 80
_NEW_USERS = {
    NewUsers.ENROL: "whoever has no factor that counts enrols one",
    NewUsers.ALLOW: "whoever has no factor at all is let in without",
    NewUsers.DENY: "whoever has no factor that counts is refused",
}


@dataclass(frozen=True, slots=True)
class Ruling:
    """What one point says of a sign-on.

    Attributes:
        point: As in the configuration, such as "networks.refuse"; "status" is what the help desk
            says, "access" what account and groups do.
        value: Likewise, such as "10.0.0.0/8".
        layer: Of the configuration, that set it, such as "application Payroll".
        words: What comes of it.
        decides: It is the one that the decision is by.

    """

    point: str
    value: str
    layer: str
    words: str
    decides: bool = False

    def __str__(self) -> str:
        """Return it in one line; of a long value the beginning."""
        value = self.value if len(self.value) <= _LONGEST else f"{self.value[:_LONGEST]}…"
        return f"{self.point} = {value} ({self.layer}): {self.words}"


def rulings(known: Circumstances, effective: Effective) -> tuple[Ruling, ...]:
    """Return what each point says, in the order in which they decide; one of them decides."""
    found = []
    is_decided = False
    for finding in (*findings(known, effective), *_aside(effective.points)):
        decides = not is_decided and finding.effect is not Effect.NOTHING
        is_decided |= decides
        found.append(_to_ruling(finding, known, effective, decides=decides))
    return tuple(found)


def _to_ruling(
    finding: Finding, known: Circumstances, effective: Effective, *, decides: bool
) -> Ruling:
    match finding.point:
        case str() as point if point == STATUS:
            value, layer = str(known.status), "help desk"
        case str() as point if point == ACCESS:
            value, layer = "no" if known.barred else "yes", "directory"
        case point:
            value = spelled(getattr(effective.points, point))
            layer = effective.layer_of(point)
    return Ruling(key_of(point), value, layer, finding.words, decides)


def _aside(points: Points) -> Iterator[Finding]:
    """Yield what counts once it is known which factors the person has."""
    yield Finding("new_users", _NEW_USERS[points.new_users])
    if points.remembered_devices is not Remembering.OFF:
        yield Finding("remembered_for", "so long a browser is remembered at most")
    if points.networks_without or points.countries_without:
        words = "enrol there, too" if points.networks_enrol_from_without else "need not enrol there"
        yield Finding("networks_enrol_from_without", f"people without a factor {words}")
