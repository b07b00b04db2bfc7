"""Authenticator apps: which codes are taken, what the person is shown, how the seed is kept."""

from __future__ import annotations

import os
from base64 import b32decode
from datetime import timedelta
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pyotp
import pytest

from connector.errors import FactorRefused
from connector.idp.authenticator.totp import APPS_AT_MOST, TotpFactor
from connector.idp.keys.seal import Seal
from connector.idp.reason import Reason
from connector.idp.store.factors import FactorStore
from connector.idp.store.totp_seeds import TotpSeedStore
from state.engine import writing
from tests.idp.bench import NOW
from tests.idp.factors.subject import Totp, code_of
from tests.idp.keyring import SEAL

if TYPE_CHECKING:
    from sqlalchemy import Engine

ANN = "ann"
STEP = timedelta(seconds=30)


@pytest.fixture
def app(engine: Engine) -> Totp:
    subject = Totp(engine, os.urandom)
    subject.enrol(ANN, NOW)
    return subject


def refusal(app: Totp, code: str, now=NOW) -> str:
    with pytest.raises(FactorRefused) as refused:
        app.factor.check(ANN, code, now)
    return refused.value.reason


def test_a_seed_has_160_bits_of_the_random_that_was_given(engine: Engine):
    asked = []

    def counting(size: int) -> bytes:
        asked.append(size)
        return bytes(size)

    seed = TotpFactor(FactorStore(engine), TotpSeedStore(engine), SEAL, counting).new_seed()

    assert (len(seed), asked) == (20, [20])


def test_what_an_app_reads_is_what_all_apps_understand(app: Totp):
    seed = app.seeds[ANN]

    read = pyotp.parse_uri(app.factor.uri(seed, "ann.lind@corp.example", "Corp & Sons"))

    assert (read.digits, read.interval, read.digest().name) == (6, 30, "sha1")
    assert (read.name, read.issuer) == ("ann.lind@corp.example", "Corp & Sons")
    assert b32decode(read.secret) == seed


def test_the_codes_are_those_of_the_standard():
    """RFC 6238 appendix B, the last six of its eight digits."""
    seed = b"12345678901234567890"
    uri = TotpFactor(None, None, SEAL, os.urandom).uri(seed, "ann", "Corp")

    for seconds, code in ((59, "287082"), (1111111109, "081804"), (20000000000, "353130")):
        assert pyotp.parse_uri(uri).at(seconds) == code


def test_the_seed_is_shown_in_groups_of_four(app: Totp):
    spelled = app.factor.spelled(app.seeds[ANN])

    assert {len(group) for group in spelled.split()} == {4}
    assert b32decode(spelled.replace(" ", "")) == app.seeds[ANN]


def test_the_picture_has_no_style_that_our_policy_forbids(app: Totp):
    svg = app.factor.svg(app.factor.uri(app.seeds[ANN], "ann.lind@corp.example", "Corp"))

    parsed = ET.fromstring(svg)
    attributes = {name for element in parsed.iter() for name in element.attrib}
    assert "style" not in attributes
    assert "<style" not in svg
    assert {"width", "height"}.isdisjoint(parsed.attrib)
    assert parsed.attrib["class"] == "qr"
    assert parsed.attrib["viewBox"]


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_clock_may_differ_by_one_step(app: Totp, steps: int):
    app.check(ANN, app.answer(ANN, NOW + steps * STEP), NOW)


@pytest.mark.parametrize("steps", [-3, -2, 2, 3])
def test_a_clock_may_not_differ_by_more(app: Totp, steps: int):
    assert refusal(app, app.answer(ANN, NOW + steps * STEP)) == Reason.CODE_WRONG


def test_the_window_can_be_narrowed(app: Totp, engine: Engine):
    strict = TotpFactor(FactorStore(engine), TotpSeedStore(engine), SEAL, os.urandom, window=0)

    with pytest.raises(FactorRefused):
        strict.check(ANN, app.answer(ANN, NOW - STEP), NOW)
    strict.check(ANN, app.answer(ANN, NOW), NOW)


def test_a_code_before_the_latest_is_used_up_too(app: Totp):
    app.check(ANN, app.answer(ANN, NOW), NOW)

    assert refusal(app, app.answer(ANN, NOW - STEP)) == Reason.CODE_USED
    assert refusal(app, app.answer(ANN, NOW)) == Reason.CODE_USED
    app.check(ANN, app.answer(ANN, NOW + STEP), NOW + STEP)


def test_the_code_that_enrolled_an_app_does_not_sign_in(engine: Engine):
    factor = Totp(engine, os.urandom).factor
    seed = factor.new_seed()
    factor.enrol(ANN, seed, code_of(factor, seed, NOW), "", NOW)

    with pytest.raises(FactorRefused) as refused:
        factor.check(ANN, code_of(factor, seed, NOW), NOW)
    assert refused.value.reason == Reason.CODE_USED


def test_an_app_that_has_not_shown_the_seed_is_not_enrolled(engine: Engine):
    subject = Totp(engine, os.urandom)
    seed = subject.seeds[ANN] = subject.factor.new_seed()

    with pytest.raises(FactorRefused) as refused:
        subject.factor.enrol(ANN, seed, subject.wrong_answer(ANN, NOW), "", NOW)

    assert refused.value.reason == Reason.CODE_WRONG
    assert FactorStore(engine).of_person(ANN, NOW) == ()


@pytest.mark.parametrize("form", ["{0}{1}", " {0} {1} ", "{0}\u00a0{1}\n"])
def test_spaces_do_not_matter(app: Totp, form: str):
    code = app.answer(ANN, NOW)

    app.check(ANN, form.format(code[:3], code[3:]), NOW)


@pytest.mark.parametrize(
    "code", ["", "12345", "1234567", "abcdef", "\uff11" * 6, "12-456", "\u0663" * 6]
)
def test_what_cannot_be_a_code_is_no_attempt(app: Totp, code: str):
    for _ in range(101):
        assert refusal(app, code) == Reason.CODE_MALFORMED

    app.check(ANN, app.answer(ANN, NOW), NOW)


def test_somebody_may_have_several_apps_and_each_works(app: Totp, engine: Engine):
    first = app.seeds[ANN]
    app.enrol(ANN, NOW)

    by_second = app.check(ANN, code_of(app.factor, app.seeds[ANN], NOW), NOW)
    by_first = app.check(ANN, code_of(app.factor, first, NOW), NOW)

    assert by_first.factor_id != by_second.factor_id
    assert {one.used_at for one in FactorStore(engine).of_person(ANN, NOW)} == {NOW}


def test_there_is_a_limit_to_them(app: Totp):
    for _ in range(APPS_AT_MOST - 1):
        app.enrol(ANN, NOW)

    with pytest.raises(FactorRefused) as refused:
        app.enrol(ANN, NOW)
    assert refused.value.reason == Reason.TOO_MANY_FACTORS


def test_a_seed_that_was_moved_to_another_person_is_not_opened(app: Totp, engine: Engine):
    with writing(engine) as connection:
        connection.exec_driver_sql("UPDATE factor SET external_id = 'mallory'")

    with pytest.raises(FactorRefused) as refused:
        app.factor.check("mallory", app.answer(ANN, NOW), NOW)
    assert refused.value.reason == Reason.FACTOR_SEALED


def test_another_sealing_key_is_said_in_the_audits_word(app: Totp, engine: Engine):
    other = Seal("file other", bytes(32))
    factor = TotpFactor(FactorStore(engine), TotpSeedStore(engine), other, os.urandom)

    with pytest.raises(FactorRefused) as refused:
        factor.check(ANN, app.answer(ANN, NOW), NOW)

    assert refused.value.reason == Reason.FACTOR_SEALED
    assert refused.value.disabled_ids == ()


def test_a_name_is_kept_short_and_visible(engine: Engine):
    factor = Totp(engine, os.urandom).factor
    for name, kept in (("", "Authenticator app"), ("\u202emy\nphone" + "x" * 90, "my phone")):
        seed = factor.new_seed()
        made = factor.enrol(ANN, seed, code_of(factor, seed, NOW), name, NOW)
        assert made.name.startswith(kept)
        assert len(made.name) <= 64
