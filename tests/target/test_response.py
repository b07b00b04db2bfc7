"""Answers as outcomes, and the words of errors."""

from __future__ import annotations

import pytest

from connector.planner.operation import Operation, OperationKind
from connector.target.dialect import Dialect, WriteDialect
from connector.target.outcome import Applied, Rejected, Unavailable, Unknown
from connector.target.response import (
    Answer,
    NoAnswer,
    NotSent,
    is_conflict,
    reason_of,
    refuses_patch,
    to_outcome,
)

UPDATE = Operation(
    OperationKind.UPDATE, "User", "guid", "bjensen", target_id="t1", changes={"title": "Chairman"}
)
CREATE = Operation(OperationKind.CREATE, "User", "guid", "bjensen")


def answer(status: int, body: bytes = b"") -> Answer:
    return Answer(status, {}, body)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_success_is_applied(status: int):
    assert to_outcome(UPDATE, answer(status)) == Applied("t1")


@pytest.mark.parametrize("status", [301, 400, 403, 404, 409, 412, 413, 422, 500, 501, 507])
def test_a_refusal_is_rejected(status: int):
    assert to_outcome(UPDATE, answer(status)) == Rejected(status, "no reason given")


@pytest.mark.parametrize("status", [401, 429, 503])
def test_not_now_is_unavailable(status: int):
    assert isinstance(to_outcome(UPDATE, answer(status)), Unavailable)


@pytest.mark.parametrize("reply", [NoAnswer("lost"), answer(408), answer(502), answer(504)])
def test_what_nobody_can_know_is_unknown(reply: Answer):
    assert isinstance(to_outcome(UPDATE, reply), Unknown)


def test_what_never_left_is_unavailable():
    assert to_outcome(UPDATE, NotSent("refused")) == Unavailable("refused")


@pytest.mark.parametrize(
    ("body", "target_id"), [(b'{"id": "a"}', "a"), (b'{"id": 7}', "7")], ids=["text", "number"]
)
def test_a_creation_gives_the_id(body: bytes, target_id: str):
    assert to_outcome(CREATE, answer(201, body)) == Applied(target_id)


@pytest.mark.parametrize("body", [b"", b"{}", b'{"id": null}', b'{"id": ""}', b"[1]", b"<html>"])
def test_a_creation_without_an_id_is_unknown(body: bytes):
    assert isinstance(to_outcome(CREATE, answer(201, body)), Unknown)
    listing = Answer(201, {"location": "https://scim.example/v2/Users/"}, body)
    assert isinstance(to_outcome(CREATE, listing), Unknown)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"status": "400", "scimType": "invalidPath", "detail": "no"}', "invalidPath: no"),
        (b'{"status": 400, "detail": "no"}', "no"),
        (b'{"Errors": [{"code": 1, "description": "no"}]}', "no"),
        (b'{"message": "no"}', "no"),
        (b"plain\r\n words", "plain words"),
        (b"<html><style>p {}</style><h1>Not</h1> now</html>", "Not now"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"", "no reason given"),
        (b'{"Errors": []}', "no reason given"),
    ],
)
def test_the_targets_words_are_found_in_any_kind_of_body(body: bytes, reason: str):
    assert reason_of(answer(400, body)) == reason


def test_a_reason_is_one_line_of_at_most_200_characters():
    words = reason_of(answer(400, b"line\n" * 10_000))

    assert len(words) <= 200
    assert "\n" not in words


@pytest.mark.parametrize(
    "words",
    [
        "Authorization: Bearer abcdef",
        "token abcdefghijklmnopqrstuvwxyz0123456789abcdefgh",
        "b.jensen@corp.example exists",
        "user BJENSEN exists",
        "title 'Chairman' is too long",
    ],
)
def test_a_reason_holds_no_secret_and_no_value_of_ours(words: str):
    reason = reason_of(answer(400, words.encode()), UPDATE)

    assert "..." in reason
    for secret in ("abcdef", "jensen", "chairman"):
        assert secret not in reason.casefold()


def test_a_conflict_is_known_by_its_status_or_by_its_keyword():
    unique = b'{"scimType": "uniqueness"}'
    assert is_conflict(answer(409), Dialect())
    assert is_conflict(answer(400, unique), Dialect())
    assert not is_conflict(answer(400), Dialect())
    # A server was seen to send a keyword of something else with its 404.
    assert not is_conflict(answer(404, unique), Dialect())
    assert is_conflict(answer(422), Dialect(write=WriteDialect(conflict_statuses=(409, 422))))


def test_only_a_refusal_of_patch_itself_leads_to_put():
    assert refuses_patch(answer(501))
    assert refuses_patch(answer(405))
    assert refuses_patch(answer(400, b"PATCH operations are not supported"))
    assert not refuses_patch(answer(400, b"title is not supported"))
    assert not refuses_patch(answer(404))
    assert not refuses_patch(NoAnswer("lost"))
