"""LogoutRequests and LogoutResponses are taken as they were meant, or refused with the reason."""

from __future__ import annotations

import subprocess
from base64 import b64decode
from datetime import timedelta
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from connector.errors import RequestRefused
from connector.idp.application.metadata import parse_service_provider
from connector.idp.application.service_provider import Registry, SloEndpoint
from connector.idp.binding import read_post, read_redirect, to_form_value, to_redirect_url
from connector.idp.logout.intake import from_json, to_json
from connector.idp.logout_transaction import Channel, Delivery, DeliveryState
from connector.idp.message.logout_request import build_logout_request, parse_logout_request
from connector.idp.message.logout_response import (
    PARTIAL_LOGOUT,
    SUCCESS,
    build_logout_response,
    parse_logout_response,
)
from connector.idp.message.name_id import NameId
from connector.idp.message.soap import ENVELOPE, read_envelope, to_envelope
from connector.idp.names import (
    EMAIL_FORMAT,
    LOGOUT_BY_USER,
    PERSISTENT_FORMAT,
    UNSPECIFIED_FORMAT,
    Binding,
    MessageKind,
)
from connector.idp.reason import Reason
from connector.idp.xmldsig import Element, render, sign_enveloped
from tests.idp.bench import ENDPOINTS, KEYS, NOW, load_key
from tests.idp.logout_bench import (
    ALL,
    ANN,
    KEY,
    KINDS,
    by_post,
    by_redirect,
    by_soap,
    logout_request,
    status_in,
)
from tests.idp.test_metadata import faults_of, parse, sp_metadata

BINDS = {
    "redirect": by_redirect,
    "post": by_post,
    "soap": lambda element, key=KEY: read_envelope(by_soap(element, key=key), MessageKind.REQUEST),
}


def parsed(message, now=NOW):
    return parse_logout_request(message, Registry(ALL), now=now, endpoints=ENDPOINTS)


def reason_of(message, now=NOW) -> str:
    with pytest.raises(RequestRefused) as refused:
        parsed(message, now)
    return refused.value.reason


@pytest.mark.parametrize("bind", BINDS.values(), ids=BINDS)
def test_a_request_says_who_asks_and_who_is_meant(bind):
    found = parsed(bind(logout_request(ID="_7", session_index="_s")))

    assert (found.request_id, found.issuer) == ("_7", "https://intranet.corp.example/metadata")
    assert (found.name_id, found.session_indexes) == (NameId(ANN, EMAIL_FORMAT), ("_s",))
    assert found.is_signed
    assert from_json(to_json(found)) == found


def test_the_relay_state_goes_along():
    for bind in (by_redirect, by_post):
        assert parsed(bind(logout_request(), "deep/link?x=1")).relay_state == "deep/link?x=1"


@pytest.mark.parametrize("bind", BINDS.values(), ids=BINDS)
def test_an_unsigned_request_is_taken_only_of_who_has_no_key(bind):
    assert not parsed(bind(logout_request("keyless"), key=None)).is_signed
    assert reason_of(bind(logout_request(), key=None)) == Reason.SIGNATURE_MISSING


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"issuer": "https://nobody.example"}, Reason.ISSUER_UNKNOWN),
        ({"issuer": ""}, Reason.ISSUER_UNKNOWN),
        ({"Version": "1.1"}, Reason.VERSION_UNSUPPORTED),
        ({"ID": "_" + "x" * 256}, Reason.REQUEST_ID_MISSING),
        ({"Destination": ENDPOINTS.sso_url}, Reason.DESTINATION_WRONG),
        ({"Destination": None}, Reason.DESTINATION_WRONG),
        ({"IssueInstant": None}, Reason.REQUEST_TIME),
        ({"IssueInstant": "yesterday"}, Reason.REQUEST_TIME),
        ({"IssueInstant": "2026-11-02T07:54:59Z"}, Reason.REQUEST_TIME),
        ({"IssueInstant": "2026-11-02T08:05:01Z"}, Reason.REQUEST_TIME),
        ({"NotOnOrAfter": "2026-11-02T07:54:59Z"}, Reason.REQUEST_TIME),
        ({"NotOnOrAfter": "soon"}, Reason.REQUEST_TIME),
        ({"name_id": ""}, Reason.PRINCIPAL_MISSING),
        ({"NameQualifier": "https://other.example"}, Reason.PRINCIPAL_UNKNOWN),
        ({"SPNameQualifier": "https://other.example"}, Reason.PRINCIPAL_UNKNOWN),
    ],
)
@pytest.mark.parametrize("bind", [by_redirect, by_post])
def test_a_request_that_is_not_right_is_refused(bind, changes, reason):
    assert reason_of(bind(logout_request(**changes))) == reason


def test_a_request_that_names_too_many_sessions_is_refused():
    many = tuple(Element("samlp:SessionIndex", {}, (f"_{number}",)) for number in range(33))

    assert reason_of(by_post(logout_request(extra=many))) == Reason.PRINCIPAL_UNKNOWN


def test_another_message_is_no_logout_request():
    response = build_logout_response(
        response_id="_r", issuer="https://intranet.corp.example/metadata",
        destination=ENDPOINTS.slo_url, in_response_to="_q", status=(SUCCESS,), now=NOW,
    )  # fmt: skip

    assert reason_of(by_post(response)) == Reason.NOT_LOGOUT_REQUEST


def test_by_soap_a_destination_may_be_left_out_and_may_not_be_wrong():
    """Bindings section 3.2 does not ask for one; there is no browser that could carry it on."""
    bind = BINDS["soap"]

    assert parsed(bind(logout_request(Destination=None))).is_signed
    wrong = bind(logout_request(Destination="https://other.example/slo"))
    assert reason_of(wrong) == Reason.DESTINATION_WRONG


@pytest.mark.parametrize(
    ("told", "asked", "is_meant"),
    [
        (EMAIL_FORMAT, EMAIL_FORMAT, True),
        (EMAIL_FORMAT, UNSPECIFIED_FORMAT, True),
        (EMAIL_FORMAT, "", True),
        (EMAIL_FORMAT, PERSISTENT_FORMAT, False),
    ],
)
def test_a_format_that_is_left_out_may_be_any(told, asked, is_meant):
    request = parsed(by_post(logout_request(name_format=asked)))

    assert request.means(ANN, told) is is_meant
    assert not request.means(ANN.upper(), told)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", Reason.XML_MALFORMED),
        (b"<x/>", Reason.SOAP_MALFORMED),
        (f'<S:Envelope xmlns:S="{ENVELOPE}"/>'.encode(), Reason.SOAP_MALFORMED),
        (f'<S:Envelope xmlns:S="{ENVELOPE}"><S:Body/></S:Envelope>'.encode(), Reason.SOAP_MALFORMED),
        (
            f'<S:Envelope xmlns:S="{ENVELOPE}"><S:Body><a/><b/></S:Body></S:Envelope>'.encode(),
            Reason.SOAP_MALFORMED,
        ),
        (
            f'<S:Envelope xmlns:S="{ENVELOPE}"><S:Header><h S:mustUnderstand="1"/></S:Header>'
            "<S:Body><a/></S:Body></S:Envelope>".encode(),
            Reason.SOAP_MALFORMED,
        ),
        (
            f'<!DOCTYPE x><S:Envelope xmlns:S="{ENVELOPE}"><S:Body><a/></S:Body></S:Envelope>'.encode(),
            Reason.XML_DOCTYPE,
        ),
    ],
)  # fmt: skip
def test_an_envelope_that_is_none_is_refused(content, reason):
    with pytest.raises(RequestRefused) as refused:
        read_envelope(content, MessageKind.REQUEST)
    assert refused.value.reason == reason


def test_a_header_that_need_not_be_understood_is_not_looked_at():
    content = (
        f'<S:Envelope xmlns:S="{ENVELOPE}"><S:Header><h/></S:Header><S:Body><a/></S:Body></S:Envelope>'
    ).encode()

    assert read_envelope(content, MessageKind.REQUEST).document == (
        f'<a xmlns:S="{ENVELOPE}"/>'.encode()
    )


# What XML can hold; a NameID is trimmed by whoever reads it.
TEXTS = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x2FFF, exclude_categories=("Cs", "Zs", "Cc")),
    min_size=1,
    max_size=40,
).filter(lambda text: text == text.strip())


@given(name=TEXTS, index=TEXTS, relay_state=st.one_of(st.just(""), TEXTS))
def test_whatever_a_name_or_a_state_holds_comes_back_as_it_was_sent(name, index, relay_state):
    delivery = Delivery(
        "_r", 0, "intranet", "Intranet", "", "", name, EMAIL_FORMAT, index, Channel.BROWSER,
        DeliveryState.WAITING, NOW,
    )  # fmt: skip
    request = build_logout_request(
        delivery, issuer="https://intranet.corp.example/metadata",
        destination=ENDPOINTS.slo_url, reason=LOGOUT_BY_USER, now=NOW,
    )  # fmt: skip
    url = to_redirect_url(ENDPOINTS.slo_url, "SAMLRequest", render(request), relay_state, KEY)
    document = sign_enveloped(request, KEY)
    messages = [
        read_redirect(url.partition("?")[2].encode(), KINDS),
        read_post({"SAMLRequest": to_form_value(document), "RelayState": relay_state}, KINDS),
    ]

    for message in messages:
        found = parsed(message)
        assert (found.name_id.value, found.session_indexes) == (name, (index,))
        assert found.relay_state == relay_state
    enveloped = parsed(read_envelope(to_envelope(document), MessageKind.REQUEST))
    assert (enveloped.name_id.value, enveloped.session_indexes) == (name, (index,))
    assert etree.tostring(etree.fromstring(document), method="c14n", exclusive=True) == (
        document.encode()
    )


@given(st.binary(max_size=300))
def test_bytes_that_are_no_envelope_are_refused_and_nothing_else(content):
    with pytest.raises(RequestRefused):
        read_envelope(content, MessageKind.REQUEST)


# Answers.


def a_response(**changes) -> Element:
    values = {
        "response_id": "_r", "issuer": "https://intranet.corp.example/metadata",
        "destination": ENDPOINTS.slo_url, "in_response_to": "_q", "status": (SUCCESS,), "now": NOW,
    }  # fmt: skip
    return build_logout_response(**(values | changes))


def response_parsed(message):
    return parse_logout_response(message, Registry(ALL), now=NOW, endpoints=ENDPOINTS)


def response_reason(message) -> str:
    with pytest.raises(RequestRefused) as refused:
        response_parsed(message)
    return refused.value.reason


@pytest.mark.parametrize("bind", [by_redirect, by_post])
def test_a_response_says_what_it_answers_and_how(bind):
    found = response_parsed(bind(a_response(), kind="SAMLResponse"))

    assert (found.in_response_to, found.is_success, found.is_signed) == ("_q", True, True)


def test_the_first_status_code_speaks_of_its_own_session():
    element = a_response(status=(SUCCESS, PARTIAL_LOGOUT))

    assert status_in(etree.fromstring(render(element))) == ("Success", "PartialLogout")
    assert response_parsed(by_post(element, kind="SAMLResponse")).is_success


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (by_post(a_response(), key=None, kind="SAMLResponse"), Reason.SIGNATURE_MISSING),
        (by_post(a_response(issuer="x"), kind="SAMLResponse"), Reason.ISSUER_UNKNOWN),
        (by_post(a_response(destination="https://x"), kind="SAMLResponse"), Reason.DESTINATION_WRONG),
        (by_post(a_response(destination=""), kind="SAMLResponse"), Reason.DESTINATION_WRONG),
        (
            by_post(a_response(now=NOW - timedelta(minutes=6)), kind="SAMLResponse"),
            Reason.REQUEST_TIME,
        ),
        (by_post(logout_request(), kind="SAMLResponse"), Reason.NOT_LOGOUT_RESPONSE),
    ],
)  # fmt: skip
def test_a_response_that_is_not_right_is_refused(message, reason):
    assert response_reason(message) == reason


def test_a_message_is_a_request_or_a_response_and_never_both():
    for read, given_ in (
        (read_redirect, b"SAMLRequest=AAAA&SAMLResponse=AAAA"),
        (read_post, {"SAMLRequest": "AAAA", "SAMLResponse": "AAAA"}),
    ):
        with pytest.raises(RequestRefused) as refused:
            read(given_, KINDS)
        assert refused.value.reason == Reason.MESSAGE_MISSING


# Metadata.


def slo(binding: str, location: str = "https://sp.example/slo", **more: str) -> str:
    extra = "".join(f' {name}="{value}"' for name, value in more.items())
    return f'<md:SingleLogoutService Binding="{binding}" Location="{location}"{extra}/>'


def test_the_metadata_says_where_logouts_go():
    found = parse(
        sp_metadata(
            slo(Binding.SOAP, "https://sp.example/soap")
            + slo(Binding.POST, ResponseLocation="https://sp.example/back")
            + slo(Binding.REDIRECT)
            + slo("urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact", "ftp://whatever")
        )
    )

    assert found.slo_endpoints == (
        SloEndpoint("https://sp.example/soap", Binding.SOAP),
        SloEndpoint("https://sp.example/slo", Binding.POST, "https://sp.example/back"),
        SloEndpoint("https://sp.example/slo", Binding.REDIRECT),
    )
    assert found.front_slo().binding == Binding.REDIRECT
    assert found.front_slo(Binding.POST).binding == Binding.POST
    assert found.front_slo(Binding.SOAP).binding == Binding.REDIRECT
    assert parse(sp_metadata()).front_slo() is None


def test_an_address_for_logouts_that_is_none_is_a_fault():
    document = sp_metadata(
        slo(Binding.POST, "javascript:alert(1)") + slo(Binding.SOAP, ResponseLocation="ftp://x")
    )

    assert faults_of(document) == [
        "sp.xml: SingleLogoutService[0].Location: must be an http or https URL, not 'javascript:alert(1)'",
        "sp.xml: SingleLogoutService[1].ResponseLocation: must be an http or https URL, not 'ftp://x'",
    ]  # fmt: skip


def test_applications_of_others_say_where_they_sign_out():
    """As mod_auth_mellon's own program writes it."""
    document = sp_metadata(slo(Binding.REDIRECT, "https://mellon.test/mellon/logout"))

    found = parse_service_provider(document.encode(), "sp.xml")

    assert found.front_slo().url == "https://mellon.test/mellon/logout"


@pytest.mark.real
def test_a_query_of_ours_is_verified_by_openssl(tmp_path):
    """Bindings section 3.4.4.1: over the fields as they stand in the URL."""
    url = to_redirect_url("https://sp/slo", "SAMLResponse", "<x/>", "a b&c", load_key("idp"))
    covered, _, signature = url.partition("?")[2].partition("&Signature=")
    (tmp_path / "octets").write_text(covered)
    (tmp_path / "signature").write_bytes(b64decode(unquote(signature)))
    certificate = ["openssl", "x509", "-in", KEYS / "idp_key.pem", "-pubkey", "-noout"]
    (tmp_path / "key").write_bytes(
        subprocess.run(certificate, capture_output=True, check=True).stdout
    )

    command = ["openssl", "dgst", "-sha256", "-verify", "key", "-signature", "signature", "octets"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert [pair.partition("=")[0] for pair in covered.split("&")] == [
        "SAMLResponse", "RelayState", "SigAlg",
    ]  # fmt: skip
    assert done.stdout == "Verified OK\n"
