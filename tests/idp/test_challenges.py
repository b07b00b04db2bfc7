"""A challenge is good for one question of one login in one browser; tabs do not share any."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from connector.errors import FactorRefused, RequestRefused
from connector.idp.challenge import LIFETIME, Purpose, answered_challenge, challenge, stamp
from connector.idp.first_factor import PasskeyAnswer
from connector.idp.transaction import LoginTransaction, Step, step_token
from connector.idp.view import AskEnrolment, AskFactor, AskTotpEnrolment, SendResponse
from tests.idp.bench import NOW, SECRET, an_application, make_bench, response_of
from tests.idp.factor_bench import Person
from tests.parts.policies import policies

LOGIN = LoginTransaction("login", NOW, NOW, "intranet", b"", browser_digest=bytes(32))
OTHER = an_application(
    name="Wiki",
    slug="wiki",
    service_provider=replace(
        an_application().service_provider, entity_id="https://wiki.corp.example/saml/metadata"
    ),
)


@pytest.fixture
def person(engine, clock) -> Person:
    return Person(make_bench(engine, clock, an_application(), OTHER, policies=policies()))


@pytest.fixture
def ann(person) -> Person:
    """Ann, who has a passkey and an app and is signed in nowhere."""
    person.sign_in()
    person.enrol_passkey()
    person.visit_home(adds_factor=True)
    person.enrol_totp()
    person.sso = None
    person.pass_time(minutes=2)
    return person


def test_a_challenge_has_32_bytes_and_is_another_for_each_purpose_login_browser_try_and_moment():
    variants = [
        challenge(SECRET, login, purpose, asked_at)
        for login in (
            LOGIN,
            replace(LOGIN, transaction_id="other"),
            replace(LOGIN, browser_digest=bytes([1]) * 32),
            replace(LOGIN, tries=1),
        )
        for purpose in Purpose
        for asked_at in ("1793606400", "1793606401")
    ] + [challenge(b"another secret", LOGIN, Purpose.SIGN_IN, "1793606400")]

    assert {len(each) for each in variants} == {32}
    assert len(set(variants)) == len(variants) == 25


@pytest.mark.parametrize(
    "asked_at", ["", "-1", "1e9", "x", "٣", "9" * 30, stamp(NOW + 2 * LIFETIME)]
)
def test_a_moment_that_is_none_or_lies_ahead_is_refused(asked_at):
    with pytest.raises(FactorRefused, match="expired"):
        answered_challenge(SECRET, LOGIN, Purpose.SIGN_IN, asked_at, NOW)


def test_what_was_signed_to_sign_in_is_no_second_factor_and_the_other_way_round(ann):
    """One slot for all purposes is how others were broken."""
    ann.arrive()
    first = ann._answer(ann.view.passkey)
    ann.type_password()
    second = ann._answer(ann.view.passkey)

    ann.bench.flow.second.submit_passkey(ann.form, ann.visit, first, remembers=False)
    assert ann.look().error == "passkey-too-late"
    assert ann.bench.reasons()[0] == "passkey-challenge"

    ann.arrive()
    token = ann.view.step_token
    ann.bench.flow.first.submit_passkey(ann.transaction, ann.browser, token, second, ann.visit)
    assert ann.look().error == "passkey-failed"
    assert ann.bench.reasons()[0] == "passkey-challenge"


def test_an_answer_to_one_login_is_none_to_another(ann):
    ann.sign_in()
    answer = ann._answer(ann.view.passkey)
    ann.sign_in()

    ann.bench.flow.second.submit_passkey(ann.form, ann.visit, answer, remembers=False)

    assert ann.look().error == "passkey-too-late"


def test_an_answer_to_sign_in_is_taken_once_although_the_passkey_does_not_count(ann):
    ann.authenticator.counts = False
    ann.authenticator.credentials[0].count = 0
    ann.arrive()
    token, answer = ann.view.step_token, ann._answer(ann.view.passkey)
    submit = ann.bench.flow.first.submit_passkey
    submit(ann.transaction, ann.browser, token, answer, ann.visit)

    with pytest.raises(RequestRefused, match="step-skipped"):
        submit(ann.transaction, ann.browser, token, answer, ann.visit)


def test_two_tabs_that_both_ask_for_a_passkey_end_each_where_it_began(ann):
    first = copy.copy(ann)
    first.arrive(ID="_first")
    second = copy.copy(first)
    second.arrive(ID="_second", issuer="https://wiki.corp.example/saml/metadata")
    first.type_password()
    second.type_password()
    assert isinstance(first.view, AskFactor)
    assert isinstance(second.view, AskFactor)

    views = [second.use_passkey(), first.use_passkey()]

    assert [view.application_name for view in views] == ["Wiki", "Intranet"]
    assert [response_of(view).get("InResponseTo") for view in views] == ["_second", "_first"]


# The steps in their order.


@pytest.mark.parametrize("kind", ["totp", "passkey", "recovery-code"])
def test_a_factor_is_not_asked_of_who_has_not_said_who_they_are(ann, kind):
    """Even if the token of the form were known, which only this server can make."""
    ann.arrive()
    transaction = ann.bench.parts.store.transaction(ann.transaction, ann.bench.parts.clock.now())
    made = step_token(ann.bench.parts.secret, transaction, Step.FACTOR)
    form = replace(ann.form, step_token=made)
    forms, answer = ann.bench.flow.second, PasskeyAnswer("{}", "1")

    with pytest.raises(RequestRefused, match="step-skipped"):
        if kind == "passkey":
            forms.submit_passkey(form, ann.visit, answer, remembers=False)
        else:
            forms.submit_code(form, ann.visit, kind, ann.code(), remembers=False)
    with pytest.raises(RequestRefused, match="step-token"):
        forms.submit_code(ann.form, ann.visit, "totp", ann.code(), remembers=False)

    assert ann.bench.reasons()[:2] == ["step-token", "step-skipped"]


def test_no_factor_is_added_by_who_has_yet_to_prove_one(ann):
    ann.sign_in()
    assert isinstance(ann.view, AskFactor)
    transaction = ann.bench.parts.store.transaction(ann.transaction, ann.bench.parts.clock.now())
    made = step_token(ann.bench.parts.secret, transaction, Step.ENROL)

    with pytest.raises(RequestRefused, match="step-skipped"):
        ann.bench.flow.second.begin_enrolment(replace(ann.form, step_token=made), ann.visit, "totp")


def test_the_seed_of_an_app_is_shown_until_it_is_confirmed_and_never_again(person):
    person.sign_in()
    assert isinstance(person.view, AskEnrolment)
    shown = person.begin_enrolment("totp")
    assert isinstance(shown, AskTotpEnrolment)
    person.seed = shown.spelled.replace(" ", "")
    form = person.form
    assert person.look().spelled == shown.spelled

    person.bench.flow.second.enrol_totp(form, person.visit, person.code(), "x")

    assert not hasattr(person.look(), "spelled")
    with pytest.raises(RequestRefused, match="step-skipped"):
        person.bench.flow.second.enrol_totp(form, person.visit, person.code(), "x")
    person.bench.flow.second.finish_enrolment(person.form, person.visit)
    assert isinstance(person.look(), SendResponse)
    kept = person.bench.parts.store.transaction(person.transaction, person.bench.parts.clock.now())
    assert kept.pending == b""
    person.visit_home(adds_factor=True)
    assert person.begin_enrolment("totp").spelled != shown.spelled
