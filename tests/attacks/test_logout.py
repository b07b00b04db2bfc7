"""Attempts to sign others out, to keep them signed in, and to send browsers where we should not."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from lxml import etree

from connector.errors import RequestRefused
from connector.idp.binding import read_post, read_redirect, to_form_value, to_redirect_url
from connector.idp.logout.view import AskSignOut, SendMessage, ShowOutcome
from connector.idp.message.soap import to_envelope
from connector.idp.names import PERSISTENT_FORMAT
from connector.idp.reason import Reason
from connector.idp.transaction import digest_of
from connector.idp.xmldsig import Element, Rendered, render, sign_enveloped
from tests.idp.bench import ADDRESS, ENDPOINTS
from tests.idp.logout_bench import (
    KEY,
    KINDS,
    STRANGER,
    LogoutBench,
    answered,
    by_post,
    by_redirect,
    by_soap,
    logout_request,
    make_logout_bench,
    relay_state_in,
    request_in,
    status_in,
)

BOB = "bob.berg@corp.example"


@pytest.fixture
def person(engine, clock) -> LogoutBench:
    bench = make_logout_bench(engine, clock)
    return bench.sign_in("intranet", "payroll", "keyless")


def index_of(person: LogoutBench, slug: str = "intranet") -> str:
    return person.participants()[slug].session_index


def refused(person: LogoutBench, take) -> str:
    """Return why nothing came of it; the sign-on must be as it was."""
    with pytest.raises(RequestRefused) as error:
        take()
    assert person.is_signed_in()
    assert person.bench.reasons()[0] == error.value.reason
    return error.value.reason


def take(person: LogoutBench, message) -> str:
    return person.flow.take(message, ADDRESS)


# Signatures.


@pytest.mark.parametrize("bind", [by_redirect, by_post])
@pytest.mark.parametrize(
    ("key", "reason"),
    [(None, Reason.SIGNATURE_MISSING), (STRANGER, Reason.SIGNATURE_INVALID)],
)
def test_a_request_that_its_issuer_did_not_sign_ends_nothing(person, bind, key, reason):
    message = bind(logout_request(session_index=index_of(person)), key=key)

    assert refused(person, lambda: take(person, message)) == reason


@pytest.mark.parametrize("key", [None, STRANGER])
def test_a_server_that_signs_by_no_key_of_the_issuer_ends_nothing(person, key):
    content = by_soap(logout_request(session_index=index_of(person)), key=key)

    refused(person, lambda: person.flow.take_soap(content, ADDRESS))


def test_where_nobody_can_be_asked_a_request_that_proves_nothing_is_refused(person):
    content = by_soap(logout_request("keyless", session_index=index_of(person)), key=None)

    reason = refused(person, lambda: person.flow.take_soap(content, ADDRESS))

    assert reason == Reason.SIGNATURE_MISSING


def test_a_signature_of_one_application_does_not_speak_for_another(person):
    """The same key, by chance or by design; the issuer it speaks for has none."""
    other = logout_request("keyless", session_index=index_of(person))

    _, view = person.take(by_redirect(other, key=KEY))

    assert isinstance(view, AskSignOut)
    assert person.is_signed_in()


def test_a_signed_query_whose_message_was_exchanged_is_refused(person):
    mine = logout_request(ID="_mine", session_index="_nobody-s")
    other = logout_request(session_index=index_of(person))
    query = to_redirect_url(ENDPOINTS.slo_url, "SAMLRequest", render(mine), "", KEY).partition("?")
    unsigned = to_redirect_url("", "SAMLRequest", render(other)).partition("?")[2]
    changed = f"{unsigned}&{query[2].partition('&')[2]}"

    message = read_redirect(changed.encode(), KINDS)

    assert refused(person, lambda: take(person, message)) == Reason.SIGNATURE_INVALID


def test_a_signed_query_whose_relay_state_was_exchanged_is_refused(person):
    request = render(logout_request(session_index=index_of(person)))
    url = to_redirect_url(ENDPOINTS.slo_url, "SAMLRequest", request, "/home", KEY)
    changed = url.partition("?")[2].replace("RelayState=%2Fhome", "RelayState=https%3A%2F%2Fevil")
    assert "evil" in changed

    message = read_redirect(changed.encode(), KINDS)

    assert refused(person, lambda: take(person, message)) == Reason.SIGNATURE_INVALID


def test_a_query_signed_as_a_response_is_no_request(person):
    """The name of the field is part of what is signed."""
    request = render(logout_request(session_index=index_of(person)))
    url = to_redirect_url(ENDPOINTS.slo_url, "SAMLResponse", request, "", KEY)
    changed = url.partition("?")[2].replace("SAMLResponse=", "SAMLRequest=")

    message = read_redirect(changed.encode(), KINDS)

    assert refused(person, lambda: take(person, message)) == Reason.SIGNATURE_INVALID


def wrapped(person: LogoutBench) -> dict[str, str]:
    """Return a signed request that means nobody, wrapped around by one that means Ann."""
    honest = sign_enveloped(logout_request(ID="_honest", session_index="_nobody-s"), KEY)
    signature = honest[honest.index("<ds:Signature") : honest.index("</ds:Signature>") + 15]
    evil = render(logout_request(ID="_evil", session_index=index_of(person)))
    cut = evil.index("</saml:Issuer>") + len("</saml:Issuer>")
    inside = signature.replace("</ds:Signature>", f"<ds:Object>{honest}</ds:Object></ds:Signature>")
    extensions = f"<samlp:Extensions>{honest}</samlp:Extensions>"
    return {
        "original inside its signature": f"{evil[:cut]}{inside}{evil[cut:]}",
        "original in extensions": f"{evil[:cut]}{extensions}{evil[cut:]}",
        "signature moved": f"{evil[:cut]}{signature}{evil[cut:]}",
        "same id": f"{evil[:cut]}{signature}{evil[cut:]}".replace("_evil", "_honest"),
    }


@pytest.mark.parametrize("number", range(4))
def test_a_request_around_a_signed_one_is_refused(person, number):
    document = list(wrapped(person).values())[number]
    assert etree.fromstring(document) is not None

    message = read_post({"SAMLRequest": to_form_value(document)}, KINDS)

    refused(person, lambda: take(person, message))


@pytest.mark.parametrize("number", range(4))
def test_so_it_is_in_an_envelope(person, number):
    document = Rendered(list(wrapped(person).values())[number])

    refused(person, lambda: person.flow.take_soap(to_envelope(document), ADDRESS))


def test_a_second_body_or_message_in_an_envelope_is_refused(person):
    honest = sign_enveloped(logout_request(session_index=index_of(person)), KEY)
    evil = render(logout_request(session_index="_x"))

    refused(person, lambda: person.flow.take_soap(to_envelope(Rendered(evil + honest)), ADDRESS))


# Whom it means.


def test_a_request_for_somebody_else_s_session_ends_nothing_and_says_so(person):
    """An application was told of Ann only; it signs, but names Ann's session and another name."""
    request = logout_request(name_id=BOB, session_index=index_of(person))

    _, answer = person.take(by_redirect(request))

    assert status_in(request_in(answer)) == ("Requester", "UnknownPrincipal")
    assert person.is_signed_in()
    assert Reason.PRINCIPAL_UNKNOWN in person.bench.reasons()


def test_so_a_server_hears(person):
    request = logout_request(name_id=BOB, session_index=index_of(person))

    answer = etree.fromstring(person.flow.take_soap(by_soap(request), ADDRESS))

    assert status_in(answer) == ("Requester", "UnknownPrincipal")
    assert person.is_signed_in()


def test_an_application_that_was_never_told_of_a_session_ends_nothing(person):
    """It signs with its own key, knows the address, and has seen the index in a log."""
    for index in (index_of(person), None):
        request = logout_request("mail", session_index=index)

        person.flow.take_soap(by_soap(request), ADDRESS)

        assert person.is_signed_in()


def test_a_name_of_another_kind_is_another_name(person):
    request = logout_request(name_format=PERSISTENT_FORMAT, session_index=index_of(person))

    person.flow.take_soap(by_soap(request), ADDRESS)

    assert person.is_signed_in()


@pytest.mark.parametrize("cut", ["ann.lind", "ann.lind@corp.example ", "ANN.LIND@CORP.EXAMPLE"])
def test_nearly_the_right_name_is_another_name(person, cut):
    request = logout_request(name_id=cut + "x" * cut.endswith(" "), session_index=index_of(person))

    person.flow.take_soap(by_soap(request), ADDRESS)

    assert person.is_signed_in()


# Elsewhere and again.


@pytest.mark.parametrize(
    "destination",
    ["https://other-idp.example/saml/slo", f"{ENDPOINTS.slo_url}/", ENDPOINTS.sso_url, None],
)
@pytest.mark.parametrize("bind", [by_redirect, by_post])
def test_a_request_that_was_signed_for_somebody_else_is_refused(person, bind, destination):
    """Another identity provider got it, and sends it on to us."""
    message = bind(logout_request(session_index=index_of(person), Destination=destination))

    assert refused(person, lambda: take(person, message)) == Reason.DESTINATION_WRONG


def test_a_request_is_good_once_by_whichever_way(person):
    request = logout_request(ID="_once", session_index=index_of(person))
    take(person, by_redirect(request))
    person.sign_in("intranet")

    for again in (by_redirect(request), by_post(request)):
        assert refused(person, lambda message=again: take(person, message)) == (
            Reason.REQUEST_REPLAYED
        )
    refused(person, lambda: person.flow.take_soap(by_soap(request), ADDRESS))


def test_a_login_s_request_id_is_spent_for_logouts_too(person):
    request = logout_request("keyless", ID="_spent")
    take(person, by_redirect(request, key=None))

    again = by_redirect(request, key=None)
    assert refused(person, lambda: take(person, again)) == Reason.REQUEST_REPLAYED


# Somebody else's browser.


def test_a_link_made_of_the_attacker_s_own_sign_out_signs_nobody_else_out(person):
    """Logout CSRF: the attacker's session ends, and no application is visited by the victim."""
    attacker = person.another_browser().sign_in("intranet", "payroll", password="Right-1")
    request = logout_request(session_index=index_of_session(attacker))
    message = by_redirect(request)

    logout_id = take(person, message)
    browser = person.flow.bind_browser(logout_id, None, person.sso)
    view = person.flow.next_step(logout_id, browser, person.sso)

    assert isinstance(view, ShowOutcome)
    assert not isinstance(view, SendMessage)
    assert person.is_signed_in()
    assert not person.flow.ended(logout_id, person.sso)


def index_of_session(person: LogoutBench) -> str:
    return person.bench.parts.store.session(digest_of(person.sso)).session_index


def test_the_pages_of_a_logout_are_for_one_browser(person):
    logout_id, _ = person.flow.begin_at_portal(person.sso, None, ADDRESS)

    for browser in (None, "", "x" * 43):
        with pytest.raises(RequestRefused) as error:
            person.flow.next_step(logout_id, browser, None)
        assert error.value.reason == Reason.OTHER_BROWSER
    with pytest.raises(RequestRefused):
        person.flow.bind_browser(logout_id, "y" * 43, None)


def test_forms_of_one_step_logout_or_browser_fit_no_other(person):
    first, _ = person.take(by_redirect(logout_request("keyless"), key=None))
    view = person.step(first)
    assert isinstance(view, AskSignOut)

    for token in ("", "é", view.step_token[:-1], view.step_token.upper()):
        with pytest.raises(RequestRefused) as error:
            person.flow.confirm(first, person.browser, person.sso, token, ADDRESS)
        assert error.value.reason == Reason.STEP_TOKEN
    with pytest.raises(RequestRefused):
        person.flow.skip(first, person.browser, view.step_token)
    assert person.is_signed_in()


def test_who_says_yes_ends_no_other_session_than_that_of_the_browser(person):
    """The request names the victim; the attacker says yes in a browser of their own."""
    attacker = person.another_browser().sign_in("keyless")
    request = logout_request("keyless", session_index=index_of_session(person))

    _, view = attacker.take(by_redirect(request, key=None))

    assert isinstance(view, SendMessage)
    assert view.is_answer
    assert person.is_signed_in()
    assert attacker.is_signed_in()


# Where browsers go.


@pytest.mark.parametrize(
    "relay_state", ["https://evil.example/", "javascript:alert(1)", "//evil.example", '"><script>']
)
def test_no_relay_state_leads_anywhere(person, relay_state):
    """It goes back to whom it came from, as a field; nobody is sent there by us."""
    person = person.another_browser().sign_in("intranet")
    index = index_of_session(person)

    _, answer = person.take(by_redirect(logout_request(session_index=index), relay_state))

    assert relay_state_in(answer) == relay_state
    where = urlsplit(answer.url)
    assert (where.scheme, where.netloc) == ("https", "intranet.corp.example")


def test_no_answer_goes_to_an_address_that_a_message_names(person):
    extra = (Element("samlp:Extensions", {}, (Element("saml:Issuer", {}, ("https://evil",)),)),)
    request = logout_request(session_index=index_of(person), extra=extra)

    _, view = person.take(by_post(request))

    assert "evil" not in view.url


# Forged answers.


def sent(person: LogoutBench) -> SendMessage:
    view = person.sign_out()
    assert isinstance(view, SendMessage)
    return view


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"key": None}, Reason.SIGNATURE_MISSING),
        ({"key": STRANGER}, Reason.SIGNATURE_INVALID),
        ({"issuer": "https://payroll.corp.example/metadata"}, Reason.RESPONSE_UNEXPECTED),
        ({"issuer": "https://nobody.example"}, Reason.ISSUER_UNKNOWN),
        ({"in_response_to": "_guessed"}, Reason.RESPONSE_UNEXPECTED),
        ({"in_response_to": ""}, Reason.RESPONSE_UNEXPECTED),
        ({"destination": "https://other-idp.example/slo"}, Reason.DESTINATION_WRONG),
    ],
)
def test_an_answer_that_is_not_the_application_s_marks_nobody_signed_out(person, changes, reason):
    """Else an attacker who holds the session there makes the page say that it is over."""
    view = sent(person)

    with pytest.raises(RequestRefused) as error:
        take(person, answered(request_in(view), **changes))

    assert error.value.reason == reason
    logout_id = person.flow.find(person.browser)
    outcome = person.parts.logouts.logout(logout_id, person.bench.parts.clock.now())
    assert not outcome.deliveries[0].answered_at


def test_an_answer_to_the_attacker_s_own_logout_is_none_to_the_victim_s(person):
    attacker = person.another_browser().sign_in("intranet")
    forged = answered(request_in(sent(attacker)))
    view = sent(person)

    take(person, forged)

    logout_id = person.flow.find(person.browser)
    kept = person.parts.logouts.logout(logout_id, person.bench.parts.clock.now())
    assert request_in(view).get("ID") == kept.deliveries[0].request_id
    assert kept.deliveries[0].answered_at is None


def test_a_refusal_does_not_undo_an_answer(person):
    view = sent(person)
    take(person, answered(request_in(view)))

    take(person, answered(request_in(view), status="urn:oasis:names:tc:SAML:2.0:status:Responder"))

    logout_id = person.flow.find(person.browser)
    kept = person.parts.logouts.logout(logout_id, person.bench.parts.clock.now())
    assert kept.deliveries[0].answered_at is not None


# What stays secret.


def test_what_applications_see_of_a_session_is_no_way_in(person):
    for value in (index_of(person), person.participants()["intranet"].sso_index):
        assert person.bench.flow.session_of(value) is None
        assert person.flow.begin_at_portal(value, None, ADDRESS) is None


def test_a_name_with_markup_stays_a_name(engine, clock):
    person = make_logout_bench(engine, clock)
    evil = 'x"><samlp:SessionIndex>_y</samlp:SessionIndex><a b="'
    ann = person.bench.people.people["ann-1"]
    document = {**ann.document, "emails": [{"value": evil, "primary": True}]}
    person.bench.people.people["ann-1"] = replace(ann, document=document)
    person.sign_in("intranet")

    request = request_in(person.sign_out())

    assert request.find("{*}NameID").text == evil
    assert len(request.findall("{*}SessionIndex")) == 1
