"""Factors of people, whatever their kind; what proves one is in the store of its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, delete, exists, func, insert, or_, select, update

from connector.errors import FactorRefused
from connector.idp.factor import EnrolledFactor, FactorKind
from connector.idp.reason import Reason
from state.engine import batches, reading, table_of, writing
from state.factors import CodeRow, FactorRow

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Engine, Row, Select

# NIST SP 800-63B-4 section 3.2.2: so many failures in a row, and an authenticator is disabled.
FAILURES_AT_MOST: Final = 100

FACTORS = table_of(FactorRow)
CODES = table_of(CodeRow)
_CODE_KINDS: Final = (FactorKind.RECOVERY_CODE, FactorKind.BYPASS_CODE)


class FactorStore:
    """Who has which factors.

    Every method raises StateError if the database cannot be used.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of_person(self, external_id: str, now: datetime) -> tuple[EnrolledFactor, ...]:
        """Return a person's factors, the strongest first; not bypass codes that are used up."""
        with reading(self._engine) as connection:
            return find_enrolled(connection, FACTORS.c.external_id == external_id, now)

    def kinds_by_person(self, now: datetime) -> dict[str, dict[FactorKind, int]]:
        """Return how many factors of each kind people can use, of everybody who has one."""
        columns = (FACTORS.c.external_id, FACTORS.c.kind)
        statement = (
            select(*columns, func.count())
            .where(FACTORS.c.disabled_at.is_(None), _is_left(now))
            .group_by(*columns)
        )
        found: dict[str, dict[FactorKind, int]] = {}
        with reading(self._engine) as connection:
            for external_id, kind, count in connection.execute(statement):
                found.setdefault(external_id, {})[FactorKind(kind)] = count
        return found

    def rename(self, external_id: str, factor_id: str, name: str) -> bool:
        """Give a person's factor another name; return whether it is theirs."""
        is_it = _is_theirs(external_id, factor_id)
        with writing(self._engine) as connection:
            done = connection.execute(update(FACTORS).where(is_it).values(name=name))
            return bool(done.rowcount == 1)

    def remove(self, external_id: str, factor_id: str, now: datetime) -> EnrolledFactor | None:
        """Remove a person's factor and return what it was; None if it is not theirs."""
        with writing(self._engine) as connection:
            found = _remove(connection, _is_theirs(external_id, factor_id), now)
        return found[0] if found else None

    def remove_all(self, external_id: str, now: datetime) -> tuple[EnrolledFactor, ...]:
        """Remove everything that a person has, and return what it was."""
        with writing(self._engine) as connection:
            return _remove(connection, FACTORS.c.external_id == external_id, now)

    def disable(self, factor_id: str, reason: Reason, now: datetime) -> None:
        """Have a factor prove nobody any more; it stays to be seen, and may be removed."""
        with writing(self._engine) as connection:
            _disable(connection, FACTORS.c.id == factor_id, reason, now)

    def fail(self, factor_ids: Collection[str], now: datetime) -> tuple[str, ...]:
        """Count a failure of each, and return those that have stopped to work by it."""
        with writing(self._engine) as connection:
            return count_failure(connection, factor_ids, now)

    def delete_of(self, external_ids: Collection[str]) -> int:
        """Delete all factors of these people, and return how many they were."""
        count = 0
        with writing(self._engine) as connection:
            for some in batches(external_ids):
                done = connection.execute(delete(FACTORS).where(FACTORS.c.external_id.in_(some)))
                count += done.rowcount
        return count

    def delete_kind(self, kind: FactorKind) -> tuple[str, ...]:
        """Delete all factors of a kind, and return whose they were."""
        is_it = FACTORS.c.kind == kind
        owner = FACTORS.c.external_id
        with writing(self._engine) as connection:
            owners = connection.scalars(select(owner).where(is_it).distinct().order_by(owner)).all()
            connection.execute(delete(FACTORS).where(is_it))
        return tuple(owners)

    def delete_expired(self, now: datetime) -> None:
        """Delete bypass codes whose time is over."""
        is_over = exists().where(CODES.c.factor_id == FACTORS.c.id, CODES.c.expires_at <= now)
        with writing(self._engine) as connection:
            connection.execute(
                delete(FACTORS).where(FACTORS.c.kind == FactorKind.BYPASS_CODE, is_over)
            )


def find_enrolled(
    connection: Connection, condition: ColumnElement[bool], now: datetime
) -> tuple[EnrolledFactor, ...]:
    """Return the factors of which that holds, the strongest first."""
    rows = connection.execute(_select(now).where(condition)).all()
    found = [_to_enrolled(row) for row in rows]
    order = list(FactorKind)
    found.sort(key=lambda one: (order.index(one.kind), one.created_at, one.factor_id))
    return tuple(
        one for one in found if one.kind is not FactorKind.BYPASS_CODE or one.remaining != 0
    )


def add_factor(connection: Connection, factor: EnrolledFactor, at_most: int) -> None:
    """Keep a factor, unless its person has too many of that kind.

    Raises:
        FactorRefused: if so.

    """
    is_alike = (FACTORS.c.external_id == factor.external_id, FACTORS.c.kind == factor.kind)
    count = connection.scalar(
        select(func.count()).select_from(FACTORS).where(*is_alike, _is_left(factor.created_at))
    )
    if (count or 0) >= at_most:
        message = f"has {count} of the kind {factor.kind}, which is as many as there may be"
        raise FactorRefused(Reason.TOO_MANY_FACTORS, message)
    connection.execute(
        insert(FACTORS).values(
            id=factor.factor_id,
            external_id=factor.external_id,
            kind=factor.kind.value,
            name=factor.name,
            created_at=factor.created_at,
            used_at=factor.used_at,
            disabled_at=None,
            disabled_for="",
            failed_count=0,
        )
    )


def note_success(connection: Connection, factor_id: str, now: datetime) -> bool:
    """Keep that a factor let its person in; False if it is gone or disabled meanwhile."""
    is_it = (FACTORS.c.id == factor_id, FACTORS.c.disabled_at.is_(None))
    done = connection.execute(update(FACTORS).where(*is_it).values(used_at=now, failed_count=0))
    return done.rowcount == 1


def count_failure(
    connection: Connection, factor_ids: Collection[str], now: datetime
) -> tuple[str, ...]:
    """Count a failure of each, and return those that have stopped to work by it."""
    is_one = FACTORS.c.id.in_(factor_ids) & FACTORS.c.disabled_at.is_(None)
    connection.execute(
        update(FACTORS).where(is_one).values(failed_count=FACTORS.c.failed_count + 1)
    )
    is_spent = is_one & (FACTORS.c.failed_count >= FAILURES_AT_MOST)
    spent = connection.scalars(select(FACTORS.c.id).where(is_spent)).all()
    _disable(connection, FACTORS.c.id.in_(spent), Reason.TOO_MANY_FAILURES, now)
    return tuple(spent)


def _select(now: datetime) -> Select[Any]:
    is_alive = or_(CODES.c.expires_at.is_(None), CODES.c.expires_at > now)
    remaining = (
        select(func.coalesce(func.sum(CODES.c.uses_left), 0))
        .where(CODES.c.factor_id == FACTORS.c.id, is_alive)
        .scalar_subquery()
    )
    return select(FACTORS, remaining.label("remaining"))


def _to_enrolled(row: Row[Any]) -> EnrolledFactor:
    kind = FactorKind(row.kind)
    return EnrolledFactor(
        factor_id=row.id,
        external_id=row.external_id,
        kind=kind,
        name=row.name,
        created_at=row.created_at,
        used_at=row.used_at,
        disabled_at=row.disabled_at,
        remaining=int(row.remaining) if kind in _CODE_KINDS else None,
        disabled_for=row.disabled_for,
    )


def _is_theirs(external_id: str, factor_id: str) -> ColumnElement[bool]:
    return and_(FACTORS.c.id == factor_id, FACTORS.c.external_id == external_id)


def _is_left(now: datetime) -> ColumnElement[bool]:
    """Return that a factor is no code, or one that is not used up."""
    is_alive = or_(CODES.c.expires_at.is_(None), CODES.c.expires_at > now)
    has_code = exists().where(CODES.c.factor_id == FACTORS.c.id, CODES.c.uses_left > 0, is_alive)
    return or_(FACTORS.c.kind.not_in(_CODE_KINDS), has_code)


def _disable(
    connection: Connection, condition: ColumnElement[bool], reason: Reason, now: datetime
) -> None:
    values = {"disabled_at": now, "disabled_for": reason.value}
    is_enabled = FACTORS.c.disabled_at.is_(None)
    connection.execute(update(FACTORS).where(condition, is_enabled).values(values))


def _remove(
    connection: Connection, condition: ColumnElement[bool], now: datetime
) -> tuple[EnrolledFactor, ...]:
    found = find_enrolled(connection, condition, now)
    connection.execute(delete(FACTORS).where(condition))
    return found
