"""Attempts to skip, repeat, steal or mix the steps of a login."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from connector.errors import RequestRefused
from connector.idp.flow import AskEmail, AskPassword, SendResponse
from connector.idp.reason import Reason
from connector.idp.transaction import digest_of
from tests.idp.bench import (
    ADDRESS,
    VISIT,
    SignOnBench,
    an_application,
    authn_request,
    make_bench,
    posted,
    redirected,
    response_of,
)

ANN = "ann.lind@corp.example"


def test_a_request_is_taken_once(bench: SignOnBench):
    message = redirected(authn_request(ID="_once"))
    bench.flow.begin(message, VISIT)

    for bind in (redirected, posted):
        with pytest.raises(RequestRefused, match="request-replayed"):
            bench.flow.begin(bind(authn_request(ID="_once")), VISIT)
    assert bench.reasons() == [Reason.REQUEST_REPLAYED] * 2


def test_the_same_id_of_another_service_provider_is_another_request(engine, clock):
    other = an_application()
    other = replace(
        other, slug="other", service_provider=replace(other.service_provider, entity_id="other")
    )
    bench = make_bench(engine, clock, an_application(), other)

    bench.flow.begin(redirected(authn_request(ID="_same")), VISIT)
    bench.flow.begin(redirected(authn_request(ID="_same", issuer="other")), VISIT)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"AssertionConsumerServiceURL": "https://evil.example/acs"}, Reason.ACS_UNREGISTERED),
        (
            {"AssertionConsumerServiceURL": "https://intranet.corp.example/saml/acs/../evil"},
            Reason.ACS_UNREGISTERED,
        ),
        (
            {"AssertionConsumerServiceURL": "https://intranet.corp.example/saml/acs?x=1"},
            Reason.ACS_UNREGISTERED,
        ),
        (
            {"AssertionConsumerServiceURL": "HTTPS://intranet.corp.example/saml/acs"},
            Reason.ACS_UNREGISTERED,
        ),
        (
            {"AssertionConsumerServiceURL": None, "AssertionConsumerServiceIndex": "9"},
            Reason.ACS_UNREGISTERED,
        ),
        ({"Destination": "https://sso.corp.example/saml/sso/"}, Reason.DESTINATION_WRONG),
        ({"Destination": "https://evil.example/saml/sso"}, Reason.DESTINATION_WRONG),
        ({"issuer": "https://evil.example"}, Reason.ISSUER_UNKNOWN),
        ({"issuer": ""}, Reason.ISSUER_UNKNOWN),
    ],
)
def test_nobody_gets_an_answer_at_an_address_of_their_own(bench, changes, reason):
    with pytest.raises(RequestRefused) as refused:
        bench.flow.begin(redirected(authn_request(**changes)), VISIT)
    assert refused.value.reason == reason
    assert bench.reasons() == [reason]


def test_a_login_belongs_to_the_browser_that_came_first(bench: SignOnBench):
    """Else somebody could send a half-finished login to a victim, or take one over."""
    transaction, browser = bench.arrive()
    view = bench.flow.next_step(transaction, browser, None)

    for thief in (None, "", "x" * 43, "short"):
        with pytest.raises(RequestRefused, match="other-browser"):
            bench.flow.bind_browser(transaction, thief)
        with pytest.raises(RequestRefused, match="other-browser"):
            bench.flow.next_step(transaction, thief, None)
        with pytest.raises(RequestRefused, match="other-browser"):
            bench.flow.first.submit_email(transaction, thief, view.step_token, ANN)
    assert set(bench.reasons()) == {Reason.OTHER_BROWSER}
    assert bench.flow.bind_browser(transaction, browser) == browser


def test_a_login_that_no_browser_has_is_not_answered(bench: SignOnBench):
    transaction = bench.flow.begin(redirected(authn_request()), VISIT)

    for thief in (None, "", "x"):
        with pytest.raises(RequestRefused, match="other-browser"):
            bench.flow.next_step(transaction, thief, None)


def test_a_browser_cannot_choose_a_weak_cookie(bench: SignOnBench):
    transaction = bench.flow.begin(redirected(authn_request()), VISIT)

    assert len(bench.flow.bind_browser(transaction, "1")) == 43


def test_the_password_cannot_come_before_the_address(bench: SignOnBench):
    transaction, browser = bench.arrive()
    other_transaction, other_browser = bench.arrive()
    later = bench.type_email(other_transaction, other_browser, ANN)
    email_form = bench.flow.next_step(transaction, browser, None)

    for token in (later.step_token, email_form.step_token, "", "x"):
        with pytest.raises(RequestRefused, match="step-token"):
            bench.flow.first.submit_password(transaction, browser, token, "Right-1", VISIT)
    assert bench.passwords.asked == []
    assert isinstance(bench.flow.next_step(transaction, browser, None), AskEmail)


def test_a_right_token_does_not_open_a_step_that_is_not_next(bench: SignOnBench):
    transaction, browser = bench.arrive()
    view = bench.type_email(transaction, browser, ANN)
    bench.flow.first.forget_email(transaction, browser, view.step_token)

    with pytest.raises(RequestRefused, match="step-skipped"):
        bench.flow.first.submit_password(transaction, browser, view.step_token, "Right-1", VISIT)
    assert bench.passwords.asked == []


@pytest.mark.parametrize("what", ["other step", "other login", "other browser's login", "empty"])
def test_a_token_fits_one_step_of_one_login_in_one_browser(bench: SignOnBench, what: str):
    transaction, browser = bench.arrive()
    email_token = bench.flow.next_step(transaction, browser, None).step_token
    bench.type_email(transaction, browser, ANN)
    second = bench.flow.begin(redirected(authn_request()), VISIT)
    bench.flow.bind_browser(second, browser)
    third, other_browser = bench.arrive()
    token = {
        "other step": email_token,
        "other login": bench.type_email(second, browser, ANN).step_token,
        "other browser's login": bench.type_email(third, other_browser, ANN).step_token,
        "empty": "",
    }[what]

    with pytest.raises(RequestRefused, match="step-token"):
        bench.flow.first.submit_password(transaction, browser, token, "Right-1", VISIT)
    assert bench.reasons()[0] == Reason.STEP_TOKEN
    assert bench.passwords.asked == []


def test_an_answered_login_takes_no_more_forms(bench: SignOnBench):
    transaction, browser = bench.arrive()
    view = bench.type_email(transaction, browser, ANN)
    assert isinstance(bench.type_password(transaction, browser, "Right-1"), SendResponse)

    with pytest.raises(RequestRefused, match="transaction-ended"):
        bench.flow.first.submit_password(transaction, browser, view.step_token, "Right-1", VISIT)
    with pytest.raises(RequestRefused, match="transaction-ended"):
        bench.flow.first.forget_email(transaction, browser, view.step_token)


def test_a_verified_login_does_not_change_hands(bench: SignOnBench):
    """Between the right password and the answer nobody else's name can slip in."""
    transaction, browser = bench.arrive()
    view = bench.type_email(transaction, browser, ANN)
    bench.flow.first.submit_password(transaction, browser, view.step_token, "Right-1", VISIT)

    with pytest.raises(RequestRefused, match="step-skipped"):
        bench.flow.first.forget_email(transaction, browser, view.step_token)

    answer = bench.flow.next_step(transaction, browser, None)
    assert response_of(answer).find(".//{*}NameID").text == ANN


@pytest.mark.parametrize("transaction", ["", "nothing", "' OR 1=1 --", "x" * 5000, "\x00"])
def test_a_login_that_is_none_is_none(bench: SignOnBench, transaction: str):
    with pytest.raises(RequestRefused, match="transaction-unknown"):
        bench.flow.next_step(transaction, "b", None)


@pytest.mark.parametrize("cookie", ["", "x", "x" * 43, "ü", "\x00"])
def test_a_cookie_that_we_did_not_give_signs_nobody_in(bench: SignOnBench, cookie: str):
    assert bench.flow.session_of(cookie) is None
    assert bench.logout.begin_at_portal(cookie, None, ADDRESS) is None
    transaction, browser = bench.arrive()
    assert isinstance(bench.flow.next_step(transaction, browser, cookie), AskEmail)


def test_what_the_state_holds_of_a_session_is_no_cookie(bench: SignOnBench, tmp_path):
    """Somebody who reads the database signs in as nobody."""
    view = bench.sign_in(ANN, "Right-1")
    digest = digest_of(view.sso_cookie)
    session = bench.parts.store.session(digest)

    kept = b"".join(path.read_bytes() for path in tmp_path.glob("state.db*"))
    assert view.sso_cookie.encode() not in kept
    for value in (digest.hex(), digest.decode("latin-1"), session.session_index):
        assert bench.flow.session_of(value) is None


def test_the_index_that_service_providers_see_is_no_cookie(bench: SignOnBench):
    view = bench.sign_in(ANN, "Right-1")
    index = response_of(view).find(".//{*}AuthnStatement").get("SessionIndex")

    assert bench.flow.session_of(index) is None


def test_the_response_of_a_known_and_an_unknown_name_differ_in_nothing(bench: SignOnBench):
    views = {}
    for name in (ANN, "bob.berg@corp.example", "nobody@corp.example"):
        transaction, browser = bench.arrive()
        first = bench.type_email(transaction, browser, name)
        second = bench.type_password(transaction, browser, "wrong")
        views[name] = [plain(view) for view in (first, second)]
        assert isinstance(second, AskPassword)

    assert views[ANN] == views["bob.berg@corp.example"] == views["nobody@corp.example"]


def plain(view):
    """Return a page without what is another one each time anyway."""
    options = json.loads(view.passkey.options) | {"challenge": ""}
    return replace(view, email="", step_token="", passkey=options)


def test_a_word_with_markup_stays_a_word(engine, clock):
    application = an_application()
    evil = '"/><script>alert(1)</script>&<!--'
    bench = make_bench(engine, clock, replace(application, name=evil))
    ann = bench.people.people["ann-1"]
    document = {**ann.document, "displayName": evil}
    bench.people.people["ann-1"] = replace(ann, document=document)

    answer = bench.sign_in(ANN, "Right-1", message=redirected(authn_request(ID="_x"), evil))

    values = [each.text for each in response_of(answer).iterfind(".//{*}AttributeValue")]
    assert evil in values
    assert answer.relay_state == evil
