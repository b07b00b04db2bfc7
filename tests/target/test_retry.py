"""When to ask again, and how fast to ask."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connector.target.pace import Quota
from connector.target.retry import (
    RetryPolicy,
    backoff,
    delay_before_retry,
    delay_when_spent,
    parse_quota,
    parse_retry_after,
)

NOW = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
EPOCH = str(int(NOW.timestamp()) + 5)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 500, 502, 504])
def test_a_rejected_request_is_not_sent_again(status: int):
    assert delay_before_retry(RetryPolicy(), status=status, attempt=1) is None


@pytest.mark.parametrize("status", [429, 503])
def test_what_the_target_asks_for_replaces_the_computed_delay(status: int):
    asked = timedelta(seconds=42)

    assert delay_before_retry(RetryPolicy(), status=status, attempt=9, retry_after=asked) == asked


def test_a_target_that_asks_for_more_than_our_patience_is_given_up():
    policy = RetryPolicy(patience=MINUTE)

    assert delay_before_retry(policy, status=429, attempt=1, retry_after=2 * MINUTE) is None


@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("attempt", [1, 2, 10, 10_000])
def test_a_computed_delay_is_never_nothing_and_never_above_the_ceiling(attempt: int, jitter: float):
    delay = backoff(RetryPolicy(ceiling=MINUTE), attempt=attempt, jitter=jitter)

    assert timedelta() < delay <= MINUTE


@pytest.mark.parametrize(
    ("headers", "unit", "seconds"),
    [
        ({"retry-after": "7"}, "seconds", 7),
        ({"retry-after": " 0 "}, "seconds", 0),
        ({"retry-after": "Mon, 02 Nov 2026 08:00:30 GMT"}, "seconds", 30),
        ({"retry-after": "Mon, 02 Nov 2026 07:00:00 GMT"}, "seconds", 0),
        ({"retry-after": "Monday, 02-Nov-26 08:00:30 GMT"}, "seconds", 30),
        ({"retry-after": "7", "x-ratelimit-reset": "9"}, "seconds", 7),
        ({"retry-after": "soon", "x-ratelimit-reset": "9"}, "seconds", 9),
        ({"x-ratelimit-reset": "1500"}, "milliseconds", 1.5),
        ({"x-mimecast-ratelimit-reset": "1500"}, "milliseconds", 1.5),
        ({"x-ratelimit-reset": EPOCH}, "epoch", 5),
        ({"x-ratelimit-reset": "12"}, "epoch", 0),
        # The unit is wrong: half a century is not believed.
        ({"x-ratelimit-reset": EPOCH}, "seconds", 60),
        ({"x-ratelimit-reset": "1e300"}, "seconds", 60),
    ],
)
def test_when_to_come_back_is_read_from_any_of_the_headers(headers, unit, seconds):
    assert parse_retry_after(headers, NOW, unit, MINUTE) == timedelta(seconds=seconds)


@pytest.mark.parametrize("value", ["", "soon", "-1", "1.5.2", "nan", "inf"])
def test_headers_that_say_nothing_are_no_request_to_wait(value: str):
    headers = {"retry-after": value, "x-ratelimit-reset": value}

    assert parse_retry_after(headers, NOW, "seconds", MINUTE) is None
    assert parse_retry_after({}, NOW, "seconds", MINUTE) is None


def test_a_spent_allowance_is_a_reason_to_pause_and_any_other_is_not():
    spent = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "3"}

    assert delay_when_spent(spent, NOW, "seconds", MINUTE) == timedelta(seconds=3)
    assert delay_when_spent(spent | {"x-ratelimit-remaining": "1"}, NOW, "seconds", MINUTE) is None
    assert delay_when_spent({"x-ratelimit-remaining": "0"}, NOW, "seconds", MINUTE) is None
    assert delay_when_spent({}, NOW, "seconds", MINUTE) is None


def test_an_allowance_is_read_from_the_headers_of_any_answer():
    told = {"x-ratelimit-limit": "300", "x-ratelimit-reset": EPOCH}

    assert parse_quota(told, NOW, "epoch") == Quota(300, 5)
    assert parse_quota({"ratelimit-limit": "9", "ratelimit-reset": "500"}, NOW, "milliseconds") == (
        Quota(9, 0.5)
    )
    assert parse_quota({"x-ratelimit-limit": "300"}, NOW, "seconds") is None
    assert parse_quota({"x-ratelimit-limit": "0", "x-ratelimit-reset": "1"}, NOW, "seconds") is None
    assert parse_quota({}, NOW, "seconds") is None
