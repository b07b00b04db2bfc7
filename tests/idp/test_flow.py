"""One login: in the right order, in one browser, and never further than the directory allows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from connector.errors import RequestRefused
from connector.idp.application.service_provider import AcsEndpoint, ServiceProvider
from connector.idp.flow import AskEmail, AskPassword, SendResponse, ShowDenied
from connector.idp.logout.status import revoke
from connector.idp.reason import Reason
from connector.idp.xmldsig import Element
from connector.source.password import PasswordVerdict
from state.engine import reading
from tests.idp.bench import (
    ACS_URL,
    ADDRESS,
    VISIT,
    SignOnBench,
    a_user,
    an_application,
    authn_request,
    first_text,
    make_bench,
    posted,
    redirected,
    response_of,
)

if TYPE_CHECKING:
    from connector.clock import FixedClock

ANN = ("ann.lind@corp.example", "Right-1")


def status_of(view: SendResponse) -> str:
    codes = response_of(view).findall(".//{*}StatusCode")
    return codes[-1].get("Value").rpartition(":")[2]


def test_a_person_of_the_group_gets_in_with_the_right_password(bench: SignOnBench):
    view = bench.sign_in(*ANN, message=redirected(authn_request(ID="_r"), "deep link"))

    assert isinstance(view, SendResponse)
    assert (view.acs_url, view.relay_state) == (ACS_URL, "deep link")
    response = response_of(view)
    assert response.get("InResponseTo") == "_r"
    assert first_text(response, "NameID") == "ann.lind@corp.example"
    event = bench.parts.audit.recent()[0]
    assert (event.event, event.actor, event.address) == ("login.succeeded", "ann-1", ADDRESS)


def test_a_request_by_post_is_as_good(bench: SignOnBench):
    view = bench.sign_in(*ANN, message=posted(authn_request(), "x"))

    assert isinstance(view, SendResponse)


def test_the_name_may_be_typed_in_any_case_and_with_blanks_around(bench: SignOnBench):
    assert isinstance(bench.sign_in("  Ann.LIND@Corp.Example ", "Right-1"), SendResponse)


def refuse_wrong(bench: SignOnBench) -> tuple[str, str]:
    return ANN[0], "wrong"


def refuse_unknown(bench: SignOnBench) -> tuple[str, str]:
    return "nobody@corp.example", "Right-1"


def refuse_outsider(bench: SignOnBench) -> tuple[str, str]:
    return "bob.berg@corp.example", "Right-2"


def refuse_disabled_here(bench: SignOnBench) -> tuple[str, str]:
    bench.people.people["ann-1"] = replace(bench.people.people["ann-1"], is_enabled=False)
    return ANN


def refuse_ended(bench: SignOnBench) -> tuple[str, str]:
    ann = bench.people.people["ann-1"]
    bench.people.people["ann-1"] = replace(ann, expires_at=bench.parts.clock.now())
    return ANN


def refuse_leaver(bench: SignOnBench) -> tuple[str, str]:
    ann = bench.people.people["ann-1"]
    bench.people.people["ann-1"] = replace(ann, left_at=bench.parts.clock.now())
    return ANN


def refuse_empty(bench: SignOnBench) -> tuple[str, str]:
    return ANN[0], ""


def refuse_without_bind_name(bench: SignOnBench) -> tuple[str, str]:
    bench.people.people["ann-1"] = replace(bench.people.people["ann-1"], bind_name="")
    return ANN


FAILURES = {
    refuse_wrong: Reason.WRONG_PASSWORD,
    refuse_unknown: Reason.UNKNOWN_USER,
    refuse_outsider: Reason.NOT_IN_GROUP,
    refuse_disabled_here: Reason.NOT_ACTIVE,
    refuse_ended: Reason.NOT_ACTIVE,
    refuse_leaver: Reason.UNKNOWN_USER,
    refuse_empty: Reason.PASSWORD_EMPTY,
    refuse_without_bind_name: Reason.UNKNOWN_USER,
}


@pytest.mark.parametrize(
    ("arrange", "reason"),
    FAILURES.items(),
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_every_failure_looks_the_same_and_the_audit_knows_which(bench, arrange, reason):
    name, password = arrange(bench)

    view = bench.sign_in(name, password)

    assert isinstance(view, AskPassword)
    assert (view.error, view.email, view.application_name) == ("failed", name, "Intranet")
    event = bench.parts.audit.recent()[0]
    assert (event.event, event.outcome, event.reason) == ("login.failed", "failure", reason)
    assert event.details == {"email": name}
    assert not bench.flow.session_of(None)


VERDICTS = {
    PasswordVerdict.LOGON_HOURS: Reason.LOGON_HOURS,
    PasswordVerdict.WORKSTATION: Reason.WORKSTATION,
    PasswordVerdict.ACCOUNT_DISABLED: Reason.ACCOUNT_DISABLED,
    PasswordVerdict.ACCOUNT_EXPIRED: Reason.ACCOUNT_EXPIRED,
    PasswordVerdict.LOCKED_OUT: Reason.LOCKED_OUT,
    PasswordVerdict.UNKNOWN_USER: Reason.UNKNOWN_USER,
    PasswordVerdict.UNRECOGNISED: Reason.UNRECOGNISED,
}


@pytest.mark.parametrize(("verdict", "reason"), VERDICTS.items())
def test_whatever_the_source_says_the_browser_reads_one_message(bench, verdict, reason):
    bench.passwords.verdicts[ANN[0]] = verdict

    view = bench.sign_in(*ANN)

    assert (view.error, bench.reasons()[0]) == ("failed", reason)


def test_every_verdict_of_the_source_has_its_reason():
    to_be_changed = {PasswordVerdict.PASSWORD_EXPIRED, PasswordVerdict.MUST_CHANGE_PASSWORD}
    known = {PasswordVerdict.ACCEPTED, PasswordVerdict.WRONG_PASSWORD, *VERDICTS}

    assert known | to_be_changed == set(PasswordVerdict)


def test_the_empty_password_never_reaches_the_source(bench: SignOnBench):
    bench.sign_in(ANN[0], "")

    assert bench.passwords.asked == []


def test_an_unknown_name_waits_instead_of_asking_the_source(bench: SignOnBench):
    bench.sign_in("nobody@corp.example", "x")

    assert (bench.passwords.asked, bench.passwords.refused_count) == ([], 1)


def test_a_source_that_does_not_answer_is_said_and_not_counted(bench: SignOnBench):
    bench.passwords.is_reachable = False
    transaction, browser = bench.arrive()
    bench.type_email(transaction, browser, ANN[0])
    for _ in range(5):
        assert bench.type_password(transaction, browser, "Right-1").error == "unavailable"
    assert set(bench.reasons()) == {Reason.SOURCE_UNAVAILABLE}

    bench.passwords.is_reachable = True
    assert isinstance(bench.type_password(transaction, browser, "Right-1"), SendResponse)


@pytest.mark.parametrize("typed", ["", "ann", "@", "a@", "a b@c", "x@" + "y" * 300, "a\x1b@b"])
def test_what_is_no_address_is_asked_again(bench: SignOnBench, typed: str):
    transaction, browser = bench.arrive()

    view = bench.type_email(transaction, browser, typed)

    assert isinstance(view, AskEmail)
    assert view.error == "invalid-email"


def test_not_you_goes_back_to_the_address(bench: SignOnBench):
    transaction, browser = bench.arrive()
    view = bench.type_email(transaction, browser, ANN[0])

    bench.flow.first.forget_email(transaction, browser, view.step_token)

    assert isinstance(bench.flow.next_step(transaction, browser, None), AskEmail)


def test_a_session_lets_in_to_the_second_application_without_a_question(engine, clock):
    bench = make_bench(engine, clock, an_application(), wiki())
    first = bench.sign_in(*ANN)
    transaction, browser = bench.arrive(wiki_request())

    view = bench.flow.next_step(transaction, browser, first.sso_cookie)

    assert isinstance(view, SendResponse)
    assert (view.application_name, view.sso_cookie) == ("Wiki", "")
    assert bench.parts.audit.recent()[0].details["proof"] == "session"
    assert _session_index(view) == _session_index(first)


def test_a_session_does_not_open_an_application_of_other_groups(engine, clock):
    closed = replace(wiki(), groups=frozenset({"cn=board"}))
    bench = make_bench(engine, clock, an_application(), closed)
    first = bench.sign_in(*ANN)
    transaction, browser = bench.arrive(wiki_request())

    view = bench.flow.next_step(transaction, browser, first.sso_cookie)

    assert (view.application_name, view.error) == ("Wiki", "not-allowed")
    assert status_of(view.way_back) == "RequestDenied"
    assert bench.reasons()[0] == Reason.NOT_IN_GROUP


def test_an_application_that_names_no_group_lets_in_nobody(engine, clock):
    bench = make_bench(engine, clock, an_application(groups=frozenset()))

    assert bench.sign_in(*ANN).error == "failed"


def test_an_application_for_everybody_lets_in_everybody_active(engine, clock):
    bench = make_bench(engine, clock, an_application(groups=frozenset(), admits_everybody=True))

    assert isinstance(bench.sign_in("bob.berg@corp.example", "Right-2"), SendResponse)


def test_a_forced_authentication_asks_in_spite_of_a_session(bench: SignOnBench):
    first = bench.sign_in(*ANN)
    message = redirected(authn_request(ForceAuthn="true"))
    transaction, browser = bench.arrive(message)

    assert isinstance(bench.flow.next_step(transaction, browser, first.sso_cookie), AskEmail)

    again = bench.sign_in(
        *ANN, message=redirected(authn_request(ForceAuthn="1")), sso=first.sso_cookie
    )
    assert again.sso_cookie not in {"", first.sso_cookie}
    assert bench.flow.session_of(first.sso_cookie) is None, "the old id is dead"


def test_a_passive_request_without_session_is_answered_no_passive(bench: SignOnBench):
    transaction, browser = bench.arrive(redirected(authn_request(IsPassive="true", ID="_p")))

    view = bench.flow.next_step(transaction, browser, None)

    assert (status_of(view), view.acs_url) == ("NoPassive", ACS_URL)
    assert response_of(view).get("InResponseTo") == "_p"
    assert response_of(view).find("{*}Assertion") is None


UNMET = {
    "NoAuthnContext": Element(
        "samlp:RequestedAuthnContext",
        {},
        (
            Element(
                "saml:AuthnContextClassRef",
                {},
                ("urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI",),
            ),
        ),
    ),
    "InvalidNameIDPolicy": Element(
        "samlp:NameIDPolicy", {"Format": "urn:oasis:names:tc:SAML:2.0:nameid-format:kerberos"}
    ),
    "RequestUnsupported": Element("saml:Subject", {}, (Element("saml:EncryptedID", {}),)),
}


@pytest.mark.parametrize(("status", "element"), UNMET.items())
def test_what_we_cannot_give_is_said_to_the_person_and_to_the_service_provider(
    bench, status, element
):
    """The service provider learns why, by a signed answer (Core section 3.2.2.2)."""
    transaction, browser = bench.arrive(redirected(authn_request(element, ID="_u")))

    for _ in range(2):  # the page may be loaded again
        view = bench.flow.next_step(transaction, browser, None)

    assert isinstance(view, ShowDenied)
    assert view.error in {"no-such-way", "unsupported"}
    answer = response_of(view.way_back)
    assert (status_of(view.way_back), answer.get("InResponseTo")) == (status, "_u")
    assert first_text(answer, "StatusMessage").endswith(".")
    assert answer.find("{*}Assertion") is None
    assert bench.parts.audit.recent()[0].event == "login.refused"


def test_an_application_may_want_no_attributes(engine, clock):
    bench = make_bench(engine, clock, an_application(attributes=()))

    response = response_of(bench.sign_in(*ANN))

    assert response.find(".//{*}AttributeStatement") is None


def test_a_person_deleted_after_the_password_stays_out(bench: SignOnBench):
    transaction, browser = bench.arrive()
    view = bench.type_email(transaction, browser, ANN[0])
    bench.flow.first.submit_password(transaction, browser, view.step_token, "Right-1", VISIT)
    del bench.people.people["ann-1"]

    assert isinstance(bench.flow.next_step(transaction, browser, None), ShowDenied)
    assert bench.reasons()[0] == Reason.UNKNOWN_USER


def test_a_passive_request_with_a_session_is_answered(bench: SignOnBench):
    first = bench.sign_in(*ANN)
    transaction, browser = bench.arrive(redirected(authn_request(IsPassive="true")))

    view = bench.flow.next_step(transaction, browser, first.sso_cookie)

    assert status_of(view) == "Success"


@pytest.mark.parametrize(
    "end",
    ["idle", "lifetime", "sign-out", "disabled", "left", "revoked"],
)
def test_a_session_ends(bench: SignOnBench, clock: FixedClock, end: str):
    cookie = bench.sign_in(*ANN).sso_cookie
    assert [each.name for each in bench.flow.session_of(cookie).tiles] == ["Intranet"]
    ann = bench.people.people["ann-1"]
    match end:
        case "idle":
            clock.moment += timedelta(hours=1)
        case "lifetime":
            for _ in range(15):
                clock.moment += timedelta(minutes=50)
                request = redirected(authn_request(IssueInstant=clock.moment.isoformat()))
                bench.flow.begin(request, VISIT, cookie)
        case "sign-out":
            bench.logout.begin_at_portal(cookie, None, ADDRESS)
            assert bench.parts.audit.recent()[0].event == "session.ended"
        case "disabled":
            bench.people.people["ann-1"] = replace(ann, is_enabled=False)
        case "left":
            del bench.people.people["ann-1"]
        case "revoked":
            revoke(bench.logout.parts, "ann-1", "the help desk")

    assert bench.flow.session_of(cookie) is None
    request = authn_request(IssueInstant=clock.moment.isoformat())
    transaction, browser = bench.arrive(redirected(request))
    assert isinstance(bench.flow.next_step(transaction, browser, cookie), AskEmail)


def test_who_is_signed_in_is_answered_at_once_in_one_transaction(bench: SignOnBench):
    cookie = bench.sign_in(*ANN).sso_cookie

    view = bench.flow.begin(redirected(authn_request(ID="_warm"), "state"), VISIT, cookie)

    assert (status_of(view), view.relay_state, view.sso_cookie) == ("Success", "state", "")
    assert response_of(view).get("InResponseTo") == "_warm"
    event = bench.parts.audit.recent()[0]
    assert (event.event, event.actor, event.details["proof"]) == (
        "login.succeeded", "ann-1", "session",
    )  # fmt: skip


def test_a_request_that_was_answered_at_once_is_not_taken_again(bench: SignOnBench):
    cookie = bench.sign_in(*ANN).sso_cookie
    message = redirected(authn_request())
    bench.flow.begin(message, VISIT, cookie)

    with pytest.raises(RequestRefused, match=Reason.REQUEST_REPLAYED):
        bench.flow.begin(message, VISIT, cookie)


def test_whoever_must_be_asked_or_turned_away_gets_a_login_of_their_own(bench: SignOnBench):
    cookie = bench.sign_in(*ANN).sso_cookie
    asked = bench.flow.begin(redirected(authn_request(ForceAuthn="true")), VISIT, cookie)
    bench.people.groups["ann-1"] = frozenset()
    denied = bench.flow.begin(redirected(authn_request()), VISIT, cookie)

    views = [
        bench.flow.next_step(begun, bench.flow.bind_browser(begun, None), cookie)
        for begun in (asked, denied)
    ]

    assert list(map(type, views)) == [AskEmail, ShowDenied]


def test_use_keeps_a_session_alive(bench: SignOnBench, clock: FixedClock):
    cookie = bench.sign_in(*ANN).sso_cookie
    for _ in range(3):
        clock.moment += timedelta(minutes=50)
        request = authn_request(IssueInstant=clock.moment.isoformat())
        transaction, browser = bench.arrive(redirected(request))
        assert isinstance(bench.flow.next_step(transaction, browser, cookie), SendResponse)


def test_two_logins_of_one_browser_each_find_their_way(engine, clock):
    bench = make_bench(engine, clock, an_application(), wiki())
    first = bench.flow.begin(redirected(authn_request(ID="_one"), "state one"), VISIT)
    second = bench.flow.begin(wiki_request(ID="_two"), VISIT)
    browser = bench.flow.bind_browser(first, None)
    assert bench.flow.bind_browser(second, browser) == browser
    bench.type_email(first, browser, ANN[0])
    bench.type_email(second, browser, ANN[0])

    views = [bench.type_password(each, browser, "Right-1") for each in (second, first)]

    assert [response_of(view).get("InResponseTo") for view in views] == ["_two", "_one"]
    assert [view.relay_state for view in views] == ["", "state one"]


def test_an_answer_goes_out_once(bench: SignOnBench):
    transaction, browser = bench.arrive()
    bench.type_email(transaction, browser, ANN[0])
    assert isinstance(bench.type_password(transaction, browser, "Right-1"), SendResponse)

    assert bench.flow.next_step(transaction, browser, None) == ShowDenied("Intranet", "expired")


def test_two_tabs_that_ask_at_once_get_one_answer(bench: SignOnBench):
    transaction, browser = bench.arrive()
    view = bench.type_email(transaction, browser, ANN[0])
    bench.flow.first.submit_password(transaction, browser, view.step_token, "Right-1", VISIT)

    with ThreadPoolExecutor(4) as pool:
        views = list(pool.map(lambda _: bench.flow.next_step(transaction, browser, None), range(8)))

    assert sum(isinstance(each, SendResponse) for each in views) == 1


def test_a_login_that_takes_too_long_is_over(bench: SignOnBench, clock: FixedClock):
    transaction, browser = bench.arrive()
    clock.moment += timedelta(minutes=15)

    with pytest.raises(RequestRefused, match="transaction-unknown"):
        bench.flow.next_step(transaction, browser, None)


def test_what_has_expired_is_deleted(bench: SignOnBench, clock: FixedClock):
    bench.sign_in(*ANN)
    clock.moment += timedelta(days=1)
    bench.parts.store.delete_expired(clock.now())

    with reading(bench.parts.store._engine) as connection:
        for table in ("login_transaction", "sso_session", "used_request"):
            count = connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar()
            assert (table, count) == (table, 0)


def test_the_portal_begins_a_login_that_nobody_asked_for(bench: SignOnBench):
    transaction = bench.flow.begin_at_portal("intranet", VISIT)
    browser = bench.flow.bind_browser(transaction, None)
    bench.type_email(transaction, browser, ANN[0])

    response = response_of(bench.type_password(transaction, browser, "Right-1"))

    assert response.get("InResponseTo") is None
    assert response.find(".//{*}SubjectConfirmationData").get("InResponseTo") is None


def test_an_address_of_its_own_takes_what_begins_at_the_portal(engine, clock):
    application = an_application(portal_acs_url="https://intranet.corp.example/portal")
    bench = make_bench(engine, clock, application)
    cookie = bench.sign_in(*ANN).sso_cookie
    transaction = bench.flow.begin_at_portal("intranet", VISIT)
    browser = bench.flow.bind_browser(transaction, None)

    view = bench.flow.next_step(transaction, browser, cookie)

    assert view.acs_url == "https://intranet.corp.example/portal"


def test_the_portal_knows_its_applications_only(bench: SignOnBench):
    with pytest.raises(RequestRefused, match="application-unknown"):
        bench.flow.begin_at_portal("nowhere", VISIT)
    assert bench.reasons() == [Reason.APPLICATION_UNKNOWN]


def test_a_person_without_address_is_not_named_by_another_word(bench: SignOnBench):
    user = a_user("eve-3", "eve.dahl@corp.example")
    document = {key: value for key, value in user.document.items() if key != "emails"}
    bench.people.add(replace(user, document=document), "CN=Staff,DC=corp,DC=example")
    bench.passwords.passwords["eve.dahl@corp.example"] = "Right-3"

    view = bench.sign_in("eve.dahl@corp.example", "Right-3")
    assert (type(view), view.error) == (ShowDenied, "incomplete")
    assert bench.reasons()[0] == Reason.NO_NAME_ID


def test_a_person_who_lost_the_group_after_the_password_stays_out(bench: SignOnBench):
    transaction, browser = bench.arrive()
    view = bench.type_email(transaction, browser, ANN[0])
    bench.flow.first.submit_password(transaction, browser, view.step_token, "Right-1", VISIT)
    bench.people.groups["ann-1"] = frozenset()

    assert isinstance(bench.flow.next_step(transaction, browser, None), ShowDenied)
    assert bench.reasons()[0] == Reason.NOT_IN_GROUP


def wiki():
    return an_application(
        name="Wiki",
        slug="wiki",
        service_provider=ServiceProvider("wiki", (AcsEndpoint("https://wiki.corp.example/acs"),)),
    )


def wiki_request(**changes):
    changes = {"AssertionConsumerServiceURL": None, "issuer": "wiki", **changes}
    return redirected(authn_request(**changes))


def _session_index(view: SendResponse) -> str:
    return response_of(view).find(".//{*}AuthnStatement").get("SessionIndex")
