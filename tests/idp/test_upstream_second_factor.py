"""What an upstream says of second factors: applications go by it, our policy does not.

The policy goes by what is proved here: an upstream says who somebody is, never what they may do.
"""

from __future__ import annotations

import pytest

from connector.idp.flow import SendResponse
from connector.idp.policy.points import Authentication
from connector.idp.view import AskEnrolment, AskFactor
from tests.idp.bench import an_application, first_text, response_of
from tests.idp.factor_bench import WIKI, Person
from tests.idp.test_upstream_flow import MFA, wanting
from tests.idp.upstream_bench import SMARTCARD, UpstreamBench, make_upstream_bench
from tests.parts.policies import policies

MICROSOFT = "http://schemas.microsoft.com/claims/multipleauthn"
vouches = pytest.mark.parametrize("context_class", [MFA, MICROSOFT, SMARTCARD])


@pytest.fixture
def bench(engine, clock) -> UpstreamBench:
    return make_upstream_bench(engine, clock, an_application(), WIKI)


def come_back(pat: Person, bench: UpstreamBench, context_class: str) -> None:
    """Come from the intranet, and back from the upstream, which says that it was proved so."""
    asked = bench.ask()
    bench.bring(bench.to(asked, context_class=context_class).write(), asked.relay_state)
    pat.transaction, pat.browser = bench.transaction, bench.browser
    pat.look()


def proofs(bench: UpstreamBench) -> tuple[str, str, str | None]:
    """Return what the audit has of the latest event."""
    event = bench.inner.parts.audit.recent()[0]
    return event.event, event.details["proof"], event.details.get("second")


@pytest.mark.parametrize("context_class", [MFA, MICROSOFT])
def test_an_application_that_wants_two_factors_is_content_with_those_of_the_upstream(
    bench, context_class
):
    asked = bench.ask(message=wanting(context_class))

    assert asked.request.findtext(".//{*}AuthnContextClassRef") == context_class
    view = bench.answer(asked, context_class=context_class)
    assert isinstance(view, SendResponse)
    assert first_text(response_of(view), "AuthnContextClassRef") == context_class
    assert proofs(bench) == ("login.succeeded", "upstream", None)


@vouches
def test_the_policy_asks_for_a_factor_of_ours_whatever_the_upstream_vouched_for(
    bench, context_class
):
    pat = Person(bench.inner)
    pat.decide_by(policies())

    come_back(pat, bench, context_class)
    assert isinstance(pat.view, AskEnrolment)
    assert isinstance(pat.enrol_totp(), SendResponse)
    assert proofs(bench) == ("login.succeeded", "upstream", "totp")
    assert isinstance(pat.open("wiki"), SendResponse)

    pat.sso = None
    pat.pass_time(minutes=2)
    come_back(pat, bench, context_class)
    assert isinstance(pat.view, AskFactor)
    assert isinstance(pat.type_code(pat.code()), SendResponse)
    assert first_text(response_of(pat.view), "AuthnContextClassRef") == context_class


@vouches
def test_where_the_policy_asks_nobody_the_word_of_the_upstream_is_enough(bench, context_class):
    pat = Person(bench.inner)
    pat.decide_by(policies({"intranet": {"authentication": Authentication.BYPASS}}))

    come_back(pat, bench, context_class)

    assert isinstance(pat.view, SendResponse)
    assert proofs(bench) == ("login.succeeded", "upstream", None)
    assert isinstance(pat.open("wiki"), AskEnrolment), "where it asks, it asks"
