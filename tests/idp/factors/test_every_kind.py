"""What holds of every kind of factor."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from threading import Barrier
from typing import TYPE_CHECKING

import pytest

from connector.errors import FactorRefused
from connector.idp.factor import Proof
from connector.idp.reason import Reason
from connector.idp.store.factors import FAILURES_AT_MOST, FactorStore
from state.engine import reading
from tests.idp.bench import NOW
from tests.idp.factors.subject import SUBJECTS

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from connector.idp.factor import EnrolledFactor
    from tests.idp.factors.subject import Subject

ANN, BEN = "ann", "ben"
LATER = NOW + timedelta(minutes=2)


@pytest.fixture(params=SUBJECTS, ids=lambda kind: kind.__name__.lower())
def subject(request: pytest.FixtureRequest, engine: Engine) -> Subject:
    return request.param(engine, os.urandom)


@pytest.fixture
def factors(engine: Engine) -> FactorStore:
    return FactorStore(engine)


def refusal(subject: Subject, external_id: str, answer: object, now=NOW) -> str:
    with pytest.raises(FactorRefused) as refused:
        subject.check(external_id, answer, now)
    return refused.value.reason


def only(factors: FactorStore, external_id: str, now=NOW) -> EnrolledFactor:
    (factor,) = factors.of_person(external_id, now)
    return factor


def test_its_owner_is_let_in(subject: Subject, factors: FactorStore):
    factor = subject.enrol(ANN, NOW)
    assert (factor.kind, factor.external_id, factor.used_at) == (subject.kind, ANN, None)
    assert factor.is_usable

    proof = subject.check(ANN, subject.answer(ANN, NOW), NOW)

    assert proof == Proof(subject.kind, ANN, factor.factor_id, NOW)


def test_it_is_seen_when_it_was_used(subject: Subject, factors: FactorStore):
    subject.enrol(ANN, NOW)
    subject.enrol(BEN, NOW)
    subject.check(ANN, subject.answer(ANN, NOW), NOW)

    used = {one.external_id: one.used_at for one in factors.of_person(ANN, NOW)}

    assert used in ({ANN: NOW}, {}), "a bypass code that is used up is not shown"
    assert only(factors, BEN).used_at is None


def test_the_same_answer_is_not_taken_twice(subject: Subject):
    subject.enrol(ANN, NOW)
    answer = subject.answer(ANN, NOW)
    subject.check(ANN, answer, NOW)

    with pytest.raises(FactorRefused):
        subject.check(ANN, answer, NOW)


def test_of_many_at_once_with_the_same_answer_one_is_let_in(subject: Subject):
    subject.enrol(ANN, NOW)
    answer, together = subject.answer(ANN, NOW), Barrier(6)

    def knock(_: int) -> str:
        together.wait()
        try:
            subject.check(ANN, answer, NOW)
        except FactorRefused:
            return "refused"
        return "in"

    with ThreadPoolExecutor(6) as pool:
        outcomes = sorted(pool.map(knock, range(6)))

    assert outcomes == ["in"] + ["refused"] * 5


def test_the_answer_of_somebody_else_is_refused(subject: Subject):
    subject.enrol(ANN, NOW)
    subject.enrol(BEN, NOW)

    assert refusal(subject, BEN, subject.answer(ANN, NOW)) in {
        Reason.CODE_WRONG,
        Reason.PASSKEY_OTHER_PERSON,
    }
    assert subject.check(BEN, subject.answer(BEN, NOW), NOW).external_id == BEN


def test_who_has_none_is_refused(subject: Subject):
    subject.enrol(ANN, NOW)

    assert refusal(subject, "somebody", subject.answer(ANN, NOW)) in {
        Reason.FACTOR_UNKNOWN,
        Reason.PASSKEY_OTHER_PERSON,
    }


def test_a_wrong_answer_is_refused_and_a_right_one_taken_after_it(subject: Subject):
    subject.enrol(ANN, NOW)

    wrong = refusal(subject, ANN, subject.wrong_answer(ANN, NOW))

    assert wrong in {Reason.CODE_WRONG, Reason.PASSKEY_SIGNATURE}
    subject.check(ANN, subject.answer(ANN, NOW), NOW)


def test_what_is_disabled_is_refused_and_still_seen(subject: Subject, factors: FactorStore):
    factor = subject.enrol(ANN, NOW)
    factors.disable(factor.factor_id, Reason.FACTOR_DISABLED, LATER)

    assert refusal(subject, ANN, subject.answer(ANN, NOW)) == Reason.FACTOR_DISABLED

    seen = only(factors, ANN)
    assert (seen.disabled_at, seen.disabled_for) == (LATER, "factor-disabled")
    assert not seen.is_usable
    assert factors.kinds_by_person(NOW) == {}


def test_what_is_removed_is_refused(subject: Subject, factors: FactorStore):
    factor = subject.enrol(ANN, NOW)
    answer = subject.answer(ANN, NOW)
    assert factors.remove(BEN, factor.factor_id, NOW) is None, "it is not theirs"

    removed = factors.remove(ANN, factor.factor_id, NOW)

    assert removed.factor_id == factor.factor_id
    assert refusal(subject, ANN, answer) == Reason.FACTOR_UNKNOWN
    assert factors.of_person(ANN, NOW) == ()
    assert factors.remove(ANN, factor.factor_id, NOW) is None


def test_a_hundred_failures_in_a_row_disable_what_can_be_guessed(
    subject: Subject, factors: FactorStore
):
    """NIST SP 800-63B-4 section 3.2.2; a signature cannot be guessed, and nobody is locked out."""
    factor = subject.enrol(ANN, NOW)
    disabled = []
    for _ in range(FAILURES_AT_MOST):
        with pytest.raises(FactorRefused) as refused:
            subject.check(ANN, subject.wrong_answer(ANN, NOW), NOW)
        disabled.append(refused.value.disabled_ids)

    assert disabled[:-1] == [()] * (FAILURES_AT_MOST - 1)
    if subject.is_disabled_by_failures:
        assert disabled[-1] == (factor.factor_id,)
        assert only(factors, ANN).disabled_for == Reason.TOO_MANY_FAILURES
        assert refusal(subject, ANN, subject.answer(ANN, NOW)) == Reason.FACTOR_DISABLED
    else:
        assert disabled[-1] == ()
        subject.check(ANN, subject.answer(ANN, NOW), NOW)


def test_a_success_in_between_begins_the_count_anew(subject: Subject, engine: Engine):
    subject.enrol(ANN, NOW)
    for _ in range(3):
        refusal(subject, ANN, subject.wrong_answer(ANN, NOW))

    subject.check(ANN, subject.answer(ANN, NOW), NOW)

    with reading(engine) as connection:
        counts = connection.exec_driver_sql("SELECT failed_count FROM factor").scalars().all()
    assert counts == [0]


def test_failures_of_one_person_do_not_count_for_another(subject: Subject, engine: Engine):
    subject.enrol(ANN, NOW)
    subject.enrol(BEN, NOW)
    for _ in range(3):
        with suppress(FactorRefused):
            subject.check(ANN, subject.wrong_answer(ANN, NOW), NOW)

    with reading(engine) as connection:
        statement = "SELECT failed_count FROM factor WHERE external_id = 'ben'"
        assert connection.exec_driver_sql(statement).scalars().all() == [0]


def test_secrets_are_nowhere_in_clear(subject: Subject, engine: Engine, factors: FactorStore):
    subject.enrol(ANN, NOW)
    texts = [repr(subject.factor), repr(factors.of_person(ANN, NOW))]
    with reading(engine) as connection:
        for table in ("factor", "factor_passkey", "factor_totp_seed", "factor_code"):
            for row in connection.exec_driver_sql(f"SELECT * FROM {table}"):
                texts += [part.hex() if isinstance(part, bytes) else str(part) for part in row]

    for secret in subject.secrets():
        assert [text for text in texts if secret.hex() in text] == []
        assert [text for text in texts if secret.decode("latin-1") in text] == []


def test_what_was_refused_does_not_say_the_secret(subject: Subject):
    subject.enrol(ANN, NOW)
    answer = subject.answer(ANN, NOW)

    with pytest.raises(FactorRefused) as refused:
        subject.check("somebody", answer, NOW)

    assert str(answer) not in str(refused.value)


def test_everybodys_kinds_are_counted(subject: Subject, factors: FactorStore):
    subject.enrol(ANN, NOW)
    subject.enrol(BEN, NOW)

    assert factors.kinds_by_person(NOW) == {ANN: {subject.kind: 1}, BEN: {subject.kind: 1}}


def test_a_leaver_has_none_any_more(subject: Subject, factors: FactorStore):
    subject.enrol(ANN, NOW)
    subject.enrol(BEN, NOW)

    assert factors.delete_of([ANN, "somebody"]) == 1

    assert factors.of_person(ANN, NOW) == ()
    assert refusal(subject, ANN, subject.wrong_answer(ANN, NOW)) == Reason.FACTOR_UNKNOWN
    subject.check(BEN, subject.answer(BEN, NOW), NOW)
