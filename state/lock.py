"""A lock that a PostgreSQL database keeps for those who use it, from whatever machine.

It is the session's, so the server lets go of it when its holder dies, however it dies.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import text

from state.engine import CYCLE_LOCK, translated_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine

_TAKE = text("SELECT pg_try_advisory_lock(:lock)")
_NAME = text("SELECT set_config('application_name', :who, false)")
_HOLDER = text(
    "SELECT activity.application_name FROM pg_locks JOIN pg_stat_activity AS activity USING (pid)"
    " WHERE locktype = 'advisory' AND objid = :lock AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


@contextmanager
def database_lock(engine: Engine) -> Iterator[Callable[[str], str | None]]:
    """Yield what takes the lock of cycles; it is let go of at the end.

    The function is given who asks, and returns None if the lock is theirs, or else who has it.

    Raises:
        StateError: if the database cannot be used.

    """
    with translated_errors(), engine.connect() as connection:
        # Not the pool's any more: the lock ends with this connection.
        connection.detach()

        def take(who: str) -> str | None:
            with connection.begin():
                if connection.scalar(_TAKE, {"lock": CYCLE_LOCK}):
                    connection.execute(_NAME, {"who": who})
                    return None
                return connection.scalar(_HOLDER, {"lock": CYCLE_LOCK}) or "another process"

        yield take
