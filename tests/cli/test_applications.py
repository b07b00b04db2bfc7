"""`app`: whom people sign in to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from connector.bootstrap.applications import ApplicationFiles, revision_of
from connector.bootstrap.opening import open_state
from connector.bootstrap.sign_off import make_sign_off
from connector.clock import SystemClock
from connector.idp.endpoints import IdpEndpoints
from connector.settings import load_settings
from tests.cli.shell import IDP

if TYPE_CHECKING:
    from tests.cli.shell import Shell
    from tests.parts.scim_server import Simulator

METADATA = """\
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://intra.corp.example/sp">
  <md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <md:AssertionConsumerService index="0" Location="https://intra.corp.example/acs"
      Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"/>
  </md:SPSSODescriptor>
</md:EntityDescriptor>
"""
SALES = "CN=Sales,OU=Groups,DC=corp,DC=example"


@pytest.fixture
def desk(shell: Shell, mimecast: Simulator) -> Shell:
    shell.set_up(mimecast, "", IDP)
    (shell.folder / "sp.xml").write_text(METADATA)
    return shell


def test_applications_are_listed_with_who_may_sign_in(desk: Shell):
    said = desk.say("app", "list")

    assert said.output.splitlines()[1].split("  ")[:1] == ["Mimecast Personal Portal"]
    assert said.output.rstrip().endswith("cn=sales,ou=groups,dc=corp,dc=example")
    (portal,) = desk.say("app", "list", "--json").values
    assert portal["slug"] == "mimecast-personal-portal"
    assert portal["entity_id"] == "us-api.mimecast.com.CUSA1A1"


def test_an_application_is_shown_with_what_to_enter_on_the_other_side(desk: Shell):
    text = desk.say("app", "show", "mimecast-personal-portal").output
    values = desk.say("app", "show", "Mimecast Personal Portal", "--json").values
    endpoints = IdpEndpoints("https://sso.corp.example/saml/metadata", "https://sso.corp.example")

    assert f"  {'Issuer:':<15} {endpoints.entity_id}\n" in text
    assert f"  {'Login URL:':<15} {endpoints.sso_url}\n" in text
    assert f"  {'Metadata URL:':<15} {endpoints.metadata_url('mimecast-personal-portal')}\n" in text
    assert f"  {'Certificate:':<15} {values['certificate']}\n" in text
    assert values["issuer"] == endpoints.entity_id
    assert desk.say("app", "show", "nope").errors == (
        "error: no application is called nope; there are: mimecast-personal-portal\n"
    )


def test_what_to_do_at_mimecast_is_told_step_by_step_with_our_values(desk: Shell):
    text = desk.say("app", "show", "mimecast-personal-portal").output
    values = desk.say("app", "show", "mimecast-personal-portal", "--json").values

    assert text.rstrip().splitlines()[-len(values["steps_there"]) :] == [
        f"{number:>4}. {step}" for number, step in enumerate(values["steps_there"], 1)
    ]
    for words in (
        "Authentication Profiles",
        "Tick Enforce SAML Authentication for Mimecast Personal Portal.",
        f"Metadata URL: {values['metadata_url']}",
        "Import",
        "Monitor Metadata URL",
        f"Issuer: {values['issuer']}",
        f"Login URL: {values['login_url']}",
        f"without BEGIN and END lines: {values['certificate']}",
        "Use Password Protected Context",
        "Use Integrated Authentication Context",
        "Allow Single Sign On",
        "2-Step",
        "one test user",
    ):
        assert any(words in step for step in values["steps_there"]), words
    assert not any("{" in step for step in values["steps_there"])
    assert "BEGIN CERTIFICATE" not in text
    assert any("connector app test mimecast-personal-portal" in one for one in values["steps_here"])
    assert values["portal_acs"] == "https://us-api.mimecast.com/login/sso/mpp"


def test_a_login_is_previewed_for_those_who_get_in_and_explained_for_those_who_do_not(desk: Shell):
    desk.say("sync")

    anna = desk.say("app", "test", "mimecast-personal-portal", "--user", "anna@corp.example")
    cleo = desk.say("app", "test", "mimecast-personal-portal", "--user", "cleo@corp.example")
    nobody = desk.say("app", "test", "mimecast-personal-portal", "--user", "zoe@corp.example")

    assert (anna.code, cleo.code, nobody.code) == (0, 1, 1)
    assert ">anna@corp.example</saml:NameID>" in anna.output
    assert cleo.output == (
        "cleo@corp.example would not get into Mimecast Personal Portal: not-in-group.\n"
    )
    assert nobody.errors.startswith("error: nobody in the directory signs in as zoe@corp.example")
    refused = desk.say(
        "app", "test", "mimecast-personal-portal", "-u", "cleo@corp.example", "--json"
    )
    assert refused.values["admitted"] is False
    assert refused.values["reason"] == "not-in-group"


def test_an_application_is_added_to_the_file_and_works_at_once(desk: Shell):
    before = (desk.folder / "connector.toml").read_text()
    (desk.folder / "connector.toml").chmod(0o640)

    said = desk.say("app", "add", "Intra", "--metadata", "sp.xml", "--group", SALES)

    assert said.code == 0
    assert said.output == (
        "Added Intra: https://intra.corp.example/sp\n"
        "Who may sign in: cn=sales,ou=groups,dc=corp,dc=example.\n"
        "What to enter on the other side: connector app show intra\n"
    )
    after = (desk.folder / "connector.toml").read_text()
    assert after.startswith(before.rstrip())
    assert (desk.folder / "connector.toml").stat().st_mode & 0o777 == 0o640
    slugs = [one["slug"] for one in desk.say("app", "list", "--json").values]
    assert sorted(slugs) == ["intra", "mimecast-personal-portal"]


def test_what_signs_people_off_knows_an_application_that_was_added(desk: Shell):
    path, clock = desk.folder / "connector.toml", SystemClock()
    settings = load_settings(path)
    engine = open_state(settings)
    files = ApplicationFiles(settings, clock, path, revision_of(settings))
    sign_off = make_sign_off(settings, engine, clock, files)
    sign_off.after_reading({})

    desk.say("app", "add", "Intra", "--metadata", "sp.xml", "--group", SALES)
    sign_off.after_reading({})

    registry = sign_off._running[0].parts.login.registry
    assert [one.slug for one in registry.applications] == ["mimecast-personal-portal", "intra"]
    engine.dispose()


def test_an_application_of_a_preset_is_added_as_easily(desk: Shell):
    code = ("--region", "us", "--account-code", "CUSA1A1")

    said = desk.say(
        *("app", "add", "--preset", "mimecast-administration-console", *code, "--group", SALES)
    )

    assert said.output.splitlines() == [
        "Added Mimecast Administration Console: us-api.mimecast.com.CUSA1A1",
        "Who may sign in: cn=sales,ou=groups,dc=corp,dc=example.",
        "What to enter on the other side: connector app show mimecast-administration-console",
    ]
    (_, console) = desk.say("app", "list", "--json").values
    assert console["portal_acs"] == "https://us-api.mimecast.com/login/sso/adcon"


def test_a_service_provider_without_metadata_is_added_by_hand(desk: Shell):
    acs = ("--acs", "https://crm.example/a", "--acs", "https://crm.example/b")

    said = desk.say("app", "add", "CRM", "--entity-id", "urn:crm", *acs, "--group", "*")

    assert said.output.startswith("Added CRM: urn:crm\nWho may sign in: everybody active.\n")
    assert desk.say("app", "show", "crm", "--json").values["acs"] == list(acs[1::2])


def test_the_known_applications_are_listed(desk: Shell):
    portal, console = desk.say("app", "presets", "--json").values

    assert portal["preset"] == "mimecast-personal-portal"
    assert portal["regions"] == console["regions"]
    assert "jer" in portal["regions"]
    assert "mimecast-administration-console" in desk.say("app", "presets").output


def test_what_is_at_a_url_is_fetched_on_demand(desk: Shell):
    assert desk.say("app", "refresh").output == "No application has its metadata at a URL.\n"
    text = (desk.folder / "connector.toml").read_text()
    entry = '[[application]]\nname = "Far"\nmetadata = "https://127.0.0.1:1/sp"\n'
    (desk.folder / "connector.toml").write_text(text + entry)

    said = desk.say("app", "refresh")

    assert said.code == 4
    assert said.output.startswith("Far: cannot be fetched: ")
    (far,) = desk.say("app", "refresh", "--json").values
    assert (far["name"], far["is_new"]) == ("Far", False)
    assert "note: application Far is left out" in desk.say("app", "list").errors


def test_what_an_application_requires_and_is_not_told_is_warned_of(desk: Shell):
    asked = (
        '<md:AttributeConsumingService index="0"><md:ServiceName xml:lang="en">S</md:ServiceName>'
        '<md:RequestedAttribute Name="urn:x" FriendlyName="badge" isRequired="true"/>'
        "</md:AttributeConsumingService></md:SPSSODescriptor>"
    )
    metadata = METADATA.replace("  </md:SPSSODescriptor>", asked)
    (desk.folder / "sp.xml").write_text(metadata)

    said = desk.say("app", "add", "Intra", "--metadata", "sp.xml", "--group", SALES)

    words = "application Intra: it requires the attribute badge, of which `attributes` says nothing"
    assert said.errors == f"note: {words}\n"
    assert f"note: {words}\n" in desk.say("app", "show", "intra").errors
    assert words in desk.say("check").output


def test_metadata_that_has_ended_is_not_added(desk: Shell):
    (desk.folder / "sp.xml").write_text(
        METADATA.replace("entityID", 'validUntil="2020-01-01T00:00:00Z" entityID')
    )

    said = desk.say("app", "add", "Intra", "--metadata", "sp.xml")

    assert (said.code, "the metadata ended at 2020-01-01" in said.errors) == (1, True)
    assert "Intra" not in (desk.folder / "connector.toml").read_text()


def test_examples_of_attributes_that_fail_are_found_by_check(desk: Shell):
    (desk.folder / "mappings").mkdir()
    (desk.folder / "mappings" / "saml_attributes.toml").write_text(
        '[[example]]\nset = "basic"\nuser = { displayName = "A" }\nout = { displayName = "B" }\n'
    )

    said = desk.say("check")

    assert said.code == 1
    assert "expected displayName = B, got displayName = A" in said.output


@pytest.mark.parametrize(
    ("name", "metadata", "words"),
    [
        ("Intra", "nope.xml", "connector.toml: application[1].metadata: no such file"),
        ("Intra", "broken.xml", "broken.xml: not well-formed XML"),
        ("Intra", "http://intra.corp.example/sp", "must be an https URL"),
        ("Mimecast Personal Portal", "sp.xml", "application names must differ"),
    ],
)
def test_an_application_that_would_not_work_is_not_added(
    desk: Shell, name: str, metadata: str, words: str
):
    (desk.folder / "broken.xml").write_text("<md:EntityDescriptor")
    before = sorted((one.name, one.read_bytes()) for one in desk.folder.glob("*.toml"))

    said = desk.say("app", "add", name, "--metadata", metadata)

    assert said.code == 1
    assert words in said.errors
    assert ".new" not in said.errors
    assert sorted((one.name, one.read_bytes()) for one in desk.folder.glob("*.toml")) == before
