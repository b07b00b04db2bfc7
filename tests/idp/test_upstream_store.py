"""Each question has one answer and each assertion one use, on either database, however many come."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from connector.audit import AuditEvent
from connector.idp.store.sign_ons import SignOnStore
from connector.idp.store.upstreams import Taking, UpstreamStore
from connector.idp.transaction import LoginTransaction, Step
from connector.idp.vouched import Declined, SentRequest, Vouched, from_json, to_json
from tests.idp.bench import NOW

SOON = NOW + timedelta(minutes=15)
SENT = SentRequest("handle", "_request", "login", "Partner", False, NOW, SOON)
VOUCHED = Vouched("Partner", "https://idp.example", "pat@partner.example", NOW, "urn:x", SOON)
USE = ("https://idp.example", "_assertion", SOON)


@pytest.fixture
def logins(engine) -> SignOnStore:
    store = SignOnStore(engine)
    store.add_transaction(
        LoginTransaction("login", NOW, SOON, "intranet", b"{}"), issuer="", request_id=""
    )
    return store


@pytest.fixture
def store(engine, logins) -> UpstreamStore:
    store = UpstreamStore(engine)
    store.add_request(SENT)
    return store


def test_a_question_is_kept_and_the_login_waits(store, logins):
    assert store.request("handle", NOW) == SENT
    assert store.request("other", NOW) is None
    assert store.request("handle", SOON) is None
    login = logins.transaction("login", NOW)
    assert (login.sent_to, login.step) == ("Partner", Step.SOURCE)


def test_an_answer_reaches_the_login(store, logins):
    assert store.take(SENT, to_json(VOUCHED), USE, NOW) is Taking.TAKEN

    assert from_json(logins.transaction("login", NOW).vouched) == VOUCHED
    assert store.request("handle", NOW).answered_at == NOW


def test_an_outcome_is_kept_as_it_was():
    for outcome in (VOUCHED, Vouched("P", "e", "p", NOW), Declined("P", "upstream-error", "sorry")):
        assert from_json(to_json(outcome)) == outcome


def test_of_many_answers_at_once_one_is_taken(store):
    with ThreadPoolExecutor(8) as pool:
        uses = [("https://idp.example", f"_assertion-{number}", SOON) for number in range(8)]
        found = list(pool.map(lambda use: store.take(SENT, b"{}", use, NOW), uses))

    assert sorted(found) == [*[Taking.REPLAYED] * 7, Taking.TAKEN]


def test_of_one_assertion_for_many_logins_one_is_taken(store):
    others = [SentRequest(f"h{n}", "_r", "login", "Partner", False, NOW, SOON) for n in range(8)]
    for sent in others:
        store.add_request(sent)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda sent: store.take(sent, b"{}", USE, NOW), others))

    assert sorted(found) == [*[Taking.REPLAYED] * 7, Taking.TAKEN]


def test_what_nobody_asked_for_is_used_once(store):
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: store.use_assertion(*USE), range(8)))

    assert sorted(found) == [*[False] * 7, True]


def test_the_same_id_of_another_issuer_is_another_assertion(store):
    assert store.use_assertion(*USE)
    assert store.use_assertion("https://other.example", "_assertion", SOON)


@pytest.mark.parametrize("end", ["verified", "left", "answered elsewhere"])
def test_a_login_that_does_not_wait_gets_no_answer(store, logins, end):
    match end:
        case "verified":
            logins.set_verified("login", "password", AuditEvent(NOW, "x", "success", actor="ann"))
        case "left":
            logins.set_email("login", "")
        case _:
            other = SentRequest("other", "_r", "login", "Other", False, NOW, SOON)
            store.add_request(other)

    assert store.take(SENT, to_json(VOUCHED), USE, NOW) is Taking.TOO_LATE
    assert logins.transaction("login", NOW).vouched == b""


def test_what_has_expired_is_forgotten_with_the_next_question(store):
    store.use_assertion(*USE)

    store.add_request(SentRequest("later", "_r", "x", "Partner", False, SOON, SOON + timedelta(1)))

    assert store.request("handle", NOW) is None
    assert store.use_assertion(*USE), "nobody would take it any more"


def test_an_assertion_is_remembered_as_long_as_anybody_would_take_it(store):
    store.use_assertion(*USE)
    almost = SOON - timedelta(seconds=1)

    store.add_request(SentRequest("later", "_r", "x", "Partner", False, almost, SOON))

    assert not store.use_assertion(*USE)
