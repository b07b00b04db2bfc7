"""What a whole logout sends is valid by the schemas of OASIS, and verified by programs of others."""

from __future__ import annotations

import subprocess
from base64 import b64decode
from urllib.parse import unquote, urlsplit

import pytest
from lxml import etree

from tests.idp.bench import KEYS
from tests.idp.every_message import PROTOCOL_SCHEMA
from tests.idp.logout_bench import (
    LogoutBench,
    by_post,
    by_soap,
    logout_request,
    make_logout_bench,
    request_in,
)
from tests.idp.test_schema import schema


@pytest.fixture
def person(engine, clock) -> LogoutBench:
    return make_logout_bench(engine, clock).sign_in("intranet", "payroll", "mail", "wiki")


def logout_messages(person: LogoutBench) -> dict[str, etree._Element]:
    """Return every kind of message that single logout sends, by each way that it goes."""
    index = person.participants()["payroll"].session_index
    asked = by_post(logout_request("payroll", session_index=index))
    logout_id, by_redirect_ = person.take(asked)
    (_, enveloped) = person.bench.servers.sent[0]
    page = person.answer(by_redirect_)
    assert not page.is_complete
    partial = person.step(logout_id, insists=True)
    another = person.another_browser().sign_in("payroll")
    by_form = another.sign_out()
    other_index = person.another_browser().sign_in("intranet").participants()
    request = logout_request(session_index=other_index["intranet"].session_index, name_id="bob")
    refused = person.flow.take_soap(by_soap(request), "")
    return {
        "request by redirect": request_in(by_redirect_),
        "request by post": request_in(by_form),
        "request by SOAP": etree.fromstring(enveloped).find("{*}Body/*"),
        "response by post, partial": request_in(partial),
        "response by SOAP, refused": etree.fromstring(refused).find("{*}Body/*"),
    }


def test_every_message_of_a_logout_is_valid(person):
    messages = logout_messages(person)

    for name, message in messages.items():
        alone = etree.fromstring(etree.tostring(message))
        assert schema(PROTOCOL_SCHEMA).validate(alone), name


@pytest.mark.real
def test_every_message_of_a_logout_is_verified_by_xmlsec1(person, tmp_path):
    """As a program of its own, which knows nothing of us but the key."""
    signed = {
        name: message
        for name, message in logout_messages(person).items()
        if message.find("{*}Signature") is not None
    }
    assert len(signed) == 4

    for name, message in signed.items():
        file = tmp_path / "message.xml"
        file.write_bytes(etree.tostring(message))
        kind = f"urn:oasis:names:tc:SAML:2.0:protocol:{etree.QName(message).localname}"
        done = subprocess.run(
            ["xmlsec1", "--verify", "--pubkey-cert-pem", KEYS / "idp_key.pem", "--id-attr:ID", kind, file],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (name, done.stderr)


@pytest.mark.real
def test_a_query_of_ours_is_verified_by_openssl(person, tmp_path):
    """Bindings section 3.4.4.1: over the fields as they stand in the URL."""
    query = urlsplit(person.sign_out().url).query
    covered, _, signature = query.partition("&Signature=")
    assert [pair.partition("=")[0] for pair in covered.split("&")] == ["SAMLRequest", "SigAlg"]
    (tmp_path / "octets").write_text(covered)
    (tmp_path / "signature").write_bytes(b64decode(unquote(signature)))
    certificate = ["openssl", "x509", "-in", KEYS / "idp_key.pem", "-pubkey", "-noout"]
    key = subprocess.run(certificate, capture_output=True, check=True).stdout
    (tmp_path / "key").write_bytes(key)

    command = ["openssl", "dgst", "-sha256", "-verify", "key", "-signature", "signature", "octets"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.stdout == "Verified OK\n"
