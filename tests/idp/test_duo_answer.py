"""What a browser brings back from Duo, and what somebody may make of it."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connector.errors import FactorRefused, RequestRefused
from connector.idp.authenticator.duo_answer import QUERY_LIMIT_BYTES, DuoAnswer, read_callback
from connector.idp.reason import Reason

STATE = "A-state_of_24_characters"


def test_an_approval_has_a_code():
    answer = read_callback(f"state={STATE}&duo_code=abc%2B1".encode())

    assert answer == DuoAnswer(STATE, "abc+1")
    assert answer.require_code() == "abc+1"
    assert "abc+1" not in repr(answer)


def test_what_else_is_there_is_passed_over():
    assert read_callback(f"x=1&state={STATE}&x=2&duo_code=abc&code=other".encode()).code == "abc"


@pytest.mark.parametrize(
    ("error", "reason"),
    [("access_denied", Reason.DUO_DENIED), ("server_error", Reason.DUO_ERROR)],
)
def test_an_error_says_whether_somebody_refused(error: str, reason: Reason):
    query = urlencode({"state": STATE, "error": error, "error_description": "Not today."})
    answer = read_callback(query.encode())

    with pytest.raises(FactorRefused) as refused:
        answer.require_code()

    assert refused.value.reason == reason
    assert str(refused.value) == f"Duo says {error}: Not today."


def test_words_of_an_error_are_cut_and_cannot_forge_a_line_of_the_log():
    words = 'denied\r\n{"event":"ok"}\x1b[2J\u202e' + "x" * 1000
    answer = read_callback(
        urlencode({"state": STATE, "error": "access_denied", "error_description": words}).encode()
    )

    assert answer.words.startswith('denied  {"event":"ok"} [2J x')
    assert len(answer.words) == 200
    assert answer.words.isprintable()


@pytest.mark.parametrize(
    "query",
    [
        b"",
        b"state=" + STATE.encode(),
        b"duo_code=abc",
        b"state=&duo_code=abc",
        b"state=short&duo_code=abc",
        b"state=" + b"x" * 1025 + b"&duo_code=abc",
        f"state={STATE}%0a&duo_code=abc".encode(),
        f"state={STATE}%00&duo_code=abc".encode(),
        f"state={STATE}' OR 1=1&duo_code=abc".encode(),
        f"state={STATE}é&duo_code=abc".encode(),
        f"state={STATE}&state={STATE}&duo_code=abc".encode(),
        f"state={STATE}&state=other-state-of-24-chars&duo_code=abc".encode(),
        f"state={STATE}&duo_code=abc&duo_code=abd".encode(),
        f"state={STATE}&error=access_denied&error=access_denied".encode(),
        f"state={STATE}&duo_code=abc&error=access_denied".encode(),
        f"state={STATE}&duo_code=&error=".encode(),
        f"state={STATE}&duo_code=a b".encode(),
        f"state={STATE}&duo_code=a%0d%0ab".encode(),
        f"state={STATE}&duo_code=%FF".encode(),
        f"state={STATE}&duo_code=é".encode(),
        f"state={STATE}&duo_code=%C3%A9".encode(),
        f"state={STATE}&duo_code={'x' * 1025}".encode(),
        f"state={STATE}&error={'x' * 65}".encode(),
        f"state={STATE}&error=a%22b".encode(),
        f"state={STATE}&code=abc".encode(),
        f"state[]={STATE}&duo_code[]=abc".encode(),
        f"STATE={STATE}&DUO_CODE=abc".encode(),
        f"state={STATE}&duo_code=abc&x={'x' * QUERY_LIMIT_BYTES}".encode(),
        f"state={STATE}&duo_code=abc".encode() + b"&a=1" * 15,
        b"\xff\xfe",
    ],
)
def test_what_is_no_answer_is_refused(query: bytes):
    with pytest.raises(RequestRefused) as refused:
        read_callback(query)

    assert refused.value.reason == Reason.DUO_ANSWER_MALFORMED
    assert len(str(refused.value)) < 200


@given(st.binary(max_size=300))
@example(b"state=" + STATE.encode() + b"&duo_code=%")
@example(b"state=" + STATE.encode() + b"&duo_code=abc;state=other")
def test_whatever_comes_is_an_answer_within_limits_or_refused(query: bytes):
    try:
        answer = read_callback(query)
    except RequestRefused:
        return

    assert 16 <= len(answer.state) <= 1024
    assert bool(answer.code) != bool(answer.error)
    assert len(answer.code) <= 1024
    assert (answer.state + answer.code + answer.error + answer.words).isprintable()
