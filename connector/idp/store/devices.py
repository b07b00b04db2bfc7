"""Devices in which a person need not prove a second factor each time; of a token its digest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, insert, select, update

from connector.idp.factor import FactorKind
from state.engine import batches, reading, table_of, writing
from state.identity import RememberedDeviceRow

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import Engine, Row

_DEVICES = table_of(RememberedDeviceRow)
_OF_TOKEN = _DEVICES.c.token_digest == bindparam("digest")
_OF_PERSON = _DEVICES.c.external_id == bindparam("person")
_IS_ALIVE = _DEVICES.c.expires_at > bindparam("now")
_FIND = select(_DEVICES).where(_OF_TOKEN, _OF_PERSON, _IS_ALIVE)
_ROTATE = (
    update(_DEVICES)
    .where(_OF_TOKEN, _OF_PERSON)
    .values(token_digest=bindparam("new_digest"), used_at=bindparam("at"))
)
_FORGET = delete(_DEVICES).where(_OF_TOKEN, _OF_PERSON)
_FORGET_ALL = delete(_DEVICES).where(_OF_PERSON)


@dataclass(frozen=True, slots=True)
class RememberedDevice:
    """A browser that a person had remembered.

    Attributes:
        token_digest: SHA-256 of its cookie.
        external_id: The person.
        application: Slug of where it counts; "" for everywhere.
        kind: Of the factor that was proved in it.
        created_at: When that was was proved in it.
        used_at: When it last stood for one.
        expires_at: When it is forgotten.
        address: Where it was.
        user_agent: What it said that it is.

    """

    token_digest: bytes
    application: str
    external_id: str
    kind: FactorKind
    created_at: datetime
    used_at: datetime
    expires_at: datetime
    address: str
    user_agent: str


class DeviceStore:
    """Remembered devices.

    Every method raises StateError if the database cannot be used.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(
        self, token_digest: bytes, external_id: str, application: str, now: datetime
    ) -> RememberedDevice | None:
        """Return the device if it is remembered for that person and application."""
        values = {"digest": token_digest, "person": external_id, "now": now}
        with reading(self._engine) as connection:
            found = [_to_device(row) for row in connection.execute(_FIND, values)]
        return next((each for each in found if each.application in {"", application}), None)

    def is_of(self, token_digest: bytes, external_id: str, now: datetime) -> bool:
        """Return whether that is a device of a person, wherever it counts."""
        values = {"digest": token_digest, "person": external_id, "now": now}
        with reading(self._engine) as connection:
            return connection.execute(_FIND, values).first() is not None

    def remember(self, device: RememberedDevice) -> None:
        """Keep a device; what was remembered by the same token for the same place goes."""
        with writing(self._engine) as connection:
            connection.execute(
                _FORGET.where(_DEVICES.c.application == device.application),
                {"digest": device.token_digest, "person": device.external_id},
            )
            connection.execute(
                insert(_DEVICES).values(
                    {column.name: getattr(device, column.name) for column in _DEVICES.columns}
                )
            )

    def rotate(self, old_digest: bytes, external_id: str, new_digest: bytes, at: datetime) -> bool:
        """Let a new token stand for an old one, which is worth nothing from now on."""
        values = {"digest": old_digest, "person": external_id, "new_digest": new_digest, "at": at}
        with writing(self._engine) as connection:
            return bool(connection.execute(_ROTATE, values).rowcount)

    def of_person(self, external_id: str, now: datetime) -> tuple[RememberedDevice, ...]:
        """Return the devices of a person, who was used last first."""
        statement = select(_DEVICES).where(_OF_PERSON, _IS_ALIVE)
        with reading(self._engine) as connection:
            rows = connection.execute(
                statement.order_by(_DEVICES.c.used_at.desc()), {"person": external_id, "now": now}
            )
            return tuple(map(_to_device, rows))

    def forget(self, external_id: str, token_digest: bytes | None = None) -> int:
        """Forget one device of a person, or all; return how many places that were."""
        values: dict[str, Any] = {"person": external_id}
        statement = _FORGET_ALL
        if token_digest is not None:
            statement, values = _FORGET, values | {"digest": token_digest}
        with writing(self._engine) as connection:
            return connection.execute(statement, values).rowcount

    def delete_of(self, external_ids: Collection[str]) -> None:
        """Forget the devices of these people."""
        with writing(self._engine) as connection:
            for some in batches(external_ids):
                connection.execute(delete(_DEVICES).where(_DEVICES.c.external_id.in_(some)))

    def delete_expired(self, now: datetime) -> None:
        """Forget devices whose time is over."""
        with writing(self._engine) as connection:
            connection.execute(delete(_DEVICES).where(_DEVICES.c.expires_at <= now))


def _to_device(row: Row[Any]) -> RememberedDevice:
    values = row._asdict()
    return RememberedDevice(**(values | {"kind": FactorKind(row.kind)}))
