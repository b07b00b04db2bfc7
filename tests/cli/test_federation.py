"""`upstream` and `route`: whose word is taken, and which rule decides."""

from __future__ import annotations

import base64
import pickle
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import structlog
from lxml import etree

from connector.bootstrap.logins import make_identity_provider
from connector.bootstrap.opening import open_state
from connector.clock import FixedClock
from connector.idp.xmldsig import Element
from connector.settings import load_settings
from connector.web.app import web_app
from connector.web.site import Site
from tests.cli.shell import IDP
from tests.idp.bench import certificate_of, load_key
from tests.idp.upstream_bench import Answer
from tests.parts.visitor import visit

if TYPE_CHECKING:
    from connector.bootstrap.logins import IdentityProvider
    from tests.cli.shell import Shell
    from tests.parts.scim_server import Simulator
    from tests.parts.visitor import Visitor

METADATA = f"""\
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.partner.example">
  <md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data>
      <ds:X509Certificate>{load_key("stranger").certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>
    </md:KeyDescriptor>
    <md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
      Location="https://idp.partner.example/sso"/>
  </md:IDPSSODescriptor>
</md:EntityDescriptor>
"""
FEDERATION = """\
[[upstream]]
name = "Partner"
metadata = "partner.xml"
domains = ["partner.example", "corp.example"]
[[route]]
domains = ["partner.example"]
networks = ["10.0.0.0/8", "2001:db8::1"]
source = "Partner"
[[route]]
applications = ["Mimecast Personal Portal"]
domains = ["corp.example"]
source = "partner"
"""
APP = "mimecast-personal-portal"


@pytest.fixture
def desk(shell: Shell, mimecast: Simulator) -> Shell:
    (shell.folder / "partner.xml").write_text(METADATA)
    shell.set_up(mimecast, "", IDP, FEDERATION)
    return shell


def test_upstreams_are_listed_with_whom_they_may_vouch_for(desk: Shell):
    said = desk.say("upstream", "list")

    assert said.output.splitlines()[1].split(maxsplit=2) == [
        "Partner",
        "https://idp.partner.example",
        "corp.example, partner.example",
    ]
    (values,) = desk.say("upstream", "list", "--json").values
    assert values["issuer"] == "https://idp.partner.example"


def test_an_upstream_is_shown_with_what_to_enter_on_its_side(desk: Shell):
    text = desk.say("upstream", "show", "partner").output
    values = desk.say("upstream", "show", "Partner", "--json").values

    assert (values["sso_url"], values["binding"]) == (
        "https://idp.partner.example/sso",
        "HTTP-POST",
    )
    assert values["metadata_url"] == "https://sso.corp.example/saml/upstream/metadata/partner"
    assert values["entity_id"] == "https://sso.corp.example/saml/upstream/metadata"
    assert values["acs_url"] == "https://sso.corp.example/saml/upstream/acs"
    for key in ("metadata_url", "entity_id", "acs_url", "issuer", "sso_url"):
        assert values[key] in text
    assert values["certificates"][0]["sha256"] in text
    assert "the primary e-mail address as NameID" in text
    assert desk.say("upstream", "show", "nope").errors == (
        "error: no upstream is called nope; there are: Partner\n"
    )


def route(desk: Shell, email: str, *more: str):
    return desk.say("route", "test", email, "--app", APP, *more)


def test_the_rule_that_decides_is_named_with_what_it_is_about(desk: Shell):
    said = route(desk, "pat@partner.example", "--from", "10.1.2.3")

    assert said.code == 0
    assert said.output == (
        "Rule 1 (domains partner.example; networks 10.0.0.0/8, 2001:db8::1/128) decides:"
        " upstream Partner\n"
        "The address is asked for first.\n"
    )
    assert "nobody in the directory signs in by that name" in said.errors


def test_without_a_rule_the_default_decides(desk: Shell):
    said = route(desk, "pat@partner.example", "--from", "192.0.2.1")

    assert said.output.startswith(
        "No rule; the default decides: the password of Active Directory\n"
    )


def test_who_would_be_refused_in_spite_of_the_rule_is_said(desk: Shell):
    """Anna's own address leads elsewhere than what was typed."""
    desk.say("sync")
    values = route(desk, "anna@corp.example", "--json").values
    assert (values["source"], values["rule"], values["known"]) == ("Partner", 2, True)
    assert (values["home_domain"], values["problems"]) == ("corp.example", [])

    desk.edit(
        'domains = ["partner.example", "corp.example"]',
        'domains = ["partner.example"]',
        "connector.toml",
    )

    (problem,) = route(desk, "anna@corp.example", "--json").values["problems"]
    assert problem == "Partner may not vouch for people of corp.example"


def test_one_upstream_for_everybody_is_said(desk: Shell):
    desk.edit("[[route]]\n", '[[route]]\nsource = "Partner"\n[[route]]\n', "connector.toml")

    said = route(desk, "anna@corp.example")
    values = route(desk, "anna@corp.example", "--json").values

    assert "Rule 1 (everybody) decides: upstream Partner\n" in said.output
    assert "Everybody goes to Partner there; nobody is asked for an address.\n" in said.output
    assert values["asks_for_address"] is False


def test_an_application_that_is_not_there_is_an_error_in_words(desk: Shell):
    said = desk.say("route", "test", "a@b.example", "--app", "nope")

    assert (said.code, said.errors) == (
        1,
        f"error: no application is called nope; there are: {APP}\n",
    )


def test_check_says_what_is_right_and_what_does_nothing(desk: Shell):
    desk.edit("[[route]]\n", '[[route]]\nsource = "ad"\n[[route]]\n', "connector.toml")

    said = desk.say("check")

    assert said.code == 0
    assert "ok    upstream Partner: its metadata is usable; it may vouch for" in said.output
    assert "warn  route 2: never decides: route 1 comes before it\n" in said.output
    assert "warn  upstream Partner: nobody is sent there: no route leads to it\n" in said.output


FAULTS = {
    "connector.toml: route[0].source: must be one of ad, Partner, not 'Partners'": (
        'source = "Partner"',
        'source = "Partners"',
    ),
    "connector.toml: route[1].applications: no application is called 'Portal'": (
        '["Mimecast Personal Portal"]',
        '["Portal"]',
    ),
    'connector.toml: route[0].networks[0]: must be a network such as "10.0.0.0/8"': (
        '"10.0.0.0/8"',
        '"10.0.0.1/8"',
    ),
    "connector.toml: route[0].domains: ": ('domains = ["partner.example"]', "domains = []"),
    "connector.toml: upstream[0].domains: is missing": (
        'domains = ["partner.example", "corp.example"]\n',
        "",
    ),
    "connector.toml: upstream[0].domains[0]: must be a domain such as": (
        '["partner.example", "corp.example"]',
        '["pat@partner.example"]',
    ),
    "connector.toml: upstream[0].metadata: no such file": ('"partner.xml"', '"nope.xml"'),
    'connector.toml: upstream[0]: name must not be "ad"': ('name = "Partner"', 'name = "AD"'),
}


@pytest.mark.parametrize("words", FAULTS)
def test_what_is_wrong_is_said_with_its_key(desk: Shell, words: str):
    desk.edit(*FAULTS[words], "connector.toml")

    said = desk.say("check")

    assert said.code == 1
    assert words in said.errors


def test_metadata_that_is_wrong_is_said_with_its_file(desk: Shell):
    desk.edit("entityID", "entity", "partner.xml")
    desk.edit("HTTP-POST", "SOAP", "partner.xml")

    said = desk.say("check")

    assert "partner.xml: EntityDescriptor.entityID: must be there" in said.errors
    assert "partner.xml: IDPSSODescriptor.SingleSignOnService: must name an address" in said.errors


def visiting(provider: IdentityProvider, base_url: str) -> Visitor:
    """Return somebody who visits its pages."""
    app = web_app(provider.flow, provider.logout, Site(base_url), provider.publication)
    return visit(app, base_url)


def test_metadata_that_change_are_used_from_the_next_look_on(desk: Shell):
    settings = load_settings(desk.folder / "connector.toml")
    engine = open_state(settings)
    provider = make_identity_provider(settings, engine, FixedClock(datetime.now(UTC)))
    upstreams = provider.flow.parts.upstream.upstreams
    before = upstreams()

    with structlog.testing.capture_logs() as logs:
        provider.follower.look()
        assert (upstreams(), logs) == (before, [])
        desk.edit(load_key("stranger").certificate, load_key("idp").certificate, "partner.xml")
        provider.follower.look()
        desk.edit("</md:EntityDescriptor>", "", "partner.xml")
        provider.follower.look()

    (partner,) = upstreams().upstreams
    assert partner.provider.certificates == (certificate_of(load_key("idp")),)
    assert [one["event"] for one in logs] == ["upstreams.replaced", "upstreams.kept"]
    engine.dispose()


def test_one_whose_metadata_cannot_be_had_keeps_nobody_else_out(desk: Shell):
    desk.edit('"partner.xml"', '"https://127.0.0.1:1/metadata"', "connector.toml")
    settings = load_settings(desk.folder / "connector.toml")
    engine = open_state(settings)

    provider = make_identity_provider(settings, engine, FixedClock(datetime.now(UTC)))

    (note,) = provider.notes
    assert note.startswith("upstream Partner is left out: https://127.0.0.1:1/metadata: cannot be")
    assert "cannot be fetched" in desk.say("check").errors
    visitor = visiting(provider, settings.idp.base_url)
    away = visitor.submit(visitor.get(f"/open/{APP}"), "/email", email="anna@corp.example")
    assert (away.status, "cannot be asked at the moment" in away.alert) == (503, True)
    here = visitor.submit(visitor.get(f"/open/{APP}"), "/email", email="ben@elsewhere.example")
    assert here.heading == "Enter your password"
    engine.dispose()


def test_a_person_signs_in_by_way_of_what_is_configured(desk: Shell):
    """As a serving process does it: it gets the settings from the daemon, and makes the rest."""
    desk.say("sync")
    settings = pickle.loads(pickle.dumps(load_settings(desk.folder / "connector.toml")))
    engine, now = open_state(settings), datetime.now(UTC)
    provider = make_identity_provider(settings, engine, FixedClock(now))
    base_url = settings.idp.base_url
    visitor = visiting(provider, base_url)

    page = visitor.submit(visitor.get(f"/open/{APP}"), "/email", email="Anna@corp.example")
    form = page.form("/sso")
    request_id = etree.fromstring(base64.b64decode(form.fields["SAMLRequest"])).get("ID")
    ours = etree.fromstring(visitor.client.get("/saml/upstream/metadata/partner").content)
    answer = Answer(
        request_id=request_id, confirmed_for=request_id,
        issuer="https://idp.partner.example", assertion_issuer="https://idp.partner.example",
        destination=f"{base_url}/saml/upstream/acs", recipient=f"{base_url}/saml/upstream/acs",
        audiences=(ours.get("entityID"),), issued_at=now, assertion_issued_at=now,
        authenticated_at=now, not_before=now, not_on_or_after=now + timedelta(minutes=5),
        confirmed_until=now + timedelta(minutes=5), key=load_key("stranger"),
        person=Element("saml:NameID", {}, ("anna@corp.example",)),
    )  # fmt: skip
    value = base64.b64encode(answer.write().encode()).decode()
    fields = {"SAMLResponse": value, "RelayState": form.fields["RelayState"]}
    done = visitor.post("/saml/upstream/acs", fields, origin="https://idp.partner.example")

    assert done.heading == "Opening Mimecast Personal Portal"
    assert b">anna@corp.example<" in base64.b64decode(done.form().fields["SAMLResponse"])
    engine.dispose()
