"""Our limits of wrong passwords are held against those of the domain."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.bootstrap.lockout import check_lockout, failures_at_most
from connector.bootstrap.online import check_online
from connector.clock import SystemClock
from connector.settings import IdpSettings, Secret, Settings
from connector.source.domain import DomainPolicy
from connector.source.password_rules import PasswordRules
from connector.source.reader import LdapSource, Wanted
from tests.parts.samba_fixtures import samba  # noqa: F401 - a fixture

HALF_AN_HOUR = timedelta(minutes=30)


def findings(count: int, window: timedelta = HALF_AN_HOUR, own: int = 0) -> list[tuple[str, str]]:
    policy = DomainPolicy(PasswordRules(), count, window)
    found = check_lockout(policy, IdpSettings(base_url="https://sso.corp.example"), 3 + own)
    return [(one.level, one.words) for one in found]


def test_limits_below_the_domains_are_right():
    assert findings(4) == [
        ("ok", "wrong passwords stay below the domain's lockout: 3 here, 4 there")
    ]


def test_a_domain_that_locks_nobody_needs_no_limit():
    assert findings(0) == [("ok", "the domain locks no accounts")]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_as_many_failures_as_lock_an_account_are_too_many(count: int):
    ((level, words),) = findings(count)

    assert level == "warn"
    assert f"max_failures is 3, and the domain locks an account at {count}" in words
    assert ("set it to" in words) is (count > 1)


def test_whoever_is_remembered_has_one_more():
    """Otherwise guesses of others and one error of the owner would lock the account."""
    assert findings(5, own=1)[0][0] == "ok"
    ((level, words),) = findings(4, own=1)

    assert level == "warn"
    assert "max_failures is 3, with one more in a remembered browser, and the domain" in words
    assert words.endswith("set it to 2 or less")


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ({}, 3),
        ({"policy": {}}, 3),
        ({"policy": {"remembered_devices": "shared"}}, 4),
        ({"application": [{"policy": {"remembered_devices": "application"}}]}, 4),
        (
            {
                "application": [
                    {"group_policy": [{"groups": ["CN=A"], "remembered_devices": "shared"}]}
                ]
            },
            4,
        ),
    ],
)
def test_a_browser_may_be_remembered_in_any_layer_of_the_policy(tmp_path, where, count: int):
    for application in where.get("application", ()):
        application |= {"name": "Wiki", "entity_id": "urn:wiki", "acs": ["https://wiki.test"]}
    idp = {"base_url": "https://sso.corp.example"}
    (tmp_path / "company.toml").write_text("")
    source = {"kind": "file", "file": f"{tmp_path}/company.toml"}

    settings = Settings.model_validate({"idp": idp, "source": source, **where})

    assert failures_at_most(settings) == count


def test_a_window_shorter_than_the_domains_is_too_short():
    ((level, words),) = findings(10, timedelta(minutes=45, seconds=1))

    assert level == "warn"
    assert words.startswith("failure_window is 30m, and the domain counts for 46m")


def test_both_are_said_at_once():
    assert [level for level, _ in findings(2, timedelta(hours=1))] == ["warn", "warn"]


def test_a_domain_that_says_nothing_is_no_leave():
    ((level, words),) = (
        (one.level, one.words)
        for one in check_lockout(None, IdpSettings(base_url="https://sso.corp.example"), 3)
    )

    assert level == "warn"
    assert "max_failures (3)" in words


@pytest.mark.real
def test_the_domain_is_asked_by_check_online(samba):
    settings = Settings(
        source=samba.source_settings(), idp=IdpSettings(base_url="https://sso.corp.example")
    )
    before = [one.words for one in check_online(settings)]
    samba.people.lock_after(3)
    after = [one.words for one in check_online(settings)]
    samba.people.lock_after(0)

    assert "the domain locks no accounts" in before
    assert any("the domain locks an account at 3" in words for words in after)


@pytest.mark.real
def test_an_ordinary_account_reads_the_policy(samba):
    samba.people.add_user("reader", password="R3ader!Password")
    secret = Secret("test", "R3ader!Password")
    settings = samba.source_settings(bind_dn="reader@ad.test", password=secret)

    policy = LdapSource(settings, Wanted((), ()), SystemClock()).check().policy

    assert policy.rules.min_length == 7
    assert policy.lockout_window == HALF_AN_HOUR
