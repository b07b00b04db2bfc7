"""Seeds of authenticator apps, and which of their codes are used up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from connector.idp.store.factors import FACTORS, add_factor, note_success
from state.engine import reading, table_of, writing
from state.factors import TotpSeedRow

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Engine

    from connector.idp.factor import EnrolledFactor

_SEEDS = table_of(TotpSeedRow)


@dataclass(frozen=True, slots=True)
class TotpSeed:
    """The seed of one app.

    Attributes:
        factor_id: The factor.
        sealed: The seed.
        last_step: Codes up to this time step are used up (RFC 6238 section 5.2).
        is_disabled: Whether the factor proves nobody any more.

    """

    factor_id: str
    sealed: bytes = field(repr=False)
    last_step: int
    is_disabled: bool


class TotpSeedStore:
    """The seeds of everybody.

    Every method raises StateError if the database cannot be used.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, factor: EnrolledFactor, sealed: bytes, last_step: int, at_most: int) -> None:
        """Keep a new app; the code that enrolled it is used up.

        Raises:
            FactorRefused: if its person has that many already.

        """
        with writing(self._engine) as connection:
            add_factor(connection, factor, at_most)
            values = {"factor_id": factor.factor_id, "sealed": sealed, "last_step": last_step}
            connection.execute(insert(_SEEDS).values(values))

    def of_person(self, external_id: str) -> tuple[TotpSeed, ...]:
        """Return a person's seeds."""
        statement = (
            select(_SEEDS, FACTORS.c.disabled_at)
            .join(FACTORS, FACTORS.c.id == _SEEDS.c.factor_id)
            .where(FACTORS.c.external_id == external_id)
            .order_by(FACTORS.c.created_at, FACTORS.c.id)
        )
        with reading(self._engine) as connection:
            return tuple(
                TotpSeed(row.factor_id, row.sealed, row.last_step, row.disabled_at is not None)
                for row in connection.execute(statement)
            )

    def take_step(self, factor_id: str, step: int, now: datetime) -> bool:
        """Use the code of a time step up; False if it was before, or the factor is of no use."""
        is_later = (_SEEDS.c.factor_id == factor_id, _SEEDS.c.last_step < step)
        with writing(self._engine) as connection:
            done = connection.execute(update(_SEEDS).where(*is_later).values(last_step=step))
            return done.rowcount == 1 and note_success(connection, factor_id, now)
