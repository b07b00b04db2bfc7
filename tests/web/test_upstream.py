"""A login by way of another identity provider, as a browser sees it: there by a page or a redirect,
back by a post of another site, which carries no cookie of ours."""

from __future__ import annotations

import base64
import zlib
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from lxml import etree

from connector.demo.sample_saml import authn_request_url, read_idp_metadata, sp_metadata
from connector.idp.reason import Reason
from connector.idp.routing import Rule
from connector.idp.upstream.identity_provider import IdentityProvider
from connector.idp.upstream.identity_provider import Upstream as Believed
from connector.idp.xmldsig import Element
from tests.idp.bench import certificate_of
from tests.idp.upstream_bench import ISSUER, KEY, SSO_URL, Answer
from tests.parts.identity_provider import STAFF, make_identity_provider
from tests.parts.visitor import visit
from tests.web.conftest import BASE_URL, INTRANET

ACS = f"{BASE_URL}/saml/upstream/acs"
PAT = "pat@partner.example"


@pytest.fixture
def idp(engine, tmp_path):
    return make_idp(engine, tmp_path)


def make_idp(engine, folder, *, binding: str = "HTTP-Redirect", rule: Rule | None = None):
    provider = make_identity_provider(engine, folder, BASE_URL)
    provider.register("Intranet", sp_metadata(INTRANET).encode(), STAFF)
    provider.people.add(PAT)
    provider.people.add("alice")
    door = {f"urn:oasis:names:tc:SAML:2.0:bindings:{binding}": SSO_URL}
    partner = IdentityProvider(ISSUER, door, (certificate_of(KEY),))
    ours = provider.endpoints.upstream_metadata_url
    domains = frozenset({"partner.example"})
    provider.upstreams.append(Believed("Partner", "partner", partner, ours, domains))
    provider.rules.append(rule or Rule("Partner", 1, domains))
    return provider


def answer(idp, asked: dict[str, str], **changes) -> dict[str, str]:
    """Return the form by which the partner answers a question."""
    now, soon = idp.clock.now(), idp.clock.now() + timedelta(minutes=5)
    request = asked["ID"]
    honest = {
        "request_id": request,
        "confirmed_for": request,
        "destination": ACS,
        "recipient": ACS,
        "audiences": (idp.endpoints.upstream_metadata_url,),
        "issued_at": now,
        "assertion_issued_at": now,
        "authenticated_at": now,
        "not_before": now,
        "not_on_or_after": soon,
        "confirmed_until": soon,
    }
    document = Answer(**{**honest, **changes}).write()
    value = base64.b64encode(document.encode()).decode()
    return {"SAMLResponse": value, "RelayState": asked["RelayState"]}


def read_url(url: str) -> dict[str, str]:
    """Return what a redirect asks."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    root = etree.fromstring(zlib.decompress(base64.b64decode(query["SAMLRequest"]), -15))
    return {**root.attrib, "RelayState": query["RelayState"], "signed": "Signature" in query}


def bring(visitor, form: dict[str, str]):
    """Post as the partner's page does: from another site, and so without our cookies."""
    visitor.seen.clear()
    cross = {"origin": "https://idp.partner.example", "sec-fetch-site": "cross-site"}
    kept, visitor.client.cookies = visitor.client.cookies, None
    posted = visitor.client.post("/saml/upstream/acs", data=form, headers=cross)
    visitor.client.cookies = kept
    visitor.seen.append(posted)
    return visitor.get(posted.headers["location"]) if posted.has_redirect_location else posted


def test_who_types_an_address_of_the_partner_is_sent_there_and_brought_back(visitor, ask, idp):
    page = visitor.submit(visitor.get(ask()), "/email", email=PAT)

    assert page.heading == "Sign in at Partner"
    assert page.status == 200
    url = page.answer.headers["refresh"].removeprefix("0; url=")
    assert url.startswith(f"{SSO_URL}?")
    assert page.tree.xpath("//a[@class='button primary']/@href") == [url]

    done = bring(visitor, answer(idp, read_url(url)))

    assert [seen.status_code for seen in visitor.seen] == [303, 200]
    assert "set-cookie" not in visitor.seen[0].headers
    assert done.heading == "Opening Intranet"
    response = base64.b64decode(done.form().fields["SAMLResponse"])
    assert PAT.encode() in response
    assert b"AuthenticatingAuthority>https://idp.partner.example/saml<" in response


def test_who_types_another_address_is_asked_for_the_password(visitor, ask):
    page = visitor.submit(visitor.get(ask()), "/email", email="alice@corp.test")

    assert page.heading == "Enter your password"


def test_where_everybody_goes_to_the_partner_the_browser_is_redirected_at_once(engine, tmp_path):
    idp = make_idp(engine, tmp_path, rule=Rule("Partner", 1))
    visitor = visit(idp.app(), BASE_URL)

    begun = visitor.client.get(ask_of(idp))
    sent = visitor.client.get(begun.headers["location"])

    assert (begun.status_code, sent.status_code) == (303, 303)
    asked = read_url(sent.headers["location"])
    assert (asked["AssertionConsumerServiceURL"], asked["signed"]) == (ACS, True)
    assert bring(visitor, answer(idp, asked)).heading == "Opening Intranet"


def ask_of(idp) -> str:
    """Return the path and query of an AuthnRequest of the intranet."""
    provider = read_idp_metadata(idp.metadata())
    url = authn_request_url(provider, INTRANET, request_id="_ask", now=idp.clock.now())
    return url.removeprefix(BASE_URL)


def test_a_partner_that_takes_only_posts_is_asked_by_a_form(engine, tmp_path):
    idp = make_idp(engine, tmp_path, binding="HTTP-POST")
    visitor = visit(idp.app(), BASE_URL)

    page = visitor.submit(visitor.get(ask_of(idp)), "/email", email=PAT)

    form = page.form("/sso")
    assert (form.method, form.action) == ("POST", SSO_URL)
    assert "form-action 'self' https:;" in page.answer.headers["content-security-policy"]
    assert "refresh" not in page.answer.headers
    (script,) = page.tree.xpath("//script/@src")
    assert "autopost" in script
    request = etree.fromstring(base64.b64decode(form.fields["SAMLRequest"]))
    assert request.find("{http://www.w3.org/2000/09/xmldsig#}Signature") is not None
    asked = {**request.attrib, "RelayState": form.fields["RelayState"]}
    assert bring(visitor, answer(idp, asked)).heading == "Opening Intranet"


def test_who_comes_back_by_the_back_button_may_be_somebody_else(visitor, ask):
    begun = visitor.submit(visitor.get(ask()), "/email", email=PAT)

    again = visitor.get(begun.url)
    assert again.heading == "Sign in at Partner"
    assert "refresh" not in again.answer.headers

    assert visitor.submit(again, "/another").heading == "Sign in"


def test_an_answer_lets_in_only_the_browser_that_began(visitor, ask, idp):
    """Else somebody could have others work in an account of their own."""
    page = visitor.submit(visitor.get(ask()), "/email", email=PAT)
    form = answer(idp, read_url(page.answer.headers["refresh"][7:]))
    other = visit(idp.app(), BASE_URL)

    stranger = bring(other, form)

    assert stranger.status == 403
    assert "begun in another browser" in stranger.alert
    assert visitor.get(page.url).heading == "Opening Intranet"


REFUSED = {
    "another key": ({"signed": ()}, "was not accepted", Reason.SIGNATURE_MISSING),
    "another audience": ({"audiences": ("urn:x",)}, "was not accepted", Reason.AUDIENCE_WRONG),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_answer_that_is_not_believed_gets_a_page_that_does_not_say_why(visitor, ask, idp, name):
    changes, words, reason = REFUSED[name]
    page = visitor.submit(visitor.get(ask()), "/email", email=PAT)
    asked = read_url(page.answer.headers["refresh"][7:])

    answered = bring(visitor, answer(idp, asked, **changes))

    assert answered.status_code == 400
    assert words in answered.text
    assert reason not in answered.text
    assert idp.reasons()[-1] == reason


def test_an_answer_that_comes_twice_is_said_to_have_ended(visitor, ask, idp):
    page = visitor.submit(visitor.get(ask()), "/email", email=PAT)
    form = answer(idp, read_url(page.answer.headers["refresh"][7:]))
    bring(visitor, form)

    again = bring(visitor, form)

    assert again.status_code == 400
    assert "has ended, or has taken too long" in again.text


def test_whoever_cannot_sign_in_reads_what_to_do_and_may_try_again(visitor, ask, idp):
    page = visitor.submit(visitor.get(ask()), "/email", email=PAT)
    asked = read_url(page.answer.headers["refresh"][7:])
    nobody = Element("saml:NameID", {}, ("nobody@partner.example",))

    refused = bring(visitor, answer(idp, asked, person=nobody))

    assert refused.alert.startswith("Partner let you in, but that account cannot sign in here.")
    (url,) = refused.tree.xpath("//a[@class='button primary']/@href")
    assert read_url(url)["ForceAuthn"] == "true"
    assert bring(visitor, answer(idp, read_url(url))).heading == "Opening Intranet"


def test_what_the_partner_says_instead_is_shown_in_words(visitor, ask, idp):
    page = visitor.submit(visitor.get(ask()), "/email", email=PAT)
    asked = read_url(page.answer.headers["refresh"][7:])

    declined = bring(visitor, answer(idp, asked, codes=("Responder", "AuthnFailed")))

    assert declined.alert == "Partner did not let you in. Try again, or ask the help desk."
    assert visitor.submit(declined, "/another").heading == "Sign in"


@pytest.mark.parametrize(
    "form",
    [
        {"RelayState": "x"},
        {"SAMLResponse": "not base64!"},
        {"SAMLResponse": "AAAA", "RelayState": "x" * 3000},
        {"SAMLResponse": base64.b64encode(b"<" * 140_000).decode()},
        {"SAMLResponse": "é"},
        {"SAMLRequest": "AAAA"},
    ],
)
def test_what_is_no_response_is_answered_400(visitor, form):
    answered = visitor.client.post("/saml/upstream/acs", data=form)

    assert answered.status_code == 400
    assert "The answer of the other sign-in service was not accepted." in answered.text


def test_our_metadata_is_served_for_each_partner(visitor, idp):
    general = visitor.client.get("/saml/upstream/metadata")
    partner = visitor.client.get("/saml/upstream/metadata/partner")

    assert general.headers["content-type"] == "application/samlmetadata+xml"
    assert etree.fromstring(general.content).get("entityID") == f"{BASE_URL}/saml/upstream/metadata"
    assert etree.fromstring(partner.content).get("entityID") == f"{BASE_URL}/saml/upstream/metadata"
    assert visitor.client.get("/saml/upstream/metadata/nobody").status_code == 404
    assert visitor.client.get("/saml/upstream/acs").status_code == 405


def test_without_other_identity_providers_there_is_nothing_of_them(engine, tmp_path):
    idp = make_identity_provider(engine, tmp_path, BASE_URL)
    visitor = visit(idp.app(), BASE_URL)

    assert visitor.client.get("/saml/upstream/metadata").status_code == 404
    assert visitor.client.post("/saml/upstream/acs", data={}).status_code == 404


def test_the_page_has_no_scripts_or_styles_of_its_own(visitor, ask):
    page = visitor.submit(visitor.get(ask()), "/email", email=PAT)

    assert page.tree.xpath("//style | //@style | //script[not(@src)] | //@onclick") == []
