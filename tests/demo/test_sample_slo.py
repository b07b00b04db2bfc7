"""The sample application is signed out by whom it believes, and by nobody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connector.demo.sample_saml import IdentityProvider, ResponseRefused
from connector.demo.sample_slo import read_logout
from connector.idp.application.service_provider import Registry
from connector.idp.binding import read_redirect, to_redirect_url
from connector.idp.message.logout_response import parse_logout_response
from connector.idp.names import MessageKind
from connector.idp.xmldsig import render
from tests.idp.bench import ENDPOINTS, NOW, load_key
from tests.idp.logout_bench import KEYLESS, logout_request

BASE_URL = "https://keyless.corp.example"
KEY = load_key("idp")
PEM = f"-----BEGIN CERTIFICATE-----\n{KEY.certificate}\n-----END CERTIFICATE-----\n"
PROVIDER = IdentityProvider(
    "https://idp.example", "https://idp.example/sso", (PEM,), ENDPOINTS.slo_url
)

# As the identity provider knows it: by the entity ID that the sample application gives itself.
SAMPLE = replace(
    KEYLESS, service_provider=replace(KEYLESS.service_provider, entity_id=f"{BASE_URL}/saml/metadata")
)  # fmt: skip


def query(key=KEY, **changes: str) -> bytes:
    values = {
        "issuer": "https://idp.example", "Destination": f"{BASE_URL}/saml/slo",
        "session_index": "_1", "NotOnOrAfter": (NOW + timedelta(minutes=5)).isoformat(),
    }  # fmt: skip
    request = render(logout_request(**(values | changes)))
    return to_redirect_url("", "SAMLRequest", request, "", key).partition("?")[2].encode()


def test_whoever_is_named_is_signed_out_and_the_answer_is_taken():
    farewell = read_logout(query(ID="_asked"), PROVIDER, BASE_URL, NOW)

    assert farewell.session_indexes == {"_1"}
    answer = read_redirect(farewell.answer_url.partition("?")[2].encode(), (MessageKind.RESPONSE,))
    said = parse_logout_response(answer, Registry((SAMPLE,)), now=NOW, endpoints=ENDPOINTS)
    assert (said.in_response_to, said.is_success) == ("_asked", True)


@pytest.mark.parametrize(
    "asked",
    [
        query(key=None),
        query(key=load_key("stranger")),
        query(issuer="https://other.example"),
        query(Destination="https://other.example/saml/slo"),
        query(NotOnOrAfter=NOW.isoformat()),
        b"SAMLRequest=x",
        b"",
    ],
)
def test_nobody_else_signs_anybody_out(asked):
    with pytest.raises(ResponseRefused):
        read_logout(asked, PROVIDER, BASE_URL, NOW)
