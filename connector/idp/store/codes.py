"""Recovery and bypass codes: each lets its person in as often as it says, and nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update

from connector.errors import FactorRefused
from connector.idp.factor import FactorKind, Proof
from connector.idp.reason import Reason
from connector.idp.store.factors import (
    CODES,
    FACTORS,
    add_factor,
    count_failure,
    note_success,
)
from state.engine import writing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Engine

    from connector.idp.factor import EnrolledFactor


class CodeStore:
    """The codes of everybody, as HMACs that hold their owner.

    Every method raises StateError if the database cannot be used.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def replace(self, factor: EnrolledFactor, macs: Sequence[bytes]) -> None:
        """Keep a set of codes for one use each, in the place of all earlier ones of that kind."""
        is_earlier = (FACTORS.c.external_id == factor.external_id, FACTORS.c.kind == factor.kind)
        rows = [
            {"mac": mac, "factor_id": factor.factor_id, "uses_left": 1, "expires_at": None}
            for mac in macs
        ]
        with writing(self._engine) as connection:
            connection.execute(delete(FACTORS).where(*is_earlier))
            add_factor(connection, factor, at_most=1)
            connection.execute(insert(CODES), rows)

    def add(
        self, factor: EnrolledFactor, mac: bytes, uses: int, expires_at: datetime, at_most: int
    ) -> bool:
        """Keep one code; False if the person has the very same one already.

        Raises:
            FactorRefused: if its person has that many already.

        """
        values = {"mac": mac, "factor_id": factor.factor_id, "uses_left": uses}
        with writing(self._engine) as connection:
            if connection.scalar(select(CODES.c.factor_id).where(CODES.c.mac == mac)):
                return False
            add_factor(connection, factor, at_most)
            connection.execute(insert(CODES).values(values | {"expires_at": expires_at}))
        return True

    def use(self, external_id: str, kind: FactorKind, mac: bytes, now: datetime) -> Proof:
        """Use a code once.

        Raises:
            FactorRefused: if it does not prove the person; that is counted in the same transaction.

        """
        with writing(self._engine) as connection:
            refusal = _refusal(connection, external_id, kind, mac, now)
            if isinstance(refusal, str):
                note_success(connection, refusal, now)
                return Proof(kind, external_id, refusal, now)
        raise refusal


def _refusal(
    connection: Connection, external_id: str, kind: FactorKind, mac: bytes, now: datetime
) -> FactorRefused | str:
    """Return the factor whose code is used now, or why none is."""
    is_theirs = (FACTORS.c.external_id == external_id, FACTORS.c.kind == kind)
    owned = connection.execute(select(FACTORS.c.id, FACTORS.c.disabled_at).where(*is_theirs)).all()
    usable = {row.id for row in owned if row.disabled_at is None}
    if not usable:
        return FactorRefused(Reason.FACTOR_DISABLED if owned else Reason.FACTOR_UNKNOWN)
    code = connection.execute(select(CODES).where(CODES.c.mac == mac)).one_or_none()
    reason = Reason.CODE_WRONG
    if code is not None and code.factor_id in {row.id for row in owned}:
        if code.factor_id not in usable:
            return FactorRefused(Reason.FACTOR_DISABLED)
        if code.expires_at is not None and code.expires_at <= now:
            reason = Reason.CODE_EXPIRED
        elif not _take(connection, mac):
            reason = Reason.CODE_USED
        else:
            return str(code.factor_id)
    return FactorRefused(reason, disabled_ids=count_failure(connection, usable, now))


def _take(connection: Connection, mac: bytes) -> bool:
    is_left = (CODES.c.mac == mac, CODES.c.uses_left > 0)
    statement = update(CODES).where(*is_left).values(uses_left=CODES.c.uses_left - 1)
    return connection.execute(statement).rowcount == 1
