"""Duo as a second factor: what it may do wrong, and what becomes of people then."""

from __future__ import annotations

import logging
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from connector.bootstrap.tls import trusting
from connector.directory.person import DirectoryUser
from connector.errors import DuoUnavailable, FactorRefused
from connector.idp.authenticator.duo import DuoFactor, Outage
from connector.idp.authenticator.duo_answer import read_callback
from connector.idp.authenticator.duo_client import SIZE_LIMIT_BYTES, DuoClient
from connector.idp.authenticator.duo_token import DuoApplication, ExpectedToken, verify_token
from connector.idp.factor import FactorKind, Proof
from connector.idp.reason import Reason
from tests.parts.duo_fixtures import duo, shared_duo  # noqa: F401 - fixtures
from tests.parts.duo_tokens import CLIENT_ID, CLIENT_SECRET, LIES, MORE_LIES, signed

if TYPE_CHECKING:
    from tests.parts.duo_simulator import DuoSimulator

BACK = "https://sso.corp.test/login/duo"
ANNA = "anna@corp.example"
STATE, NONCE = "s" * 32, "n" * 24
PATIENCE_SECONDS = 0.6
FAILURES = (
    "unavailable", "too many", "silent", "slow words", "slow headers", "hangs up", "huge", "endless",
    "packed", "not JSON", "a list", "empty", "leads on", "deep",
)  # fmt: skip
REASONS = {
    "other key": Reason.DUO_SIGNATURE_INVALID,
    "alg none": Reason.DUO_SIGNATURE_INVALID,
    "alg none, signed": Reason.DUO_SIGNATURE_INVALID,
    "HS256": Reason.DUO_SIGNATURE_INVALID,
    "RS512": Reason.DUO_SIGNATURE_INVALID,
    "a demand that nobody knows": Reason.DUO_TOKEN_MALFORMED,
    "other issuer": Reason.DUO_ISSUER_OTHER,
    "other audience": Reason.DUO_AUDIENCE_WRONG,
    "no audience": Reason.DUO_AUDIENCE_WRONG,
    "two audiences": Reason.DUO_AUDIENCE_WRONG,
    "expired": Reason.DUO_TOKEN_TIME,
    "of the future": Reason.DUO_TOKEN_TIME,
    "no end": Reason.DUO_TOKEN_TIME,
    "no beginning": Reason.DUO_TOKEN_TIME,
    "an end in words": Reason.DUO_TOKEN_TIME,
    "an end that is no number": Reason.DUO_TOKEN_TIME,
    "no end at all": Reason.DUO_TOKEN_TIME,
    "true for a time": Reason.DUO_TOKEN_TIME,
    "an endless number": Reason.DUO_TOKEN_TIME,
    "other nonce": Reason.DUO_NONCE_WRONG,
    "no nonce": Reason.DUO_NONCE_WRONG,
    "a nonce of another kind": Reason.DUO_NONCE_WRONG,
    "other person": Reason.DUO_OTHER_PERSON,
    "nobody": Reason.DUO_OTHER_PERSON,
    "a name of another kind": Reason.DUO_OTHER_PERSON,
    "a name with a long s": Reason.DUO_OTHER_PERSON,
    "denied": Reason.DUO_DENIED,
    "no result": Reason.DUO_DENIED,
    "a result in words": Reason.DUO_DENIED,
}


def factor_of(duo: DuoSimulator, secret: str = CLIENT_SECRET, **more) -> DuoFactor:
    application = DuoApplication(duo.host, CLIENT_ID, secret)
    client = DuoClient(application, secrets.token_bytes, trusting(duo.ca_file), PATIENCE_SECONDS)
    return DuoFactor(client, BACK, **more)


@dataclass
class Stopwatch:
    """Seconds that pass when the test says so."""

    seconds: float = 0

    def read(self) -> float:
        return self.seconds


@pytest.fixture
def stopwatch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def factor(duo: DuoSimulator, stopwatch: Stopwatch) -> DuoFactor:
    return factor_of(duo, outage=Outage(stopwatch.read))


def now() -> datetime:
    return datetime.now(UTC)


def approved(duo: DuoSimulator, factor: DuoFactor, user_name: str = ANNA, **how) -> str:
    """Have somebody approve; return the code that the browser brings back."""
    url = factor.ask(user_name, STATE, NONCE, now(), **how)
    with httpx.Client(verify=trusting(duo.ca_file)) as browser:
        place = browser.get(url).headers["location"]
    return read_callback(urlsplit(place).query.encode()).require_code()


def check(factor: DuoFactor, code: str, **how) -> Proof:
    return factor.check(code, NONCE, ANNA, now(), "anna-id", **how)


def test_an_approval_is_a_proof(duo: DuoSimulator, factor: DuoFactor):
    code = approved(duo, factor, application_name="Payroll")
    moment = now()

    proof = factor.check(code, NONCE, ANNA, moment, "anna-id")

    assert proof == Proof(FactorKind.DUO, "anna-id", "duo", moment)
    asked = duo.questions[-1]
    assert (asked["duo_uname"], asked["dest_app_name"]) == (ANNA, "Payroll")
    assert "prompt" not in asked


# -- answers that lie -----------------------------------------------------------------------------


@pytest.mark.parametrize("lie", LIES | MORE_LIES)
def test_a_token_that_lies_is_refused_with_the_reason(
    duo: DuoSimulator, factor: DuoFactor, lie: str
):
    code = approved(duo, factor, "anna-s@corp.example")
    duo.lie = lie

    with pytest.raises(FactorRefused) as refused:
        factor.check(code, NONCE, "anna-s@corp.example", now(), "anna-id")

    assert refused.value.reason == REASONS[lie]


@pytest.mark.parametrize("failure", FAILURES)
def test_a_duo_that_fails_is_not_waited_for_and_nobody_is_sent_there(
    duo: DuoSimulator, factor: DuoFactor, failure: str
):
    duo.failure = failure
    begun = time.monotonic()

    with pytest.raises(DuoUnavailable) as found:
        factor.ask(ANNA, STATE, NONCE, now())

    assert time.monotonic() - begun < 4 * PATIENCE_SECONDS
    assert found.value.reason == Reason.DUO_UNAVAILABLE
    assert str(found.value).startswith(f"{duo.host} ")
    assert not found.value.may_pass
    assert [path for _, path, _ in duo.requests] == ["/oauth/v1/health_check"]


@pytest.mark.parametrize("failure", FAILURES)
def test_a_duo_that_fails_afterwards_proves_nobody(duo: DuoSimulator, failure: str):
    """Not even where people are let in while it does not answer: it did, a moment ago."""
    factor = factor_of(duo, fails_open=True)
    code = approved(duo, factor)
    duo.failure = failure
    begun = time.monotonic()

    with pytest.raises((DuoUnavailable, FactorRefused)) as found:
        check(factor, code)

    assert time.monotonic() - begun < 4 * PATIENCE_SECONDS
    assert not getattr(found.value, "may_pass", False)


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        ("slow words", f"is not done within {PATIENCE_SECONDS:g} s"),
        ("slow headers", f"is not done within {PATIENCE_SECONDS:g} s"),
        ("huge", f"answers with more than {SIZE_LIMIT_BYTES} bytes"),
        ("packed", "answers with status 200: nothing that we understand"),
        ("leads on", "answers with status 307"),
        ("too many", "answers with status 429: Too Many Requests"),
        ("unavailable", "answers with status 503: unavailable"),
    ],
)
def test_what_is_wrong_is_said_in_words(
    duo: DuoSimulator, factor: DuoFactor, failure: str, words: str
):
    duo.failure = failure

    with pytest.raises(DuoUnavailable) as found:
        factor.ask(ANNA, STATE, NONCE, now())

    assert str(found.value).removeprefix(f"{duo.host} ").startswith(words)


APPLICATION = DuoApplication("api.duo.example", CLIENT_ID, CLIENT_SECRET)
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
TRUE = {
    "iss": "https://api.duo.example/oauth/v1/token",
    "aud": CLIENT_ID,
    "iat": int(NOON.timestamp()),
    "exp": int(NOON.timestamp()) + 300,
    "auth_time": int(NOON.timestamp()),
    "nonce": NONCE,
    "preferred_username": ANNA,
    "auth_result": {"result": "allow"},
}
HEAD = {"alg": "HS512", "typ": "JWT"}


def verify(token: str, **expected) -> None:
    verify_token(APPLICATION, token, ExpectedToken(ANNA, NONCE, **expected), NOON)


def test_somebody_in_many_groups_has_a_long_token():
    groups = ["CN=A group with a long name,DC=corp,DC=example"] * 700
    context = {"auth_context": {"user": {"groups": groups}}}

    verify(signed(HEAD, TRUE | context, CLIENT_SECRET))
    with pytest.raises(FactorRefused, match="token of"):
        verify(signed(HEAD, TRUE | {"more": "x" * 60_000}, CLIENT_SECRET))


@pytest.mark.parametrize(
    ("seconds", "is_taken"), [(-61, False), (-59, True), (0, True), (359, True), (361, False)]
)
def test_a_token_is_good_for_five_minutes_and_one_more_for_clocks(seconds: int, is_taken: bool):
    at = NOON + timedelta(seconds=seconds)
    token = signed(HEAD, TRUE, CLIENT_SECRET)
    if is_taken:
        verify_token(APPLICATION, token, ExpectedToken(ANNA, NONCE), at)
        return
    with pytest.raises(FactorRefused) as refused:
        verify_token(APPLICATION, token, ExpectedToken(ANNA, NONCE), at)
    assert refused.value.reason == Reason.DUO_TOKEN_TIME


@pytest.mark.parametrize(
    "token",
    [
        "",
        "...",
        "a.b.c",
        "é.é.é",
        "\ud800.\ud800.x",
        signed(HEAD, TRUE, CLIENT_SECRET)[:-3],
        signed(HEAD, TRUE, CLIENT_SECRET) + ".x",
        signed(HEAD, [TRUE], CLIENT_SECRET),
        signed(HEAD, "allow", CLIENT_SECRET),
        "W10.e30.x",
        "Ww" * 12_000 + ".e30.x",
        signed({"typ": "JWT"}, TRUE, CLIENT_SECRET),
        signed({"alg": ["HS512"]}, TRUE, CLIENT_SECRET),
        signed({"alg": {"a": 1}}, TRUE, CLIENT_SECRET),
        signed({"alg": "HS512", "crit": "x"}, TRUE, CLIENT_SECRET),
        signed({"alg": "HS512", "b64": False, "crit": ["b64"]}, TRUE, CLIENT_SECRET),
    ],
)
def test_what_is_no_token_is_refused(token: str):
    with pytest.raises(FactorRefused) as refused:
        verify(token)

    assert CLIENT_SECRET not in str(refused.value)


@given(st.text(max_size=200), st.integers(0, 500), st.text(max_size=3))
def test_no_text_but_a_signed_one_is_ever_taken(text: str, at: int, other: str):
    token = signed(HEAD, TRUE, CLIENT_SECRET)
    damaged = token[:at] + other + token[at + len(other) :]

    for each in (text, damaged):
        if each != token:
            with pytest.raises(FactorRefused):
                verify(each)


# -- open or closed -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "passing"),
    [
        ({}, set()),
        ({"fails_open": True}, {"", "Payroll", "Canteen"}),
        ({"open_for": frozenset({"Canteen"})}, {"Canteen"}),
    ],
)
def test_who_is_let_in_while_duo_is_away_is_as_configured(
    duo: DuoSimulator, more: dict, passing: set[str]
):
    factor = factor_of(duo, **more)
    duo.failure = "unavailable"

    found = set()
    for name in ("", "Payroll", "Canteen"):
        with pytest.raises(DuoUnavailable) as caught:
            factor.ask(ANNA, STATE, NONCE, now(), application_name=name)
        found |= {name} if caught.value.may_pass else set()

    assert found == passing


def test_who_is_not_known_to_duo_lets_nobody_in(duo: DuoSimulator):
    """A wrong secret would otherwise switch the second factor off, and nobody would notice."""
    factor = factor_of(duo, "t" * 40, fails_open=True)

    for _ in range(2):
        with pytest.raises(DuoUnavailable) as found:
            factor.ask(ANNA, STATE, NONCE, now())
        assert found.value.reason == Reason.DUO_MISCONFIGURED
        assert not found.value.may_pass
        assert "invalid_client" in str(found.value)
    with pytest.raises(DuoUnavailable) as found:
        check(factor, "a-code-that-nobody-was-given")
    assert found.value.reason == Reason.DUO_MISCONFIGURED


def test_while_duo_is_silent_one_finds_out_and_the_others_are_told_at_once(
    duo: DuoSimulator, factor: DuoFactor, stopwatch: Stopwatch
):
    duo.failure = "silent"
    for seconds in (0, 1, 4.9):
        stopwatch.seconds = seconds
        with pytest.raises(DuoUnavailable, match=r"does not answer|not done"):
            factor.ask(ANNA, STATE, NONCE, now())
    assert len(duo.requests) == 1

    duo.failure = ""
    stopwatch.seconds = 5
    factor.ask(ANNA, STATE, NONCE, now())
    factor.ask(ANNA, STATE, NONCE, now())

    assert len(duo.requests) == 3


def test_an_outage_is_logged_when_it_begins_and_when_it_ends(
    duo: DuoSimulator, factor: DuoFactor, stopwatch: Stopwatch
):
    with capture_logs() as logged:
        for seconds, failure in ((0, "unavailable"), (9, "unavailable"), (20, ""), (21, "")):
            duo.failure, stopwatch.seconds = failure, seconds
            with suppress(DuoUnavailable):
                factor.ask(ANNA, STATE, NONCE, now())

    problem = f"{duo.host} answers with status 503: unavailable"
    failed = {"event": "duo.failed", "reason": "duo-unavailable", "problem": problem}
    assert logged == [
        failed | {"log_level": "error"},
        {"event": "duo.answered", "log_level": "info"},
    ]


def test_an_outage_is_over_when_duo_answers():
    outage = Outage()
    assert not outage.end()
    assert outage.begin("duo-unavailable", "away")
    assert not outage.begin("duo-unavailable", "away")
    assert outage.found() == ("duo-unavailable", "away")

    assert outage.end()

    assert outage.found() is None


# -- details --------------------------------------------------------------------------------------


def test_a_device_that_duo_remembers_is_not_enough_where_it_must_not_be(
    duo: DuoSimulator, factor: DuoFactor
):
    begun = now()
    code = approved(duo, factor, is_forced=True)
    assert duo.questions[-1]["prompt"] == "login"
    check(factor, code, fresh_since=begun)

    code = approved(duo, factor, is_forced=True)
    with pytest.raises(FactorRefused) as refused:
        check(factor, code, fresh_since=begun + timedelta(minutes=2))
    assert refused.value.reason == Reason.DUO_NOT_FRESH


def test_a_token_that_does_not_say_when_is_not_fresh():
    token = signed(HEAD, {k: v for k, v in TRUE.items() if k != "auth_time"}, CLIENT_SECRET)

    verify(token)
    with pytest.raises(FactorRefused, match="earlier approval"):
        verify(token, fresh_since=NOON)


def person(**document) -> DirectoryUser:
    return DirectoryUser("1", "CN=1", document, b"", (), "", True, None, NOON, NOON)


def test_people_are_called_at_duo_as_the_directory_says(factor: DuoFactor):
    anna = person(userName="anna", emails=[{"value": "a@x"}, {"value": "b@x"}])

    assert factor.name_of(anna) == "anna"
    for path in ("nickName", "emails.value"):
        with pytest.raises(FactorRefused) as refused:
            replace(factor, user_name=path).name_of(anna)
        assert refused.value.reason == Reason.DUO_NAME_MISSING


def test_no_proxy_of_the_environment_is_asked(factor: DuoFactor, monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert abs(factor.client.check_health(now()) - now()) < timedelta(seconds=5)


def test_nothing_secret_is_in_an_address_a_log_or_an_error(
    duo: DuoSimulator, factor: DuoFactor, caplog: pytest.LogCaptureFixture
):
    code = approved(duo, factor)
    caplog.set_level(logging.DEBUG)
    check(factor, code)
    said = [repr(factor)]
    for failure in ("", "unavailable", "huge", "hangs up"):
        duo.failure = failure
        with pytest.raises((DuoUnavailable, FactorRefused)) as found:
            check(factor, code)
        said += [str(found.value), repr(found.value), str(found.value.__cause__)]

    bodies = [form for _, _, form in duo.requests if form]
    assert any(form.get("code") == code for form in bodies)
    addresses = [path for _, path, _ in duo.requests]
    assertions = [form["client_assertion"] for form in bodies]
    for secret in (CLIENT_SECRET, code, NONCE, *assertions):
        assert secret not in "\n".join([*said, caplog.text, *addresses])


def test_the_address_to_duo_holds_what_is_signed_and_nothing_else(factor: DuoFactor):
    url = urlsplit(factor.ask(ANNA, STATE, NONCE, now()))

    assert url.path == "/oauth/v1/authorize"
    assert set(parse_qs(url.query)) == {"response_type", "client_id", "request"}
    assert len(url.geturl()) < 2000
