"""Up to which revision of the directory each target is in step, and who is to be looked at since.

A plan looks at whoever is concerned: a target that is in step as of a revision needs a look at
those people only whom the directory, the clock or the target itself has changed since. What was
refused is a setback and has a time of its own; anything else that failed keeps the mark back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import delete, select

from connector.sync.setbacks import Setbacks
from state.engine import reading, table_of, upsert, writing
from state.provisioning import SettledRow

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta

    from sqlalchemy import Connection

    from connector.directory.store import DirectoryStore
    from connector.sync.ledger import Ledger
    from connector.sync.ports import TargetPort
    from state.engine import Engine

SETTLED = table_of(SettledRow)
# Of the comparisons that a full read would allow, so many are spared: nothing but a fault of ours
# could show in them.
READS_PER_WHOLE = 7
# More people than that, and more than a fifth of all, are looked at faster with everybody else.
FEW = 2000
SHARE = 0.2


class Settlement(NamedTuple):
    """As of when a target is in step.

    Attributes:
        target: Its name.
        revision: Of the directory.
        fingerprint: Of how the target is kept.
        settled_at: When that was.
        whole_at: When everything was last compared, not only what had changed.

    """

    target: str
    revision: int
    fingerprint: bytes
    settled_at: datetime
    whole_at: datetime


@dataclass(frozen=True, slots=True)
class Concern:
    """Who is to be looked at.

    Attributes:
        people: external_ids; None for everybody.
        is_anything: Whether there is anything to be looked at; groups may be without people.

    """

    people: frozenset[str] | None
    is_anything: bool = True


EVERYBODY = Concern(None)


class Settlements:
    """The settlements of one state database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, target: str) -> Settlement | None:
        """Return as of when a target is in step; None if it never was."""
        with reading(self._engine) as connection:
            row = connection.execute(select(SETTLED).where(SETTLED.c.target == target)).first()
        return Settlement._make(row) if row else None

    def note(self, settlement: Settlement) -> None:
        """Note that a target is in step."""
        with writing(self._engine) as connection:
            connection.execute(upsert(connection.dialect, SETTLED), [settlement._asdict()])

    def forget(self, target: str) -> None:
        """Have everybody looked at next."""
        with writing(self._engine) as connection:
            forget_settlement(connection, target)


def forget_settlement(connection: Connection, target: str) -> None:
    """Have everybody looked at next: what is known of the target has changed under the plan."""
    connection.execute(delete(SETTLED).where(SETTLED.c.target == target))


def find_concern(
    port: TargetPort,
    stores: tuple[Engine, DirectoryStore, Ledger],
    now: datetime,
    *,
    heeds_pauses: bool,
    whole_every: timedelta,
) -> Concern:
    """Return who is to be looked at for a target.

    Args:
        port: The target.
        stores: The state database; the directory as it is, or as it is about to be; the ledger.
        now: When that is.
        heeds_pauses: Whether what was refused is left alone until its time has come.
        whole_every: After which time everybody is looked at in any case.

    """
    engine, directory, ledger = stores
    mark = Settlements(engine).of(port.name)
    if mark is None or mark.fingerprint != port.fingerprint or now - mark.whole_at >= whole_every:
        return EVERYBODY
    read = directory.read_mark()
    revision = read.revision if read else 0
    # Who waits is looked at with the others, and left out of the plan afterwards: an account that
    # they are to take over must not be taken for abandoned meanwhile.
    refused = Setbacks(engine).all(port.name)
    setbacks = [(one.resource_type, one.external_id) for one in refused]
    is_due = any(not (heeds_pauses and one.waits(now)) for one in refused)
    doubts = [
        (one.operation.resource_type, one.operation.external_id)
        for one in ledger.in_doubt(port.name)
    ]
    # A clock that was put back must not hide whose account has ended meanwhile.
    since = min(mark.settled_at, now)
    people = directory.concerned_since(mark.revision, since, max(mark.settled_at, now))
    people |= ledger.unsettled(port.name, now - port.grace)
    is_anything = bool(people or is_due or doubts or revision > mark.revision)
    people |= _people_of(directory, [*setbacks, *doubts])
    if len(people) > FEW and len(people) > SHARE * directory.counts().users:
        return EVERYBODY
    return Concern(people, is_anything)


def _people_of(directory: DirectoryStore, resources: Iterable[tuple[str, str]]) -> frozenset[str]:
    people, groups = set[str](), set[str]()
    for resource_type, external_id in resources:
        (people if resource_type == "User" else groups).add(external_id)
    return directory.people_within(groups) | people
