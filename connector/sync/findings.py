"""What the last comparison of each target found, kept for people to look at.

SCIM tells of no author, so a finding says when the resource was changed there and when we last
wrote it. Values are kept as the plan shows them; so many findings at most, and the count of all.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import delete, insert, select, update

from connector.sync.drift import MEMBERS_PATH, order_of
from state.engine import reading, table_of, upsert, writing
from state.provisioning import ComparisonRow, FindingRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection, Row

    from connector.planner.drift import Difference
    from connector.sync.drift import Comparison
    from connector.sync.ports import TargetPort
    from state.engine import Engine

COMPARISONS = table_of(ComparisonRow)
FINDINGS = table_of(FindingRow)
# Of one target; all of them are counted.
KEPT_AT_MOST = 1000
# A group may hold any number of members.
MEMBERS_SHOWN = 20
LONGEST_VALUE = 2000
# A target that cannot be compared is not asked to list everything again at once.
TRY_AGAIN_AFTER = timedelta(hours=1)


class Finding(NamedTuple):
    """One attribute that is not as we left it.

    Attributes:
        resource_type: "User" or "Group".
        external_id: Our key.
        path: The attribute; "id" if the resource is gone.
        name: For people.
        ours: As last written. Of "members": how many others took out, and who the first are.
        theirs: As found there; of "members": how many others put in.
        seen_at: When a comparison first found it.
        changed_at: When the resource was last changed there; None if the target does not say.
        version: That the target gives it; "" if none.
        written_at: When we last wrote it; None if that is not on record.
        cycle_id: In which cycle; None likewise.

    """

    resource_type: str
    external_id: str
    path: str
    name: str
    ours: Any
    theirs: Any
    seen_at: datetime
    changed_at: datetime | None
    version: str
    written_at: datetime | None
    cycle_id: int | None


@dataclass(frozen=True, slots=True)
class LastComparison:
    """How the last comparison of a target went.

    Attributes:
        target: Its name.
        tried_at: When a comparison was last tried.
        reason: Why it failed; "" if it did not.
        compared_at: When the last one ended that did not fail; None if none ever did.
        is_repair: Whether what it found was noted, for the next cycles to bring it back.
        compared_count: So many resources of ours were compared.
        foreign_count: So many accounts there are not ours.
        left_count: So many values that are left to the target are other than ours.
        found_count: So many attributes differed.
        findings: The first of them, by type and name.

    """

    target: str
    tried_at: datetime
    reason: str
    compared_at: datetime | None
    is_repair: bool
    compared_count: int
    foreign_count: int
    left_count: int
    found_count: int
    findings: tuple[Finding, ...] = ()


KEPT_FIELDS = tuple(one.name for one in fields(LastComparison) if one.name != "findings")


class Findings:
    """The last comparisons of one state database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, target: str) -> LastComparison | None:
        """Return the last comparison of a target without its findings; None if there was none."""
        with reading(self._engine) as connection:
            return _comparison(connection, target)

    def last(self, target: str) -> LastComparison | None:
        """Return the last comparison of a target with what it found; None if there was none."""
        own = FINDINGS.c.target == target
        with reading(self._engine) as connection:
            last = _comparison(connection, target)
            if last is None:
                return None
            found = [_finding(row) for row in connection.execute(select(FINDINGS).where(own))]
        # Here, because databases order by rules of their own.
        found.sort(
            key=lambda one: (order_of(one.resource_type, one.external_id, one.name), one.path)
        )
        return replace(last, findings=tuple(found))

    def is_due(self, port: TargetPort, now: datetime) -> bool:
        """Return whether a target is to be compared by now.

        A comparison that somebody asked for, and that repaired nothing, is none where repair is
        configured. A clock that was put back by less than the time between two is no matter.
        """
        last = self.of(port.name)
        if port.drift == "off" or last is None:
            return port.drift != "off"
        if last.reason and abs(now - last.tried_at) < min(TRY_AGAIN_AFTER, port.drift_every):
            return False
        is_full = last.is_repair or port.drift == "report"
        is_fresh = last.compared_at and abs(now - last.compared_at) < port.drift_every
        return not (is_full and is_fresh)

    def note_failure(self, target: str, reason: str, now: datetime) -> None:
        """Note why a target could not be compared; what was found before stays."""
        values = {"tried_at": now, "reason": reason}
        with writing(self._engine) as connection:
            own = COMPARISONS.c.target == target
            if connection.execute(update(COMPARISONS).where(own).values(values)).rowcount:
                return
            blank = {"compared_at": None, "is_repair": False, "digest": b"", "left_count": 0}
            blank |= {"compared_count": 0, "foreign_count": 0, "found_count": 0}
            connection.execute(insert(COMPARISONS).values({"target": target} | values | blank))


def keep(
    connection: Connection, comparison: Comparison, now: datetime, *, is_repair: bool
) -> tuple[LastComparison, bool]:
    """Keep what a comparison found instead of what the one before did.

    Return it with all findings; and whether it is news: whether anything was found, and not just
    the same as by the one before.
    """
    target, digest = comparison.target, _digest(comparison)
    own = FINDINGS.c.target == target
    keys = (FINDINGS.c.resource_type, FINDINGS.c.external_id, FINDINGS.c.path, FINDINGS.c.seen_at)
    seen = {tuple(key): at for *key, at in connection.execute(select(*keys).where(own))}
    findings = tuple(_findings(comparison, seen, now))
    last = LastComparison(
        target,
        tried_at=now,
        reason="",
        compared_at=now,
        is_repair=is_repair,
        compared_count=comparison.compared_count,
        foreign_count=comparison.foreign_count,
        left_count=comparison.left_count,
        found_count=len(findings),
        findings=findings,
    )
    former = select(COMPARISONS.c.digest).where(COMPARISONS.c.target == target)
    is_news = bool(findings) and connection.scalar(former) != digest
    row = {key: getattr(last, key) for key in KEPT_FIELDS} | {"digest": digest}
    connection.execute(upsert(connection.dialect, COMPARISONS), [row])
    connection.execute(delete(FINDINGS).where(own))
    rows = [_row(target, one) for one in findings[:KEPT_AT_MOST]]
    if rows:
        connection.execute(insert(FINDINGS), rows)
    return last, is_news


def _findings(
    comparison: Comparison, seen: Mapping[tuple[str, ...], datetime], now: datetime
) -> Iterator[Finding]:
    for drift in comparison.drifts:
        for difference in drift.differences:
            ours, theirs = _shown(difference)
            path = difference.attribute_path
            yield Finding(
                resource_type=drift.resource_type,
                external_id=drift.external_id,
                path=path,
                name=drift.name,
                ours=ours,
                theirs=theirs,
                seen_at=seen.get((drift.resource_type, drift.external_id, path), now),
                changed_at=drift.changed_at,
                version=drift.version,
                written_at=drift.written.at if drift.written else None,
                cycle_id=drift.written.cycle_id if drift.written else None,
            )


def _shown(difference: Difference) -> tuple[Any, Any]:
    """Return both values as they are shown: of members, who was taken out and who was put in."""
    if difference.attribute_path != MEMBERS_PATH:
        return difference.ours, difference.theirs
    ours, theirs = set(difference.ours), set(difference.theirs)
    return _some(ours - theirs), _some(theirs - ours)


def _some(external_ids: set[str]) -> dict[str, Any]:
    return {"count": len(external_ids), "external_ids": sorted(external_ids)[:MEMBERS_SHOWN]}


def _row(target: str, finding: Finding) -> dict[str, Any]:
    values = {key: _to_json(getattr(finding, key)) for key in ("ours", "theirs")}
    return {"target": target} | finding._asdict() | values


def _to_json(value: Any) -> str:
    """Return a value as JSON; of a very long one the beginning, as text."""
    text = orjson.dumps(value).decode()
    if len(text) <= LONGEST_VALUE:
        return text
    return orjson.dumps(f"{text[:LONGEST_VALUE]}…").decode()


def _digest(comparison: Comparison) -> bytes:
    digest = blake2b(digest_size=16)
    for drift in comparison.drifts:
        # A resource that is gone has another id when it is gone again; that is news, too.
        found = (drift.resource_type, drift.external_id, *map(list, drift.differences))
        digest.update(orjson.dumps(found))
    return digest.digest()


def _comparison(connection: Connection, target: str) -> LastComparison | None:
    row = connection.execute(select(COMPARISONS).where(COMPARISONS.c.target == target)).first()
    if row is None:
        return None
    return LastComparison(**{key: getattr(row, key) for key in KEPT_FIELDS})


def _finding(row: Row[Any]) -> Finding:
    values = {key: getattr(row, key) for key in Finding._fields}
    return Finding(**values | {key: orjson.loads(values[key]) for key in ("ours", "theirs")})
