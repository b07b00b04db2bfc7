"""Passkeys: public keys of WebAuthn credentials, and how often they have signed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError

from connector.idp.store.factors import FACTORS, add_factor, note_success
from state.engine import reading, table_of, writing
from state.factors import PasskeyRow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy import ColumnElement, Engine

    from connector.idp.factor import EnrolledFactor

_PASSKEYS = table_of(PasskeyRow)


@dataclass(frozen=True, slots=True)
class Passkey:
    """One credential (WebAuthn Level 3, section 4, "credential record").

    Attributes:
        credential_id: As the authenticator names it.
        public_key: COSE key.
        sign_count: How often it has signed; 0 if it does not count.
        rp_id: Host that it was made for.
        aaguid: Model of the authenticator; all zeros if it does not tell.
        transports: How browsers reach it, such as "internal" or "usb".
        is_backup_eligible: Whether it may be copied to other devices of its owner.
        is_backed_up: Whether it has been, as of its last use.

    """

    credential_id: bytes
    public_key: bytes = field(repr=False)
    sign_count: int
    rp_id: str
    aaguid: str
    transports: tuple[str, ...]
    is_backup_eligible: bool
    is_backed_up: bool


@dataclass(frozen=True, slots=True)
class OwnedPasskey:
    """A credential, and whose it is.

    Attributes:
        factor_id: The factor.
        external_id: The person.
        is_disabled: Whether it proves nobody any more.
        passkey: The credential.

    """

    factor_id: str
    external_id: str
    is_disabled: bool
    passkey: Passkey


class PasskeyStore:
    """The passkeys of everybody.

    Every method raises StateError if the database cannot be used.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, factor: EnrolledFactor, passkey: Passkey, at_most: int) -> bool:
        """Keep a new passkey; False if the credential is somebody's already.

        Raises:
            FactorRefused: if its person has that many already.

        """
        values: dict[str, Any] = {name: getattr(passkey, name) for name in Passkey.__slots__}
        values |= {"factor_id": factor.factor_id, "transports": " ".join(passkey.transports)}
        try:
            with writing(self._engine) as connection:
                add_factor(connection, factor, at_most)
                connection.execute(insert(_PASSKEYS).values(values))
        except IntegrityError:
            return False
        return True

    def of_person(self, external_id: str) -> tuple[OwnedPasskey, ...]:
        """Return a person's passkeys, disabled ones included."""
        return tuple(self._find(FACTORS.c.external_id == external_id))

    def find(self, credential_id: bytes) -> OwnedPasskey | None:
        """Return whose a credential is, or None."""
        return next(self._find(_PASSKEYS.c.credential_id == credential_id), None)

    def count_by_host(self) -> dict[str, int]:
        """Return how many passkeys were made for which host."""
        host = _PASSKEYS.c.rp_id
        statement = select(host, func.count()).group_by(host).order_by(host)
        with reading(self._engine) as connection:
            return dict(connection.execute(statement).all())

    def advance(
        self, factor_id: str, sign_count: int, now: datetime, *, is_backed_up: bool
    ) -> bool:
        """Keep that a passkey has signed; False if its count does not rise, or it is of no use.

        An authenticator that does not count says 0 each time (WebAuthn section 6.1.1).
        """
        known = _PASSKEYS.c.sign_count
        rises = known < sign_count if sign_count else known == 0
        values = {"sign_count": sign_count, "is_backed_up": is_backed_up}
        statement = update(_PASSKEYS).where(_PASSKEYS.c.factor_id == factor_id, rises)
        with writing(self._engine) as connection:
            done = connection.execute(statement.values(values))
            return done.rowcount == 1 and note_success(connection, factor_id, now)

    def _find(self, condition: ColumnElement[bool]) -> Iterator[OwnedPasskey]:
        statement = (
            select(_PASSKEYS, FACTORS.c.external_id, FACTORS.c.disabled_at)
            .join(FACTORS, FACTORS.c.id == _PASSKEYS.c.factor_id)
            .where(condition)
            .order_by(FACTORS.c.created_at, FACTORS.c.id)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(statement).all()
        for row in rows:
            values = {name: getattr(row, name) for name in Passkey.__slots__}
            passkey = Passkey(**values | {"transports": tuple(row.transports.split())})
            yield OwnedPasskey(row.factor_id, row.external_id, row.disabled_at is not None, passkey)
