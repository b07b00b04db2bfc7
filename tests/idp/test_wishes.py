"""What a service provider wishes for in its request is given, or refused in words and as a status."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from lxml import etree

from connector.errors import RequestRefused
from connector.idp.application.attribute import compile_attribute
from connector.idp.application.service_provider import Registry
from connector.idp.flow import AskPassword, SendResponse
from connector.idp.message.context import AskedContext, choose_class
from connector.idp.message.wishes import Wishes, read_wishes
from connector.idp.names import (
    EMAIL_FORMAT,
    PASSWORD_CLASS,
    PERSISTENT_FORMAT,
    TRANSIENT_FORMAT,
    UNSPECIFIED_FORMAT,
)
from connector.idp.reason import Reason
from connector.idp.visit import Visit
from connector.idp.xmldsig import Element
from tests.idp.bench import (
    ENDPOINTS,
    SP_ENTITY_ID,
    SignOnBench,
    an_application,
    authn_request,
    first_text,
    make_bench,
    redirected,
    response_of,
)
from tests.idp.test_flow import ANN, UNMET, status_of, wiki, wiki_request

if TYPE_CHECKING:
    from connector.idp.application.service_provider import Application

CLASSES = "urn:oasis:names:tc:SAML:2.0:ac:classes:"
PASSWORD, X509, KERBEROS = f"{CLASSES}Password", f"{CLASSES}X509", f"{CLASSES}Kerberos"
UNSPECIFIED, OTP = f"{CLASSES}unspecified", f"{CLASSES}TimeSyncToken"
WINDOWS = "urn:federation:authentication:windows"


def read(*children: Element, application: Application | None = None, **changes) -> Wishes:
    root = etree.fromstring(authn_request(*children, **changes))
    return read_wishes(root, application or an_application())


@pytest.mark.parametrize(
    ("comparison", "classes", "stated"),
    [
        ("exact", [], PASSWORD_CLASS),
        ("exact", [PASSWORD_CLASS], PASSWORD_CLASS),
        ("exact", [X509, PASSWORD, PASSWORD_CLASS], PASSWORD),
        ("exact", [UNSPECIFIED], UNSPECIFIED),
        ("exact", [KERBEROS], None),
        ("exact", [WINDOWS], None),
        ("exact", ["urn:x"], None),
        ("minimum", [PASSWORD], PASSWORD_CLASS),
        ("minimum", [PASSWORD_CLASS], PASSWORD_CLASS),
        ("minimum", [KERBEROS], PASSWORD_CLASS),
        ("minimum", [X509, UNSPECIFIED], PASSWORD_CLASS),
        ("minimum", [OTP], None),
        ("minimum", ["urn:x"], None),
        ("maximum", [PASSWORD], PASSWORD),
        ("maximum", [X509], PASSWORD_CLASS),
        ("maximum", [PASSWORD_CLASS], PASSWORD_CLASS),
        ("maximum", [UNSPECIFIED], UNSPECIFIED),
        ("maximum", ["urn:x"], None),
        ("better", [PASSWORD], PASSWORD_CLASS),
        ("better", [PASSWORD_CLASS], None),
        ("better", [UNSPECIFIED, KERBEROS], None),
        ("stronger", [PASSWORD], None),
    ],
)
def test_a_password_over_tls_is_what_it_is(comparison, classes, stated):
    """Core section 3.3.2.2.1."""
    asked = AskedContext(tuple(classes), comparison)

    assert choose_class(asked, PASSWORD_CLASS) == stated


@pytest.mark.parametrize(
    ("used", "comparison", "asked", "stated"),
    [
        (OTP, "exact", PASSWORD_CLASS, PASSWORD_CLASS),
        (OTP, "exact", OTP, OTP),
        (OTP, "minimum", PASSWORD_CLASS, OTP),
        (OTP, "better", PASSWORD_CLASS, OTP),
        (OTP, "maximum", PASSWORD_CLASS, PASSWORD_CLASS),
        (X509, "exact", PASSWORD_CLASS, None),
        (X509, "minimum", OTP, X509),
        (X509, "maximum", PASSWORD, UNSPECIFIED),
        ("urn:x", "exact", "urn:x", "urn:x"),
        ("urn:x", "minimum", "urn:x", "urn:x"),
        ("urn:x", "exact", UNSPECIFIED, UNSPECIFIED),
        ("urn:x", "minimum", PASSWORD, None),
        ("urn:x", "", "", "urn:x"),
    ],
)
def test_what_others_may_have_done_is_compared_too(used, comparison, asked, stated):
    classes = (asked,) if asked else ()

    assert choose_class(AskedContext(classes, comparison), used) == stated


def context(*classes: str, **attributes: str) -> Element:
    references = tuple(Element("saml:AuthnContextClassRef", {}, (each,)) for each in classes)
    return Element("samlp:RequestedAuthnContext", attributes, references)


@pytest.mark.parametrize("classes", [[PASSWORD_CLASS], [WINDOWS], [PASSWORD_CLASS, WINDOWS]])
def test_both_check_boxes_of_mimecast_are_tolerated(engine, clock, classes):
    """It asks for the password and the integrated context, both by default."""
    tolerant = an_application(tolerated_contexts=frozenset({WINDOWS, KERBEROS}))
    bench = make_bench(engine, clock, tolerant)

    view = bench.sign_in(*ANN, message=redirected(authn_request(context(*classes))))

    assert first_text(response_of(view), "AuthnContextClassRef") == PASSWORD_CLASS


@pytest.mark.parametrize(
    "element",
    [
        context(WINDOWS),
        context(),
        context(PASSWORD_CLASS, Comparison="nearly"),
        Element(
            "samlp:RequestedAuthnContext", {}, (Element("saml:AuthnContextDeclRef", {}, ("x",)),)
        ),
    ],
)
def test_a_way_to_sign_in_that_nobody_has_is_refused(element):
    assert read(element).unmet == Reason.AUTHN_CONTEXT_UNSUPPORTED


@pytest.mark.parametrize(
    ("attributes", "wanted", "unmet"),
    [
        ({}, "", ""),
        ({"Format": EMAIL_FORMAT, "AllowCreate": "true"}, EMAIL_FORMAT, ""),
        ({"Format": UNSPECIFIED_FORMAT}, "", ""),
        ({"Format": TRANSIENT_FORMAT, "AllowCreate": "false"}, TRANSIENT_FORMAT, ""),
        ({"Format": PERSISTENT_FORMAT, "SPNameQualifier": SP_ENTITY_ID}, PERSISTENT_FORMAT, ""),
        (
            {"Format": PERSISTENT_FORMAT, "SPNameQualifier": "urn:federation"},
            PERSISTENT_FORMAT,
            Reason.NAME_ID_UNSUPPORTED,
        ),
        ({"Format": "urn:x"}, "urn:x", Reason.NAME_ID_UNSUPPORTED),
    ],
)
def test_a_format_of_names_is_given_or_refused(attributes, wanted, unmet):
    """Core section 3.4.1.1."""
    found = read(Element("samlp:NameIDPolicy", attributes))

    assert (found.name_id_format, found.unmet) == (wanted, unmet)


def subject(*children: Element) -> Element:
    return Element("saml:Subject", {}, children)


def name_id(value: str, **attributes: str) -> Element:
    return Element("saml:NameID", attributes, (value,))


@pytest.mark.parametrize(
    "element",
    [
        subject(),
        subject(name_id("")),
        subject(name_id("x" * 257)),
        subject(name_id("a\nb")),
        subject(name_id("ann", Format=TRANSIENT_FORMAT)),
        subject(name_id("ann", Format="urn:x")),
        subject(Element("saml:EncryptedID", {})),
        subject(name_id("ann"), Element("saml:SubjectConfirmation", {"Method": "urn:x"})),
    ],
)
def test_a_subject_that_cannot_be_understood_is_refused(element):
    assert read(element).unmet == Reason.SUBJECT_UNSUPPORTED


def test_a_subject_and_a_policy_that_name_people_differently_are_refused():
    policy = Element("samlp:NameIDPolicy", {"Format": PERSISTENT_FORMAT})

    found = read(subject(name_id("ann@corp.example", Format=EMAIL_FORMAT)), policy)

    assert found.unmet == Reason.NAME_ID_UNSUPPORTED


@pytest.mark.parametrize(("index", "read_as"), [("3", 3), ("", None), ("x", None), ("-1", None)])
def test_a_set_of_attributes_may_be_named_by_its_index(index, read_as):
    assert read(AttributeConsumingServiceIndex=index).attribute_index == read_as


def test_whom_else_a_service_provider_would_believe_is_its_own_affair(bench: SignOnBench):
    """Scoping may name others, and no proxies; we answer for ourselves (Core section 3.4.1.2)."""
    entry = Element("samlp:IDPEntry", {"ProviderID": "https://other.example/idp"})
    scoping = Element(
        "samlp:Scoping", {"ProxyCount": "0"}, (Element("samlp:IDPList", {}, (entry,)),)
    )

    assert isinstance(bench.sign_in(*ANN, message=redirected(authn_request(scoping))), SendResponse)


@pytest.mark.parametrize(("status", "element"), UNMET.items())
def test_a_passive_request_shows_no_page(bench, status, element):
    request = authn_request(element, IsPassive="true")
    transaction, browser = bench.arrive(redirected(request))

    assert status_of(bench.flow.next_step(transaction, browser, None)) == status


def test_a_passive_request_of_somebody_who_may_not_enter_is_answered_at_once(engine, clock):
    bench = make_bench(engine, clock, an_application(), replace(wiki(), groups=frozenset({"cn=x"})))
    cookie = bench.sign_in(*ANN).sso_cookie
    transaction, browser = bench.arrive(wiki_request(IsPassive="true"))

    view = bench.flow.next_step(transaction, browser, cookie)

    assert status_of(view) == "RequestDenied"
    assert "not-in-group" not in etree.tostring(response_of(view)).decode()


def asking_for(name: str, **attributes: str):
    element = Element("saml:Subject", {}, (Element("saml:NameID", attributes, (name,)),))
    return redirected(authn_request(element))


def test_a_request_for_one_person_asks_for_the_password_of_that_person(bench: SignOnBench):
    """Core section 3.4.1: nobody else may be signed in then."""
    transaction, browser = bench.arrive(asking_for("Ann.Lind@corp.example"))

    view = bench.flow.next_step(transaction, browser, None)
    assert isinstance(view, AskPassword)
    assert view.email == "Ann.Lind@corp.example"

    answer = response_of(bench.type_password(transaction, browser, "Right-1"))
    assert first_text(answer, "NameID") == "Ann.Lind@corp.example", (
        "the very name that was asked for"
    )


def test_a_request_for_one_person_does_not_let_in_another(bench: SignOnBench):
    bench.people.groups["bob-2"] = bench.people.groups["ann-1"]
    transaction, browser = bench.arrive(asking_for("ann.lind@corp.example"))
    view = bench.flow.next_step(transaction, browser, None)
    bench.flow.first.forget_email(transaction, browser, view.step_token)
    bench.type_email(transaction, browser, "bob.berg@corp.example")

    view = bench.type_password(transaction, browser, "Right-2")

    assert view.error == "other-subject"
    assert status_of(view.way_back) == "AuthnFailed"
    assert bench.reasons()[0] == Reason.OTHER_SUBJECT


def test_a_request_for_one_person_does_not_use_the_session_of_another(bench: SignOnBench):
    cookie = bench.sign_in(*ANN).sso_cookie
    transaction, browser = bench.arrive(asking_for("bob.berg@corp.example"))

    view = bench.flow.next_step(transaction, browser, cookie)

    assert (type(view), view.email) == (AskPassword, "bob.berg@corp.example")
    again, browser = bench.arrive(asking_for("ann.lind@corp.example"))
    assert isinstance(bench.flow.next_step(again, browser, cookie), SendResponse)


def test_a_persistent_name_may_be_asked_for(bench: SignOnBench):
    policy = Element("samlp:NameIDPolicy", {"Format": PERSISTENT_FORMAT})
    first = bench.sign_in(*ANN, message=redirected(authn_request(policy)))
    name = first_text(response_of(first), "NameID")

    message = asking_for(name, Format=PERSISTENT_FORMAT)
    answer = response_of(bench.sign_in(*ANN, message=message)).find(".//{*}NameID")

    assert (answer.text, answer.get("Format")) == (name, PERSISTENT_FORMAT)
    assert answer.get("NameQualifier") == ENDPOINTS.entity_id
    assert answer.get("SPNameQualifier") == SP_ENTITY_ID


def test_the_class_that_was_asked_for_is_stated_if_it_is_true(bench: SignOnBench):
    password = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"
    element = Element(
        "samlp:RequestedAuthnContext", {}, (Element("saml:AuthnContextClassRef", {}, (password,)),)
    )

    view = bench.sign_in(*ANN, message=redirected(authn_request(element)))

    assert first_text(response_of(view), "AuthnContextClassRef") == password


def test_metadata_that_has_ended_lets_nobody_in(engine, clock):
    described = replace(an_application().service_provider, valid_until=clock.now())
    bench = make_bench(engine, clock, an_application(service_provider=described))

    for begin in (bench.arrive, lambda: bench.flow.begin_at_portal("intranet", Visit(""))):
        with pytest.raises(RequestRefused) as refused:
            begin()
        assert refused.value.reason == Reason.METADATA_ENDED
        assert bench.reasons()[0] == Reason.METADATA_ENDED


def test_an_application_may_be_told_where_people_who_begin_here_are_to_go(engine, clock):
    bench = make_bench(engine, clock, an_application(relay_state="/inbox"))
    transaction = bench.flow.begin_at_portal("intranet", Visit(""))
    browser = bench.flow.bind_browser(transaction, None)
    bench.type_email(transaction, browser, ANN[0])

    assert bench.type_password(transaction, browser, "Right-1").relay_state == "/inbox"


def test_a_request_under_another_name_is_answered_under_that_name(engine, clock):
    described = replace(an_application().service_provider, other_entity_ids=("https://other",))
    bench = make_bench(engine, clock, an_application(service_provider=described))

    view = bench.sign_in(*ANN, message=redirected(authn_request(issuer="https://other")))

    assert first_text(response_of(view), "Audience") == "https://other"


def test_the_applications_may_be_replaced_while_somebody_signs_in(bench: SignOnBench):
    transaction, browser = bench.arrive()
    bench.type_email(transaction, browser, ANN[0])
    renamed = an_application(name="The new intranet")

    assert bench.parts.catalogue.replace(Registry((renamed,)))

    view = bench.type_password(transaction, browser, "Right-1")
    assert view.application_name == "The new intranet"


def test_groups_are_told_as_the_application_wants_them(engine, clock):
    role = {"groups": {"CN=Staff,DC=corp,DC=example": "staff"}, "default": "guest"}
    rules = tuple(
        compile_attribute(name, written)
        for name, written in {
            "role": role,
            "org": {"constant": "Corp", "friendly_name": "o"},
            "bad": {"from": "userName", "transform": ["filetime"]},
        }.items()
    )
    bench = make_bench(engine, clock, an_application(attributes=rules))

    response = response_of(bench.sign_in(*ANN))

    found = {each.get("Name"): each for each in response.iterfind(".//{*}Attribute")}
    assert {name: each[0].text for name, each in found.items()} == {"role": "staff", "org": "Corp"}
    assert found["org"].get("FriendlyName") == "o"


def test_whoever_lacks_what_an_application_requires_stays_out(engine, clock):
    rule = compile_attribute("badge", {"from": "employeeNumber", "required": True})
    bench = make_bench(engine, clock, an_application(attributes=(rule,)))

    view = bench.sign_in(*ANN)

    assert (view.error, status_of(view.way_back)) == ("incomplete", "RequestDenied")
    assert bench.reasons()[0] == Reason.ATTRIBUTE_MISSING
