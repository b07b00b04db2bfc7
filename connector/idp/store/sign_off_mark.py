"""Up to where it was looked at who may still be signed on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import select

from state.engine import reading, table_of, upsert, writing
from state.identity import SignOffMarkRow

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Engine

_MARK = table_of(SignOffMarkRow)


class Mark(NamedTuple):
    """Up to where it was looked at who may still be signed on.

    Attributes:
        revision: Of the directory.
        looked_at: When.
        swept_at: When everybody was looked at last.
        policy: Changes when it does who may enter where.

    """

    revision: int
    looked_at: datetime
    swept_at: datetime
    policy: bytes


class MarkStore:
    """The one mark there is.

    Every method raises StateError if the database cannot be used.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read(self) -> Mark | None:
        """Return it; None if nobody was ever looked at."""
        columns = [_MARK.c[name] for name in Mark._fields]
        with reading(self._engine) as connection:
            row = connection.execute(select(*columns)).one_or_none()
        return None if row is None else Mark._make(row)

    def write(self, mark: Mark) -> None:
        """Keep it."""
        with writing(self._engine) as connection:
            statement = upsert(connection.dialect, _MARK)
            connection.execute(statement, {"id": 1} | mark._asdict())
