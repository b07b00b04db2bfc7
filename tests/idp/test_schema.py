"""What we send is valid by the schemas of OASIS (Debian: opensaml-schemas, xmltooling-schemas)."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path

import pytest
from lxml import etree

from connector.idp.message.metadata import build_metadata
from connector.idp.message.sp_metadata import SpDescription, build_sp_metadata
from connector.idp.message.upstream_request import Question, build_errand
from connector.idp.names import Binding
from connector.idp.upstream.identity_provider import IdentityProvider
from tests.idp.bench import (
    ENDPOINTS,
    NOW,
    SignOnBench,
    authn_request,
    load_key,
    redirected,
    response_of,
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
    key = load_key("idp")
    document = build_sp_metadata(ours, key, [key.certificate], valid_until=NOW, document_id="_m")

    schema("saml-schema-metadata-2.0.xsd").assertValid(etree.fromstring(document))


def test_our_metadata_is_valid(schema):
    key, following = load_key("idp"), load_key("ecdsa_p384")
    certificates = [key.certificate, following.certificate]
    document = build_metadata(ENDPOINTS, key, certificates, valid_until=NOW, document_id="_m")

    schema("saml-schema-metadata-2.0.xsd").assertValid(etree.fromstring(document))
