"""Responses that are signed by the right key, and still not to be believed: wrong or stale content.

Each is refused where it comes in, with its reason in the audit, and the login that waits goes on
waiting: whoever brings a bad answer cannot spoil somebody's login by it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connector.errors import RequestRefused, UpstreamRefused
from connector.idp.flow import SendResponse, SendToSource
from connector.idp.reason import Reason
from connector.idp.upstream.identity_provider import IdentityProvider, Match
from connector.idp.xmldsig import Element
from tests.idp.bench import ADDRESS, NOW, VISIT, certificate_of
from tests.idp.upstream_bench import (
    ACS_URL,
    DECRYPTION_KEY,
    KEY,
    OURS,
    Answer,
    UpstreamBench,
    an_upstream,
    make_upstream_bench,
    posted_answer,
)
from tests.parts.encryption import encrypted_assertion

MINUTE = timedelta(minutes=1)
DATA = "SubjectConfirmationData"
PIA = Element("saml:NameID", {}, ("pia@partner.example",))


@pytest.fixture
def bench(engine, clock) -> UpstreamBench:
    return make_upstream_bench(engine, clock)


def element(name: str, *children, **attributes: str) -> Element:
    return Element(f"saml:{name}", attributes, children)


WRONG = {
    "for another service provider": ({"audiences": ("https://other.example",)}, "audience-wrong"),
    "for us in one restriction, not in the other": (
        {"conditions": (element("AudienceRestriction", element("Audience", "urn:x")),)},
        "audience-wrong",
    ),
    "for nobody in particular": ({"audiences": ()}, "audience-wrong"),
    "for an audience that begins like us": ({"audiences": (f"{OURS}.evil",)}, "audience-wrong"),
    "to be taken elsewhere": ({"recipient": "https://other.example/acs"}, "recipient-wrong"),
    "to be taken anywhere": ({"recipient": None}, "recipient-wrong"),
    "sent elsewhere": ({"destination": "https://other.example/acs"}, "destination-wrong"),
    "sent anywhere": ({"destination": None}, "destination-wrong"),
    "sent to our address by http": (
        {"destination": ACS_URL.replace("https", "http")},
        "destination-wrong",
    ),
    "in answer to another request": ({"request_id": "_other"}, "in-response-to-wrong"),
    "in answer to none": ({"request_id": None}, "in-response-to-wrong"),
    "confirmed for another request": ({"confirmed_for": "_other"}, "in-response-to-wrong"),
    "confirmed for none": ({"confirmed_for": None}, "in-response-to-wrong"),
    "by another issuer": ({"issuer": "https://evil.example"}, "issuer-other"),
    "with an assertion of another issuer": (
        {"assertion_issuer": "https://evil.example"},
        "issuer-other",
    ),
    "issued before the question": ({"issued_at": NOW - 3 * MINUTE}, "response-time"),
    "issued in time to come": ({"issued_at": NOW + 3 * MINUTE}, "response-time"),
    "with an assertion of time to come": (
        {"assertion_issued_at": NOW + 3 * MINUTE},
        "assertion-time",
    ),
    "without a status": ({"codes": ()}, "not-a-response"),
    "of another version": ({"version": "1.1"}, "version-unsupported"),
    "without an ID": ({"assertion_id": " " * 257}, "assertion-malformed"),
    "too late": ({"not_on_or_after": NOW - 2 * MINUTE}, "assertion-time"),
    "too early": ({"not_before": NOW + 2.1 * MINUTE}, "assertion-time"),
    "confirmed too late": ({"confirmed_until": NOW - 2 * MINUTE}, "assertion-time"),
    "confirmed too early": ({"confirmed_from": NOW + 2.1 * MINUTE}, "assertion-time"),
    "confirmed for ever": ({"confirmed_until": None}, "subject-unconfirmed"),
    "confirmed otherwise than by bearing it": (
        {"method": "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"},
        "subject-unconfirmed",
    ),
    "confirmed without a word": (
        {"confirmations": lambda honest: (honest._replace(children=()),)},
        "subject-unconfirmed",
    ),
    "confirmed in no way": ({"confirmations": lambda honest: ()}, "subject-unconfirmed"),
    "with a condition of its own": (
        {"conditions": (element("Condition"),)},
        "condition-unknown",
    ),
    "not to be passed on": (
        {"conditions": (element("ProxyRestriction", Count="0"),)},
        "condition-unknown",
    ),
    "with no authentication": ({"authenticated_at": None}, "authn-statement-missing"),
    "with two authentications": (
        {"children": (element("AuthnStatement", element("AuthnContext"), AuthnInstant="x"),)},
        "authn-statement-missing",
    ),
    "with an authentication to come": ({"authenticated_at": NOW + 3 * MINUTE}, "assertion-time"),
    "with a session that is over": ({"session_ends_at": NOW}, "upstream-session-ended"),
    "about nobody": ({"person": None}, "asserted-name-missing"),
    "about an empty name": ({"person": element("NameID", " ")}, "asserted-name-missing"),
    "about a name with parts": (
        {"person": element("NameID", "pat@partner.example", element("NameID", ".evil"))},
        "asserted-name-missing",
    ),
    "about an encrypted name": ({"person": element("EncryptedID")}, "asserted-name-missing"),
    "with an assertion as advice": (
        {"children": (element("Advice", element("Assertion")),)},
        "assertion-count",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_is_refused_and_the_login_goes_on_waiting(bench, name):
    changes, reason = WRONG[name]
    asked = bench.ask()

    with pytest.raises(UpstreamRefused) as refused:
        bench.answer(asked, **changes)

    assert refused.value.reason == reason
    event = bench.inner.parts.audit.recent()[0]
    assert (event.event, event.reason, event.address) == ("upstream.refused", reason, ADDRESS)
    assert isinstance(bench.look(), SendToSource)
    assert isinstance(bench.answer(asked), SendResponse), "the right answer is still taken"


WITHIN_THE_TOLERANCE = {
    "its clock is ahead": {
        "issued_at": NOW + 1.9 * MINUTE,
        "assertion_issued_at": NOW + 1.9 * MINUTE,
        "not_before": NOW + 1.9 * MINUTE,
        "authenticated_at": NOW + 1.9 * MINUTE,
    },
    "its clock is behind": {
        "issued_at": NOW - 1.9 * MINUTE,
        "not_on_or_after": NOW - 1.9 * MINUTE,
        "confirmed_until": NOW - 1.9 * MINUTE,
    },
    "it is to be used once": {"conditions": (element("OneTimeUse"),)},
    "it ends when time does": {
        "not_before": "0001-01-01T00:00:00Z",
        "not_on_or_after": "9999-12-31T23:59:59.999999Z",
        "confirmed_until": "9999-12-31T23:59:59.999999Z",
        "session_ends_at": "9999-12-31T23:59:59.999999Z",
        "authenticated_at": "0001-01-01T00:00:00Z",
    },
}


@pytest.mark.parametrize("name", WITHIN_THE_TOLERANCE)
def test_what_is_honest_is_believed(bench, name):
    view = bench.answer(bench.ask(), **WITHIN_THE_TOLERANCE[name])

    assert isinstance(view, SendResponse)


@pytest.mark.parametrize("name", ["issued_at", "assertion_issued_at", "not_before"])
def test_a_time_at_the_end_of_time_is_no_fault_of_ours(bench, name):
    with pytest.raises(UpstreamRefused):
        bench.answer(bench.ask(), **{name: "9999-12-31T23:59:59.999999Z"})


NO_TIMES = {
    "issued_at": "response-time",
    "assertion_issued_at": "assertion-time",
    "not_before": "assertion-time",
    "not_on_or_after": "assertion-time",
    "confirmed_until": "assertion-time",
    "authenticated_at": "assertion-time",
    "session_ends_at": "assertion-time",
}


@pytest.mark.parametrize("text", ["", "soon", "10000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00"])
@pytest.mark.parametrize("name", NO_TIMES)
def test_a_time_that_is_none_is_refused(bench, name, text):
    asked = bench.ask()

    with pytest.raises(UpstreamRefused) as refused:
        bench.answer(asked, **{name: text})

    assert refused.value.reason == NO_TIMES[name]


def test_each_of_several_confirmations_may_hold_and_one_is_enough(bench):
    """Core section 2.4.1.1; here others are for who holds a key, or at another address."""
    asked = bench.ask()
    holder = element("SubjectConfirmation", Method="urn:oasis:names:tc:SAML:2.0:cm:holder-of-key")

    def several(honest: Element) -> tuple[Element, ...]:
        elsewhere = {**honest.children[0].attributes, "Recipient": "https://other.example"}
        other = Element(honest.name, honest.attributes, (element(DATA, **elsewhere),))
        return holder, other, honest

    assert isinstance(bench.answer(asked, confirmations=several), SendResponse)


# Used before, or asked for by nobody.


def test_an_answer_is_taken_once(bench):
    asked = bench.ask()
    document = bench.to(asked).write()
    bench.bring(document, asked.relay_state)

    with pytest.raises(UpstreamRefused) as refused:
        bench.bring(document, asked.relay_state)

    assert refused.value.reason == Reason.ASSERTION_REPLAYED
    assert bench.reasons()[0] == Reason.ASSERTION_REPLAYED


def test_a_question_is_answered_once(bench):
    asked = bench.ask()
    bench.bring(bench.to(asked).write(), asked.relay_state)

    with pytest.raises(UpstreamRefused) as refused:
        bench.bring(bench.to(asked, person=PIA).write(), asked.relay_state)

    assert refused.value.reason == Reason.ASSERTION_REPLAYED


def test_an_assertion_is_used_once_whatever_it_answers(bench):
    """An upstream that uses an ID twice, or an attacker who found another place for it."""
    first = bench.ask()
    bench.answer(first, assertion_id="_the-same")
    second = bench.ask()

    with pytest.raises(UpstreamRefused) as refused:
        bench.answer(second, assertion_id="_the-same")

    assert refused.value.reason == Reason.ASSERTION_REPLAYED


def test_an_answer_to_one_login_is_not_taken_for_another(bench):
    """Its own handle would give away whose it is, so another one is tried."""
    theirs = bench.ask()
    document = bench.to(theirs, person=PIA).write()
    mine = bench.ask()

    with pytest.raises(UpstreamRefused) as refused:
        bench.bring(document, mine.relay_state)

    assert refused.value.reason == Reason.IN_RESPONSE_TO_WRONG


def test_an_answer_that_comes_after_the_login_has_ended_is_refused(bench, clock):
    asked = bench.ask()
    clock.moment += timedelta(minutes=16)
    late = clock.moment

    with pytest.raises(UpstreamRefused) as refused:
        bench.answer(
            asked, issued_at=late, not_on_or_after=late + MINUTE, confirmed_until=late + MINUTE
        )

    assert refused.value.reason == Reason.RESPONSE_UNSOLICITED


@pytest.mark.parametrize("relay_state", ["", "intranet", "0" * 64, "https://evil.example"])
@pytest.mark.parametrize("request_id", [None, "_request"])
def test_what_nobody_asked_for_is_refused(bench, relay_state, request_id):
    document = Answer(request_id=request_id, confirmed_for=request_id).write()

    with pytest.raises(UpstreamRefused) as refused:
        bench.bring(document, relay_state)

    assert refused.value.reason == Reason.RESPONSE_UNSOLICITED
    assert bench.reasons()[0] == Reason.RESPONSE_UNSOLICITED


def test_what_comes_from_nobody_we_know_is_refused(bench):
    with pytest.raises(UpstreamRefused) as refused:
        bench.bring(Answer(issuer="https://evil.example").write(), "")

    assert refused.value.reason == Reason.ISSUER_UNKNOWN


def test_the_answer_of_another_upstream_is_refused(engine, clock):
    """Mixed up: a question to the one, answered by the other, whom we believe too."""
    other = an_upstream(
        name="Other",
        slug="other",
        provider=IdentityProvider("https://other.example", {}, (certificate_of(KEY),)),
        domains=frozenset({"other.example", "partner.example"}),
    )
    bench = make_upstream_bench(engine, clock, upstreams=(an_upstream(), other))
    asked = bench.ask()

    with pytest.raises(UpstreamRefused) as refused:
        bench.answer(
            asked, issuer="https://other.example", assertion_issuer="https://other.example"
        )

    assert refused.value.reason == Reason.ISSUER_OTHER


# Where the operator allows what nobody asked for.


@pytest.fixture
def open_bench(engine, clock) -> UpstreamBench:
    upstream = an_upstream(allows_unsolicited=True)
    return make_upstream_bench(engine, clock, upstreams=(upstream,))


UNASKED = Answer(request_id=None, confirmed_for=None)


def bring_unasked(bench: UpstreamBench, answer: Answer = UNASKED, relay_state: str = "intranet"):
    transaction = bench.flow.take_answer(posted_answer(answer.write(), relay_state), ADDRESS)
    browser = bench.flow.bind_browser(transaction, None)
    return bench.flow.next_step(transaction, browser, None, VISIT)


def test_what_nobody_asked_for_opens_the_application_that_it_names(open_bench):
    view = bring_unasked(open_bench)

    assert isinstance(view, SendResponse)
    assert view.application_name == "Intranet"


@pytest.mark.parametrize("relay_state", ["", "unknown", "https://evil.example"])
def test_what_names_no_application_of_ours_is_refused(open_bench, relay_state):
    with pytest.raises(RequestRefused) as refused:
        bring_unasked(open_bench, relay_state=relay_state)

    assert refused.value.reason == Reason.APPLICATION_UNKNOWN


def test_what_nobody_asked_for_is_taken_once_too(open_bench):
    answer = replace(UNASKED, assertion_id="_unasked")
    bring_unasked(open_bench, answer)

    with pytest.raises(UpstreamRefused) as refused:
        bring_unasked(open_bench, answer)

    assert refused.value.reason == Reason.ASSERTION_REPLAYED


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"request_id": "_r"}, Reason.IN_RESPONSE_TO_WRONG),
        ({"confirmed_for": "_r"}, Reason.IN_RESPONSE_TO_WRONG),
        ({"issued_at": NOW - 8 * MINUTE}, Reason.RESPONSE_TIME),
        ({"codes": ("Responder", "AuthnFailed")}, Reason.UPSTREAM_AUTHN_FAILED),
        ({"signed": ()}, Reason.SIGNATURE_MISSING),
    ],
)
def test_what_nobody_asked_for_is_checked_as_strictly(open_bench, changes, reason):
    with pytest.raises(UpstreamRefused) as refused:
        bring_unasked(open_bench, replace(UNASKED, **changes))

    assert refused.value.reason == reason


# Encryption.


def encrypted(xml: str) -> str:
    return encrypted_assertion(xml, DECRYPTION_KEY.public_key())


@pytest.mark.parametrize("signed", [("assertion",), ("response",), ("assertion", "response")])
def test_an_encrypted_assertion_is_believed(bench, signed):
    assert isinstance(bench.answer(bench.ask(), wrap=encrypted, signed=signed), SendResponse)


def test_a_plain_assertion_is_refused_where_encryption_is_demanded(engine, clock):
    bench = make_upstream_bench(engine, clock, upstreams=(an_upstream(requires_encryption=True),))
    asked = bench.ask()

    with pytest.raises(UpstreamRefused) as refused:
        bench.answer(asked)

    assert refused.value.reason == Reason.ENCRYPTION_MISSING
    assert isinstance(bench.answer(asked, wrap=encrypted), SendResponse)


@pytest.mark.parametrize(
    ("hidden", "reason"),
    [(element("Assertion"), "assertion-count"), (Element("ds:Signature"), "signature-misplaced")],
)
def test_what_only_decryption_brings_to_light_is_looked_at_as_strictly(bench, hidden, reason):
    """The Response's signature covers what is encrypted, not what is in it."""
    asked = bench.ask()

    with pytest.raises(UpstreamRefused) as refused:
        bench.answer(
            asked, signed=("response",), children=(element("Advice", hidden),), wrap=encrypted
        )

    assert refused.value.reason == reason


def test_what_is_encrypted_must_be_an_assertion(bench):
    asked = bench.ask()

    with pytest.raises(UpstreamRefused) as refused:
        bench.answer(asked, wrap=lambda _: encrypted("<x/>"), signed=("response",))

    assert refused.value.reason == Reason.ASSERTION_MALFORMED


# Names by attribute.


@pytest.mark.parametrize(
    "values",
    [
        (),
        ("pat@partner.example", "pia@partner.example"),
        (Element("saml:NameID", {}, ("pat@partner.example",)),),
        ("",),
    ],
)
def test_an_attribute_must_say_exactly_one_name(engine, clock, values):
    bench = make_upstream_bench(engine, clock, upstreams=(an_upstream(match=Match("mail")),))
    texts = tuple(element("AttributeValue", each) for each in values)
    statement = element("AttributeStatement", element("Attribute", *texts, Name="mail"))

    with pytest.raises(UpstreamRefused) as refused:
        bench.answer(bench.ask(), children=(statement,))

    assert refused.value.reason == Reason.NAME_MISSING
