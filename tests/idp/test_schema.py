"""What we send is valid by the schemas of OASIS, and verified by xmlsec1, whatever the values.

Debian packages: opensaml-schemas, xmltooling-schemas, xmlsec1.
"""

from __future__ import annotations

import subprocess
import unicodedata
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from connector.idp.xmldsig.canonical import NAMESPACES
from tests.idp.bench import (
    SignOnBench,
    authn_request,
    certificate_of,
    redirected,
    response_of,
)
from tests.idp.every_message import (
    EVERY_KIND,
    PROTOCOL_SCHEMA,
    RECIPIENT_KEY,
    Kind,
    Odd,
    on_the_wire,
)
from tests.idp.test_flow import ANN

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDERS = [Path("/usr/share/xml/opensaml"), Path("/usr/share/xml/xmltooling")]
KINDS = pytest.mark.parametrize("kind", EVERY_KIND, ids=lambda kind: kind.name)


class _Folders(etree.Resolver):
    """Find the schemas that schemas name by URL, by their file name."""

    def resolve(self, url, public_id, context):
        for folder in FOLDERS:
            path = folder / url.rpartition("/")[2]
            if path.is_file():
                return self.resolve_filename(str(path), context)
        return None


@cache
def schema(name: str) -> etree.XMLSchema:
    missing = [str(folder) for folder in FOLDERS if not folder.is_dir()]
    assert not missing, f"install opensaml-schemas and xmltooling-schemas: no {missing}"
    parser = etree.XMLParser(load_dtd=False, no_network=True)
    parser.resolvers.add(_Folders())
    return etree.XMLSchema(etree.parse(str(FOLDERS[0] / name), parser))


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    """A folder with the keys that xmlsec1 needs."""
    folder = tmp_path_factory.mktemp("xmlsec1")
    pem = RECIPIENT_KEY.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "reader.pem").write_bytes(pem)
    return folder


ODD = st.builds(
    Odd,
    text=st.text(max_size=60)
    | st.sampled_from(["", "\x00\x1b", "a\r\nb\tc", "]]>&<'\"", "\ufffe"]),
    name=st.text(max_size=60).filter(str.isprintable)
    | st.sampled_from(["ä@ö.example", "\U0001f600"]),
    number=st.integers(0, 3),
)


@KINDS
@given(odd=ODD)
@settings(max_examples=25, deadline=None)
def test_every_message_is_valid_whatever_the_values(kind: Kind, odd: Odd):
    schema(kind.schema).assertValid(etree.fromstring(on_the_wire(kind, kind.make(odd))))


@KINDS
@given(odd=ODD)
@settings(max_examples=25, deadline=None)
def test_every_message_is_its_own_canonical_form(kind: Kind, odd: Odd):
    """What is signed is what is sent, so no reader can make anything else of it."""
    document = on_the_wire(kind, kind.make(odd))

    root = etree.fromstring(document)
    assert etree.tostring(root, method="c14n", exclusive=True) == document


ODDEST = Odd("\x01]]>&<>\"'\r\n\t\U0001f600 " + unicodedata.normalize("NFD", "ä"), "ä <&> '\"", 3)


@KINDS
@pytest.mark.parametrize("odd", [Odd(), ODDEST, Odd("", "", 0)], ids=["plain", "odd", "empty"])
def test_xmlsec1_verifies_every_signature(files: Path, kind: Kind, odd: Odd):
    document = on_the_wire(kind, kind.make(odd))

    assert verified(files, document, kind) == sorted(kind.signed)


@KINDS
def test_xmlsec1_refuses_every_message_that_was_changed(files: Path, kind: Kind):
    document = on_the_wire(kind, kind.make(Odd(text="some text")))

    for place in kind.signed:
        root = etree.fromstring(document)
        (signed,) = root.xpath(place, namespaces=dict(NAMESPACES))
        signed.set("IssueInstant" if signed.get("IssueInstant") else "cacheDuration", "P2D")
        assert place not in verified(files, etree.tostring(root), kind)


@pytest.mark.parametrize(
    "kind", [kind for kind in EVERY_KIND if kind.is_encrypted], ids=lambda kind: kind.name
)
@pytest.mark.parametrize("odd", [Odd(), ODDEST], ids=["plain", "odd"])
def test_what_was_encrypted_is_valid_and_verified_after_decryption(files: Path, kind, odd):
    """xmlsec1 replaces the EncryptedData by the assertion, which then stands alone."""
    path = files / "encrypted.xml"
    path.write_bytes(on_the_wire(kind, kind.make(odd)))

    assert run(
        "--decrypt", "--privkey-pem", files / "reader.pem", "--output", files / "plain.xml", path
    )

    root = etree.parse(files / "plain.xml").getroot()
    (assertion,) = root.xpath("saml:EncryptedAssertion/saml:Assertion", namespaces=dict(NAMESPACES))
    document = etree.tostring(assertion, method="c14n", exclusive=True)
    schema(PROTOCOL_SCHEMA).assertValid(etree.fromstring(document))
    assert verified(files, document, kind) == ["/saml:Assertion"]


def verified(files: Path, document: bytes, kind: Kind) -> list[str]:
    """Return the places in a document whose signatures xmlsec1 verifies."""
    certificate = certificate_of(kind.signer).public_bytes(Encoding.PEM)
    (files / "signer.pem").write_bytes(certificate)
    path = files / "message.xml"
    path.write_bytes(document)
    root = etree.fromstring(document)
    kinds = {(etree.QName(each).namespace, etree.QName(each).localname) for each in root.iter()}
    ids = [f"--id-attr:ID={namespace}:{name}" for namespace, name in kinds]
    ids = [part for each in ids for part in each.split("=")]
    return sorted(
        place
        for place, node in _signed_places(root)
        if run("--verify", "--pubkey-cert-pem", files / "signer.pem", *ids, *node, path)
    )


def _signed_places(root: etree._Element) -> Iterator[tuple[str, list[str]]]:
    """Yield the path of each element that is signed, and what leads xmlsec1 to its signature."""
    prefixes = {uri: prefix for prefix, uri in NAMESPACES.items()}
    for signature in root.iter(f"{{{NAMESPACES['ds']}}}Signature"):
        steps = [etree.QName(each) for each in (*signature.iterancestors(),)][::-1]
        place = "".join(f"/{prefixes[step.namespace]}:{step.localname}" for step in steps)
        path = "".join(f"/*[local-name()='{step.localname}']" for step in steps)
        yield place, ["--node-xpath", f"{path}/*[local-name()='Signature']"]


def run(*arguments: object) -> bool:
    """Run xmlsec1; return whether it succeeded."""
    done = subprocess.run(["xmlsec1", *map(str, arguments)], capture_output=True, check=False)
    return done.returncode == 0


def test_a_login_sends_what_is_checked_here(bench: SignOnBench):
    """The messages above are made by hand; this one comes out of a whole login."""
    view = bench.sign_in(*ANN)

    schema(PROTOCOL_SCHEMA).assertValid(response_of(view))


def test_the_answer_to_a_passive_request_is_valid(bench: SignOnBench):
    transaction, browser = bench.arrive(redirected(authn_request(IsPassive="true")))

    view = bench.flow.next_step(transaction, browser, None)

    schema(PROTOCOL_SCHEMA).assertValid(response_of(view))
