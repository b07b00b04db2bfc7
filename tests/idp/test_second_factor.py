"""Second factors in a login: asked as the policy says, proved once, enrolled, remembered."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import pytest

from connector.errors import RequestRefused
from connector.idp.authenticator.passkey import relying_party
from connector.idp.factor import FactorKind
from connector.idp.network import NetworkSet
from connector.idp.policy.points import Authentication, Frequency, NewUsers, Remembering
from connector.idp.standing import Standing, Status
from connector.idp.view import (
    AskEmail,
    AskEnrolment,
    AskFactor,
    AskPassword,
    SendHome,
    SendResponse,
    ShowDenied,
)
from connector.idp.xmldsig import Element
from tests.idp.bench import an_application, first_text, make_bench, response_of
from tests.idp.factor_bench import EMAIL, WIKI, Person
from tests.parts.policies import WITHOUT, policies


@pytest.fixture
def person(engine, clock):
    """Ann, where a second factor is asked for."""

    def make(of_applications=None, **says) -> Person:
        says = {"remembered_devices": Remembering.OFF} | says
        bench = make_bench(
            engine, clock, an_application(), WIKI, policies=policies(of_applications, **says)
        )
        return Person(bench)

    return make


def enrolled(person, kind="totp") -> Person:
    """Let her add her first factor, sign out, and come back later."""
    person.sign_in()
    person.enrol_totp() if kind == "totp" else person.enrol_passkey()
    assert isinstance(person.view, SendResponse)
    person.sso, person.browser = None, None
    person.pass_time(minutes=2)
    return person


def test_who_has_none_enrols_one_at_the_first_login_and_keeps_codes(person):
    ann = person()

    view = ann.sign_in()
    assert isinstance(view, AskEnrolment)
    assert view.kinds == (FactorKind.PASSKEY, FactorKind.TOTP)
    assert isinstance(ann.enrol_totp(), SendResponse)

    assert len(ann.codes) == 10
    events = [(each.event, each.details.get("kind")) for each in ann.bench.parts.audit.recent(9)]
    assert ("factor.added", "totp") in events
    assert ("recovery_codes.made", None) in events
    assert ann.bench.parts.audit.recent()[0].details["second"] == "totp"


def test_a_wrong_first_code_adds_nothing(person):
    ann = person()
    ann.sign_in()
    ann.begin_enrolment("totp")

    ann.bench.flow.second.enrol_totp(ann.form, ann.visit, "000000", "x")

    assert ann.look().error == "code-wrong"
    assert ann.bench.parts.factors.store.of_person("ann-1", ann.bench.parts.clock.now()) == ()


@pytest.mark.parametrize(
    ("new_users", "kind"), [(NewUsers.ALLOW, SendResponse), (NewUsers.DENY, ShowDenied)]
)
def test_the_policy_says_what_becomes_of_who_has_none(person, new_users, kind):
    assert isinstance(person(new_users=new_users).sign_in(), kind)


def test_a_code_lets_in_once(person):
    ann = enrolled(person())
    view = ann.sign_in()
    assert isinstance(view, AskFactor)
    assert (view.kind, view.others) == (FactorKind.TOTP, (FactorKind.RECOVERY_CODE,))
    code = ann.code()

    assert isinstance(ann.type_code(code), SendResponse)

    ann.sso = None
    ann.sign_in()
    assert ann.type_code(code).error == "code-used"


def test_a_recovery_code_is_a_way_in_and_is_used_up(person):
    ann = enrolled(person())
    ann.sign_in()
    ann.choose("recovery-code")
    assert isinstance(ann.type_code(ann.codes[3].lower(), "recovery-code"), SendResponse)

    ann.sso = None
    ann.sign_in()
    ann.choose("recovery-code")
    assert ann.type_code(ann.codes[3], "recovery-code").error == "code-used-up"


def test_a_bypass_code_of_the_help_desk_lets_in(person):
    ann = person()
    parts = ann.bench.parts
    code = parts.factors.bypass_codes.issue(
        "ann-1", timedelta(hours=1), 1, "desk", parts.clock.now()
    )
    view = ann.sign_in()
    assert (view.kind, view.others) == (FactorKind.BYPASS_CODE, ())

    assert isinstance(ann.type_code(code, "bypass-code"), SendResponse)


def test_a_passkey_is_a_second_factor(person):
    ann = enrolled(person(), "passkey")
    view = ann.sign_in()
    assert view.kind is FactorKind.PASSKEY

    assert isinstance(ann.use_passkey(), SendResponse)
    assert ann.bench.parts.audit.recent()[0].details["second"] == "passkey"


def test_a_passkey_alone_signs_in(person):
    ann = enrolled(person(), "passkey")
    ann.arrive()

    assert isinstance(ann.use_passkey_first(), SendResponse)

    event = ann.bench.parts.audit.recent()[0]
    assert (event.details["proof"], event.actor) == ("passkey", "ann-1")
    assert isinstance(ann.open("wiki"), SendResponse)


def test_a_passkey_alone_is_not_offered_where_the_policy_forbids_it(person):
    ann = enrolled(person(passwordless=False), "passkey")

    assert ann.arrive().passkey is None


def test_where_one_application_wants_the_password_too_it_is_asked_for(person):
    ann = enrolled(person({"wiki": {"passwordless": False}}), "passkey")
    ann.arrive()
    assert isinstance(ann.use_passkey_first(), SendResponse)

    view = ann.open("wiki")

    assert isinstance(view, AskEmail)
    assert isinstance(ann.type_password(), AskFactor)
    assert isinstance(ann.use_passkey(), SendResponse)


def test_an_answer_to_a_challenge_counts_once(person):
    ann = enrolled(person(), "passkey")
    ann.sign_in()
    answer, form = ann._answer(ann.view.passkey), ann.form
    ann.bench.flow.second.choose(form, ann.visit, "recovery-code")
    ann.look()
    ann.type_code("wrong", "recovery-code")

    ann.bench.flow.second.submit_passkey(ann.form, ann.visit, answer, remembers=False)

    assert ann.look().error == "passkey-too-late"
    assert ann.bench.reasons()[0] == "passkey-challenge"


def test_a_challenge_is_too_old_after_five_minutes(person):
    ann = enrolled(person(), "passkey")
    ann.sign_in()
    ann.pass_time(minutes=5, seconds=1)

    assert ann.use_passkey().error == "passkey-too-late"


def test_five_wrong_answers_end_the_login_and_ten_the_codes_for_a_while(person):
    ann = enrolled(person())
    for _ in range(2):
        ann.sign_in()
        for number in range(5):
            ann.type_code(f"00000{number}")
        assert isinstance(ann.view, AskEmail)
        assert ann.view.error == "too-many-codes"
        ann.pass_time(seconds=30)

    ann.sign_in()
    assert ann.type_code(ann.code()).error == "too-many-codes"
    ann.pass_time(minutes=16)
    ann.sign_in()
    assert isinstance(ann.type_code(ann.code()), SendResponse)


def test_wrong_codes_keep_no_owner_of_a_passkey_out(person):
    ann = enrolled(person(), "passkey")
    for _ in range(3):
        ann.sign_in()
        ann.choose("recovery-code")
        for _ in range(5):
            if isinstance(ann.view, AskFactor):
                ann.type_code("WRONG", "recovery-code")

    ann.sign_in()
    assert isinstance(ann.use_passkey(), SendResponse)


def test_the_second_factor_is_asked_once_a_session(person):
    ann = enrolled(person())
    ann.sign_in()
    ann.type_code(ann.code())

    assert isinstance(ann.open("wiki"), SendResponse)
    assert isinstance(ann.arrive(), SendResponse)


def test_a_stricter_application_asks_within_the_session_and_the_session_gets_a_new_cookie(person):
    ann = enrolled(person())
    strict = {"wiki": {"authentication": Authentication.ENFORCE}}
    ann.decide_by(policies(strict, authentication=Authentication.BYPASS))
    assert isinstance(ann.sign_in(), SendResponse)
    old = ann.sso

    view = ann.open("wiki")
    assert isinstance(view, AskFactor)
    assert isinstance(ann.type_code(ann.code()), SendResponse)

    assert ann.sso != old
    assert ann.bench.flow.session_of(old) is None
    assert isinstance(ann.open("wiki"), SendResponse)


def test_where_every_login_wants_one_no_session_and_no_device_is_enough(person):
    ann = enrolled(
        person({"wiki": {"second_factor": Frequency.LOGIN}}, remembered_devices=Remembering.SHARED)
    )
    ann.sign_in()
    ann.type_code(ann.code(), remembers=True)
    assert ann.device

    for _ in range(2):
        ann.pass_time(seconds=60)
        assert isinstance(ann.open("wiki"), AskFactor)
        assert ann.view.remember_for is None
        assert isinstance(ann.type_code(ann.code()), SendResponse)


def test_a_remembered_device_is_not_asked_again_until_its_time_is_over(person):
    ann = enrolled(person(remembered_devices=Remembering.SHARED))
    ann.sign_in()
    assert ann.view.remember_for == timedelta(days=30)
    ann.type_code(ann.code(), remembers=True)
    first = ann.device

    ann.sso = None
    assert isinstance(ann.sign_in(), SendResponse)
    assert ann.device not in {None, first}
    assert ann.bench.parts.audit.recent()[0].details["second"] == "remembered-device"

    ann.sso, ann.device = None, first  # who copied the cookie has what is worth nothing any more
    assert isinstance(ann.sign_in(), AskFactor)


def test_a_device_is_remembered_for_its_person_and_application_only(person):
    ann = enrolled(person(remembered_devices=Remembering.APPLICATION))
    ann.sign_in()
    ann.type_code(ann.code(), remembers=True)
    ann.sso = None
    assert isinstance(ann.sign_in(), SendResponse)

    ann.sso = None
    ann.open("wiki")
    assert isinstance(ann.type_password(), AskFactor)


def test_a_device_is_forgotten_when_its_time_is_over(person):
    ann = enrolled(person(remembered_devices=Remembering.SHARED))
    ann.sign_in()
    ann.type_code(ann.code(), remembers=True)
    ann.sso = None
    ann.pass_time(days=30)

    assert isinstance(ann.sign_in(), AskFactor)


def test_a_new_factor_makes_devices_forgotten(person):
    ann = enrolled(person(remembered_devices=Remembering.SHARED))
    ann.sign_in()
    ann.type_code(ann.code(), remembers=True)
    ann.visit_home(adds_factor=True)
    ann.enrol_passkey()
    assert isinstance(ann.view, SendHome)

    ann.sso = None
    assert isinstance(ann.sign_in(), AskFactor)


def test_who_has_a_factor_proves_it_before_another_is_added(person):
    ann = enrolled(person())
    ann.sign_in()
    ann.type_code(ann.code())
    ann.pass_time(minutes=11)

    view = ann.visit_home(adds_factor=True)

    assert isinstance(view, AskFactor)
    assert view.why == "prove-first"
    assert isinstance(ann.type_code(ann.code()), AskEnrolment)
    assert isinstance(ann.enrol_passkey(), SendHome)


def test_the_password_alone_adds_nothing_where_only_passkeys_count(person):
    ann = enrolled(person({"wiki": {"phishing_resistant": True}}))

    ann.open("wiki")
    view = ann.type_password()

    assert isinstance(view, AskFactor)
    assert view.kind is FactorKind.TOTP
    assert isinstance(ann.type_code(ann.code()), AskEnrolment)
    assert ann.view.kinds == (FactorKind.PASSKEY,)
    assert isinstance(ann.enrol_passkey(), SendResponse)


def test_our_own_pages_are_signed_in_to_like_an_application(person):
    ann = person(authentication=Authentication.BYPASS)
    ann.visit_home("/")

    view = ann.type_password()

    assert isinstance(view, SendHome)
    assert (view.path, bool(view.sso_cookie)) == ("/", True)
    assert isinstance(ann.open("wiki"), SendResponse)


def test_nobody_signs_in_to_our_pages_who_may_not_open_anything(person):
    bob = person(authentication=Authentication.BYPASS)
    bob.visit_home("/")

    view = bob.type_password("bob.berg@corp.example", "Right-2")

    assert isinstance(view, AskPassword)


@pytest.mark.parametrize(
    "path",
    [
        "", "/login", "//evil.example", "/\\evil.example", "https:evil.example",
        "https://evil.example", "/keys?next=//evil.example", "/keys/../open/x", "/keys\r\nX: y",
    ],
)  # fmt: skip
def test_only_pages_that_people_sign_in_for_are_come_back_to(person, path):
    with pytest.raises(RequestRefused):
        person().bench.flow.begin_at_home(path)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (Status.BYPASS, SendResponse),
        (Status.DISABLED, ShowDenied),
        (Status.LOCKED_OUT, ShowDenied),
    ],
)
def test_the_help_desk_has_the_last_word(person, status, kind):
    ann = enrolled(person())
    now = ann.bench.parts.clock.now()
    standing = Standing(
        external_id="ann-1", status=status, since=now, until=None, by="desk", reason="as asked"
    )
    ann.bench.parts.standings.set(standing)

    assert isinstance(ann.sign_in(), kind)


def test_a_refused_network_keeps_even_a_session_out(person):
    refused = NetworkSet((ip_network("198.51.100.0/24"),))
    ann = enrolled(person(networks_refuse=refused))
    ann.sign_in()
    ann.type_code(ann.code())

    ann.address = "198.51.100.7"
    assert isinstance(ann.open("wiki"), ShowDenied)
    assert ann.bench.reasons()[0] == "network-refused"


def mfa() -> Element:
    reference = "https://refeds.org/profile/mfa"
    return Element(
        "samlp:RequestedAuthnContext", {}, (Element("saml:AuthnContextClassRef", {}, (reference,)),)
    )


def test_an_application_that_asks_for_two_factors_gets_two_and_is_told(person):
    ann = enrolled(person())
    ann.decide_by(WITHOUT)
    ann.arrive(mfa())

    assert isinstance(ann.type_password(), AskFactor)
    view = ann.type_code(ann.code())

    found = first_text(response_of(view), "AuthnContextClassRef")
    assert found == "https://refeds.org/profile/mfa"


def test_steps_are_not_skipped(person):
    ann = enrolled(person())
    ann.arrive()

    for kind in ("totp", "recovery-code"):
        with pytest.raises(RequestRefused):
            ann.type_code(ann.code(), kind)


def test_what_was_not_asked_is_not_taken(person):
    ann = enrolled(person({"intranet": {"factors": frozenset({FactorKind.TOTP})}}))
    ann.sign_in()
    assert ann.view.others == ()

    with pytest.raises(RequestRefused):
        ann.type_code(ann.codes[0], "recovery-code")
    with pytest.raises(RequestRefused):
        ann.begin_enrolment("passkey")


def test_not_you_forgets_what_was_proved(person):
    ann = enrolled(person())
    ann.sign_in()

    ann.bench.flow.first.forget_email(ann.transaction, ann.browser, ann.view.step_token)

    assert isinstance(ann.look(), AskEmail)
    with pytest.raises(RequestRefused):
        ann.type_code(ann.code())
    assert EMAIL not in str(ann.view)


# -- what changes while a page is open ------------------------------------------------------------


def test_who_came_by_a_passkey_alone_proves_it_once_more_for_the_keys(person):
    ann = enrolled(person(), "passkey")
    ann.arrive()
    ann.use_passkey_first()
    ann.pass_time(minutes=15)

    assert isinstance(ann.visit_home(), AskFactor)
    assert isinstance(ann.use_passkey(), SendHome)


def test_a_passkey_of_a_former_host_is_not_asked_for(person):
    ann = enrolled(person(), "passkey")
    parts = ann.bench.parts
    passkeys = replace(parts.factors.passkeys, party=relying_party("https://new.example", "Corp"))
    parts = replace(parts, factors=replace(parts.factors, passkeys=passkeys))
    ann.bench = replace(ann.bench, flow=replace(ann.bench.flow, parts=parts))

    view = ann.sign_in()

    assert isinstance(view, AskFactor)
    assert (view.kind, view.others) == (FactorKind.RECOVERY_CODE, ())
    assert isinstance(ann.type_code(ann.codes[0], "recovery-code"), SendResponse)


def test_a_form_of_somebody_who_may_not_enter_any_more_is_refused_and_the_page_says_why(person):
    ann = enrolled(person())
    ann.sign_in()
    now = ann.bench.parts.clock.now()
    ann.bench.parts.standings.set(Standing("ann-1", Status.DISABLED, now, None, "desk"))

    for give in (lambda: ann.type_code(ann.code()), lambda: ann.choose("recovery-code")):
        with pytest.raises(RequestRefused) as caught:
            give()
        assert caught.value.reason == "step-skipped"
    assert isinstance(ann.look(), ShowDenied)


def test_an_app_that_is_sent_twice_is_added_once_and_its_codes_are_shown(person):
    ann = person()
    ann.sign_in()
    ann.begin_enrolment("totp")
    ann.seed = ann.view.spelled.replace(" ", "")
    parts, transaction = ann.bench.parts, ann.transaction
    seen = parts.store.transaction(transaction, parts.clock.now())
    stages = [ann.bench.flow.second.stage(seen, ann.visit) for _ in range(2)]

    stages[0].enrolment().take_totp(ann.code(), "My telephone")
    with pytest.raises(RequestRefused):
        stages[1].enrolment().take_totp(ann.code(), "My telephone")

    assert len(ann.look().codes) == 10
    kinds = [each.kind for each in parts.factors.store.of_person("ann-1", parts.clock.now())]
    assert kinds == [FactorKind.TOTP, FactorKind.RECOVERY_CODE]


def test_what_is_no_code_is_no_attempt_at_one(person):
    ann = enrolled(person())
    for _ in range(3):
        ann.sign_in()
        for _ in range(5):
            ann.type_code("my code")

    ann.sign_in()
    assert isinstance(ann.type_code(ann.code()), SendResponse)


def test_a_device_keeps_its_cookie_if_another_tab_was_quicker(person):
    ann = enrolled(person(remembered_devices=Remembering.SHARED))
    ann.sign_in()
    ann.type_code(ann.code(), remembers=True)
    ann.sso = None
    first, other = ann.device, Person(ann.bench, seed=ann.seed, device=ann.device)
    ann.arrive()
    other.arrive()
    ann.type_password()
    assert ann.device not in {None, first}

    other.device = first
    other.type_password()

    assert other.device == first, "nothing takes the place of what the quicker tab was given"
    ann.sso = None
    assert isinstance(ann.sign_in(), SendResponse)
