"""Who is signed in is answered without a stored login, and without waiting for anybody."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from connector.errors import RequestRefused
from connector.idp.at_once import FastLane
from connector.idp.logout.status import revoke
from connector.idp.view import SendResponse
from connector.idp.xmldsig import Element
from state.engine import writing
from tests.idp.bench import (
    VISIT,
    SignOnBench,
    a_user,
    authn_request,
    first_text,
    redirected,
    response_of,
)
from tests.parts.identity_provider import make_fast_lane

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from connector.clock import FixedClock

ANN = ("ann.lind@corp.example", "Right-1")


@pytest.fixture
def fast_lane(bench: SignOnBench, engine: Engine) -> FastLane:
    made = make_fast_lane(bench.parts, engine)
    assert made is not None
    return made


@pytest.fixture
def cookie(bench: SignOnBench) -> str:
    """The session of Ann."""
    return bench.sign_in(*ANN).sso_cookie


def events(bench: SignOnBench) -> list[str]:
    return [event.event for event in bench.parts.audit.recent()]


def test_who_is_signed_in_is_answered_and_the_audit_has_it(
    bench: SignOnBench, fast_lane: FastLane, cookie: str
):
    view = fast_lane.answer(redirected(authn_request(ID="_r"), "deep link"), VISIT, cookie)

    assert isinstance(view, SendResponse)
    assert (response_of(view).get("InResponseTo"), view.relay_state) == ("_r", "deep link")
    assert first_text(response_of(view), "NameID") == ANN[0]
    event = bench.parts.audit.recent()[0]
    assert (event.event, event.actor, event.details["proof"]) == (
        "login.succeeded",
        "ann-1",
        "session",
    )
    assert bench.parts.audit.first_break() is None


def test_the_same_request_is_answered_once(fast_lane: FastLane, cookie: str):
    request = redirected(authn_request(ID="_once"))

    assert fast_lane.answer(request, VISIT, cookie)
    assert fast_lane.answer(request, VISIT, cookie) is None


def test_what_the_fast_lane_answered_does_not_begin_a_login_either(
    bench: SignOnBench, fast_lane: FastLane, cookie: str
):
    request = redirected(authn_request(ID="_once"))
    fast_lane.answer(request, VISIT, cookie)

    with pytest.raises(RequestRefused, match="request-replayed"):
        bench.flow.begin(request, VISIT, cookie)


@pytest.mark.parametrize(
    "request_of",
    [
        lambda: authn_request(ForceAuthn="true"),
        lambda: authn_request(IssueInstant="2026-11-01T08:00:00Z"),
        lambda: authn_request(issuer="https://stranger.example"),
        lambda: authn_request(Version="1.1"),
        lambda: authn_request(
            Element("samlp:NameIDPolicy", {"Format": "urn:oasis:names:tc:SAML:2.0:nameid:kerberos"})
        ),
    ],
)
def test_whatever_else_is_asked_for_is_left_to_a_login(
    bench: SignOnBench, fast_lane: FastLane, cookie: str, request_of
):
    before = events(bench)

    assert fast_lane.answer(redirected(request_of()), VISIT, cookie) is None
    assert events(bench) == before


@pytest.mark.parametrize("stranger", [None, "", "x" * 43])
def test_nobody_else_is_let_in(fast_lane: FastLane, cookie: str, stranger: str | None):
    assert fast_lane.answer(redirected(authn_request()), VISIT, stranger) is None


class Unread:
    """Applications that nobody may ask for."""

    @property
    def registry(self):
        raise AssertionError("the request was read")


def test_what_a_stranger_brings_is_not_even_read(fast_lane: FastLane):
    lane = FastLane(replace(fast_lane.parts, catalogue=Unread()))

    assert lane.answer(redirected(authn_request()), VISIT, "x" * 43) is None


def test_who_may_no_longer_enter_is_not_answered(
    bench: SignOnBench, fast_lane: FastLane, cookie: str
):
    bench.people.add(a_user("ann-1", ANN[0]))  # in no group any more

    assert fast_lane.answer(redirected(authn_request()), VISIT, cookie) is None


def test_who_was_disabled_is_not_answered(bench: SignOnBench, fast_lane: FastLane, cookie: str):
    bench.people.people["ann-1"] = replace(bench.people.people["ann-1"], is_enabled=False)

    assert fast_lane.answer(redirected(authn_request()), VISIT, cookie) is None


def test_a_session_that_was_ended_is_not_answered(
    bench: SignOnBench, fast_lane: FastLane, cookie: str
):
    revoke(bench.logout.parts, "ann-1", "operator")

    assert fast_lane.answer(redirected(authn_request()), VISIT, cookie) is None


def test_a_session_that_is_too_old_is_not_answered(
    fast_lane: FastLane, cookie: str, clock: FixedClock
):
    clock.moment += timedelta(hours=13)

    request = authn_request(IssueInstant=clock.now().isoformat())
    assert fast_lane.answer(redirected(request), VISIT, cookie) is None


def test_while_somebody_else_writes_nobody_waits_and_nothing_is_kept(
    bench: SignOnBench, fast_lane: FastLane, cookie: str, engine: Engine
):
    request = redirected(authn_request(ID="_r"))
    before = events(bench)

    with writing(engine):
        assert fast_lane.answer(request, VISIT, cookie) is None

    assert events(bench) == before
    assert isinstance(bench.flow.begin(request, VISIT, cookie), SendResponse)


def test_a_long_request_is_left_to_a_login(bench: SignOnBench, fast_lane: FastLane, cookie: str):
    inside = Element("samlp:Extensions", {}, ("x" * 9_000,))
    request = redirected(authn_request(inside))

    assert fast_lane.answer(request, VISIT, cookie) is None
    assert isinstance(bench.flow.begin(request, VISIT, cookie), SendResponse)


def test_many_at_once_are_all_answered_or_left_to_a_login(
    bench: SignOnBench, engine: Engine, cookie: str
):
    """Each thread stands for a process: it has a connection of its own."""
    lanes = [make_fast_lane(bench.parts, engine) for _ in range(4)]
    answered = []

    def sign_on(lane: FastLane) -> None:
        for _ in range(25):
            request = redirected(authn_request())
            view = lane.answer(request, VISIT, cookie)
            answered.append(view or bench.flow.begin(request, VISIT, cookie))

    threads = [threading.Thread(target=sign_on, args=(lane,)) for lane in lanes if lane]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(answered) == 100
    assert all(isinstance(view, SendResponse) for view in answered)
    assert bench.parts.audit.first_break() is None
