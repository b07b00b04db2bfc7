"""Sessions: how long they last, what they prove and until when, and the id that each has."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest

from connector.idp.flow import AskEmail, AskNewPassword, SendResponse, TypedPasswords
from connector.idp.policy.points import Authentication, Remembering
from connector.idp.session import SessionLimits
from connector.idp.transaction import digest_of
from connector.idp.view import AskFactor
from connector.settings import IdpSettings
from connector.source.password import PasswordVerdict
from state.engine import reading
from tests.idp.bench import an_application, make_bench
from tests.idp.factor_bench import PASSWORD, Person
from tests.parts.policies import policies

OTHER = an_application(
    name="Wiki",
    slug="wiki",
    service_provider=replace(
        an_application().service_provider, entity_id="https://wiki.corp.example/saml/metadata"
    ),
)
NEW = "Another-Word-7"


@pytest.fixture
def make(engine, clock):
    """Return what makes Ann, who has an app and is signed in nowhere."""

    def make(of_applications=None, **says) -> Person:
        rules = policies(of_applications, **says)
        ann = Person(make_bench(engine, clock, an_application(), OTHER, policies=rules))
        ann.sign_in()
        ann.enrol_totp()
        ann.sso = None
        ann.pass_time(minutes=2)
        return ann

    return make


def sign_in(ann: Person, **changes) -> None:
    ann.sign_in()
    assert isinstance(ann.type_code(ann.code(), **changes), SendResponse)


def kept(ann: Person):
    """Return the session of her cookie."""
    return ann.bench.parts.store.session(digest_of(ann.sso))


def test_a_sign_on_ends_after_an_hour_without_use_and_after_twelve_unless_configured():
    settings = IdpSettings(base_url="https://sso.corp.example")

    assert SessionLimits() == SessionLimits(settings.session_lifetime, settings.session_idle)
    assert SessionLimits() == SessionLimits(timedelta(hours=12), timedelta(hours=1))


def test_a_session_knows_what_was_proved_and_when(make):
    ann = make()
    ann.sign_in()
    typed_at = ann.bench.parts.clock.now()
    ann.pass_time(seconds=40)
    ann.type_code(ann.code())

    session = kept(ann)

    assert (session.first, session.authenticated_at) == ("password", typed_at)
    assert (session.second, session.second_at) == ("totp", typed_at + timedelta(seconds=40))


def test_a_factor_that_is_asked_for_every_few_hours_is_asked_for_within_the_session(make):
    ann = make(second_factor=timedelta(hours=4))
    sign_in(ann)
    for _ in range(4):
        ann.pass_time(minutes=59)
        assert isinstance(ann.open("wiki"), SendResponse)
    ann.pass_time(minutes=5)

    assert isinstance(ann.open("wiki"), AskFactor)
    assert isinstance(ann.type_code(ann.code()), SendResponse)
    ann.pass_time(minutes=59)
    assert isinstance(ann.open("wiki"), SendResponse)


def test_a_factor_that_is_added_makes_no_session_longer(make):
    """Who proves a factor once more has not typed the password once more."""
    ann = make({"wiki": {"authentication": Authentication.ENFORCE}})
    ann.decide_by(
        policies(
            {"wiki": {"authentication": Authentication.ENFORCE}},
            authentication=Authentication.BYPASS,
        )
    )
    ann.sign_in()
    before = kept(ann)
    ann.pass_time(minutes=50)

    assert isinstance(ann.open("wiki"), AskFactor)
    assert isinstance(ann.type_code(ann.code()), SendResponse)

    after = kept(ann)
    assert after.cookie_digest != before.cookie_digest
    assert ann.bench.parts.store.session(before.cookie_digest) is None
    assert (after.authenticated_at, after.expires_at) == (
        before.authenticated_at,
        before.expires_at,
    )


def test_a_new_sign_in_gets_an_id_of_its_own_and_the_former_is_dead(make):
    ann = make()
    sign_in(ann)
    former = ann.sso
    ann.pass_time(minutes=1)

    ann.arrive(ForceAuthn="true")
    ann.type_password()
    ann.type_code(ann.code())

    assert ann.sso != former
    assert ann.bench.flow.session_of(former) is None


def change_password(ann: Person) -> None:
    """Sign in with a password that has expired; choose another."""
    ann.bench.passwords.verdicts["ann.lind@corp.example"] = PasswordVerdict.PASSWORD_EXPIRED
    assert isinstance(ann.sign_in(), AskNewPassword)
    ann.bench.flow.first.submit_new_password(
        ann.transaction,
        ann.browser,
        ann.view.step_token,
        TypedPasswords(PASSWORD, NEW, NEW),
        ann.visit,
    )
    ann.look()


def test_after_a_change_of_the_password_every_former_id_is_dead_and_devices_are_forgotten(make):
    ann = make(remembered_devices=Remembering.SHARED)
    sign_in(ann, remembers=True)
    former, ann.sso = ann.sso, None
    ann.pass_time(minutes=1)
    assert ann.bench.flow.session_of(former) is not None

    change_password(ann)

    assert ann.bench.flow.session_of(former) is None
    assert isinstance(ann.view, AskFactor), "the device does not stand for it any more"
    assert ann.bench.parts.devices.of_person("ann-1", ann.bench.parts.clock.now()) == ()
    assert isinstance(ann.type_code(ann.code()), SendResponse)
    assert ann.sso != former


def test_of_a_device_and_of_a_session_the_state_holds_a_digest_only(make, tmp_path):
    ann = make(remembered_devices=Remembering.SHARED)
    sign_in(ann, remembers=True)

    held = b"".join(path.read_bytes() for path in tmp_path.glob("state.db*"))

    assert len(ann.device) == len(ann.sso) == 43  # 256 bits, in base64
    for cookie in (ann.device, ann.sso):
        assert cookie.encode() not in held
        assert hashlib.sha256(cookie.encode()).digest() in held


def test_a_remembered_device_waives_the_second_factor_and_never_the_first(make):
    ann = make(remembered_devices=Remembering.SHARED)
    sign_in(ann, remembers=True)
    ann.sso = None

    assert isinstance(ann.arrive(), AskEmail)
    assert isinstance(ann.type_password(), SendResponse)


def test_a_remembered_device_is_of_no_use_to_anybody_else(make):
    ann = make(remembered_devices=Remembering.SHARED)
    sign_in(ann, remembers=True)
    parts = ann.bench.parts
    ann.bench.people.groups["bob-2"] = ann.bench.people.groups["ann-1"]
    parts.factors.bypass_codes.issue("bob-2", timedelta(hours=1), 1, "desk", parts.clock.now())
    ann.sso = None

    ann.arrive()
    view = ann.type_password("bob.berg@corp.example", "Right-2")

    assert isinstance(view, AskFactor)
    with reading(parts.store._engine) as connection:
        owners = connection.exec_driver_sql("SELECT external_id FROM remembered_device").scalars()
        assert set(owners) == {"ann-1"}
