"""The rules that logins go by, so that a change of the configuration can be compared with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import select

from state.engine import reading, table_of, upsert, writing
from state.policy import PolicyInForceRow

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Engine

_IN_FORCE = table_of(PolicyInForceRow)


class PolicyInForce(NamedTuple):
    """The rules that logins go by.

    Attributes:
        since: When they were taken up.
        rules: `settings.Rules` as JSON.

    """

    since: datetime
    rules: bytes


class PolicyInForceStore:
    """The one policy that is in force.

    Every method raises StateError if the database cannot be used.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read(self) -> PolicyInForce | None:
        """Return it; None if none was ever taken up."""
        columns = [_IN_FORCE.c[name] for name in PolicyInForce._fields]
        with reading(self._engine) as connection:
            row = connection.execute(select(*columns)).one_or_none()
        return None if row is None else PolicyInForce._make(row)

    def keep(self, rules: bytes, now: datetime) -> bool:
        """Note which rules are in force; return whether they are others than before."""
        known = self.read()
        if known is not None and known.rules == rules:
            return False
        with writing(self._engine) as connection:
            statement = upsert(connection.dialect, _IN_FORCE)
            connection.execute(statement, {"id": 1, "since": now, "rules": rules})
        return True
