"""A new password in place of one that has expired, and why the directory may refuse it."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from connector.clock import FixedClock
from connector.errors import SourceUnavailable
from connector.settings import Secret
from connector.source.ldap_password import LdapPasswordCheck
from connector.source.password import PasswordUnanswered, PasswordVerdict
from connector.source.password_change import ChangeVerdict, parse_refusal
from connector.source.password_rules import Owner, PasswordRules, find_broken_rule
from tests.parts.samba_people import PASSWORD

NEW = "An0ther!Passphrase"
GUID = "5e5560fe-e22d-5341-84af-66dd263ec911"
NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)
AD_WORDS = (
    "{0}: AtrErr: DSID-03190F80, #1:\n\t0: {0}: DSID-03190F80, problem 1005 (CONSTRAINT_ATT_TYPE),"
    " data 0, Att 9005a (unicodePwd)\n\0"
)


@pytest.fixture(scope="module")
def people(samba):
    samba.people.add_user("reader")
    return samba.people


@pytest.fixture
def check(samba, people):
    """As an ordinary account, which has no right over anybody."""
    settings = samba.source_settings(bind_dn="reader@ad.test", password=Secret("test", PASSWORD))
    return LdapPasswordCheck(settings)


def must_change(people, login, **attributes):
    """Somebody who has to change the password, and the objectGUID."""
    name = people.add_user(login, **attributes)
    people.require_new_password(name)
    return people.external_id(name)


@pytest.mark.real
def test_who_must_change_the_password_changes_it_with_the_old_one(people, check):
    guid = must_change(people, "mia")
    assert check.check("mia@ad.test", PASSWORD) is PasswordVerdict.MUST_CHANGE_PASSWORD

    made = check.change(guid, "mia@ad.test", PASSWORD, NEW)

    assert (made.verdict, made.sign_in) == (ChangeVerdict.CHANGED, PasswordVerdict.ACCEPTED)
    assert check.check("mia@ad.test", NEW) is PasswordVerdict.ACCEPTED


@pytest.mark.real
def test_the_directory_takes_the_old_password_for_another_hour(people, check):
    """OldPasswordAllowedPeriod: that is why `idp` remembers which password was given up."""
    guid = must_change(people, "late")

    check.change(guid, "late@ad.test", PASSWORD, NEW)

    assert check.check("late@ad.test", PASSWORD) is PasswordVerdict.ACCEPTED


@pytest.mark.real
def test_an_expired_password_is_changed_with_the_old_one(samba, people, check):
    name = people.add_user("old")
    samba.backdate_password("old", 60)
    assert check.check("old@ad.test", PASSWORD) is PasswordVerdict.PASSWORD_EXPIRED

    made = check.change(people.external_id(name), "old@ad.test", PASSWORD, NEW)

    assert (made.verdict, made.sign_in) == (ChangeVerdict.CHANGED, PasswordVerdict.ACCEPTED)


@pytest.mark.real
def test_nobody_changes_a_password_without_saying_who_they_are(samba, people):
    """The least right is that of any account: the owner cannot bind, and nobody is too little."""
    guid = must_change(people, "nobodys")
    check = LdapPasswordCheck(samba.source_settings())
    connection, _ = check._servers.connect(lambda _: None)

    made = connection.change_password(f"<GUID={guid}>", b"old", b"new")
    connection.close()

    assert made.verdict is ChangeVerdict.UNRECOGNISED
    assert "without authentication" in made.words


@pytest.mark.real
@pytest.mark.parametrize(
    ("login", "password", "verdict"),
    [
        ("brief", "Ab1!", ChangeVerdict.TOO_SHORT),
        ("plain", "summersummer", ChangeVerdict.NOT_COMPLEX),
        ("same", PASSWORD, ChangeVerdict.USED_BEFORE),
        ("nul", "An0ther!\0Pass", ChangeVerdict.NOT_SENDABLE),
        ("lone", "An0ther!\ud800Pass", ChangeVerdict.NOT_SENDABLE),
        ("none", "", ChangeVerdict.NOT_SENDABLE),
    ],
)
def test_a_password_against_the_rules_is_refused_and_the_rule_is_told(
    people, check, login, password, verdict
):
    guid = must_change(people, login)

    assert check.change(guid, f"{login}@ad.test", PASSWORD, password).verdict is verdict

    assert people.bad_password_count(login) == 0
    again = check.change(guid, f"{login}@ad.test", PASSWORD, NEW)
    assert again.verdict is ChangeVerdict.CHANGED


@pytest.mark.real
def test_a_password_of_long_ago_is_refused(people, check):
    guid = must_change(people, "otto")
    name = people.find("otto")
    people.demand(minPwdAge=0)
    check.change(guid, "otto@ad.test", PASSWORD, NEW)

    made = check.change(guid, "otto@ad.test", NEW, PASSWORD)

    assert made.verdict is ChangeVerdict.USED_BEFORE
    people.demand(minPwdAge=-864000000000)
    people.require_new_password(name)


@pytest.mark.real
def test_a_password_changed_today_is_kept_for_a_day(people, check):
    name = people.add_user("hasty")

    made = check.change(people.external_id(name), "hasty@ad.test", PASSWORD, NEW)

    assert made.verdict is ChangeVerdict.TOO_YOUNG


@pytest.mark.real
def test_a_wrong_old_password_is_told_and_counts_once(people, check):
    guid = must_change(people, "wanda")
    people.lock_after(10)

    made = check.change(guid, "wanda@ad.test", "not it", NEW)

    assert made.verdict is ChangeVerdict.WRONG_PASSWORD
    assert people.bad_password_count("wanda") == 1
    people.lock_after(0)


@pytest.mark.real
def test_a_locked_account_does_not_change_its_password(people, check):
    guid = must_change(people, "lola")
    people.lock_after(1)
    check.change(guid, "lola@ad.test", "not it", NEW)

    made = check.change(guid, "lola@ad.test", PASSWORD, NEW)

    assert made.verdict is ChangeVerdict.LOCKED_OUT
    people.lock_after(0)


@pytest.mark.real
def test_who_may_not_change_the_password_is_told_so(samba, people, check):
    """The tick box "User cannot change password"."""
    guid = must_change(people, "kiosk")
    samba.forbid_change(people.find("kiosk"))

    made = check.change(guid, "kiosk@ad.test", PASSWORD, NEW)

    assert made.verdict is ChangeVerdict.NOT_ALLOWED


@pytest.mark.real
def test_a_person_that_is_gone_is_no_wrong_password(check):
    made = check.change(GUID, "gone@ad.test", PASSWORD, NEW)

    assert made.verdict is ChangeVerdict.UNRECOGNISED
    assert "noSuchObject" in made.words


@pytest.mark.real
@pytest.mark.parametrize("password", ["Pässwörd!9日本", 'Quo"ted!Pass9', " Sp4ces! around "])
def test_a_new_password_reaches_the_directory_letter_by_letter(people, check, password):
    login = f"l{abs(hash(password)) % 10**9}"
    guid = must_change(people, login)

    made = check.change(guid, f"{login}@ad.test", PASSWORD, password)

    assert (made.verdict, made.sign_in) == (ChangeVerdict.CHANGED, PasswordVerdict.ACCEPTED)


@pytest.mark.real
def test_an_ordinary_account_reads_the_rules_of_the_domain(people, check):
    guid = must_change(people, "rosa")

    rules = check.rules(guid)

    assert rules == PasswordRules(7, 24, is_complex=True, min_age=timedelta(days=1))


@pytest.mark.real
def test_rules_of_ones_own_are_told_to_who_may_read_them(samba, people):
    guid = must_change(people, "petra")
    people.add_settings("Strict", people.find("petra"), MinimumPasswordLength=14)
    check = LdapPasswordCheck(samba.source_settings())  # as an administrator

    assert check.rules(guid) == PasswordRules(14, 24)
    made = check.change(guid, "petra@ad.test", PASSWORD, "Short!12345")
    assert made.verdict is ChangeVerdict.TOO_SHORT


@pytest.mark.real
def test_rules_that_we_may_not_read_are_unknown_and_not_those_of_the_domain(samba, people, check):
    guid = must_change(people, "paula")
    settings = people.add_settings("Secret", people.find("paula"), MinimumPasswordLength=14)
    samba.deny("reader", settings)

    assert check.rules(guid) is None


# What Active Directory says, which gives one code for every rule.


@pytest.fixture
def on_fake(fake):
    fake.add_user("anna", **_person(NOW - timedelta(days=60)))
    fake.describe_domain(**_rules())
    return LdapPasswordCheck(fake.source_settings(), FixedClock(NOW))


@pytest.mark.parametrize(
    ("password", "verdict"),
    [
        ("Ab1!", ChangeVerdict.TOO_SHORT),
        ("x" * 257, ChangeVerdict.TOO_LONG),
        ("summersummer", ChangeVerdict.NOT_COMPLEX),
        ("My.Lind.2026", ChangeVerdict.CONTAINS_NAME),
        ("My.aNNa.2026", ChangeVerdict.CONTAINS_NAME),
        (NEW, ChangeVerdict.USED_BEFORE),
    ],
)
def test_the_rule_is_found_where_the_directory_gives_one_code_for_all(
    fake, on_fake, password, verdict
):
    fake.modify_answer = (19, AD_WORDS.format("0000052D"))

    assert on_fake.change(GUID, "ann@fake.test", "Old.pass1", password).verdict is verdict


def test_a_password_that_is_too_young_is_told_before_all_else(fake, on_fake):
    fake.add_user("anna", **_person(NOW - timedelta(hours=2)))
    fake.modify_answer = (19, AD_WORDS.format("0000052D"))

    assert on_fake.change(GUID, "a@b", "Old", "x").verdict is ChangeVerdict.TOO_YOUNG


def test_a_rule_stays_unnamed_where_the_rules_are_not_ours_to_read(fake, on_fake):
    fake.describe_domain()
    fake.modify_answer = (19, AD_WORDS.format("0000052D"))

    made = on_fake.change(GUID, "ann@fake.test", "Old.pass1", "x")

    assert made.verdict is ChangeVerdict.AGAINST_RULES
    assert "0000052D" in made.words
    assert "\n" not in made.words


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("00000005", ChangeVerdict.NOT_ALLOWED),
        ("00000056", ChangeVerdict.WRONG_PASSWORD),
        ("0000052B", ChangeVerdict.WRONG_PASSWORD),
        ("0000052C", ChangeVerdict.NOT_SENDABLE),
        ("0000052D", ChangeVerdict.AGAINST_RULES),
        ("00000775", ChangeVerdict.LOCKED_OUT),
        ("00002081", ChangeVerdict.UNRECOGNISED),
    ],
)
def test_each_code_has_a_verdict_of_its_own(code, verdict):
    assert parse_refusal(AD_WORDS.format(code)) is verdict
    assert parse_refusal(AD_WORDS.format(code.lower())) is verdict


def test_words_without_a_code_are_not_guessed_at():
    assert parse_refusal("Password fails quality checking policy") is ChangeVerdict.UNRECOGNISED


def test_the_old_value_is_taken_away_and_the_new_one_added_in_one_request(fake, on_fake):
    """MS-ADTS section 3.1.1.3.1.5.1; a replacement would be a reset, which needs rights."""
    on_fake.change(GUID, "ann@fake.test", "old", "new")

    (request,) = fake.modify_requests
    assert request.startswith(b"\x04\x2b<GUID=")
    assert request.index('"old"'.encode("utf-16-le")) < request.index('"new"'.encode("utf-16-le"))
    assert fake.bind_count == 2  # ours, and the new password's


@pytest.mark.parametrize("code", [10, 51, 52])
def test_a_server_that_takes_no_changes_is_passed_over(fake, on_fake, code):
    """10 is the referral of a read-only domain controller."""
    fake.modify_answer = (code, "not here")

    with pytest.raises(SourceUnavailable) as caught:
        on_fake.change(GUID, "ann@fake.test", "old", "new")

    assert not isinstance(caught.value, PasswordUnanswered)


def test_a_page_does_not_wait_for_rules_that_do_not_come(fake):
    fake.bind_answer = None
    check = LdapPasswordCheck(fake.source_settings())
    begun = time.monotonic()

    with pytest.raises(SourceUnavailable):
        check.rules(GUID)

    assert time.monotonic() - begun < 2


def test_a_change_without_an_answer_may_have_been_made_and_is_not_repeated(fake):
    fake.modify_answer = None
    twice = (fake.url, fake.url.replace("127.0.0.1", "localhost"))
    check = LdapPasswordCheck(fake.source_settings(servers=twice, timeout="1s"))

    with pytest.raises(PasswordUnanswered):
        check.change(GUID, "ann@fake.test", "old", "new")

    assert len(fake.modify_requests) == 1


@pytest.mark.parametrize("old", ["", "o\0ld", "o\ud800ld"])
def test_an_old_password_that_cannot_be_one_is_not_sent(fake, on_fake, old):
    made = on_fake.change(GUID, "ann@fake.test", old, NEW)

    assert made.verdict is ChangeVerdict.WRONG_PASSWORD
    assert fake.connection_count == 0


@pytest.mark.parametrize(
    ("password", "verdict"),
    [
        ("My.Li.9999", None),  # "Li" is too short a name
        ("My.Lind.99", ChangeVerdict.CONTAINS_NAME),
        ("my.LIND.99", ChangeVerdict.CONTAINS_NAME),
    ],
)
def test_a_name_of_three_letters_counts(password, verdict):
    rules = PasswordRules(8, is_complex=True)

    assert find_broken_rule(password, rules, Owner("li", "Li-Ann Lind"), NOW) is verdict


def _person(set_at):
    ticks = (set_at - datetime(1601, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 10
    return {
        "objectGUID": uuid.UUID(GUID).bytes_le,
        "displayName": "Ann Lind",
        "pwdLastSet": str(ticks),
    }


def _rules():
    return {
        "minPwdLength": "8",
        "pwdHistoryLength": "24",
        "pwdProperties": "1",
        "minPwdAge": "-864000000000",
    }
