"""A login by way of another identity provider: whom it may vouch for, and what is said of that."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import pytest

from connector.errors import RequestRefused, UpstreamRefused
from connector.idp.flow import (
    AskEmail,
    AskPassword,
    SendResponse,
    SendToSource,
    ShowDenied,
)
from connector.idp.names import PASSWORD_CLASS, UNSPECIFIED_CLASS
from connector.idp.reason import Reason
from connector.idp.routing import Rule
from connector.idp.upstream.identity_provider import Match, Upstreams
from connector.idp.view import AskEnrolment
from connector.idp.xmldsig import Element
from tests.idp.bench import (
    ADDRESS,
    NOW,
    VISIT,
    a_user,
    an_application,
    authn_request,
    first_text,
    redirected,
    response_of,
)
from tests.idp.test_flow import status_of, wiki, wiki_request
from tests.idp.upstream_bench import (
    ACS_URL,
    ISSUER,
    OURS,
    SMARTCARD,
    SSO_URL,
    TO_PARTNER,
    UpstreamBench,
    an_upstream,
    make_upstream_bench,
    read_question,
)

PAT = "pat@partner.example"
EVERYBODY = Rule("Partner", 1)


@pytest.fixture
def bench(engine, clock) -> UpstreamBench:
    return make_upstream_bench(engine, clock)


def named(name: str) -> Element:
    return Element("saml:NameID", {}, (name,))


def test_a_person_of_the_domain_gets_in_by_the_word_of_the_upstream(bench):
    view = bench.answer(bench.ask(message=redirected(authn_request(ID="_r"), "deep link")))

    assert isinstance(view, SendResponse)
    response = response_of(view)
    assert (response.get("InResponseTo"), view.relay_state) == ("_r", "deep link")
    assert first_text(response, "NameID") == PAT
    event = bench.inner.parts.audit.recent()[0]
    assert (event.event, event.actor) == ("login.succeeded", "pat-3")
    assert event.details["proof"] == "upstream"
    assert event.details["source"] == "Partner"


def test_what_we_say_of_it_is_true(bench):
    """Core section 2.7.2.2: when, how, and who was involved."""
    at = NOW - timedelta(hours=3)

    response = response_of(bench.answer(bench.ask(), authenticated_at=at))

    assert response.find(".//{*}AuthnStatement").get("AuthnInstant") == "2026-11-02T05:00:00.000Z"
    assert first_text(response, "AuthnContextClassRef") == SMARTCARD
    assert first_text(response, "AuthenticatingAuthority") == ISSUER


def test_a_moment_that_its_clock_is_ahead_by_is_not_passed_on(bench):
    response = response_of(bench.answer(bench.ask(), authenticated_at=NOW + timedelta(minutes=1)))

    assert response.find(".//{*}AuthnStatement").get("AuthnInstant") == "2026-11-02T08:00:00.000Z"


@pytest.mark.parametrize("context_class", [None, ""])
def test_a_context_that_is_not_said_is_unspecified(bench, context_class):
    response = response_of(bench.answer(bench.ask(), context_class=context_class))

    assert first_text(response, "AuthnContextClassRef") == UNSPECIFIED_CLASS


def test_a_password_of_ours_is_said_as_before(bench):
    bench.arrive()
    bench.type_email("ann.lind@corp.example")
    view = bench.inner.type_password(bench.transaction, bench.browser, "Right-1")

    response = response_of(view)
    assert first_text(response, "AuthnContextClassRef") == PASSWORD_CLASS
    assert response.find(".//{*}AuthenticatingAuthority") is None


def test_the_upstream_is_asked_for_an_answer_at_our_address(bench):
    asked = bench.ask()

    request = asked.request
    assert request.get("Destination") == SSO_URL
    assert request.get("AssertionConsumerServiceURL") == ACS_URL
    assert request.find("{*}Issuer").text == OURS
    assert (request.get("ForceAuthn"), request.get("IsPassive")) == (None, None)
    assert request.find("{*}Scoping") is None


def test_the_handle_tells_nothing_of_the_login(bench):
    asked = bench.ask()

    assert bench.transaction not in asked.relay_state
    assert bench.transaction not in asked.request_id
    assert len(asked.relay_state) <= 80  # Bindings section 3.4.3


def test_a_context_that_is_configured_is_asked_for_and_insisted_on(engine, clock):
    bench = make_upstream_bench(engine, clock, upstreams=(an_upstream(authn_context=("urn:mfa",)),))
    asked = bench.ask()

    (wanted,) = asked.request.findall("{*}RequestedAuthnContext/{*}AuthnContextClassRef")
    assert wanted.text == "urn:mfa"
    with pytest.raises(UpstreamRefused) as refused:
        bench.answer(asked)
    assert refused.value.reason == Reason.AUTHN_CONTEXT_WRONG
    assert isinstance(bench.answer(asked, context_class="urn:mfa"), SendResponse)


# The way there, and back.


def test_somebody_of_another_domain_is_asked_for_the_password(bench):
    bench.arrive()

    assert isinstance(bench.type_email("ann.lind@corp.example"), AskPassword)


@pytest.mark.parametrize("domain", ["partner.example", "corp.example"])
def test_where_somebody_is_sent_does_not_tell_whether_they_exist(bench, domain):
    bench.inner.people.add(a_user("sam-7", f"sam@{domain}"), "CN=Staff,DC=corp,DC=example")
    seen = []
    for name in ("sam", "nobody"):
        bench.arrive()
        view = bench.type_email(f"{name}@{domain}")
        is_automatic = getattr(view, "is_automatic", None)
        address = getattr(view, "url", "").partition("?")[0]
        seen.append((type(view), view.error, is_automatic, address))

    assert seen[0] == seen[1]
    assert seen[0][0] is (SendToSource if domain == "partner.example" else AskPassword)


def test_where_everybody_goes_to_one_upstream_nobody_is_asked_for_an_address(engine, clock):
    bench = make_upstream_bench(engine, clock, rules=(EVERYBODY,))

    view = bench.arrive()

    assert isinstance(view, SendToSource)
    assert (view.is_automatic, view.email, view.source_name) == (True, "", "Partner")
    assert isinstance(bench.answer(read_question(view)), SendResponse)


@pytest.mark.parametrize(
    ("rules", "address", "is_asked"),
    [
        ((Rule("Partner", 1, applications=frozenset({"intranet"})),), ADDRESS, False),
        ((Rule("Partner", 1, applications=frozenset({"wiki"})),), ADDRESS, True),
        ((Rule("Partner", 1, networks=(ip_network("192.0.2.0/24"),)),), ADDRESS, False),
        ((Rule("Partner", 1, networks=(ip_network("192.0.2.0/24"),)),), "::ffff:192.0.2.9", False),
        ((Rule("Partner", 1, networks=(ip_network("192.0.2.0/24"),)),), "198.51.100.1", True),
        ((Rule("Partner", 1, networks=(ip_network("192.0.2.0/24"),)),), "", True),
        ((TO_PARTNER, Rule("Partner", 2)), ADDRESS, False),
        ((TO_PARTNER, Rule("ad", 2)), ADDRESS, True),
    ],
)
def test_the_address_is_asked_for_only_where_it_matters(engine, clock, rules, address, is_asked):
    bench = make_upstream_bench(engine, clock, rules=rules)
    bench.arrive()

    assert isinstance(bench.look(address=address), AskEmail) is is_asked


def test_the_browser_goes_on_by_itself_once_and_then_the_person_may_choose(bench):
    """Who goes back from the upstream would be sent there again, for ever."""
    bench.arrive()
    first = bench.type_email(PAT)
    second = bench.look()

    assert (first.is_automatic, second.is_automatic) == (True, False)
    bench.flow.first.leave_source(bench.transaction, bench.browser, second.step_token)
    assert isinstance(bench.look(), AskEmail)


def test_who_is_sent_to_an_upstream_finds_no_form_for_a_password(bench):
    view = bench.arrive()
    token = bench.type_email(PAT).step_token

    for used in (token, view.step_token):
        with pytest.raises(RequestRefused):
            bench.flow.first.submit_password(
                bench.transaction, bench.browser, used, "Right-3", VISIT
            )


def test_an_address_that_its_upstream_may_not_vouch_for_is_asked_for_anew(engine, clock):
    rules = (Rule("Partner", 1, frozenset({"elsewhere.example"})),)
    bench = make_upstream_bench(engine, clock, rules=rules)
    bench.arrive()

    view = bench.type_email("pat@elsewhere.example")

    assert isinstance(view, AskEmail)
    assert view.error == "no-source"
    assert isinstance(bench.type_email("ann.lind@corp.example"), AskPassword)


def test_the_answer_to_an_earlier_question_of_the_same_login_is_taken_too(bench):
    first = bench.ask()
    bench.look()

    assert isinstance(bench.answer(first), SendResponse)


def test_who_has_turned_to_another_address_is_not_let_in_by_a_late_answer(bench):
    asked = bench.ask()
    bench.flow.first.leave_source(bench.transaction, bench.browser, bench.look().step_token)
    bench.type_email("ann.lind@corp.example")

    with pytest.raises(UpstreamRefused) as refused:
        bench.answer(asked)

    assert refused.value.reason == Reason.TRANSACTION_ENDED
    assert isinstance(bench.look(), AskPassword)


def test_another_browser_does_not_get_what_an_answer_lets_in_to(bench):
    """The answer may be brought by anybody; the login stays with the browser that began it."""
    asked = bench.ask()
    bench.bring(bench.to(asked).write(), asked.relay_state)

    with pytest.raises(RequestRefused) as refused:
        bench.flow.next_step(bench.transaction, "x" * 43, None, VISIT)

    assert refused.value.reason == Reason.OTHER_BROWSER
    assert isinstance(bench.look(), SendResponse)


def test_a_network_that_changed_on_the_way_lets_nobody_in(engine, clock):
    home = Rule("Partner", 1, networks=(ip_network("192.0.2.0/24"),))
    bench = make_upstream_bench(engine, clock, rules=(home,))
    asked = bench.ask()
    bench.bring(bench.to(asked).write(), asked.relay_state)

    view = bench.look(address="198.51.100.1")

    assert isinstance(view, AskEmail)
    assert bench.reasons()[0] == Reason.OTHER_SOURCE


# Whom it may vouch for.


def unknown(bench) -> dict:
    return {"person": named("nobody@partner.example")}


def foreign_domain(bench) -> dict:
    return {"person": named("ann.lind@corp.example")}


def disabled(bench) -> dict:
    people = bench.inner.people.people
    people["pat-3"] = replace(people["pat-3"], is_enabled=False)
    return {}


def outsider(bench) -> dict:
    bench.inner.people.groups["pat-3"] = frozenset()
    return {}


def leaver(bench) -> dict:
    people = bench.inner.people.people
    people["pat-3"] = replace(people["pat-3"], left_at=NOW)
    return {}


def shared_name(bench) -> dict:
    bench.inner.people.add(a_user("pat-9", PAT))
    return {}


def alias(bench) -> dict:
    """A login name, but not the one that counts here."""
    people = bench.inner.people.people
    people["pat-3"] = replace(people["pat-3"], login_names=(PAT, "p@partner.example"))
    return {"person": named("p@partner.example")}


def lookalike(bench) -> dict:
    """The Kelvin sign folds to a plain k."""
    bench.inner.people.add(a_user("kim-5", "kim@partner.example"), "CN=Staff,DC=corp,DC=example")
    return {"person": named("\u212aim@partner.example")}


def moved_mailbox(bench) -> dict:
    """The name is of the domain, the person's own address is not."""
    bench.inner.people.add(
        a_user("max-6", "max@corp.example", login_names=("max@partner.example",)),
        "CN=Staff,DC=corp,DC=example",
    )
    return {"person": named("max@partner.example")}


REFUSALS = {
    unknown: Reason.UNKNOWN_USER,
    foreign_domain: Reason.DOMAIN_NOT_VOUCHED,
    disabled: Reason.NOT_ACTIVE,
    outsider: Reason.NOT_IN_GROUP,
    leaver: Reason.UNKNOWN_USER,
    shared_name: Reason.UNKNOWN_USER,
    alias: Reason.UNKNOWN_USER,
    lookalike: Reason.UNKNOWN_USER,
    moved_mailbox: Reason.UNKNOWN_USER,
}


@pytest.mark.parametrize(("arrange", "reason"), REFUSALS.items())
def test_whoever_it_may_not_vouch_for_sees_one_page_and_the_audit_knows_why(bench, arrange, reason):
    asked = bench.ask()

    view = bench.answer(asked, **arrange(bench))

    assert isinstance(view, SendToSource)
    assert (view.error, view.is_automatic) == ("upstream-refused", False)
    event = bench.inner.parts.audit.recent()[0]
    assert (event.event, event.reason) == ("login.failed", reason)
    assert event.details["upstream"] == "Partner"


def test_any_login_name_counts_where_the_operator_says_so(engine, clock):
    upstream = an_upstream(match=Match(equals="names"))
    bench = make_upstream_bench(engine, clock, upstreams=(upstream,))

    assert isinstance(bench.answer(bench.ask(), **alias(bench)), SendResponse)


def test_the_bind_name_counts_where_the_operator_says_so(engine, clock):
    upstream = an_upstream(match=Match(equals="bind"))
    bench = make_upstream_bench(engine, clock, upstreams=(upstream,))
    people = bench.inner.people.people
    upn = "p1234@partner.example"
    people["pat-3"] = replace(people["pat-3"], login_names=(PAT, upn), bind_name=upn)

    refused = bench.answer(bench.ask())
    assert (refused.error, bench.reasons()[0]) == ("upstream-refused", Reason.UNKNOWN_USER)
    assert isinstance(bench.answer(bench.ask(), person=named(upn)), SendResponse)


def test_an_attribute_may_name_the_person(engine, clock):
    bench = make_upstream_bench(engine, clock, upstreams=(an_upstream(match=Match("mail")),))
    values = tuple(Element("saml:AttributeValue", {}, (each,)) for each in (PAT,))
    statement = Element(
        "saml:AttributeStatement",
        {},
        (
            Element("saml:Attribute", {"Name": "email"}, values),
            Element("saml:Attribute", {"Name": "mail"}, values),
        ),
    )

    view = bench.answer(bench.ask(), person=named("0815"), children=(statement,))

    assert isinstance(view, SendResponse)


def test_the_name_may_come_in_any_case(bench):
    view = bench.answer(bench.ask(), person=named("Pat@Partner.EXAMPLE"))

    assert isinstance(view, SendResponse)


def test_who_comes_back_as_somebody_else_is_not_let_in_and_may_sign_in_there_anew(bench):
    """On a computer that two people use, one must not act as the other without knowing."""
    asked = bench.ask()

    view = bench.answer(asked, person=named("pia@partner.example"))

    assert (view.error, view.is_automatic, view.email) == ("other-person", False, PAT)
    assert bench.reasons()[0] == Reason.OTHER_PERSON
    again = read_question(view)
    assert again.request.get("ForceAuthn") == "true"
    assert isinstance(bench.answer(again), SendResponse)


def test_another_name_of_the_same_person_is_the_same_person(bench):
    people = bench.inner.people.people
    people["pat-3"] = replace(people["pat-3"], login_names=(PAT, "p@partner.example"))

    assert isinstance(bench.answer(bench.ask("p@partner.example")), SendResponse)


def test_who_is_sent_to_an_upstream_does_not_get_in_by_a_password(bench):
    """By another name, of a domain that Active Directory answers for."""
    people = bench.inner.people.people
    people["pat-3"] = replace(people["pat-3"], login_names=(PAT, "pat@corp.example"))
    bench.arrive()
    bench.type_email("pat@corp.example")

    view = bench.inner.type_password(bench.transaction, bench.browser, "Right-3")

    assert (view.error, bench.reasons()[0]) == ("failed", Reason.OTHER_SOURCE)
    assert bench.inner.passwords.asked == []
    assert bench.inner.passwords.refused_count == 1, "as slow as a wrong password"


def test_such_passwords_are_counted_like_others(bench):
    people = bench.inner.people.people
    people["pat-3"] = replace(people["pat-3"], login_names=(PAT, "pat@corp.example"))
    bench.arrive()
    bench.type_email("pat@corp.example")

    errors = [
        bench.inner.type_password(bench.transaction, bench.browser, f"guess-{number}").error
        for number in range(4)
    ]

    assert errors == ["failed", "failed", "failed", "too-many"]


def test_who_belongs_to_active_directory_does_not_get_in_by_an_upstream(engine, clock):
    upstream = an_upstream(domains=frozenset({"partner.example", "corp.example"}))
    bench = make_upstream_bench(engine, clock, upstreams=(upstream,))
    asked = bench.ask()

    view = bench.answer(asked, person=named("ann.lind@corp.example"))

    assert (view.error, bench.reasons()[0]) == ("upstream-refused", Reason.OTHER_SOURCE)


# Requests that want more, or less.


def test_a_forced_authentication_is_passed_on_and_insisted_on(bench):
    asked = bench.ask(message=redirected(authn_request(ForceAuthn="true")))

    assert asked.request.get("ForceAuthn") == "true"
    with pytest.raises(UpstreamRefused) as refused:
        bench.answer(asked, authenticated_at=NOW - timedelta(minutes=10))
    assert refused.value.reason == Reason.AUTHN_NOT_FRESH
    assert isinstance(bench.answer(asked), SendResponse)


def test_a_passive_request_is_passed_on_where_nobody_need_be_asked(engine, clock):
    bench = make_upstream_bench(engine, clock, rules=(EVERYBODY,))

    view = bench.arrive(redirected(authn_request(IsPassive="true")))

    asked = read_question(view)
    assert (asked.request.get("IsPassive"), view.is_automatic) == ("true", True)
    assert isinstance(bench.answer(asked), SendResponse)


def test_a_passive_request_that_needs_an_address_is_answered_no_passive(bench):
    assert status_of(bench.arrive(redirected(authn_request(IsPassive="true")))) == "NoPassive"


DECLINED = {
    ("Responder", "NoPassive"): ("upstream-error", "NoPassive"),
    ("Responder", "AuthnFailed"): ("upstream-declined", "AuthnFailed"),
    ("Requester",): ("upstream-error", "RequestDenied"),
    ("Responder", "NoAuthnContext"): ("upstream-error", "RequestDenied"),
}


@pytest.mark.parametrize(("codes", "expected"), DECLINED.items())
@pytest.mark.parametrize("signed", [(), ("response",)])
def test_what_it_says_instead_is_shown_in_words_or_passed_on(
    engine, clock, codes, expected, signed
):
    bench = make_upstream_bench(engine, clock, rules=(EVERYBODY,))

    shown = bench.answer(bench.ask(), codes=codes, signed=signed)
    assert (shown.error, shown.is_automatic) == (expected[0], False)
    assert bench.inner.parts.audit.recent()[0].details["message"].startswith(codes[0])

    passive = redirected(authn_request(IsPassive="true"))
    assert (
        status_of(bench.answer(bench.ask(message=passive), codes=codes, signed=signed))
        == (expected[1])
    )


def test_a_passive_request_for_whom_it_may_not_vouch_is_denied_without_a_page(engine, clock):
    bench = make_upstream_bench(engine, clock, rules=(EVERYBODY,))
    asked = bench.ask(message=redirected(authn_request(IsPassive="true")))

    assert status_of(bench.answer(asked, **foreign_domain(bench))) == "RequestDenied"


# A way to authenticate that only the upstream has.

MFA = "https://refeds.org/profile/mfa"
X509 = "urn:oasis:names:tc:SAML:2.0:ac:classes:X509"


def wanting(*classes: str, comparison: str = "exact"):
    """Return a request that wants people authenticated in one of these ways."""
    refs = tuple(Element("saml:AuthnContextClassRef", {}, (each,)) for each in classes)
    context = Element("samlp:RequestedAuthnContext", {"Comparison": comparison}, refs)
    return redirected(authn_request(context))


def test_a_way_that_nobody_here_has_is_asked_of_the_upstream(bench):
    asked = bench.ask(message=wanting(X509, comparison="minimum"))

    (wanted,) = asked.request.findall("{*}RequestedAuthnContext")
    assert (wanted.get("Comparison"), [each.text for each in wanted]) == ("minimum", [X509])
    response = response_of(bench.answer(asked, context_class=X509))
    assert first_text(response, "AuthnContextClassRef") == X509


def test_a_second_factor_that_the_upstream_did_not_ask_for_is_asked_for_here(bench):
    view = bench.answer(bench.ask(message=wanting(MFA)), context_class=PASSWORD_CLASS)

    assert isinstance(view, AskEnrolment)


def test_a_way_that_the_upstream_did_not_take_either_lets_nobody_in(bench):
    view = bench.answer(bench.ask(message=wanting(X509)), context_class=PASSWORD_CLASS)

    assert isinstance(view, ShowDenied)
    assert bench.reasons()[0] == Reason.AUTHN_CONTEXT_UNSUPPORTED


def test_a_way_that_we_have_is_not_asked_of_the_upstream(bench):
    asked = bench.ask(message=wanting(PASSWORD_CLASS))

    assert asked.request.find("{*}RequestedAuthnContext") is None


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ((), wanting(X509)),
        ((Rule("Partner", 1, applications=frozenset({"wiki"})),), wanting(X509)),
        ((TO_PARTNER,), wanting(MFA, comparison="odd")),
        ((TO_PARTNER,), wanting()),
    ],
)
def test_where_no_upstream_could_have_it_the_application_is_told_at_once(
    engine, clock, rules, message
):
    bench = make_upstream_bench(engine, clock, rules=rules)

    view = bench.arrive(message)

    assert status_of(view.way_back) == "NoAuthnContext"


# The sign-on that begins.


def test_a_sign_on_by_an_upstream_says_so_to_the_second_application_too(engine, clock):
    bench = make_upstream_bench(engine, clock, an_application(), wiki())
    first = bench.answer(bench.ask())
    clock.moment += timedelta(minutes=4)

    second = bench.flow.begin(wiki_request(), VISIT, first.sso_cookie)

    assert isinstance(second, SendResponse)
    response = response_of(second)
    assert first_text(response, "AuthnContextClassRef") == SMARTCARD
    assert first_text(response, "AuthenticatingAuthority") == ISSUER
    assert response.find(".//{*}AuthnStatement").get("AuthnInstant") == "2026-11-02T08:00:00.000Z"


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_sign_on_opens_no_application_whose_route_leads_elsewhere(engine, clock, is_kept):
    """A password of ours does not open what the operator has an upstream check."""
    rules = () if is_kept else (Rule("Partner", 1, applications=frozenset({"wiki"})),)
    bench = make_upstream_bench(engine, clock, an_application(), wiki(), rules=rules)
    bench.arrive()
    bench.type_email("ann.lind@corp.example")
    first = bench.inner.type_password(bench.transaction, bench.browser, "Right-1")
    assert isinstance(first, SendResponse)

    begun = bench.flow.begin(wiki_request(), VISIT, first.sso_cookie)

    if is_kept:
        assert isinstance(begun, SendResponse)
        return
    bench.transaction, bench.browser = begun, bench.flow.bind_browser(begun, None)
    assert isinstance(bench.look(first.sso_cookie), SendToSource)


def test_a_sign_on_does_not_outlast_the_upstreams_session(bench, clock):
    view = bench.answer(bench.ask(), session_ends_at=NOW + timedelta(minutes=30))

    clock.moment += timedelta(minutes=29)
    assert bench.flow.session_of(view.sso_cookie)
    clock.moment += timedelta(minutes=1)
    assert not bench.flow.session_of(view.sso_cookie)


@pytest.mark.parametrize("is_brought", [False, True])
def test_one_that_was_taken_out_meanwhile_is_not_believed_any_more(bench, is_brought):
    asked = bench.ask()
    document = bench.to(asked).write()
    if is_brought:
        bench.bring(document, asked.relay_state)
    parts = bench.inner.parts
    without = replace(parts.upstream, upstreams=lambda: Upstreams(()))
    flow = replace(bench.inner.flow, parts=replace(parts, upstream=without))
    bench.inner = replace(bench.inner, flow=flow)

    with pytest.raises(UpstreamRefused) as refused:
        bench.look() if is_brought else bench.bring(document, asked.relay_state)

    assert refused.value.reason == Reason.UPSTREAM_UNKNOWN


def test_one_whose_metadata_have_ended_is_neither_asked_nor_believed(engine, clock):
    provider = replace(an_upstream().provider, valid_until=NOW + timedelta(minutes=4))
    bench = make_upstream_bench(engine, clock, upstreams=(an_upstream(provider=provider),))
    asked = bench.ask()
    clock.moment += timedelta(minutes=4)

    for attempt in (lambda: bench.answer(asked), bench.look):
        with pytest.raises(UpstreamRefused) as refused:
            attempt()
        assert refused.value.reason == Reason.UPSTREAM_UNKNOWN


def test_an_upstream_of_which_nothing_is_known_is_said_to_be_away(engine, clock):
    """Its metadata could not be had; Active Directory does not answer in its place."""
    rules = (Rule("Gone", 1, frozenset({"partner.example"})),)
    bench = make_upstream_bench(engine, clock, rules=rules)
    bench.arrive()

    with pytest.raises(UpstreamRefused) as refused:
        bench.type_email(PAT)

    assert refused.value.reason == Reason.UPSTREAM_UNKNOWN


def test_a_login_that_has_let_somebody_in_ends(bench):
    asked = bench.ask()
    bench.answer(asked)

    assert isinstance(bench.look(), ShowDenied)
    with pytest.raises(UpstreamRefused):
        bench.answer(asked)
