"""Recovery codes and bypass codes: how they are typed, how many there are, how long they last."""

from __future__ import annotations

import itertools
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from connector.errors import FactorRefused
from connector.idp.authenticator.bypass_code import CODES_AT_MOST, BypassCodes
from connector.idp.authenticator.recovery_code import RecoveryCodes
from connector.idp.authenticator.written_code import pepper_of
from connector.idp.reason import Reason
from connector.idp.store.codes import CodeStore
from connector.idp.store.factors import FactorStore
from state.engine import reading
from tests.idp.bench import NOW
from tests.idp.factors.subject import PEPPER

if TYPE_CHECKING:
    from sqlalchemy import Engine

ANN = "ann"
HOUR = timedelta(hours=1)
CROCKFORD = set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


@pytest.fixture
def recovery(engine: Engine) -> RecoveryCodes:
    return RecoveryCodes(CodeStore(engine), PEPPER, os.urandom)


@pytest.fixture
def bypass(engine: Engine) -> BypassCodes:
    return BypassCodes(CodeStore(engine), PEPPER, os.urandom)


def refusal(codes: RecoveryCodes | BypassCodes, code: str, now=NOW, who: str = ANN) -> str:
    with pytest.raises(FactorRefused) as refused:
        codes.check(who, code, now)
    return refused.value.reason


def test_ten_codes_of_at_least_112_bits_are_shown_in_groups(recovery: RecoveryCodes):
    codes = recovery.issue(ANN, NOW)

    assert len(set(codes)) == 10
    for code in codes:
        assert [len(group) for group in code.split("-")] == [4] * 6
        assert set(code) <= CROCKFORD | {"-"}
    assert 24 * 5 >= 112


def test_every_bit_of_chance_is_in_the_code(engine: Engine):
    """Fifteen bytes are exactly twenty-four characters."""
    bits = ((1 << bit).to_bytes(15) for bit in range(120))

    def random(size: int) -> bytes:
        return next(bits) if size == 15 else os.urandom(size)

    codes = RecoveryCodes(CodeStore(engine), PEPPER, random)

    assert len({code for _ in range(12) for code in codes.issue(ANN, NOW)}) == 120


@pytest.mark.parametrize(
    "typed",
    [
        str.lower,
        lambda code: code.replace("-", ""),
        lambda code: f"  {code.replace('-', ' ')}\n",
        lambda code: code.replace("-", "\u2013"),
        lambda code: code.replace("0", "O").replace("1", "I"),
        lambda code: code.replace("0", "o").replace("1", "l"),
        lambda code: code.replace("1", "L").lower(),
    ],
)
def test_typing_is_forgiven(recovery: RecoveryCodes, typed):
    for code in recovery.issue(ANN, NOW):
        recovery.check(ANN, typed(code), NOW)


def test_all_ten_work_and_what_is_left_is_told(recovery: RecoveryCodes, engine: Engine):
    left = []
    for code in recovery.issue(ANN, NOW):
        left.append(FactorStore(engine).of_person(ANN, NOW)[0].remaining)
        recovery.check(ANN, code, NOW)

    (factor,) = FactorStore(engine).of_person(ANN, NOW)
    assert left == list(range(10, 0, -1))
    assert (factor.remaining, factor.is_usable) == (0, False)
    assert FactorStore(engine).kinds_by_person(NOW) == {}


def test_new_codes_take_the_place_of_all_earlier_ones(recovery: RecoveryCodes, engine: Engine):
    earlier = recovery.issue(ANN, NOW)
    codes = recovery.issue(ANN, NOW)

    assert {refusal(recovery, code) for code in earlier} == {Reason.CODE_WRONG}
    recovery.check(ANN, codes[0], NOW)
    assert len(FactorStore(engine).of_person(ANN, NOW)) == 1


def test_a_code_is_told_to_be_used(recovery: RecoveryCodes):
    code = recovery.issue(ANN, NOW)[3]
    recovery.check(ANN, code, NOW)

    assert refusal(recovery, code) == Reason.CODE_USED


@pytest.mark.parametrize("code", ["", "short", "U" * 24, "0" * 25, "0000-0000-0000-0000-0000-000ß"])
def test_what_cannot_be_a_recovery_code_is_no_attempt(recovery: RecoveryCodes, code: str):
    kept = recovery.issue(ANN, NOW)[0]
    for _ in range(101):
        assert refusal(recovery, code) == Reason.CODE_MALFORMED

    recovery.check(ANN, kept, NOW)


def test_what_is_kept_is_worth_nothing_without_the_secret(recovery: RecoveryCodes, engine: Engine):
    code = recovery.issue(ANN, NOW)[0]
    other = RecoveryCodes(CodeStore(engine), pepper_of(b"another secret"), os.urandom)

    assert refusal(other, code) == Reason.CODE_WRONG
    recovery.check(ANN, code, NOW)


def test_a_recovery_code_is_no_bypass_code(recovery: RecoveryCodes, bypass: BypassCodes):
    code = recovery.issue(ANN, NOW)[0]
    bypass.issue(ANN, HOUR, 1, "dana", NOW)

    assert refusal(bypass, code) == Reason.CODE_MALFORMED


def test_a_bypass_code_has_nine_digits_to_be_read_out(bypass: BypassCodes, engine: Engine):
    code = bypass.issue(ANN, HOUR, 1, "dana", NOW)

    assert [len(group) for group in code.split(" ")] == [3, 3, 3]
    assert code.replace(" ", "").isdigit()
    (factor,) = FactorStore(engine).of_person(ANN, NOW)
    assert (factor.name, factor.remaining) == ("Bypass code from dana", 1)


@pytest.mark.parametrize("form", ["{}{}{}", "{}-{}-{}", " {} {} {} "])
def test_a_bypass_code_is_typed_as_people_like(bypass: BypassCodes, form: str):
    code = bypass.issue(ANN, HOUR, 1, "dana", NOW)

    bypass.check(ANN, form.format(*code.split()), NOW)


def test_it_ends_by_itself(bypass: BypassCodes, engine: Engine):
    code = bypass.issue(ANN, HOUR, 5, "dana", NOW)
    last, over = NOW + HOUR - timedelta(seconds=1), NOW + HOUR

    bypass.check(ANN, code, last)

    assert refusal(bypass, code, over) == Reason.CODE_EXPIRED
    assert FactorStore(engine).of_person(ANN, over) == ()
    FactorStore(engine).delete_expired(over)
    assert refusal(bypass, code, over) == Reason.FACTOR_UNKNOWN


def test_it_works_as_often_as_it_says(bypass: BypassCodes, engine: Engine):
    code = bypass.issue(ANN, HOUR, 3, "dana", NOW)

    for left in (2, 1, 0):
        bypass.check(ANN, code, NOW)
        assert [one.remaining for one in FactorStore(engine).of_person(ANN, NOW)] == [left][:left]

    assert refusal(bypass, code) == Reason.CODE_USED


def test_it_works_no_oftener_for_many_at_once(bypass: BypassCodes):
    code = bypass.issue(ANN, HOUR, 3, "dana", NOW)

    def is_in(_: int) -> bool:
        try:
            bypass.check(ANN, code, NOW)
        except FactorRefused:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(is_in, range(8))) == 3


def test_two_people_may_have_the_same_digits(engine: Engine):
    numbers = itertools.count()

    def random(size: int) -> bytes:
        # Ids differ, codes do not: an id is asked for first.
        return next(numbers).to_bytes(size) if next(turns) else bytes(size)

    turns = itertools.cycle([True, False])
    same = BypassCodes(CodeStore(engine), PEPPER, random)
    ours, theirs = (same.issue(who, HOUR, 1, "dana", NOW) for who in (ANN, "ben"))

    assert ours == theirs
    same.check(ANN, ours, NOW)
    assert refusal(same, ours) == Reason.CODE_USED
    same.check("ben", theirs, NOW)


def test_a_person_has_a_hundred_at_most(bypass: BypassCodes):
    codes = [bypass.issue(ANN, HOUR, 1, "dana", NOW) for _ in range(CODES_AT_MOST)]
    assert len(set(codes)) == CODES_AT_MOST

    with pytest.raises(FactorRefused) as refused:
        bypass.issue(ANN, HOUR, 1, "dana", NOW)
    assert refused.value.reason == Reason.TOO_MANY_FACTORS

    # One that is used up makes room, as does time.
    bypass.check(ANN, codes[0], NOW)
    bypass.issue(ANN, HOUR, 1, "dana", NOW)
    bypass.issue(ANN, HOUR, 1, "dana", NOW + HOUR)


def test_a_wrong_guess_counts_at_every_code_of_that_person_only(bypass, engine: Engine):
    for who in (ANN, ANN, "ben"):
        bypass.issue(who, HOUR, 1, "dana", NOW)
    refusal(bypass, "000 000 000")

    with reading(engine) as connection:
        statement = "SELECT external_id, failed_count FROM factor ORDER BY external_id"
        rows = [tuple(row) for row in connection.exec_driver_sql(statement)]
    assert rows == [(ANN, 1), (ANN, 1), ("ben", 0)]


def test_codes_are_not_told_from_each_other_by_their_rows(recovery, bypass, engine: Engine):
    recovery.issue(ANN, NOW)
    bypass.issue(ANN, HOUR, 1, "dana", NOW)

    with reading(engine) as connection:
        macs = connection.exec_driver_sql("SELECT mac FROM factor_code").scalars().all()
    assert {len(mac) for mac in macs} == {32}
