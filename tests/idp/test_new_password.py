"""Who has to change the password does so in the login, and is then signed in."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlmodel import SQLModel

from connector.errors import RequestRefused
from connector.idp.flow import (
    AskEmail,
    AskNewPassword,
    AskPassword,
    SendResponse,
    TypedPasswords,
)
from connector.idp.reason import Reason
from connector.source.password import PasswordVerdict
from connector.source.password_change import ChangeVerdict
from connector.source.password_rules import PasswordRules
from tests.idp.bench import ADDRESS, VISIT, SignOnBench, authn_request, redirected

ANN, BOB = "ann.lind@corp.example", "bob.berg@corp.example"
OLD, NEW = "Right-1", "Another-Word-7"


@pytest.fixture
def bench(bench: SignOnBench) -> SignOnBench:
    """Ann and Bob have to change their passwords; Bob may not enter."""
    bench.passwords.verdicts = dict.fromkeys((ANN, BOB), PasswordVerdict.MUST_CHANGE_PASSWORD)
    return bench


def arrive(bench: SignOnBench) -> tuple[str, str]:
    """Go as far as the new password; return the login and the browser's cookie."""
    transaction, browser = bench.arrive()
    bench.type_email(transaction, browser, ANN)
    view = bench.type_password(transaction, browser, OLD)
    assert isinstance(view, AskNewPassword)
    return transaction, browser


def choose(bench, transaction, browser, old=OLD, new=NEW, repeated=None):
    view = bench.flow.next_step(transaction, browser, None)
    typed = TypedPasswords(old, new, new if repeated is None else repeated)
    bench.flow.first.submit_new_password(transaction, browser, view.step_token, typed, VISIT)
    return bench.flow.next_step(transaction, browser, None, VISIT)


@pytest.mark.parametrize(
    ("verdict", "key"),
    [
        (PasswordVerdict.MUST_CHANGE_PASSWORD, "must-change-password"),
        (PasswordVerdict.PASSWORD_EXPIRED, "password-expired"),
    ],
)
def test_who_has_to_change_the_password_is_asked_for_a_new_one(bench, verdict, key):
    bench.passwords.verdicts[ANN] = verdict

    view = bench.sign_in(ANN, OLD)

    assert isinstance(view, AskNewPassword)
    assert (view.email, view.error, view.rules) == (ANN, key, PasswordRules(min_length=12))


def test_the_new_password_is_set_and_the_person_signed_in(bench):
    view = choose(bench, *arrive(bench))

    assert isinstance(view, SendResponse)
    assert bench.passwords.passwords[ANN] == NEW
    event = _event(bench, "password.changed")
    assert (event.actor, event.address, event.outcome) == ("ann-1", ADDRESS, "success")
    assert _event(bench, "login.succeeded").actor == "ann-1"


def test_nothing_of_either_password_is_kept(bench, engine):
    """Neither in the tables nor in the audit; what stays of them is keyed with our secret."""
    transaction, browser = arrive(bench)
    bench.passwords.refuses_as = ChangeVerdict.TOO_SHORT
    choose(bench, transaction, browser)

    with engine.connect() as connection:
        kept = "".join(
            str(row)
            for table in SQLModel.metadata.sorted_tables
            for row in connection.execute(select(table))
        )
    assert "ann-1" in kept
    assert OLD not in kept
    assert NEW not in kept


def test_who_may_not_enter_is_not_asked_for_a_new_password(bench):
    """The page would tell a stranger more than that the login failed."""
    view = bench.sign_in(BOB, "Right-2")

    assert isinstance(view, AskPassword)
    assert (view.error, bench.reasons()[0]) == ("failed", Reason.NOT_IN_GROUP)


def test_a_wrong_password_is_told_nothing_of_it(bench):
    view = bench.sign_in(ANN, "wrong")

    assert isinstance(view, AskPassword)
    assert view.error == "failed"


REFUSALS = {
    ChangeVerdict.AGAINST_RULES: "new-password-against-rules",
    ChangeVerdict.TOO_SHORT: "new-password-too-short",
    ChangeVerdict.TOO_LONG: "new-password-too-long",
    ChangeVerdict.NOT_COMPLEX: "new-password-not-complex",
    ChangeVerdict.CONTAINS_NAME: "new-password-contains-name",
    ChangeVerdict.USED_BEFORE: "new-password-used-before",
    ChangeVerdict.NOT_SENDABLE: "new-password-not-sendable",
    ChangeVerdict.TOO_YOUNG: "password-too-young",
    ChangeVerdict.NOT_ALLOWED: "password-not-changeable",
    ChangeVerdict.UNRECOGNISED: "password-not-changeable",
}


@pytest.mark.parametrize(("verdict", "key"), REFUSALS.items())
def test_a_refusal_is_explained_and_another_try_may_follow(bench, verdict, key):
    transaction, browser = arrive(bench)
    bench.passwords.refuses_as = verdict

    refused = choose(bench, transaction, browser)
    bench.passwords.refuses_as = None
    taken = choose(bench, transaction, browser)

    assert isinstance(refused, AskNewPassword)
    assert refused.error == key
    assert isinstance(taken, SendResponse)
    event = _event(bench, "password.refused")
    assert (event.actor, event.details) == ("ann-1", {"message": "what the server says"})


def test_every_refusal_of_the_source_has_its_words():
    others = {ChangeVerdict.CHANGED, ChangeVerdict.WRONG_PASSWORD, ChangeVerdict.LOCKED_OUT}

    assert {*REFUSALS, *others} == set(ChangeVerdict)


@pytest.mark.parametrize(
    ("new", "repeated", "key"), [("a", "b", "new-differs"), ("", "", "new-empty")]
)
def test_what_was_typed_amiss_never_reaches_the_source(bench, new, repeated, key):
    transaction, browser = arrive(bench)
    asked_count = len(bench.passwords.asked)

    view = choose(bench, transaction, browser, new=new, repeated=repeated)

    assert (view.error, len(bench.passwords.asked)) == (key, asked_count)


# The throttle: a wrong old password counts like a wrong one at a sign-in, and with it.


def test_a_wrong_old_password_is_told_and_counted(bench):
    transaction, browser = arrive(bench)

    errors = [choose(bench, transaction, browser, old=f"wrong-{n}").error for n in range(4)]

    assert errors == ["wrong-old"] * 3 + ["too-many"]
    assert len(bench.passwords.asked) == 1 + 3


def test_wrong_ones_of_both_steps_are_counted_together(bench):
    transaction, browser = arrive(bench)
    other, other_browser = bench.arrive()
    bench.type_email(other, other_browser, ANN)
    bench.type_password(other, other_browser, "wrong-1")
    bench.type_password(other, other_browser, "wrong-2")

    errors = [choose(bench, transaction, browser, old=f"wrong-{n}").error for n in (3, 4)]

    assert errors == ["wrong-old", "too-many"]


def test_the_same_wrong_old_password_is_not_sent_twice(bench):
    transaction, browser = arrive(bench)

    errors = [choose(bench, transaction, browser, old="wrong").error for _ in range(5)]

    assert errors == ["wrong-old"] * 5
    assert len(bench.passwords.asked) == 2


def test_an_empty_old_password_is_never_sent(bench):
    view = choose(bench, *arrive(bench), old="")

    assert (view.error, len(bench.passwords.asked)) == ("wrong-old", 1)


def test_refusals_of_the_new_password_are_not_counted(bench):
    transaction, browser = arrive(bench)
    bench.passwords.refuses_as = ChangeVerdict.TOO_SHORT

    errors = [choose(bench, transaction, browser, new=f"a{n}").error for n in range(6)]

    assert errors == ["new-password-too-short"] * 6


def test_a_locked_account_goes_back_to_the_first_question(bench):
    transaction, browser = arrive(bench)
    bench.passwords.refuses_as = ChangeVerdict.LOCKED_OUT

    view = choose(bench, transaction, browser)

    assert isinstance(view, AskPassword)
    assert (view.error, bench.reasons()[0]) == ("failed", Reason.LOCKED_OUT)


# The password that was given up.


def test_the_password_that_was_given_up_signs_nobody_in(bench, clock):
    """A domain controller takes it for another hour; we do not."""
    choose(bench, *arrive(bench))
    bench.passwords.passwords[ANN] = OLD  # as such a controller does
    asked_count = len(bench.passwords.asked)

    clock.moment += timedelta(minutes=59)
    early = bench.sign_in(ANN, OLD, message=_request_at(clock))
    clock.moment += timedelta(minutes=10)
    late = bench.sign_in(ANN, OLD, message=_request_at(clock))

    assert (early.error, len(bench.passwords.asked)) == ("failed", asked_count + 1)
    assert isinstance(late, SendResponse)


def test_the_new_password_signs_in_and_does_not_bring_the_old_one_back(bench):
    choose(bench, *arrive(bench))

    assert isinstance(bench.sign_in(ANN, NEW), SendResponse)
    bench.passwords.passwords[ANN] = OLD
    assert bench.sign_in(ANN, OLD).error == "failed"


def test_who_was_signed_in_by_the_old_password_is_not_any_more(bench):
    bench.passwords.verdicts.clear()
    earlier = bench.sign_in(ANN, OLD)
    assert bench.flow.session_of(earlier.sso_cookie) is not None
    bench.passwords.verdicts[ANN] = PasswordVerdict.PASSWORD_EXPIRED

    now = choose(bench, *arrive(bench))

    assert bench.flow.session_of(earlier.sso_cookie) is None
    assert bench.flow.session_of(now.sso_cookie) is not None


def test_applications_that_were_entered_by_the_old_password_are_told_later(bench):
    """Who waits to be let in does not wait for them; the next cycle tells them."""
    bench.passwords.verdicts.clear()
    bench.sign_in(ANN, OLD)
    bench.passwords.verdicts[ANN] = PasswordVerdict.PASSWORD_EXPIRED

    choose(bench, *arrive(bench))

    ended = _event(bench, "session.ended")
    assert (ended.actor, ended.details["cause"]) == ("ann-1", "password")


# What may go wrong.


def test_a_change_that_nobody_confirms_is_made_but_signs_nobody_in(bench):
    """Such as outside of the hours at which somebody may sign in."""
    transaction, browser = arrive(bench)
    bench.passwords.sign_in_after = PasswordVerdict.LOGON_HOURS

    view = choose(bench, transaction, browser)

    assert isinstance(view, AskPassword)
    assert view.error == "changed-only"
    assert _event(bench, "password.changed").actor == "ann-1"
    assert isinstance(bench.type_password(transaction, browser, NEW), SendResponse)


def test_a_change_without_an_answer_may_have_been_made_and_is_counted(bench):
    transaction, browser = arrive(bench)
    bench.passwords.keeps_silent = True

    view = choose(bench, transaction, browser)

    assert isinstance(view, AskPassword)
    assert (view.error, bench.reasons()[0]) == ("change-unanswered", Reason.CHANGE_UNANSWERED)


def test_a_directory_that_is_down_is_said_so_and_counts_nothing(bench):
    transaction, browser = arrive(bench)
    bench.passwords.is_reachable = False

    errors = [choose(bench, transaction, browser).error for _ in range(5)]
    bench.passwords.is_reachable = True

    assert errors == ["unavailable"] * 5
    assert isinstance(choose(bench, transaction, browser), SendResponse)


def test_rules_that_cannot_be_read_do_not_stand_in_the_way(bench):
    bench.passwords.are_rules_known = False
    transaction, browser = arrive(bench)

    assert bench.flow.next_step(transaction, browser, None).rules is None
    assert isinstance(choose(bench, transaction, browser), SendResponse)


def test_who_lost_the_right_to_enter_meanwhile_does_not(bench):
    transaction, browser = arrive(bench)
    bench.people.groups["ann-1"] = frozenset()

    view = choose(bench, transaction, browser)

    assert isinstance(view, AskPassword)
    assert view.error == "failed"
    assert bench.reasons()[0] == Reason.NOT_IN_GROUP


def test_who_has_gone_meanwhile_changes_nothing(bench):
    transaction, browser = arrive(bench)
    del bench.people.people["ann-1"]

    view = choose(bench, transaction, browser)

    assert view.error == "failed"
    assert bench.passwords.passwords[ANN] == OLD


def test_not_you_goes_back_to_the_first_question(bench):
    transaction, browser = arrive(bench)
    view = bench.flow.next_step(transaction, browser, None)

    bench.flow.first.forget_email(transaction, browser, view.step_token)

    assert isinstance(bench.flow.next_step(transaction, browser, None), AskEmail)
    bench.type_email(transaction, browser, ANN)
    assert isinstance(bench.flow.next_step(transaction, browser, None), AskPassword)


# The steps in their order.


def test_the_step_cannot_be_entered_without_the_password(bench):
    transaction, browser = bench.arrive()
    view = bench.type_email(transaction, browser, ANN)

    with pytest.raises(RequestRefused, match=Reason.STEP_TOKEN):
        bench.flow.first.submit_new_password(
            transaction, browser, view.step_token, TypedPasswords(OLD, NEW, NEW), VISIT
        )
    assert bench.passwords.passwords[ANN] == OLD


def test_the_form_of_this_step_is_of_no_use_at_another(bench):
    transaction, browser = arrive(bench)
    view = bench.flow.next_step(transaction, browser, None)

    with pytest.raises(RequestRefused, match=Reason.STEP_TOKEN):
        bench.flow.first.submit_password(transaction, browser, view.step_token, OLD, VISIT)


def test_a_form_that_was_taken_already_is_not_taken_again(bench):
    transaction, browser = arrive(bench)
    token = bench.flow.next_step(transaction, browser, None).step_token
    typed = TypedPasswords(OLD, NEW, NEW)
    bench.flow.first.submit_new_password(transaction, browser, token, typed, VISIT)

    with pytest.raises(RequestRefused, match=Reason.STEP_SKIPPED):
        bench.flow.first.submit_new_password(transaction, browser, token, typed, VISIT)


def test_an_old_form_of_the_password_step_skips_nothing(bench):
    transaction, browser = bench.arrive()
    bench.type_email(transaction, browser, ANN)
    token = bench.flow.next_step(transaction, browser, None).step_token
    bench.flow.first.submit_password(transaction, browser, token, OLD, VISIT)

    with pytest.raises(RequestRefused, match=Reason.STEP_SKIPPED):
        bench.flow.first.submit_password(transaction, browser, token, OLD, VISIT)


def test_another_browser_does_not_get_at_it(bench):
    transaction, browser = arrive(bench)
    token = bench.flow.next_step(transaction, browser, None).step_token

    with pytest.raises(RequestRefused, match=Reason.OTHER_BROWSER):
        bench.flow.first.submit_new_password(
            transaction, "x" * 43, token, TypedPasswords(OLD, NEW, NEW), VISIT
        )


def test_a_server_is_made_ready_whoever_the_address_belongs_to(bench):
    for name in (ANN, "nobody@corp.example"):
        transaction, browser = bench.arrive()
        bench.type_email(transaction, browser, name)

    assert bench.passwords.prepared_count == 2


def _event(bench, name):
    return next(event for event in bench.parts.audit.recent() if event.event == name)


def _request_at(clock):
    return redirected(authn_request(IssueInstant=f"{clock.moment:%Y-%m-%dT%H:%M:%SZ}"))
