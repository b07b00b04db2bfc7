"""Signing keys, which applications are signed for with which, and who was shown which."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from connector.idp.keys.inventory import KeyInventory, KeyRecord, KeyState
from connector.idp.keys.seen import MetadataFetch
from state.engine import reading, table_of, writing
from state.signing_keys import ApplicationKeyRow, KeyRingRow, MetadataFetchRow, SigningKeyRow

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

    from sqlalchemy import Connection, Engine, Row

_KEYS = table_of(SigningKeyRow)
_RING = table_of(KeyRingRow)
_ASSIGNED = table_of(ApplicationKeyRow)
_FETCHES = table_of(MetadataFetchRow)
_VERSION = select(_RING.c.version)


class SigningKeyStore:
    """The signing keys of every process on this state.

    Every method raises StateError if the database cannot be used.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def version(self) -> int:
        """Return the number that grows with every change; 0 before the first."""
        with reading(self._engine) as connection:
            return connection.scalar(_VERSION) or 0

    def load(self) -> KeyInventory:
        """Return everything, as of one moment."""
        with reading(self._engine) as connection:
            return _load(connection)

    def change(self, step: Callable[[KeyInventory], KeyInventory]) -> KeyInventory:
        """Replace everything by what a step makes of it, in one transaction; return that.

        What the step raises ends the transaction, and nothing is changed.
        """
        with writing(self._engine) as connection:
            before = _load(connection)
            after = step(before)
            if replace(after, version=before.version) == before:
                return before
            _write(connection, before, after)
            return _load(connection)

    def fetches(self) -> tuple[MetadataFetch, ...]:
        """Return which certificates which application was shown."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(_FETCHES).order_by(_FETCHES.c.application))
            return tuple(MetadataFetch(**row._asdict()) for row in rows)

    def record_fetch(
        self, application: str, fingerprints: Collection[str], address: str, at: datetime
    ) -> None:
        """Keep that an application was shown these certificates."""
        with writing(self._engine) as connection:
            for fingerprint in fingerprints:
                is_it = (_FETCHES.c.application == application) & (
                    _FETCHES.c.fingerprint == fingerprint
                )
                values = {"last_at": at, "address": address}
                if connection.execute(update(_FETCHES).where(is_it).values(values)).rowcount:
                    continue
                first = {"application": application, "fingerprint": fingerprint, "first_at": at}
                connection.execute(insert(_FETCHES).values(first | values))


def _load(connection: Connection) -> KeyInventory:
    keys = connection.execute(select(_KEYS).order_by(_KEYS.c.staged_at, _KEYS.c.fingerprint))
    assigned = {row.application: row.fingerprint for row in connection.execute(select(_ASSIGNED))}
    ring = connection.execute(select(_RING)).one_or_none()
    return KeyInventory(
        version=ring.version if ring else 0,
        data_key=ring.data_key if ring else b"",
        keys=tuple(map(_to_record, keys)),
        assigned=MappingProxyType(assigned),
    )


def _write(connection: Connection, before: KeyInventory, after: KeyInventory) -> None:
    _replace(connection, _KEYS, [_to_values(key) for key in after.keys])
    assigned = [
        {"application": application, "fingerprint": fingerprint}
        for application, fingerprint in after.assigned.items()
    ]
    _replace(connection, _ASSIGNED, assigned)
    ring = {"id": 1, "version": before.version + 1, "data_key": after.data_key}
    _replace(connection, _RING, [ring])
    shown = [key.fingerprint for key in after.keys if key.is_published]
    connection.execute(delete(_FETCHES).where(_FETCHES.c.fingerprint.not_in(shown)))


def _replace(connection: Connection, table: Any, rows: list[dict[str, Any]]) -> None:
    """Put these rows in the place of all; there are a handful."""
    connection.execute(delete(table))
    if rows:
        connection.execute(insert(table), rows)


def _to_record(row: Row[Any]) -> KeyRecord:
    values = row._asdict()
    return KeyRecord(**values | {"state": KeyState(values["state"])})


def _to_values(key: KeyRecord) -> dict[str, Any]:
    return {column.name: getattr(key, column.name) for column in _KEYS.columns}
