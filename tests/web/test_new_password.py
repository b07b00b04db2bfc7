"""The page of a new password, as it comes to the browser and goes back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.audit import Audit
from connector.source.password import PasswordVerdict
from connector.source.password_rules import PasswordRules
from connector.web.new_password import rules_in_words
from connector.web.words import read_words
from tests.idp.test_new_password import REFUSALS

NEW = "An0ther!Pass"
ENGLISH = read_words("en")


@pytest.fixture
def expired(idp, visitor, ask):
    """The page of somebody whose password has expired."""
    idp.people.add("erin", verdict=PasswordVerdict.PASSWORD_EXPIRED)
    return visitor.sign_in(ask(), "erin@corp.test", "Passw0rd!")


def change(visitor, page, old="Passw0rd!", new=NEW, again=None):
    return visitor.submit(
        page,
        "/new-password",
        password=old,
        new_password=new,
        new_password_again=new if again is None else again,
    )


def test_the_page_says_why_it_is_there_and_what_the_rules_are(expired):
    assert expired.heading == "Choose a new password"
    assert "Your password has expired" in expired.answer.text
    assert expired.alert == ""
    assert [item.text_content() for item in expired.tree.xpath("//ul[@id='rules']/li")] == [
        "At least 8 characters.",
        "At least three kinds of characters: capital letters, small letters, digits, others.",
        "Not your login, nor a part of your name.",
        "None of your last 24 passwords.",
        "Once chosen, it stays for a day.",
    ]


def test_password_managers_are_told_which_field_is_which(expired):
    fields = {
        field.get("name"): field.get("autocomplete")
        for field in expired.tree.xpath("//input[@autocomplete]")
    }

    assert fields == {
        "username": "username",
        "password": "current-password",
        "new_password": "new-password",
        "new_password_again": "new-password",
    }
    assert expired.form("/new-password").fields["username"] == "erin@corp.test"


def test_one_form_changes_the_password_and_leads_into_the_application(idp, visitor, expired):
    done = change(visitor, expired)

    assert done.heading == "Opening Intranet"
    assert idp.people.passwords["erin@corp.test"] == NEW
    events = [(event.event, event.actor, event.address) for event in Audit(idp.engine).recent()]
    assert ("password.changed", "erin", "192.0.2.7") in events


@pytest.mark.parametrize(
    ("typed", "words", "field"),
    [
        ({"old": "wrong"}, "not your current password", "password"),
        ({"new": "short"}, "too short", "new_password"),
        ({"again": "another"}, "not the same", "new_password_again"),
        ({"new": ""}, "Type a new password", "new_password"),
    ],
)
def test_what_was_wrong_is_said_beside_the_field_and_nothing_typed_comes_back(
    visitor, expired, typed, words, field
):
    page = change(visitor, expired, **typed)

    assert words in page.alert
    (faulty,) = page.tree.xpath("//input[@aria-invalid='true']")
    assert faulty.get("name") == field
    assert "problem" in faulty.get("aria-describedby")
    assert page.tree.xpath("//input[@type='password' and @value]") == []
    assert change(visitor, page).heading == "Opening Intranet"


def test_fields_that_do_not_come_are_empty(visitor, expired):
    page = visitor.post(
        expired.form("/new-password").action,
        {"step_token": expired.form("/new-password").fields["step_token"]},
    )

    assert page.alert == ENGLISH.text("new-empty")


def test_a_directory_that_is_down_is_a_503_that_says_when_to_come_again(idp, visitor, expired):
    idp.people.is_down = True

    page = change(visitor, expired)

    assert (page.status, page.answer.headers["retry-after"]) == (503, "30")
    assert page.alert == ENGLISH.text("unavailable")


def test_a_form_from_another_site_changes_nothing(idp, visitor, expired):
    form = expired.form("/new-password")
    typed = {"password": "Passw0rd!", "new_password": NEW, "new_password_again": NEW}

    page = visitor.post(form.action, {**dict(form.fields), **typed}, origin="https://evil.test")

    assert page.status == 403
    assert idp.people.passwords["erin@corp.test"] == "Passw0rd!"


def test_not_you_goes_back_to_the_email_address(visitor, expired):
    assert visitor.submit(expired, "/forget").heading == "Sign in"


@pytest.mark.parametrize("key", sorted({*REFUSALS.values(), "wrong-old", "change-unanswered"}))
def test_every_refusal_has_a_sentence_that_says_what_to_do(key):
    assert ENGLISH.text(key).endswith(".")
    assert ENGLISH.text(key) != ENGLISH.text("failed")


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (None, []),
        (PasswordRules(), []),
        (PasswordRules(min_length=14), ["At least 14 characters."]),
        (PasswordRules(history_count=1), ["Not your current password."]),
        (PasswordRules(min_age=timedelta(hours=1)), ["Once chosen, it stays for an hour."]),
        (PasswordRules(min_age=timedelta(hours=5)), ["Once chosen, it stays for 5 hours."]),
        (PasswordRules(min_age=timedelta(days=3)), ["Once chosen, it stays for 3 days."]),
    ],
)
def test_only_rules_that_there_are_are_told(rules, words):
    assert rules_in_words(rules, ENGLISH) == words
