"""Duo within a login: the browser goes there and comes back, whatever else goes on."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest

from connector.bootstrap.tls import trusting
from connector.errors import RequestRefused
from connector.idp.authenticator.duo import DuoFactor
from connector.idp.authenticator.duo_answer import DuoAnswer, read_callback
from connector.idp.authenticator.duo_client import DuoClient
from connector.idp.authenticator.duo_token import DuoApplication
from connector.idp.factor import FactorKind
from connector.idp.policy.points import Frequency
from connector.idp.reason import Reason
from connector.idp.view import AskEnrolment, AskFactor, AskTotpEnrolment, SendHome, SendResponse
from connector.idp.xmldsig import Element
from tests.idp.bench import an_application, make_bench
from tests.idp.factor_bench import WIKI, Person
from tests.parts.duo_fixtures import shared_duo  # noqa: F401 - a fixture
from tests.parts.duo_tokens import CLIENT_ID, CLIENT_SECRET
from tests.parts.policies import policies

if TYPE_CHECKING:
    from tests.parts.duo_simulator import DuoSimulator


@pytest.fixture
def duo(shared_duo: DuoSimulator, clock) -> DuoSimulator:
    shared_duo.behave()
    shared_duo.clock = lambda: clock.now().timestamp()
    return shared_duo


@pytest.fixture
def meet_ann(engine, clock, duo: DuoSimulator):
    """Return what makes Ann, where Duo is the second factor."""

    def make(of_applications=None, **how) -> Person:
        application = DuoApplication(duo.host, CLIENT_ID, CLIENT_SECRET)
        client = DuoClient(application, secrets.token_bytes, trusting(duo.ca_file))
        factor = DuoFactor(client, "https://sso.corp.example/login/duo", **how)
        bench = make_bench(
            engine, clock, an_application(), WIKI, policies=policies(of_applications)
        )
        parts = replace(bench.parts, factors=replace(bench.parts.factors, duo=factor))
        return Person(replace(bench, flow=replace(bench.flow, parts=parts)))

    return make


@pytest.fixture
def ann(meet_ann) -> Person:
    return meet_ann()


def knock(ann: Person) -> object:
    """Set out for Duo, which does not answer, and see what comes of it."""
    assert ann.bench.flow.second.leave_for_duo(ann.form, ann.visit, remembers=True) is None
    return ann.look()


def go_to_duo(ann: Person, duo: DuoSimulator) -> DuoAnswer:
    """Leave for Duo, approve there, and return what the browser brings back."""
    sent = ann.bench.flow.second.leave_for_duo(ann.form, ann.visit, remembers=False)
    with httpx.Client(verify=trusting(duo.ca_file)) as browser:
        back = browser.get(sent.url).headers["location"]
    return read_callback(urlsplit(back).query.encode())


def come_back(ann: Person, answer: DuoAnswer) -> object:
    ann.bench.flow.second.come_back_from_duo(answer, ann.browser, ann.visit)
    return ann.look()


def test_whom_duo_confirms_is_in(ann: Person, duo: DuoSimulator):
    view = ann.sign_in()
    assert isinstance(view, AskFactor)
    assert view.kind is FactorKind.DUO

    assert isinstance(come_back(ann, go_to_duo(ann, duo)), SendResponse)
    assert ann.bench.parts.audit.recent()[0].details["second"] == "duo"


@pytest.fixture
def slow(ann: Person, duo: DuoSimulator) -> Person:
    """Ann, who has taken so long over an app that she has to prove herself anew."""
    ann.visit_home()
    ann.type_password()
    come_back(ann, go_to_duo(ann, duo))
    ann.visit_home(adds_factor=True)
    assert isinstance(ann.begin_enrolment("totp"), AskTotpEnrolment)
    ann.pass_time(minutes=11)
    assert isinstance(ann.look(), AskFactor)
    return ann


def test_whoever_takes_long_over_an_enrolment_begins_it_anew_after_duo(
    slow: Person, duo: DuoSimulator
):
    assert isinstance(come_back(slow, go_to_duo(slow, duo)), AskEnrolment)

    assert isinstance(slow.enrol_totp(), SendHome)


def test_what_an_enrolment_has_sealed_is_no_question_to_duo(slow: Person):
    made_up = DuoAnswer(slow.transaction + "s" * 22, "a-code", "", "")

    with pytest.raises(RequestRefused) as caught:
        slow.bench.flow.second.come_back_from_duo(made_up, slow.browser, slow.visit)

    assert caught.value.reason == Reason.TRANSACTION_ENDED
    assert isinstance(slow.look(), AskFactor)


# -- while Duo is away ----------------------------------------------------------------------------


def test_whom_an_outage_lets_in_has_proved_nothing_and_is_asked_elsewhere(meet_ann, duo):
    ann = meet_ann(open_for=frozenset({"Intranet"}))
    duo.failure = "unavailable"
    ann.sign_in()

    assert isinstance(knock(ann), SendResponse)

    recent = ann.bench.parts.audit.recent(2)
    assert [each.event for each in recent] == ["login.succeeded", "factor.passed_by"]
    assert recent[0].details.get("second") is None
    assert ann.device is None
    assert isinstance(ann.open("wiki"), AskFactor)
    assert knock(ann).error == "duo-away"


@pytest.mark.parametrize("adds_factor", [False, True])
def test_whom_an_outage_lets_in_adds_and_removes_no_factor(meet_ann, duo, adds_factor):
    ann = meet_ann(fails_open=True)
    duo.failure = "unavailable"
    ann.sign_in()
    assert isinstance(knock(ann), SendResponse)

    ann.visit_home(adds_factor=adds_factor)
    assert knock(ann).why == "prove-first"
    assert knock(ann).error == "duo-away"


def test_no_application_is_told_of_a_second_factor_that_was_not_proved(meet_ann, duo):
    reference = "https://refeds.org/profile/mfa"
    wanted = Element(
        "samlp:RequestedAuthnContext", {}, (Element("saml:AuthnContextClassRef", {}, (reference,)),)
    )
    ann = meet_ann(fails_open=True)
    duo.failure = "unavailable"
    ann.arrive(wanted)
    ann.type_password()

    assert knock(ann).error == "duo-away"


def test_a_duo_that_is_away_uses_up_no_tries(ann: Person, duo: DuoSimulator):
    duo.failure = "unavailable"
    ann.sign_in()

    assert [knock(ann).error for _ in range(6)] == ["duo-away"] * 6


@pytest.mark.parametrize("frequency", [Frequency.LOGIN, Frequency.SESSION])
def test_where_every_login_wants_a_factor_duo_is_told_so(meet_ann, duo, frequency):
    ann = meet_ann({"wiki": {"second_factor": frequency}})
    ann.open("wiki")
    ann.type_password()

    assert isinstance(come_back(ann, go_to_duo(ann, duo)), SendResponse)

    is_forced = frequency is Frequency.LOGIN
    assert duo.questions[-1].get("prompt") == ("login" if is_forced else None)


def test_where_every_login_wants_a_factor_an_earlier_approval_is_not_taken(meet_ann, duo):
    ann = meet_ann({"wiki": {"second_factor": Frequency.LOGIN}})
    ann.open("wiki")
    ann.type_password()
    duo.remembered_seconds = 600

    assert come_back(ann, go_to_duo(ann, duo)).error == "duo-denied"
    assert ann.bench.reasons()[0] == "duo-not-fresh"
