"""`app`: whom people sign in to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from connector.idp.endpoints import IdpEndpoints
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

    assert f"  Issuer:       {endpoints.entity_id}\n" in text
    assert f"  Login URL:    {endpoints.sso_url}\n" in text
    assert f"  Metadata URL: {endpoints.metadata_url('mimecast-personal-portal')}\n" in text
    assert f"  Certificate:  {values['certificate']}\n" in text
    assert values["issuer"] == endpoints.entity_id
    assert desk.say("app", "show", "nope").errors == (
        "error: no application is called nope; there are: mimecast-personal-portal\n"
    )


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
        "Who may sign in: cn=sales,ou=groups,dc=corp,dc=example."
        " It takes effect when the daemon restarts.\n"
        "What to enter on the other side: connector app show intra\n"
    )
    after = (desk.folder / "connector.toml").read_text()
    assert after.startswith(before.rstrip())
    assert (desk.folder / "connector.toml").stat().st_mode & 0o777 == 0o640
    slugs = [one["slug"] for one in desk.say("app", "list", "--json").values]
    assert sorted(slugs) == ["intra", "mimecast-personal-portal"]


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
