"""What we send is valid by the schemas of OASIS (Debian: opensaml-schemas, xmltooling-schemas)."""

from __future__ import annotations

import subprocess
from base64 import b64decode
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from lxml import etree

from connector.idp.message.metadata import build_metadata
from connector.idp.message.sp_metadata import SpDescription, build_sp_metadata
from connector.idp.message.upstream_request import Question, build_errand
from connector.idp.names import Binding
from connector.idp.upstream.identity_provider import IdentityProvider
from tests.idp.bench import (
    ENDPOINTS,
    KEYS,
    NOW,
    SignOnBench,
    authn_request,
    load_key,
    redirected,
    response_of,
)
from tests.idp.logout_bench import (
    LogoutBench,
    by_post,
    by_soap,
    logout_request,
    make_logout_bench,
    request_in,
)
from tests.idp.upstream_bench import ACS_URL, OURS, an_upstream, make_upstream_bench

FOLDERS = [Path("/usr/share/xml/opensaml"), Path("/usr/share/xml/xmltooling")]


class _Folders(etree.Resolver):
    """Find the schemas that schemas name by URL, by their file name."""

    def resolve(self, url, public_id, context):
        for folder in FOLDERS:
            path = folder / url.rpartition("/")[2]
            if path.is_file():
                return self.resolve_filename(str(path), context)
        return None


@pytest.fixture(scope="module")
def schema():
    missing = [str(folder) for folder in FOLDERS if not folder.is_dir()]
    assert not missing, f"install opensaml-schemas and xmltooling-schemas: no {missing}"

    def load(name: str) -> etree.XMLSchema:
        parser = etree.XMLParser(load_dtd=False, no_network=True)
        parser.resolvers.add(_Folders())
        return etree.XMLSchema(etree.parse(str(FOLDERS[0] / name), parser))

    return load


def test_a_response_is_valid(schema, bench: SignOnBench):
    view = bench.sign_in("ann.lind@corp.example", "Right-1")

    schema("saml-schema-protocol-2.0.xsd").assertValid(response_of(view))


def test_an_error_response_is_valid(schema, bench: SignOnBench):
    transaction, browser = bench.arrive(redirected(authn_request(IsPassive="true")))

    view = bench.flow.next_step(transaction, browser, None)

    schema("saml-schema-protocol-2.0.xsd").assertValid(response_of(view))


def test_a_response_that_nobody_asked_for_is_valid(schema, bench: SignOnBench):
    transaction = bench.flow.begin_at_portal("intranet", "")
    browser = bench.flow.bind_browser(transaction, None)
    bench.type_email(transaction, browser, "ann.lind@corp.example")

    view = bench.type_password(transaction, browser, "Right-1")

    schema("saml-schema-protocol-2.0.xsd").assertValid(response_of(view))


def test_a_response_about_somebody_whom_an_upstream_vouched_for_is_valid(schema, engine, clock):
    bench = make_upstream_bench(engine, clock)

    view = bench.answer(bench.ask())

    schema("saml-schema-protocol-2.0.xsd").assertValid(response_of(view))


@pytest.mark.parametrize("key", [None, load_key("idp")])
@pytest.mark.parametrize("flags", [(False, False), (True, False), (False, True)])
def test_what_we_ask_an_upstream_is_valid(schema, key, flags):
    provider = IdentityProvider("urn:idp", {Binding.POST: "https://idp.example/sso"}, ())
    upstream = an_upstream(
        provider=provider, authn_context=("urn:mfa",), signs_requests=key is not None
    )
    question = Question("_q", "state", *flags)

    errand = build_errand(question, upstream, load_key("idp"), acs_url=ACS_URL, now=NOW)

    document = b64decode(dict(errand.fields)["SAMLRequest"])
    schema("saml-schema-protocol-2.0.xsd").assertValid(etree.fromstring(document))


@pytest.mark.parametrize("certificate", ["", load_key("stranger").certificate])
def test_our_metadata_as_a_service_provider_is_valid(schema, certificate):
    ours = SpDescription(OURS, ACS_URL, certificate)
    document = build_sp_metadata(ours, [load_key("idp")], valid_until=NOW, document_id="_m")

    schema("saml-schema-metadata-2.0.xsd").assertValid(etree.fromstring(document))


def test_our_metadata_is_valid(schema):
    document = build_metadata(ENDPOINTS, [load_key("idp")], valid_until=NOW, document_id="_m")

    schema("saml-schema-metadata-2.0.xsd").assertValid(etree.fromstring(document))


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


def test_every_message_of_a_logout_is_valid(schema, person):
    messages = logout_messages(person)

    for name, message in messages.items():
        alone = etree.fromstring(etree.tostring(message))
        assert schema("saml-schema-protocol-2.0.xsd").validate(alone), name


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
