"""Each application has a metadata URL of its own, so that we know what it has seen."""

from __future__ import annotations

import os
from base64 import b64decode
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from lxml import etree
from sqlalchemy import event

from connector.idp.binding import read_redirect
from connector.idp.keys.algorithm import KeyAlgorithm
from connector.idp.keys.certificate import make_pair, to_one_line
from connector.idp.keys.inventory import KeyState
from connector.idp.keys.rollover import activate, activate_for, stage
from connector.idp.keys.seen import QUIET_SECONDS, FetchNotes
from connector.idp.keys.start import KeyFolder, begin, to_record
from connector.idp.message.authn_request import AuthnRequest
from connector.idp.store.sign_ons import SignOnStore
from connector.idp.store.signing_keys import SigningKeyStore
from connector.idp.transaction import LoginTransaction
from connector.idp.xmldsig import parse_xml, verify_enveloped, verify_octets
from state.errors import StateError
from tests.idp.keyring import Stopwatch
from tests.parts.visitor import visit

if TYPE_CHECKING:
    from connector.idp.keys.inventory import KeyRecord

ROLE = "{urn:oasis:names:tc:SAML:2.0:metadata}IDPSSODescriptor"
CERTIFICATE = ".//{http://www.w3.org/2000/09/xmldsig#}X509Certificate"


@pytest.fixture
def store(engine) -> SigningKeyStore:
    return SigningKeyStore(engine)


@pytest.fixture
def staged(idp, store) -> KeyRecord:
    """A second key, staged before the application starts."""
    now = idp.clock.now()
    seal = begin(store, KeyFolder(idp.folder), now, os.urandom).seal
    pair = make_pair(KeyAlgorithm.ECDSA_P256, now)
    key = to_record(pair, seal, now, os.urandom, KeyState.STAGED)
    store.change(lambda found: stage(found, key))
    return key


def shown(document: bytes) -> list[str]:
    """Return the certificates of the role, in order."""
    role = etree.fromstring(document).find(ROLE)
    return [each.text for each in role.iterfind(CERTIFICATE)]


def text_of(key: KeyRecord) -> str:
    return to_one_line(key.certificate)


def test_every_metadata_url_says_the_same_of_us(staged, visitor, idp):
    documents = [
        visitor.client.get(f"/saml/metadata{path}") for path in ("", "/intranet", "/payroll")
    ]

    assert {one.status_code for one in documents} == {200}
    assert {one.headers["content-type"] for one in documents} == {"application/samlmetadata+xml"}
    roots = [etree.fromstring(one.content) for one in documents]
    assert {root.get("entityID") for root in roots} == {idp.endpoints.entity_id}
    assert {tuple(shown(one.content)) for one in documents} == {
        (text_of(idp_key(idp)), text_of(staged))
    }


def idp_key(idp) -> KeyRecord:
    return SigningKeyStore(idp.engine).load().active


@pytest.mark.parametrize("path", ["/nope", "/intranet/", "/intranet/x", "/Intranet", "/%00"])
def test_there_is_none_for_an_application_that_is_not_there(staged, visitor, store, path: str):
    assert visitor.client.get(f"/saml/metadata{path}").status_code == 404
    assert store.fetches() == ()


def test_the_key_that_signs_for_an_application_comes_first_there_and_signs_it(idp, staged, store):
    store.change(lambda found: activate_for(found, staged, ["payroll"], idp.clock.now()))
    visitor = visit(idp.app(), idp.site.base_url)

    payroll = visitor.client.get("/saml/metadata/payroll").content
    intranet = visitor.client.get("/saml/metadata/intranet").content

    former = store.load().active
    assert shown(payroll) == [text_of(staged), text_of(former)]
    assert shown(intranet) == [text_of(former), text_of(staged)]
    verify_enveloped(parse_xml(payroll), [staged.x509_certificate()])
    verify_enveloped(parse_xml(intranet), [former.x509_certificate()])


def test_a_login_is_signed_with_the_key_of_its_application(idp, staged, store, ask):
    store.change(lambda found: activate_for(found, staged, ["intranet"], idp.clock.now()))
    visitor = visit(idp.app(), idp.site.base_url)

    page = visitor.sign_in(ask(), "alice@corp.test", "Passw0rd!")

    value = dict(page.form().fields)["SAMLResponse"]
    root = etree.fromstring(b64decode(value))
    assert {each.text for each in root.iterfind(CERTIFICATE)} == {text_of(staged)}


def test_what_an_application_was_shown_is_kept_with_time_and_address(staged, visitor, store, idp):
    visitor.client.get("/saml/metadata/intranet")

    found = store.fetches()
    assert {one.application for one in found} == {"intranet"}
    assert {one.fingerprint for one in found} == {idp_key(idp).fingerprint, staged.fingerprint}
    assert {one.address for one in found} == {"192.0.2.7"}
    assert {one.last_at for one in found} == {idp.clock.now()}


def test_the_url_without_a_name_is_nobodys_in_particular(staged, visitor, store):
    visitor.client.get("/saml/metadata")

    assert {one.application for one in store.fetches()} == {""}


def test_who_asks_for_the_headers_only_has_seen_nothing(staged, visitor, store):
    assert visitor.client.head("/saml/metadata/intranet").status_code == 200
    assert store.fetches() == ()


def test_who_fetches_without_end_makes_us_write_once(staged, visitor, engine):
    writes = []
    event.listen(
        engine,
        "before_cursor_execute",
        lambda *arguments: writes.append(arguments[2]) if "metadata_fetch" in arguments[2] else 0,
    )

    for _ in range(20):
        visitor.client.get("/saml/metadata/intranet")

    assert len([text for text in writes if text.startswith("INSERT")]) == 2


def test_notes_are_written_for_news_and_after_some_minutes(store, clock):
    stopwatch, kept = Stopwatch(), KeepsCount()
    notes = FetchNotes(kept, clock, stopwatch)

    notes.note("wiki", ["a"], "192.0.2.1")
    notes.note("wiki", ["a"], "192.0.2.2")
    assert kept.calls == [("wiki", ["a"], "192.0.2.1")]
    notes.note("wiki", ["a", "b"], "192.0.2.3")
    notes.note("intranet", ["a"], "192.0.2.4")
    assert len(kept.calls) == 3
    stopwatch.seconds += QUIET_SECONDS + 1
    notes.note("wiki", ["a", "b"], "192.0.2.5")
    assert kept.calls[3:] == [("wiki", ["a", "b"], "192.0.2.5")]


def test_a_note_that_could_not_be_written_is_written_the_next_time(clock):
    kept = KeepsCount(fails=1)
    notes = FetchNotes(kept, clock, Stopwatch())

    with pytest.raises(StateError):
        notes.note("wiki", ["a"], "192.0.2.1")
    notes.note("wiki", ["a"], "192.0.2.1")

    assert len(kept.calls) == 1


class KeepsCount:
    """Where notes are kept; fails at first so often."""

    def __init__(self, fails: int = 0) -> None:
        self.calls, self.fails = [], fails

    def record_fetch(self, application, fingerprints, address, at) -> None:
        if self.fails:
            self.fails -= 1
            raise StateError("the state database cannot be used: locked")
        self.calls.append((application, list(fingerprints), address))


def test_a_running_process_follows_within_seconds(idp, staged, store, ask):
    """By the clock of the process, which the test moves."""
    stopwatch = Stopwatch()
    idp.stopwatch = stopwatch
    app = idp.app()
    first = visit(app, idp.site.base_url).client.get("/saml/metadata/intranet").content
    store.change(lambda found: activate(found, staged, idp.clock.now() + timedelta(seconds=1)))

    stopwatch.seconds += 3
    later = visit(app, idp.site.base_url).client.get("/saml/metadata/intranet").content

    assert shown(first) == list(reversed(shown(later)))


@pytest.fixture
def believing(idp):
    """The identity provider believes another one, and asks it by signed requests."""
    other = "https://partner.test/saml/metadata"
    document = idp.metadata().replace(idp.endpoints.entity_id.encode(), other.encode())
    idp.believe("Partner", document, "partner.test")
    return idp


def test_upstreams_are_told_of_the_next_key_as_applications_are(staged, believing, store):
    visitor = visit(believing.app(), believing.site.base_url)

    document = visitor.client.get("/saml/upstream/metadata/partner").content
    assert visitor.client.get("/saml/upstream/metadata").status_code == 200
    assert visitor.client.get("/saml/upstream/metadata/nope").status_code == 404

    role = etree.fromstring(document).find(ROLE.replace("IDPSSO", "SPSSO"))
    shown_to_it = [each.text for each in role.iterfind(CERTIFICATE)]
    assert shown_to_it == [text_of(idp_key(believing)), text_of(staged)]
    assert {one.application for one in store.fetches()} == {"upstream/partner"}


def test_an_upstream_is_asked_by_the_key_that_signs_for_it(staged, believing, store):
    now = believing.clock.now()
    store.change(lambda found: activate_for(found, staged, ["upstream/partner"], now))
    visitor = visit(believing.app(), believing.site.base_url)

    document = visitor.client.get("/saml/upstream/metadata/partner").content

    verify_enveloped(parse_xml(document), [staged.x509_certificate()])
    upstream = believing.flow().parts.upstream
    transaction = LoginTransaction("t", now, now + timedelta(minutes=5), "intranet", b"{}")
    SignOnStore(believing.engine).add_transaction(transaction, issuer="x", request_id="_r")
    wanted = AuthnRequest("_r", "x", "intranet", "https://intranet.corp.test/saml/acs")
    errand = upstream.ask(believing.upstreams[0], transaction, wanted, now, is_forced=False)
    asked = read_redirect(errand.url.partition("?")[2].encode())
    signature = asked.signature
    verify_octets(
        signature.octets, signature.value, signature.algorithm, [staged.x509_certificate()]
    )
    assert signature.algorithm.endswith("#ecdsa-sha256")
