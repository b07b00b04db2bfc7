"""What the directory says about passwords, and what it is never asked."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connector.errors import ConfigurationError, SourceUnavailable
from connector.source.ldap_password import LdapPasswordCheck
from connector.source.password import PasswordVerdict, parse_verdict
from tests.parts.samba_people import PASSWORD
from tests.parts.tls_server import TlsServer

MESSAGE = "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data {}, v1db1"


@pytest.fixture(scope="module")
def people(samba):
    return samba.people


@pytest.fixture
def check(samba):
    return LdapPasswordCheck(samba.source_settings()).check


@pytest.mark.parametrize("code", ["525", "52e", "530", "531", "532", "533", "701", "773", "775"])
def test_each_sub_code_has_a_verdict_of_its_own(code):
    assert parse_verdict(MESSAGE.format(code)) is PasswordVerdict(code)
    assert parse_verdict(MESSAGE.format(code.upper())) is PasswordVerdict(code)


def test_a_sub_code_that_nobody_knows_is_no_wrong_password():
    assert parse_verdict(MESSAGE.format("5ff")) is PasswordVerdict.UNRECOGNISED


@pytest.mark.real
def test_the_right_password_is_accepted_by_any_name_of_the_account(people, check):
    name = people.add_user("anna")

    for bind_name in ("anna@ad.test", "ANNA@AD.TEST", "ADTEST\\anna", name):
        assert check(bind_name, PASSWORD) is PasswordVerdict.ACCEPTED


@pytest.mark.real
def test_a_wrong_password_and_an_unknown_user_are_told(people, check):
    people.add_user("ben")

    assert check("ben@ad.test", "wrong") is PasswordVerdict.WRONG_PASSWORD
    assert check("nobody@ad.test", "wrong") is PasswordVerdict.WRONG_PASSWORD


@pytest.mark.real
def test_the_state_of_the_account_is_told_to_who_knows_the_password(samba, people, check):
    logins = ("disabled", "expired", "must", "old")
    disabled, expired, must, _ = (people.add_user(login) for login in logins)
    people.disable(disabled)
    people.expire(expired, datetime(2020, 1, 1, tzinfo=UTC))
    people.require_new_password(must)
    samba.backdate_password("old", 60)

    verdicts = [check(f"{login}@ad.test", PASSWORD) for login in logins]

    assert verdicts == [
        PasswordVerdict.ACCOUNT_DISABLED,
        PasswordVerdict.ACCOUNT_EXPIRED,
        PasswordVerdict.MUST_CHANGE_PASSWORD,
        PasswordVerdict.PASSWORD_EXPIRED,
    ]
    assert {check(f"{login}@ad.test", "wrong") for login in logins} == {
        PasswordVerdict.WRONG_PASSWORD
    }


@pytest.mark.real
def test_a_locked_account_is_told_even_with_the_right_password(people, check):
    name = people.add_user("lou")
    people.lock_after(2)
    try:
        assert check("lou@ad.test", "wrong") is PasswordVerdict.WRONG_PASSWORD
        check("lou@ad.test", "wrong")
        assert check("lou@ad.test", PASSWORD) is PasswordVerdict.LOCKED_OUT
        people.unlock(name)
        assert check("lou@ad.test", PASSWORD) is PasswordVerdict.ACCEPTED
    finally:
        people.lock_after(0)


@pytest.mark.real
def test_one_wrong_password_is_exactly_one_bad_bind(samba, people):
    people.add_user("carl")
    people.lock_after(10)
    twice = (samba.url, f"ldap://{samba.address}", samba.url)
    check = LdapPasswordCheck(samba.source_settings(servers=twice)).check

    check("carl@ad.test", "wrong")

    assert people.bad_password_count("carl") == 1
    people.lock_after(0)


@pytest.mark.real
@pytest.mark.parametrize(
    "password",
    ["Pässwörd!9", "Ⅳ ﬁne² Pass!9", " Lead and trail!9 ", "日本語Pass!9", "a\u00adb!Pass9"],
)
def test_a_password_reaches_the_directory_letter_by_letter(people, check, password):
    """AD knows no SASLprep (RFC 4013), which would change some of these."""
    login = f"p{abs(hash(password)) % 10**9}"
    people.add_user(login, password=password)

    assert check(f"{login}@ad.test", password) is PasswordVerdict.ACCEPTED


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("anna@fake.test", ""),
        ("", "secret"),
        ("  ", "secret"),
        ("", ""),
        ("anna@fake.test", "sec\0ret"),
        ("an\0na", "secret"),
        ("anna@fake.test", "lone \ud800 surrogate"),
    ],
)
def test_what_proves_nothing_is_never_sent(fake, name, password):
    """A simple bind without a password succeeds (RFC 4513 section 5.1.2)."""
    check = LdapPasswordCheck(fake.source_settings()).check

    assert check(name, password) is PasswordVerdict.WRONG_PASSWORD
    assert fake.bind_count == 0


@pytest.mark.parametrize("code", ["525", "530", "531"])
def test_what_samba_never_says_is_understood(fake, code):
    fake.bind_answer = (49, MESSAGE.format(code))

    assert LdapPasswordCheck(fake.source_settings()).check("a@b.c", "x") is PasswordVerdict(code)
    assert fake.bind_count == 1


@pytest.mark.parametrize("code", [51, 52])
def test_a_server_too_busy_to_look_is_passed_over(fake, samba, people, code):
    people.add_user(f"dora{code}")
    fake.bind_answer = (code, "busy")
    both = samba.source_settings(
        servers=(*fake.source_settings().servers, samba.url),
        ca_file=_joined(fake.source_settings().ca_file, samba.ca_file),
    )

    verdict = LdapPasswordCheck(both).check(f"dora{code}@ad.test", PASSWORD)

    assert verdict is PasswordVerdict.ACCEPTED
    assert fake.bind_count == 1


def test_no_second_server_is_asked_after_a_verdict(fake):
    fake.bind_answer = (49, MESSAGE.format("52e"))
    (server,) = fake.source_settings().servers

    check = LdapPasswordCheck(fake.source_settings(servers=(server, server))).check

    assert check("anna@fake.test", "wrong") is PasswordVerdict.WRONG_PASSWORD
    assert fake.bind_count == 1


def test_a_password_is_sent_once_even_if_the_answer_is_lost(tmp_path):
    """It may have been counted: asking another server could count it twice."""
    received = []

    def hang_up_after_the_bind(channel):
        received.append(channel.recv(1000))

    server = TlsServer(tmp_path, hang_up_after_the_bind)
    try:
        settings = _settings(server, f"ldaps://127.0.0.1:{server.port}", twice=True)
        with pytest.raises(SourceUnavailable):
            LdapPasswordCheck(settings).check("anna@fake.test", "secret")
    finally:
        server.close()

    assert len([one for one in received if b"secret" in one]) == 1


def test_no_answer_from_any_server_is_no_verdict(fake):
    settings = fake.source_settings(servers=("ldaps://127.0.0.1:9", "ldaps://nowhere.invalid"))

    with pytest.raises(SourceUnavailable) as caught:
        LdapPasswordCheck(settings).check("anna@fake.test", "s3cret-word")

    assert "127.0.0.1:9" in str(caught.value)
    assert "nowhere.invalid" in str(caught.value)
    assert "s3cret-word" not in str(caught.value)


def test_a_password_never_goes_out_in_clear(fake):
    clear = fake.source_settings(servers=("ldap://127.0.0.1",), start_tls=False)

    with pytest.raises(ConfigurationError, match="clear"):
        LdapPasswordCheck(clear)


def _joined(*files):
    joined = files[0].with_name("both.pem")
    joined.write_bytes(b"".join(file.read_bytes() for file in files))
    return joined


def _settings(server, url, *, twice):
    from connector.settings import Secret, SourceSettings  # noqa: PLC0415

    return SourceSettings(
        servers=(url, url) if twice else (url,),
        bind_dn="reader",
        password=Secret("test", "x"),
        base="DC=fake",
        ca_file=server.ca_file,
    )
