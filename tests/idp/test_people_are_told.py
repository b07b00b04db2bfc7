"""Whatever changes how somebody signs in is in the audit, and a message to its owner waits."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from connector.idp.logout.flow import LogoutFlow
from connector.idp.notices import Mailed
from connector.idp.own_account import OwnAccount
from connector.idp.policy.points import Remembering
from connector.idp.view import AskFactor, SendResponse
from connector.mail.letter import Taken
from connector.mail.outbox import Outbox
from tests.idp.bench import make_bench
from tests.idp.factor_bench import EMAIL, Person
from tests.mail.desk import LETTERHEAD
from tests.parts.policies import policies


@pytest.fixture
def ann(engine, clock) -> Person:
    """Ann, where a mail server is configured."""
    bench = make_bench(engine, clock, policies=policies(remembered_devices=Remembering.SHARED))
    notices = Mailed(Outbox(engine), LETTERHEAD, clock, bench.parts.random)
    parts = replace(bench.parts, notices=notices)
    bench.flow = replace(bench.flow, parts=parts)
    bench.logout = LogoutFlow(replace(bench.logout.parts, login=parts))
    return Person(bench)


def told(ann: Person) -> list[str]:
    """Return what she was told since, in order; the audit has each of it."""
    outbox = Outbox(ann.bench.parts.store._engine)
    letters, now = [], ann.bench.parts.clock.now()
    recorded = [each.event for each in ann.bench.parts.audit.recent(20)]
    while letter := outbox.claim(now):
        letters.append(letter)
        outbox.note(letter.letter_id, Taken("queued"), now)
    assert {letter.recipient for letter in letters} <= {EMAIL}
    for letter in letters:
        noun, verb = letter.notice.rsplit("-", 1)
        assert f"{noun.replace('-', '_')}.{verb}" in recorded
    return sorted(letter.notice for letter in letters)


def come_back(ann: Person) -> None:
    ann.sso = None
    ann.pass_time(minutes=2)


def test_of_a_new_factor_and_of_the_codes_that_come_with_it(ann):
    ann.sign_in()
    assert told(ann) == []

    ann.enrol_passkey()

    assert told(ann) == ["factor-added", "recovery-codes-made"]


def test_of_a_recovery_code_that_was_used(ann):
    ann.sign_in()
    ann.enrol_totp()
    told(ann)
    come_back(ann)
    ann.sign_in()
    ann.choose("recovery-code")

    ann.type_code("0000-0000-0000-0000-0000-0000", "recovery-code")
    assert told(ann) == []
    assert isinstance(ann.type_code(ann.codes[0], "recovery-code"), SendResponse)

    assert told(ann) == ["recovery-code-used"]


def test_of_a_device_that_is_remembered_when_it_is_and_not_each_time_it_is_used(ann):
    ann.sign_in()
    ann.enrol_totp()
    told(ann)
    come_back(ann)
    ann.sign_in()
    ann.type_code(ann.code(), remembers=True)
    assert told(ann) == ["device-remembered"]

    come_back(ann)
    assert isinstance(ann.sign_in(), SendResponse)

    assert told(ann) == []


def test_of_a_factor_that_was_renamed_or_removed(ann):
    ann.sign_in()
    ann.enrol_totp()
    told(ann)
    account = OwnAccount(ann.bench.logout.parts)
    token = account.keys(ann.sso).form_token
    (app, *_) = account.keys(ann.sso).factors

    account.rename(ann.sso, token, app.factor_id, "Old telephone", ann.visit)
    account.remove(ann.sso, token, app.factor_id, ann.visit)

    assert told(ann) == ["factor-removed", "factor-renamed"]


@pytest.mark.parametrize("where", ["first", "second"])
def test_of_a_passkey_that_was_copied_and_works_no_more(ann, where):
    """Whoever comes with the copy is not told; its owner is, wherever the copy was tried."""
    ann.sign_in()
    ann.enrol_passkey()
    stolen = copy.deepcopy(ann.authenticator)
    for _ in range(2):
        come_back(ann)
        ann.sign_in()
        assert isinstance(ann.use_passkey(), SendResponse)
    told(ann)
    come_back(ann)
    ann.authenticator = stolen

    if where == "first":
        ann.arrive()
        assert ann.use_passkey_first().error == "passkey-failed"
    else:
        ann.sign_in()
        assert isinstance(ann.use_passkey(), AskFactor)
        assert ann.view.error == "factor-disabled"

    assert told(ann) == ["factor-disabled"]
    refused = next(each for each in ann.bench.parts.audit.recent() if each.reason)
    assert (refused.reason, refused.actor) == ("passkey-cloned", "ann-1")
