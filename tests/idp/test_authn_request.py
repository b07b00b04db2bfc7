"""An AuthnRequest is taken as the service provider meant it, or refused with the reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connector.errors import RequestRefused
from connector.idp.application.service_provider import AcsEndpoint, Registry, ServiceProvider
from connector.idp.message.authn_request import (
    AuthnRequest,
    from_json,
    parse_authn_request,
    to_json,
)
from connector.idp.names import Binding
from connector.idp.reason import Reason
from tests.idp.bench import (
    ACS_URL,
    ENDPOINTS,
    NOW,
    SP_ENTITY_ID,
    an_application,
    authn_request,
    certificate_of,
    load_key,
    posted,
    redirected,
)


def parse(message, *applications, now=NOW) -> AuthnRequest:
    registry = Registry(applications or (an_application(),))
    return parse_authn_request(message, registry, now=now, endpoints=ENDPOINTS)


def with_endpoints(*endpoints: AcsEndpoint, **changes):
    return an_application(service_provider=ServiceProvider(SP_ENTITY_ID, endpoints, **changes))


def test_a_request_says_who_asks_and_where_the_answer_goes():
    found = parse(redirected(authn_request(ID="_7"), "state"))

    assert found == AuthnRequest("_7", SP_ENTITY_ID, "intranet", ACS_URL, "state")


@pytest.mark.parametrize("bind", [redirected, posted])
def test_a_row_keeps_the_whole_request(bind):
    found = parse(bind(authn_request(ForceAuthn="true", IsPassive="1")))

    assert from_json(to_json(found)) == found
    assert (found.force_authn, found.is_passive) == (True, True)


def test_without_an_address_the_answer_goes_to_the_default_one():
    application = with_endpoints(
        AcsEndpoint("https://a/1", index=1),
        AcsEndpoint("https://a/2", index=2, is_default=True),
    )

    assert parse(
        redirected(authn_request(AssertionConsumerServiceURL=None)), application
    ).acs_url == ("https://a/2")


def test_the_first_address_is_the_default_if_none_says_so():
    application = with_endpoints(
        AcsEndpoint("https://a/artifact", "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact"),
        AcsEndpoint("https://a/1", index=1, is_default=False),
        AcsEndpoint("https://a/2", index=2),
    )

    request = authn_request(AssertionConsumerServiceURL=None)
    assert parse(redirected(request), application).acs_url == "https://a/2"


@pytest.mark.parametrize(("index", "is_taken"), [("2", True), ("1", False), ("3", False)])
def test_an_address_named_twice_must_be_the_same_one(index: str, is_taken: bool):
    """Core section 3.4.1: by URL or by index, not by both."""
    application = with_endpoints(
        AcsEndpoint("https://a/1", index=1), AcsEndpoint("https://a/2", index=2)
    )
    request = redirected(
        authn_request(
            AssertionConsumerServiceURL="https://a/2", AssertionConsumerServiceIndex=index
        )
    )

    if is_taken:
        assert parse(request, application).acs_url == "https://a/2"
        return
    with pytest.raises(RequestRefused, match="asks to answer"):
        parse(request, application)


def test_an_address_may_be_named_by_its_index():
    application = with_endpoints(
        AcsEndpoint("https://a/1", index=1), AcsEndpoint("https://a/2", index=2)
    )
    request = authn_request(AssertionConsumerServiceURL=None, AssertionConsumerServiceIndex="2")

    assert parse(redirected(request), application).acs_url == "https://a/2"


REFUSED = {
    Reason.NOT_AUTHN_REQUEST: authn_request().replace("AuthnRequest", "LogoutRequest"),
    Reason.VERSION_UNSUPPORTED: authn_request(Version="1.1"),
    Reason.REQUEST_ID_MISSING: authn_request(ID=None),
    Reason.ISSUER_UNKNOWN: authn_request(issuer="https://stranger.example"),
    Reason.DESTINATION_WRONG: authn_request(Destination="https://other.example/saml/sso"),
    Reason.ACS_UNREGISTERED: authn_request(AssertionConsumerServiceURL="https://evil.example/acs"),
    Reason.BINDING_UNSUPPORTED: authn_request(
        ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact"
    ),
    Reason.XML_MALFORMED: "<nothing",
}


@pytest.mark.parametrize(("reason", "document"), REFUSED.items())
@pytest.mark.parametrize("bind", [redirected, posted])
def test_what_must_not_be_answered_is_refused(bind, reason, document):
    with pytest.raises(RequestRefused) as refused:
        parse(bind(document))
    assert refused.value.reason == reason


@pytest.mark.parametrize("index", ["7", "-1", "x", "1 "])
def test_an_index_that_is_not_registered_is_refused(index: str):
    request = authn_request(AssertionConsumerServiceURL=None, AssertionConsumerServiceIndex=index)

    with pytest.raises(RequestRefused, match=r"index|asks to answer"):
        parse(redirected(request))


@pytest.mark.parametrize("minutes", [-4, 0, 4])
def test_clocks_may_differ_a_little(minutes: int):
    parse(redirected(authn_request()), now=NOW + timedelta(minutes=minutes))


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_request_of_another_time_is_refused(minutes: int):
    with pytest.raises(RequestRefused, match="issued at"):
        parse(redirected(authn_request()), now=NOW + timedelta(minutes=minutes))


@pytest.mark.parametrize("instant", ["", "yesterday", "2026-13-01T00:00:00Z"])
def test_a_request_without_a_time_is_refused(instant: str):
    with pytest.raises(RequestRefused, match="IssueInstant"):
        parse(redirected(authn_request(IssueInstant=instant)))


def signing(**changes):
    key = load_key("service_provider")
    return with_endpoints(
        AcsEndpoint(ACS_URL, index=1), certificates=(certificate_of(key),), **changes
    )


def test_a_signed_post_is_verified():
    document = authn_request(key=load_key("service_provider"))

    assert parse(posted(document), signing(signs_requests=True)).is_signed


def test_an_unsigned_request_is_taken_where_the_metadata_says_nothing():
    assert not parse(posted(authn_request()), signing()).is_signed


def test_a_signed_request_of_a_provider_without_certificate_proves_nothing_and_is_taken():
    """Mimecast publishes no metadata, and does not say whether it signs."""
    document = authn_request(key=load_key("service_provider"))

    assert not parse(posted(document)).is_signed


def test_of_two_applications_of_one_vendor_the_address_decides():
    portal = an_application(name="Portal", slug="portal", service_provider=vendor("sso", "mpp"))
    console = an_application(
        name="Console", slug="console", service_provider=vendor("adcon", "sso")
    )

    for path, slug in {
        "sso": "portal",
        "mpp": "portal",
        "adcon": "console",
        None: "portal",
    }.items():
        request = authn_request(
            issuer="vendor",
            AssertionConsumerServiceURL=path and f"https://vendor.example/{path}",
        )
        for order in ((portal, console), (console, portal)):
            if path:
                assert parse(redirected(request), *order).application == slug


def vendor(*paths: str) -> ServiceProvider:
    return ServiceProvider(
        "vendor",
        tuple(
            AcsEndpoint(f"https://vendor.example/{path}", index=n) for n, path in enumerate(paths)
        ),
    )


def test_what_one_description_demands_of_a_vendor_holds_for_all_of_its_applications():
    strict, lax = signing(signs_requests=True), an_application(slug="lax")

    with pytest.raises(RequestRefused, match="signed"):
        parse(redirected(authn_request()), lax, replace(strict, slug="strict"))


def test_the_bindings_are_named_as_the_standard_does():
    assert redirected(authn_request()).binding == Binding.REDIRECT
    assert posted(authn_request()).binding == Binding.POST
