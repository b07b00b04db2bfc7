"""A logout goes from application to application, and ends with an answer or a page."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from lxml import etree

from connector.errors import RequestRefused
from connector.idp.application.service_provider import SloEndpoint
from connector.idp.departure import Departure
from connector.idp.logout.view import (
    AskSignOut,
    AwaitAnswer,
    Outcome,
    SendMessage,
    ShowOutcome,
    Told,
)
from connector.idp.message.authn_request import AuthnRequest
from connector.idp.message.logout_response import REQUESTER
from connector.idp.names import Binding
from connector.idp.reason import Reason
from tests.idp.bench import ADDRESS, VISIT
from tests.idp.logout_bench import (
    ALL,
    ANN,
    INTRANET,
    LogoutBench,
    application,
    by_post,
    by_redirect,
    by_soap,
    logout_request,
    make_logout_bench,
    relay_state_in,
    request_in,
    server_answer,
    status_in,
)


@pytest.fixture
def person(engine, clock) -> LogoutBench:
    return make_logout_bench(engine, clock)


def index_of(person: LogoutBench, slug: str) -> str:
    return person.participants()[slug].session_index


# Who was told.


def test_every_application_that_was_told_who_somebody_is_takes_part(person):
    person.sign_in("intranet", "mail")

    told = person.participants()

    assert set(told) == {"intranet", "mail"}
    session = person.bench.parts.store.sessions_of("ann-1")[0]
    assert {each.session_index for each in told.values()} == {session.session_index}
    assert {each.name_id for each in told.values()} == {ANN}


def test_a_new_password_in_the_same_browser_keeps_who_was_told_before(person):
    """ForceAuthn begins a new session; the applications of the old one are still open."""
    person.sign_in("intranet", "mail")
    before = index_of(person, "mail")
    begun = person.bench.flow.begin_at_portal("payroll", VISIT)
    browser = person.bench.flow.bind_browser(begun, None)
    person.bench.type_email(begun, browser, ANN)
    person.sso = person.bench.type_password(begun, browser, "Right-1", sso=person.sso).sso_cookie

    told = person.participants()

    assert set(told) == {"intranet", "mail", "payroll"}
    assert told["mail"].session_index == before != told["payroll"].session_index
    assert len({each.sso_index for each in told.values()}) == 1


def test_somebody_else_in_the_same_browser_takes_nothing_over(person):
    person.bench.people.groups["bob-2"] = frozenset({"cn=staff,dc=corp,dc=example"})
    person.sign_in("intranet")
    begun = person.bench.flow.begin_at_portal("payroll", VISIT)
    browser = person.bench.flow.bind_browser(begun, None)
    bob = "bob.berg@corp.example"
    person.bench.type_email(begun, browser, bob)
    person.bench.type_password(begun, browser, "Right-2", sso=person.sso)

    of_bob = person.parts.participants.of_person("bob-2")

    assert [each.application for each in of_bob] == ["payroll"]
    assert set(person.participants()) == {"intranet"}


def test_an_answer_does_not_leave_for_a_session_that_has_just_ended(person):
    """Else an application would be told of a session that nobody signs out of it any more."""
    person.sign_in("intranet")
    session = person.bench.parts.store.sessions_of("ann-1")[0]
    person.sign_out()
    provider = INTRANET.service_provider
    request = AuthnRequest("", provider.entity_id, "intranet", provider.default_acs().url)

    answer = Departure(person.bench.parts, INTRANET, request, VISIT).enter_at_once(session)

    assert answer is None
    assert person.participants() == {}


def test_the_same_application_again_is_noted_by_the_minute_only(person, clock):
    person.sign_in("intranet")
    first = person.participants()["intranet"].told_at

    clock.moment += timedelta(minutes=2)
    person.open("intranet")
    assert person.participants()["intranet"].told_at == first
    clock.moment += timedelta(minutes=9)
    person.open("intranet")

    assert person.participants()["intranet"].told_at == clock.moment


# The portal.


def test_signing_out_at_the_portal_visits_one_application_after_the_other(person):
    person.sign_in("intranet", "payroll", "mail")

    first = person.sign_out()
    second = person.answer(first)
    end = person.answer(second)

    assert not person.is_signed_in()
    assert (first.application_name, first.form_field) == ("Intranet", "")
    assert (second.application_name, second.form_field) == ("Payroll", "SAMLRequest")
    assert end == ShowOutcome(
        (
            Told("Mail", Outcome.SIGNED_OUT),
            Told("Intranet", Outcome.SIGNED_OUT),
            Told("Payroll", Outcome.SIGNED_OUT),
        )
    )
    assert end.is_complete
    assert person.participants() == {}


def test_a_request_of_ours_names_the_person_as_the_application_was_told(person):
    person.sign_in("intranet")
    told = person.participants()["intranet"]

    request = request_in(person.sign_out())

    assert request.find("{*}NameID").text == told.name_id
    assert request.find("{*}NameID").get("Format") == told.name_id_format
    assert request.find("{*}SessionIndex").text == told.session_index
    assert request.get("Destination") == "https://intranet.corp.example/slo"
    assert request.get("Reason").endswith(":logout:user")


def test_who_signs_out_of_nothing_but_our_own_session_sees_the_end_at_once(person):
    person.sign_in("wiki")

    assert person.sign_out() == ShowOutcome((Told("Wiki", Outcome.UNTOLD),))


def test_nobody_who_is_not_signed_in_signs_out(person):
    for cookie in (None, "", "x" * 43):
        assert person.flow.begin_at_portal(cookie, None, ADDRESS) is None


def test_our_own_session_ends_whatever_an_application_says(person):
    person.sign_in("intranet", "mail")
    person.bench.servers.answers.clear()

    person.sign_out()

    assert not person.is_signed_in()
    assert [event.event for event in person.events("session.ended")] == ["session.ended"]


def test_the_audit_has_who_was_told_and_who_answered_when(person, clock):
    person.sign_in("intranet", "wiki")
    view = person.sign_out()
    clock.moment += timedelta(seconds=2)
    person.answer(view)

    ended, answered = person.events("session.ended", "logout.answered")

    assert ended.actor == answered.actor == "ann-1"
    assert ended.details == {
        "cause": "person", "applications": "intranet, wiki", "untold": "Wiki",
    }  # fmt: skip
    assert (answered.application, answered.details["channel"]) == ("Intranet", "browser")
    assert answered.details["seconds"] == "2.00"


# An application that does not send the browser back.


def test_who_comes_back_without_an_answer_is_asked_what_to_do(person):
    person.sign_in("intranet", "payroll")
    logout_id, person.browser = person.flow.begin_at_portal(person.sso, None, ADDRESS)
    first = person.step(logout_id)

    back = person.step(logout_id)
    again = person.step(logout_id, insists=True)
    person.flow.skip(logout_id, person.browser, back.step_token)
    second = person.step(logout_id)
    end = person.answer(second)

    assert isinstance(back, AwaitAnswer)
    assert request_in(again).get("ID") == request_in(first).get("ID")
    assert end.told == (Told("Intranet", Outcome.SILENT), Told("Payroll", Outcome.SIGNED_OUT))
    failed = person.events("logout.failed")
    assert [event.reason for event in failed] == [Reason.APPLICATION_SILENT]


def test_an_answer_that_comes_late_counts_all_the_same(person):
    person.sign_in("intranet", "payroll")
    logout_id, person.browser = person.flow.begin_at_portal(person.sso, None, ADDRESS)
    first = person.step(logout_id)
    person.flow.skip(logout_id, person.browser, person.step(logout_id).step_token)
    second = person.step(logout_id)

    person.answer(first)
    end = person.answer(second)

    assert end.is_complete


def test_an_application_that_refuses_is_said_and_the_next_is_visited(person):
    person.sign_in("intranet", "payroll")

    second = person.answer(person.sign_out(), status=REQUESTER)
    end = person.answer(second)

    assert end.told == (Told("Intranet", Outcome.REFUSED), Told("Payroll", Outcome.SIGNED_OUT))
    assert not end.is_complete


def test_who_did_not_send_a_browser_back_of_late_is_visited_last(person, clock):
    person.sign_in("intranet", "payroll")
    assert person.sign_out().application_name == "Intranet"
    clock.moment += timedelta(minutes=2)
    another = person.another_browser().sign_in("intranet", "payroll")

    assert another.sign_out().application_name == "Payroll"


def test_a_browser_finds_its_logout_without_the_number_of_it(person):
    person.sign_in("intranet")
    person.sign_out()

    assert person.flow.find(person.browser) is not None
    assert person.flow.is_unfinished(person.browser)
    for other in (None, "", "x" * 43):
        assert person.flow.find(other) is None
        assert not person.flow.is_unfinished(other)


def test_an_application_taken_out_of_the_configuration_is_told_no_more(engine, clock):
    person = make_logout_bench(engine, clock).sign_in("intranet", "payroll")
    now_without = make_logout_bench(engine, clock, *ALL[1:])
    now_without.sso = person.sso

    view = now_without.sign_out()

    assert view.application_name == "Payroll"
    assert Told("intranet", Outcome.UNTOLD) in now_without.answer(view).told


# An application asks.


@pytest.mark.parametrize("bind", [by_redirect, by_post])
def test_an_application_that_asks_is_answered_when_the_others_are_done(person, bind):
    person.sign_in("intranet", "payroll", "mail")
    request = logout_request(ID="_asks", session_index=index_of(person, "intranet"))

    _, first = person.take(bind(request, "deep/link"))
    answer = person.answer(first)

    assert first.application_name == "Payroll"
    assert isinstance(answer, SendMessage)
    assert answer.is_answer
    assert answer.url.startswith("https://intranet.corp.example/slo?SAMLResponse=")
    assert relay_state_in(answer) == "deep/link"
    response = request_in(answer)
    assert response.get("InResponseTo") == "_asks"
    assert status_in(response) == ("Success",)
    assert not person.is_signed_in()


def test_our_own_session_ends_before_any_page_is_asked_for(person):
    person.sign_in("intranet", "payroll")

    person.flow.take(by_post(logout_request(session_index=index_of(person, "intranet"))), ADDRESS)

    assert not person.is_signed_in()
    assert person.participants() == {}


def test_the_application_that_asked_hears_that_not_all_are_signed_out(person):
    person.sign_in("intranet", "wiki")
    request = logout_request(session_index=index_of(person, "intranet"))

    logout_id, page = person.take(by_redirect(request, "state"))
    answer = person.step(logout_id, insists=True)

    assert page == ShowOutcome((Told("Wiki", Outcome.UNTOLD),), asked_by="Intranet")
    assert status_in(request_in(answer)) == ("Success", "PartialLogout")
    assert relay_state_in(answer) == "state"


def test_the_answer_goes_where_the_metadata_says_that_answers_go(engine, clock):
    endpoint = SloEndpoint("https://x.corp.example/in", Binding.POST, "https://x.corp.example/back")
    asking = application("x")
    provider = replace(asking.service_provider, slo_endpoints=(endpoint,))
    asking = replace(asking, service_provider=provider)
    person = make_logout_bench(engine, clock, asking).sign_in("x")

    _, answer = person.take(by_redirect(logout_request("x", session_index=index_of(person, "x"))))

    assert (answer.url, answer.form_field) == ("https://x.corp.example/back", "SAMLResponse")
    assert request_in(answer).get("Destination") == "https://x.corp.example/back"


def test_an_application_that_takes_no_answers_leaves_the_person_with_us(engine, clock):
    asking = application("mute")
    person = make_logout_bench(engine, clock, asking).sign_in("mute")
    request = logout_request("mute", session_index=index_of(person, "mute"))

    _, page = person.take(by_redirect(request))

    assert page == ShowOutcome(())


def test_without_an_index_all_sessions_of_the_person_end_that_know_the_application(person):
    person.sign_in("intranet")
    elsewhere = person.another_browser().sign_in("intranet", "payroll")
    other = person.another_browser().sign_in("payroll")

    person.take(by_redirect(logout_request()))

    assert [each.is_signed_in() for each in (person, elsewhere, other)] == [False, False, True]


def test_a_session_that_is_over_already_is_answered_with_success(person):
    person.sign_in("intranet")
    index = index_of(person, "intranet")
    person.answer(person.sign_out())

    _, answer = person.take(by_redirect(logout_request(session_index=index)))

    assert status_in(request_in(answer)) == ("Success",)


def test_who_is_idle_for_long_still_signs_out_of_the_applications(person, clock):
    """Their own sessions may well be alive."""
    person.sign_in("intranet", "payroll")
    index = index_of(person, "intranet")
    clock.moment += timedelta(hours=2)
    assert not person.is_signed_in()
    request = logout_request(session_index=index, IssueInstant=clock.moment.isoformat())

    _, view = person.take(by_redirect(request))

    assert view.application_name == "Payroll"


def test_in_another_browser_only_servers_are_told(person):
    """Through it somebody else would be signed out, who is none the wiser."""
    person.sign_in("intranet", "payroll", "mail")
    request = by_redirect(logout_request(session_index=index_of(person, "intranet")))

    _, page = person.another_browser().take(request)

    assert page.told == (Told("Mail", Outcome.SIGNED_OUT), Told("Payroll", Outcome.UNTOLD))
    assert not person.is_signed_in()


# An application that has no key asks.


def test_who_proves_nothing_has_the_person_asked(person):
    person.sign_in("keyless", "payroll")
    request = logout_request("keyless", session_index=index_of(person, "keyless"))

    logout_id, view = person.take(by_redirect(request, "back", key=None))
    assert person.is_signed_in()
    person.flow.confirm(logout_id, person.browser, person.sso, view.step_token, ADDRESS)
    answer = person.answer(person.step(logout_id))

    assert view == AskSignOut("Keyless", view.step_token)
    assert not person.is_signed_in()
    assert answer.url.startswith("https://keyless.corp.example/slo?SAMLResponse=")
    assert relay_state_in(answer) == "back"


def test_who_proves_nothing_and_means_nobody_here_is_answered_without_a_question(person):
    person.sign_in("payroll")

    _, answer = person.take(by_redirect(logout_request("keyless"), key=None))

    assert status_in(request_in(answer)) == ("Success",)
    assert person.is_signed_in()


def test_a_question_waits_a_quarter_of_an_hour(person, clock):
    person.sign_in("keyless")
    logout_id, _ = person.take(by_redirect(logout_request("keyless"), key=None))

    clock.moment += timedelta(minutes=15)

    with pytest.raises(RequestRefused) as refused:
        person.step(logout_id)
    assert refused.value.reason == Reason.TRANSACTION_UNKNOWN
    assert person.bench.parts.store.sessions_of("ann-1")


# A server asks.


def test_a_server_that_asks_is_answered_at_once(person):
    person.sign_in("intranet", "mail")
    request = logout_request(ID="_asks", session_index=index_of(person, "intranet"))

    answer = etree.fromstring(person.flow.take_soap(by_soap(request), ADDRESS))

    response = answer.find("{*}Body/{*}LogoutResponse")
    assert response.get("InResponseTo") == "_asks"
    assert status_in(response) == ("Success",)
    assert not person.is_signed_in()
    assert [url for url, _ in person.bench.servers.sent] == ["https://mail.corp.example/soap"]


def test_a_server_that_asks_hears_that_only_a_browser_reaches_the_others(person):
    person.sign_in("intranet", "payroll")
    request = logout_request(session_index=index_of(person, "intranet"))

    answer = etree.fromstring(person.flow.take_soap(by_soap(request), ADDRESS))

    assert status_in(answer) == ("Success", "PartialLogout")


# By SOAP first.


def test_an_application_that_servers_reach_is_told_before_the_browser_goes_anywhere(person):
    person.sign_in("both")

    assert person.sign_out() == ShowOutcome((Told("Both", Outcome.SIGNED_OUT),))


@pytest.mark.parametrize(
    "answer",
    [None, server_answer(status=REQUESTER), lambda _: b"<html>Sorry</html>"],
    ids=["silent", "refuses", "nonsense"],
)
def test_one_that_does_not_answer_there_is_visited_after_all_others(person, answer):
    person.sign_in("both", "intranet")
    person.bench.servers.answers.pop("https://both.corp.example/soap")
    if answer:
        person.bench.servers.answers["https://both.corp.example/soap"] = answer

    first = person.sign_out()
    second = person.answer(first)

    assert (first.application_name, second.application_name) == ("Intranet", "Both")
    assert person.answer(second).is_complete
