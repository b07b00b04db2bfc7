"""What people see and change of their own account, and that nobody else does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.errors import RequestRefused
from connector.idp.flow import SendResponse
from connector.idp.own_account import OwnAccount
from connector.idp.policy.points import Authentication, Remembering
from connector.idp.view import AskFactor, SendHome
from tests.idp.bench import ADDRESS, make_bench
from tests.idp.factor_bench import Person
from tests.parts.policies import WITHOUT, policies


@pytest.fixture
def bench(engine, clock):
    bench = make_bench(engine, clock, policies=policies(remembered_devices=Remembering.SHARED))
    bench.people.groups["bob-2"] = bench.people.groups["ann-1"]
    return bench


@pytest.fixture
def ann(bench) -> Person:
    """Ann, who has just proved the app that she has, in a device that is remembered."""
    ann = Person(bench)
    ann.sign_in()
    ann.enrol_totp()
    bench.logout.begin_at_portal(ann.sso, ann.browser, ADDRESS)
    ann.pass_time(minutes=2)
    ann.sign_in()
    assert isinstance(ann.type_code(ann.code(), remembers=True), SendResponse)
    return ann


@pytest.fixture
def account(bench) -> OwnAccount:
    return OwnAccount(bench.logout.parts)


def another_browser(ann: Person) -> Person:
    """Return her at another browser, signed in."""
    other = Person(ann.bench, seed=ann.seed, codes=ann.codes, address="198.51.100.4")
    ann.pass_time(minutes=1)
    other.sign_in()
    other.type_code(other.code())
    assert other.sso
    return other


def is_signed_in(person: Person) -> bool:
    return person.bench.flow.session_of(person.sso) is not None


def last(ann: Person):
    return ann.bench.parts.audit.recent()[0]


def test_all_sign_ons_are_seen_and_any_other_is_ended(ann, account):
    other = another_browser(ann)
    own = account.sign_ins(ann.sso)
    assert [each.address for each in own.sessions] == ["198.51.100.4", ADDRESS]
    (elsewhere,) = [each for each in own.sessions if each.session_index != own.current]

    account.end(ann.sso, own.form_token, elsewhere.session_index, ann.visit)

    assert (is_signed_in(ann), is_signed_in(other)) == (True, False)
    event = last(ann)
    assert (event.event, event.actor, event.address) == ("session.ended", "ann-1", ADDRESS)
    assert event.details["cause"] == "person"


def test_everything_is_ended_at_once_and_devices_are_forgotten(ann, account):
    other = another_browser(ann)

    account.end_everything(ann.sso, account.sign_ins(ann.sso).form_token, ann.visit)

    assert (is_signed_in(ann), is_signed_in(other)) == (False, False)
    ann.sso = None
    assert isinstance(ann.sign_in(), AskFactor), "the device does not stand for it any more"


def test_a_remembered_device_is_seen_and_forgotten(ann, account):
    own = account.keys(ann.sso)
    (device,) = own.devices
    assert device.address == ADDRESS

    account.forget_device(ann.sso, own.form_token, device.token_digest, ann.visit)

    assert (last(ann).event, last(ann).actor) == ("device.forgotten", "ann-1")
    ann.sso = None
    assert isinstance(ann.sign_in(), AskFactor)


def test_a_factor_that_is_removed_proves_nobody_and_devices_go_with_it(ann, account):
    own = account.keys(ann.sso)
    app = next(each for each in own.factors if each.kind == "totp")

    account.remove(ann.sso, own.form_token, app.factor_id, ann.visit)

    ann.sso = None
    view = ann.sign_in()
    assert isinstance(view, AskFactor)
    assert (view.kind, view.others) == ("recovery-code", ())


def test_the_sign_ins_are_listed_good_and_bad(ann, account):
    ann.sso = None
    ann.device = None
    ann.sign_in()
    ann.type_code("000000")
    ann.choose("recovery-code")
    ann.type_code(ann.codes[0], "recovery-code")

    events = [each.event for each in account.sign_ins(ann.sso).events]

    assert events[:2] == ["login.succeeded", "factor.refused"]


def test_nobody_sees_or_ends_what_is_somebody_elses(ann, account, bench):
    bench.passwords.passwords["bob.berg@corp.example"] = "Right-2"
    bob = Person(bench)
    bob.decide_by(policies(authentication=Authentication.BYPASS))
    bob.arrive()
    bob.type_password("bob.berg@corp.example", "Right-2")
    own, hers = account.sign_ins(bob.sso), account.keys(ann.sso)
    assert {each.external_id for each in own.sessions} == {"bob-2"}
    token = own.form_token

    with pytest.raises(RequestRefused, match="transaction-ended"):
        account.end(bob.sso, token, account.sign_ins(ann.sso).current, bob.visit)
    with pytest.raises(RequestRefused, match="factor-unknown"):
        account.remove(bob.sso, token, hers.factors[0].factor_id, bob.visit)
    with pytest.raises(RequestRefused, match="factor-unknown"):
        account.rename(bob.sso, token, hers.factors[0].factor_id, "mine", bob.visit)
    account.forget_device(bob.sso, token, hers.devices[0].token_digest, bob.visit)

    after = account.keys(ann.sso)
    assert (after.factors, after.devices) == (hers.factors, hers.devices)
    assert is_signed_in(ann)


def test_factors_are_seen_and_changed_by_who_has_proved_one_lately_only(ann, account):
    own = account.keys(ann.sso)
    ann.pass_time(minutes=10)

    assert account.keys(ann.sso) is None
    for change in (account.remove, account.rename):
        arguments = ("other",) if change == account.rename else ()
        with pytest.raises(RequestRefused, match="proof-missing"):
            change(ann.sso, own.form_token, own.factors[0].factor_id, *arguments, ann.visit)
    assert isinstance(ann.visit_home("/keys"), AskFactor)
    assert isinstance(ann.type_code(ann.code()), SendHome)
    assert account.keys(ann.sso) is not None


def test_a_remembered_device_does_not_show_the_factors(ann, account):
    ann.sso = None
    ann.pass_time(minutes=11)
    assert isinstance(ann.sign_in(), SendResponse)

    assert account.keys(ann.sso) is None


@pytest.mark.parametrize("token", ["", "x", "of another session"])
def test_a_form_that_was_made_for_another_session_is_refused_and_in_the_audit(ann, account, token):
    if token == "of another session":
        other = another_browser(ann)
        token = account.sign_ins(other.sso).form_token
    factors = account.keys(ann.sso).factors

    for act in (
        lambda: account.remove(ann.sso, token, factors[0].factor_id, ann.visit),
        lambda: account.end_everything(ann.sso, token, ann.visit),
    ):
        with pytest.raises(RequestRefused, match="step-token"):
            act()
        assert (last(ann).event, last(ann).reason) == ("account.refused", "step-token")
        assert (last(ann).actor, last(ann).address) == ("ann-1", ADDRESS)

    assert account.keys(ann.sso).factors == factors


def test_whoever_may_enter_nothing_any_more_changes_nothing(ann, account, bench):
    own = account.keys(ann.sso)
    bench.people.groups["ann-1"] = frozenset()

    with pytest.raises(RequestRefused, match="not-in-group"):
        account.remove(ann.sso, own.form_token, own.factors[0].factor_id, ann.visit)

    assert last(ann).event == "account.refused"


def test_who_has_no_factor_sees_the_page_by_the_password(ann, account, bench):
    ann.decide_by(WITHOUT)
    for each in account.keys(ann.sso).factors:
        bench.parts.factors.store.remove("ann-1", each.factor_id, bench.parts.clock.now())
    ann.sso = None
    ann.pass_time(minutes=30)
    ann.sign_in()

    own = account.keys(ann.sso)

    assert own.factors == ()
    assert replace(own, form_token="").lacks_way_back
