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
from connector.idp.reason import Reason
from connector.idp.view import AskEnrolment, AskFactor, AskTotpEnrolment, SendHome, SendResponse
from tests.idp.bench import an_application, make_bench
from tests.idp.factor_bench import Person
from tests.parts.duo_simulator import running_duo
from tests.parts.duo_tokens import CLIENT_ID, CLIENT_SECRET
from tests.parts.policies import policies

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.parts.duo_simulator import DuoSimulator


@pytest.fixture(scope="module")
def running(tmp_path_factory) -> Iterator[DuoSimulator]:
    with running_duo(tmp_path_factory.mktemp("duo")) as simulator:
        yield simulator


@pytest.fixture
def duo(running: DuoSimulator, clock) -> DuoSimulator:
    running.behave()
    running.clock = lambda: clock.now().timestamp()
    return running


@pytest.fixture
def ann(engine, clock, duo: DuoSimulator) -> Person:
    """Ann, where Duo is the second factor."""
    application = DuoApplication(duo.host, CLIENT_ID, CLIENT_SECRET)
    client = DuoClient(application, secrets.token_bytes, trusting(duo.ca_file))
    factor = DuoFactor(client, "https://sso.corp.example/login/duo")
    bench = make_bench(engine, clock, an_application(), policies=policies())
    parts = replace(bench.parts, factors=replace(bench.parts.factors, duo=factor))
    return Person(replace(bench, flow=replace(bench.flow, parts=parts)))


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
