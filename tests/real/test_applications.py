"""Applications that others wrote take what we send: by both bindings, from our portal, encrypted.

Everything is real: Samba as the directory, the daemon as an operator starts it, Apache with
mod_auth_mellon, python3-saml and pysaml2 as the applications, Chromium as the browser. mellon runs
twice: the second one knows only the POST binding of ours, so that it uses it.
"""

from __future__ import annotations

import base64
import copy
import os
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from lxml import etree
from onelogin.saml2.authn_request import OneLogin_Saml2_Authn_Request
from onelogin.saml2.settings import OneLogin_Saml2_Settings
from onelogin.saml2.utils import OneLogin_Saml2_Utils
from playwright.sync_api import expect

from connector.idp.application.metadata import parse_service_provider
from connector.idp.xmlenc.encrypt import encrypt_element
from tests.parts.browser import LOOKS, accessibility_faults, open_context
from tests.parts.identity_provider import free_port
from tests.parts.mellon import mellon_folder, running_mellon
from tests.parts.samba_fixtures import samba  # noqa: F401 - a fixture
from tests.parts.sign_on import (
    Applications,
    hold_the_answer,
    listen_of,
    prepared_applications,
    read_answer,
    running_applications,
    send_answer,
    sign_in,
)
from tests.parts.tampering import TAMPERINGS, tampered
from tests.real.test_login import CONFIGURATION, PASSWORD, fetch, fill_directory, running_daemon

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

pytestmark = pytest.mark.real

EMAIL = "bjensen@corp.test"
APPLICATION = """
[[application]]
name = "{name}"
metadata = "{file}"
groups = ["{group}"]
encrypt = "{encrypt}"
relay_state = "{relay_state}"
"""
NAMES = {
    "saml": "urn:oasis:names:tc:SAML:2.0:assertion",
    "md": "urn:oasis:names:tc:SAML:2.0:metadata",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
}
SIGNATURE, ASSERTION = f"{{{NAMES['ds']}}}Signature", f"{{{NAMES['saml']}}}Assertion"


@dataclass
class World:
    """The daemon and the applications, running.

    Attributes:
        applications: Where they are.
        posting_url: Of the mellon that asks by POST.
        metadata: Of each application, by its slug.
        is_encrypted: Whether assertions are.

    """

    applications: Applications
    posting_url: str
    metadata: dict[str, bytes]
    is_encrypted: bool

    def ask(self, page: Page, inside: str, binding: str) -> None:
        """Have an application send the browser to us."""
        pages = self.applications
        match inside, binding:
            case "mellon", "redirect":
                page.goto(f"{pages.mellon_url}/private/")
            case "mellon", "post":
                page.goto(f"{self.posting_url}/private/")
            case "pysaml2", _:
                page.goto(f"{pages.pysaml2.base_url}/?binding={binding}")
            case "python3-saml", "redirect":
                page.goto(pages.saml.base_url)
            case _:
                ask_by_post(page, pages)


def ask_by_post(page: Page, applications: Applications) -> None:
    """Post a signed AuthnRequest of python3-saml, which itself only knows how to redirect."""
    saml = applications.saml
    settings = OneLogin_Saml2_Settings(saml._all_settings())
    request = OneLogin_Saml2_Authn_Request(settings)
    signed = OneLogin_Saml2_Utils.add_sign(request.get_xml(), saml.key, saml.certificate)
    saml.request_id = request.get_id()
    fields = {"SAMLRequest": base64.b64encode(signed).decode(), "RelayState": "/deep/link"}
    inputs = "".join(f'<input name="{name}" value="{value}">' for name, value in fields.items())
    page.goto(f"{saml.base_url}/acs")
    page.set_content(
        f'<form method=post action="{applications.login_url}/saml/sso">{inputs}</form>'
    )
    page.locator("form").evaluate("form => form.submit()")


@pytest.fixture(scope="module", params=["never", "always"], ids=["plain", "encrypted"])
def world(request, samba, tmp_path_factory):
    samba.reset()
    folder = tmp_path_factory.mktemp("daemon")
    group = fill_directory(samba)
    posting = f"https://posting.test:{free_port()}"
    with prepared_applications(folder) as applications, mellon_folder(posting) as files:
        applications.pysaml2.is_encrypted = True
        metadata = {
            "mellon": applications.metadata["Mellon"],
            "python3-saml": with_encryption_key(applications.metadata["Python SAML"]),
            "pysaml2": applications.metadata["PySAML2"],
            "posting": (files / "sp.xml").read_bytes(),
        }
        relay_states = {
            "mellon": f"{applications.mellon_url}/private/",
            "posting": f"{posting}/private/",
        }
        text = configuration(folder, samba, applications)
        for name, document in metadata.items():
            file = folder / f"{name}.xml"
            file.write_bytes(document)
            text += APPLICATION.format(
                name=name,
                file=file,
                group=group,
                encrypt=request.param,
                relay_state=relay_states.get(name, "/from/portal"),
            )
        (folder / "connector.toml").write_text(text)
        with running(folder, applications, files, posting):
            yield World(applications, posting, metadata, request.param == "always")


def configuration(folder: Path, domain, applications: Applications) -> str:
    bind_dn, password = domain.administrator
    (folder / "ad-password").write_text(password)
    return CONFIGURATION.format(
        folder=folder, domain=domain, bind_dn=bind_dn, operations_port=free_port(),
        applications=applications, listen=listen_of(applications.login_url),
    )  # fmt: skip


@contextmanager
def running(folder: Path, applications: Applications, files: Path, posting: str):
    metadata_url = f"{applications.login_url}/saml/metadata"
    tls = applications.tls
    with running_daemon(folder), running_applications(applications, lambda: fetch(metadata_url)):
        ours = without_redirect(fetch(metadata_url))
        with running_mellon(files, posting, tls=tls, idp_metadata=ours):
            yield


def with_encryption_key(metadata: bytes) -> bytes:
    """Return metadata whose key for signing is one for encryption, too."""
    root = etree.fromstring(metadata)
    signing = root.find(".//md:KeyDescriptor[@use='signing']", NAMES)
    key = copy.deepcopy(signing)
    key.set("use", "encryption")
    signing.addnext(key)
    return etree.tostring(root)


def without_redirect(metadata: bytes) -> bytes:
    """Return our metadata as if we took requests by POST only."""
    root = etree.fromstring(metadata)
    for service in root.iterfind(".//md:SingleSignOnService", NAMES):
        if service.get("Binding").endswith("HTTP-Redirect"):
            service.getparent().remove(service)
    root.remove(root.find("ds:Signature", NAMES))
    return etree.tostring(root)


INSIDE = pytest.mark.parametrize("inside", ["mellon", "python3-saml", "pysaml2"])


@INSIDE
@pytest.mark.parametrize("binding", ["redirect", "post"])
def test_a_person_enters_whichever_way_the_application_asks(page, world, inside, binding):
    world.ask(page, inside, binding)

    sign_in(page, EMAIL, PASSWORD)

    expect(page.get_by_role("heading")).to_have_text(f"Inside {inside}")
    assert told(world, inside) in ([EMAIL], [])


def told(world: World, inside: str) -> list[str]:
    """Return what an application that shows it was told the mail address is."""
    applications = {"python3-saml": world.applications.saml, "pysaml2": world.applications.pysaml2}
    return applications[inside].attributes["mail"] if inside in applications else []


@INSIDE
def test_a_person_enters_from_our_portal(page, world, inside):
    world.applications.saml.request_id = None
    page.goto(f"{world.applications.login_url}/open/{inside}")

    sign_in(page, EMAIL, PASSWORD)

    expect(page.get_by_role("heading")).to_have_text(f"Inside {inside}")
    if inside != "mellon":
        expect(page.locator("#to")).to_have_text("/from/portal")


def test_a_session_opens_all_of_them_without_a_question(page, world):
    world.ask(page, "mellon", "post")
    sign_in(page, EMAIL, PASSWORD)
    expect(page.get_by_role("heading")).to_have_text("Inside mellon")

    for inside, binding in (("pysaml2", "post"), ("python3-saml", "post"), ("mellon", "redirect")):
        world.ask(page, inside, binding)
        expect(page.get_by_role("heading")).to_have_text(f"Inside {inside}")


@pytest.mark.parametrize("look", LOOKS)
def test_the_page_that_leads_back_is_accessible(browser, world, look, tmp_path):
    folder = Path(os.environ.get("PICTURES", tmp_path))
    context = {"authn_context_class_ref": ["urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI"]}
    message = world.applications.pysaml2.ask("redirect", requested_authn_context=context)
    with open_context(browser, look) as opened:
        page = opened.new_page()
        page.goto(dict(message["headers"])["Location"])

        page.screenshot(path=folder / f"way-back-{look}.png")
        assert accessibility_faults(page) == []


def test_who_cannot_be_signed_in_as_wanted_is_led_back_and_the_application_learns_why(page, world):
    pysaml2 = world.applications.pysaml2
    context = {"authn_context_class_ref": ["urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI"]}
    message = pysaml2.ask("redirect", requested_authn_context=context)
    page.goto(dict(message["headers"])["Location"])
    expect(page.get_by_role("alert")).to_have_text(
        "pysaml2 asks for a way to sign in that we do not offer."
    )

    page.get_by_role("button", name="Back to pysaml2").click()

    expect(page.get_by_role("heading")).to_have_text("Refused")
    assert "StatusNoAuthnContext" in pysaml2.errors[0]


@pytest.fixture
def signed_on(browser, world):
    """A page whose browser is signed on, and keeps what it is to hand over."""
    with open_context(browser) as context:
        page = context.new_page()
        hold_the_answer(page)
        world.ask(page, "python3-saml", "redirect")
        sign_in(page, EMAIL, PASSWORD)
        expect(page.get_by_role("heading")).to_contain_text("Opening")
        yield page


REFUSED = {"mellon": "Bad Request", "python3-saml": "Refused", "pysaml2": "Refused"}


@INSIDE
def test_an_answer_that_was_changed_on_its_way_is_refused(signed_on, world, inside):
    changes = ENCRYPTED_TAMPERINGS if world.is_encrypted else [only(each) for each in TAMPERINGS]
    for change in changes:
        world.ask(signed_on, inside, "redirect")
        answer = read_answer(signed_on)

        send_answer(signed_on, tampered(answer, change(world.metadata[inside])))

        heading = signed_on.get_by_role("heading")
        expect(heading, change.__name__).to_have_text(REFUSED[inside])


@INSIDE
def test_an_answer_that_was_not_changed_is_not_refused(signed_on, world, inside):
    """So that what is refused above is refused for the change."""
    world.ask(signed_on, inside, "redirect")
    answer = read_answer(signed_on)

    send_answer(signed_on, answer)

    expect(signed_on.get_by_role("heading")).to_have_text(f"Inside {inside}")
    is_encrypted = b"EncryptedAssertion" in base64.b64decode(answer)
    assert is_encrypted is world.is_encrypted


def only(change: Callable[[etree._Element], None]) -> Callable:
    """Return a change that needs to know nothing of the application."""

    def make(metadata: bytes) -> Callable[[etree._Element], None]:
        return change

    make.__name__ = change.__name__
    return make


# Anybody can encrypt for an application: its key is public.


def a_bit_of_the_content(metadata: bytes) -> Callable[[etree._Element], None]:
    def change(root: etree._Element) -> None:
        value = root.findall(".//{*}CipherValue")[-1]
        content = bytearray(base64.b64decode(value.text))
        content[len(content) // 2] ^= 1
        value.text = base64.b64encode(content).decode()

    return change


def an_assertion_of_their_own(metadata: bytes) -> Callable[[etree._Element], None]:
    def change(root: etree._Element) -> None:
        replace_assertion(root, evil_assertion(root), metadata)

    return change


def an_assertion_of_their_own_and_no_signature(metadata: bytes):
    def change(root: etree._Element) -> None:
        replace_assertion(root, evil_assertion(root), metadata)
        root.remove(root.find(SIGNATURE))

    return change


def a_plain_assertion_of_their_own(metadata: bytes) -> Callable[[etree._Element], None]:
    def change(root: etree._Element) -> None:
        encrypted = root.find("saml:EncryptedAssertion", NAMES)
        root.replace(encrypted, etree.fromstring(evil_assertion(root)))
        root.remove(root.find(SIGNATURE))

    return change


ENCRYPTED_TAMPERINGS = [
    a_bit_of_the_content,
    an_assertion_of_their_own,
    an_assertion_of_their_own_and_no_signature,
    a_plain_assertion_of_their_own,
]


def replace_assertion(root: etree._Element, assertion: str, metadata: bytes) -> None:
    recipient = parse_service_provider(metadata, "sp").encryption.recipient
    encrypted = encrypt_element(assertion, recipient, secrets.token_bytes)
    root.find("saml:EncryptedAssertion", NAMES)[0] = etree.fromstring(encrypted)


def evil_assertion(root: etree._Element) -> str:
    """Return an unsigned assertion about somebody else that fits the Response in all but that."""
    request_id, issuer = root.get("InResponseTo"), root.find("saml:Issuer", NAMES).text
    confirmation = (
        f'<saml:SubjectConfirmationData InResponseTo="{request_id}"'
        f' NotOnOrAfter="2099-01-01T00:00:00Z" Recipient="{root.get("Destination")}"/>'
    )
    return (
        f'<saml:Assertion xmlns:saml="{NAMES["saml"]}" ID="_evil" Version="2.0"'
        f' IssueInstant="{root.get("IssueInstant")}"><saml:Issuer>{issuer}</saml:Issuer>'
        "<saml:Subject><saml:NameID>ceo@corp.test</saml:NameID>"
        '<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">'
        f"{confirmation}</saml:SubjectConfirmation></saml:Subject>"
        f'<saml:AuthnStatement AuthnInstant="{root.get("IssueInstant")}" SessionIndex="_s">'
        "<saml:AuthnContext><saml:AuthnContextClassRef>urn:x</saml:AuthnContextClassRef>"
        "</saml:AuthnContext></saml:AuthnStatement></saml:Assertion>"
    )
