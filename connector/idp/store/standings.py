"""What the help desk has said of people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, select

from connector.idp.standing import Standing, Status
from state.engine import batches, reading, table_of, upsert, writing
from state.factors import UserStandingRow
from state.handle import glancing
from state.prepared import Prepared

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import Engine

_STANDINGS = table_of(UserStandingRow)
# Asked at every sign-on.
_FIND = Prepared(select(_STANDINGS).where(_STANDINGS.c.external_id == bindparam("external_id")))


class UserStandings:
    """The statuses of those who have one.

    Every method raises StateError if the database cannot be used.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, external_id: str, now: datetime) -> Status:
        """Return how a person stands at that moment."""
        standing = self.find(external_id, now)
        return Status.ACTIVE if standing is None else standing.status

    def find(self, external_id: str, now: datetime) -> Standing | None:
        """Return what was set of a person and holds at that moment; None: simply active."""
        with glancing(self._engine) as handle:
            row = _FIND.first(handle, {"external_id": external_id})
        if row is None:
            return None
        standing = _to_standing(row)
        return None if standing.at(now) is Status.ACTIVE else standing

    def set(self, standing: Standing) -> None:
        """Keep how a person stands from now on."""
        with writing(self._engine) as connection:
            if standing.status is Status.ACTIVE:
                is_it = _STANDINGS.c.external_id == standing.external_id
                connection.execute(delete(_STANDINGS).where(is_it))
                return
            connection.execute(
                upsert(connection.dialect, _STANDINGS),
                {
                    "external_id": standing.external_id,
                    "status": standing.status.value,
                    "since": standing.since,
                    "until": standing.until,
                    "set_by": standing.by,
                    "reason": standing.reason,
                },
            )

    def all(self, now: datetime) -> tuple[Standing, ...]:
        """Return everybody who is not simply active at that moment, the latest first."""
        statement = select(_STANDINGS).order_by(_STANDINGS.c.since.desc(), _STANDINGS.c.external_id)
        with reading(self._engine) as connection:
            found = [_to_standing(row) for row in connection.execute(statement)]
        return tuple(one for one in found if one.at(now) is not Status.ACTIVE)

    def delete_of(self, external_ids: Collection[str]) -> None:
        """Forget what was set of these people."""
        with writing(self._engine) as connection:
            for some in batches(external_ids):
                connection.execute(delete(_STANDINGS).where(_STANDINGS.c.external_id.in_(some)))


def _to_standing(row: Any) -> Standing:
    return Standing(
        row.external_id, Status(row.status), row.since, row.until, row.set_by, row.reason
    )
