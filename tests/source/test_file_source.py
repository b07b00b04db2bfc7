"""A directory kept in a file behaves like one behind LDAP: whole or not at all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from connector.clock import FixedClock
from connector.errors import SourceUnavailable, WatermarkLost
from connector.source.entry import EntryKind
from connector.source.file import FileSource
from connector.source.file_password import FilePasswordCheck
from connector.source.password import PasswordVerdict
from connector.source.password_change import ChangeVerdict
from connector.source.roll_call import RollCall
from connector.source.stored_password import store_password

ROOT = Path(__file__).parents[2]
MONDAY = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
PASSWORD = "a good password"
NEW = "An0ther!Passphrase"
HASH = str(store_password(PASSWORD, b"a salt of sixteen"))

COMPANY = f"""
domain = "northwind.example"
password = "{HASH}"

[[person]]
login = "anna"
guid = "0e8b1c0e-9d2f-4c2a-8a53-0c6f3f0f6a11"
given = "Anna"
family = "Berg, née Lund"
aliases = ["a.berg@northwind.example"]
title = "Clerk"
groups = ["Sales"]
attributes = {{ info = "x", otherTelephone = ["1", "2"] }}

[[person]]
login = "ben"
disabled = true
expires = 2026-12-31

[[group]]
name = "Sales"

[[group]]
name = "Staff"
members = ["Sales", "ben", "anna", "Anna"]
"""


@pytest.fixture
def company(tmp_path: Path) -> Path:
    path = tmp_path / "company.toml"
    path.write_text(COMPANY, encoding="utf-8")
    return path


def read(path: Path, known: dict[str, bytes] | None = None):
    batch = FileSource(path, FixedClock(MONDAY)).read_full(RollCall(dict(known or {})), None)
    pages = list(batch)
    entries = {
        entry.attributes["samaccountname"][0]: entry for page in pages for entry in page.entries
    }
    return entries, [key for page in pages for key in page.unchanged], batch.proof


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def fault_of(path: Path) -> str:
    with pytest.raises(SourceUnavailable) as caught:
        read(path)
    return str(caught.value).replace(f"{path}: ", "")


def test_people_have_the_attributes_of_active_directory(company: Path):
    entries, _, proof = read(company)

    anna, ben = entries["anna"], entries["ben"]
    assert anna.kind is EntryKind.USER
    assert anna.external_id == "0e8b1c0e-9d2f-4c2a-8a53-0c6f3f0f6a11"
    assert anna.distinguished_name == (r"CN=Anna Berg\, née Lund,OU=People,DC=northwind,DC=example")
    assert dict(anna.attributes) == {
        "samaccountname": ("anna",),
        "userprincipalname": ("anna@northwind.example",),
        "cn": ("Anna Berg, née Lund",),
        "displayname": ("Anna Berg, née Lund",),
        "givenname": ("Anna",),
        "sn": ("Berg, née Lund",),
        "mail": ("anna@northwind.example",),
        "proxyaddresses": ("SMTP:anna@northwind.example", "smtp:a.berg@northwind.example"),
        "title": ("Clerk",),
        "info": ("x",),
        "othertelephone": ("1", "2"),
        "useraccountcontrol": ("512",),
        "objectguid": (anna.external_id,),
        "distinguishedname": (anna.distinguished_name,),
    }
    assert (anna.is_enabled, anna.expires_at) == (True, None)
    assert not ben.is_enabled
    assert ben.expires_at == datetime(2027, 1, 1, tzinfo=UTC)
    assert (proof.is_complete, proof.watermark.read_at) == (True, MONDAY)


def test_members_are_those_that_either_side_names_each_once(company: Path):
    entries, _, _ = read(company)

    anna, ben = (entries[name].distinguished_name for name in ("anna", "ben"))
    sales = entries["Sales"]
    assert sales.kind is EntryKind.GROUP
    assert sales.member_names == (anna,)
    assert entries["Staff"].member_names == (sales.distinguished_name, ben, anna)


def test_what_did_not_change_is_only_listed(company: Path):
    before, _, _ = read(company)
    known = {entry.external_id: entry.digest for entry in before.values()}

    edit(company, 'title = "Clerk"', 'title = "Boss"')
    entries, unchanged, _ = read(company, known)

    assert list(entries) == ["anna"]
    assert sorted(unchanged) == sorted(known.keys() - {before["anna"].external_id})


def test_a_guid_of_ones_own_survives_a_new_login(company: Path):
    before, _, _ = read(company)

    edit(company, 'login = "anna"', 'login = "anna.berg"')
    edit(company, '"anna", "Anna"]', "]")
    after, _, _ = read(company)

    assert after["anna.berg"].external_id == before["anna"].external_id
    assert after["ben"].external_id == before["ben"].external_id


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (
            'title = "Clerk"',
            'title = "Clerk',
            "not valid TOML: Illegal character '\\n' (at line 11, column 15)",
        ),
        (
            'title = "Clerk"',
            'titel = "Clerk"',
            "person anna: titel: there is no such key; did you mean title?",
        ),
        ('title = "Clerk"', "title = 3", "person anna: title: input should be a valid string"),
        (
            "disabled = true",
            'disabled = "yes"',
            "person ben: disabled: input should be a valid boolean",
        ),
        ('login = "ben"', "", "person number 2: login: field required"),
        ('login = "ben"', 'login = "Anna"', "the login or group name Anna is there twice"),
        (
            'login = "ben"',
            'login = "ben"\nupn = "anna@northwind.example"',
            "the upn anna@northwind.example is there twice",
        ),
        (
            'groups = ["Sales"]',
            'groups = ["Sale"]',
            "person anna: groups: there is no group Sale; did you mean Sales?",
        ),
        ('"ben", ', '"bin", ', "group Staff: members: nobody is called bin; did you mean ben?"),
        (
            'login = "ben"',
            'login = "ben"\npassword = "secret"',
            "person ben: password: is not a hash such as scrypt$16384$8$1$salt$key",
        ),
        (
            'name = "Staff"',
            'name = "Staff"\nguid = "7"',
            "group Staff: guid: input should be a valid UUID, invalid length",
        ),
        (
            'domain = "northwind.example"',
            'domian = "northwind.example"',
            "domain: field required; domian: there is no such key; did you mean domain?",
        ),
    ],
)
def test_a_file_that_does_not_make_sense_ends_the_read_and_says_why(
    company: Path, old: str, new: str, fault: str
):
    edit(company, old, new)

    assert fault in fault_of(company)


def test_a_fault_never_repeats_what_was_written_as_a_password(company: Path):
    edit(company, 'login = "ben"', 'login = "ben"\npassword = "hunter2"')

    assert "hunter2" not in fault_of(company)


@pytest.mark.parametrize("content", [b"", b"\n", b'domain = "x"\n', b"\xff\xfe"])
def test_a_file_that_an_editor_has_emptied_loses_nobody(company: Path, content: bytes):
    company.write_bytes(content)

    assert fault_of(company)


def test_a_sample_company_cut_anywhere_above_its_groups_loses_nobody(tmp_path: Path):
    """What an editor has written half way is refused: groups stand last, and people name them."""
    whole = (ROOT / "connector" / "demo" / "company.toml").read_text(encoding="utf-8")
    lines = whole[: whole.index("[[group]]")].splitlines(keepends=True)
    path = tmp_path / "company.toml"

    for number in range(60, len(lines), 611):
        path.write_text("".join(lines[:number]), encoding="utf-8")

        assert fault_of(path)


def test_a_file_that_is_not_there_makes_the_source_unavailable(tmp_path: Path):
    assert fault_of(tmp_path / "none.toml") == "cannot be read: No such file or directory"


def test_the_sample_company_is_read_page_by_page():
    batch = FileSource(ROOT / "connector" / "demo" / "company.toml", FixedClock(MONDAY)).read_full(
        RollCall({}), None
    )

    sizes = [len(page.entries) for page in batch]

    assert sizes == [100, 100, 100, 20]
    assert batch.proof.is_complete


# -- passwords -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flag", "verdict"),
    [
        ("", PasswordVerdict.ACCEPTED),
        ("disabled = true", PasswordVerdict.ACCOUNT_DISABLED),
        ("expires = 2026-11-01", PasswordVerdict.ACCOUNT_EXPIRED),
        ("expires = 2026-11-02", PasswordVerdict.ACCEPTED),
        ("password_expired = true", PasswordVerdict.PASSWORD_EXPIRED),
        ("must_change = true", PasswordVerdict.MUST_CHANGE_PASSWORD),
    ],
)
def test_the_state_of_an_account_is_told_only_to_who_knows_its_password(
    company: Path, flag: str, verdict: PasswordVerdict
):
    edit(company, 'title = "Clerk"', flag)
    check = FilePasswordCheck(company, FixedClock(MONDAY))

    assert check.check("anna@northwind.example", PASSWORD) is verdict
    assert check.check("anna@northwind.example", "wrong") is PasswordVerdict.WRONG_PASSWORD
    assert check.check("anna@northwind.example", "") is PasswordVerdict.WRONG_PASSWORD


def test_a_locked_account_says_so_whatever_the_password(company: Path):
    edit(company, 'title = "Clerk"', "locked = true")
    check = FilePasswordCheck(company, FixedClock(MONDAY))

    assert check.check("anna", PASSWORD) is PasswordVerdict.LOCKED_OUT
    assert check.check("anna", "wrong") is PasswordVerdict.LOCKED_OUT


def test_a_name_is_known_in_any_case_or_not_at_all(company: Path):
    check = FilePasswordCheck(company, FixedClock(MONDAY))

    assert check.check("ANNA@Northwind.example", PASSWORD) is PasswordVerdict.ACCEPTED
    assert check.check("nobody", PASSWORD) is PasswordVerdict.UNKNOWN_USER
    assert check.check("", PASSWORD) is PasswordVerdict.UNKNOWN_USER


def test_a_password_of_ones_own_comes_before_everybodys(company: Path):
    own = store_password("of my own", b"another salt")
    edit(company, 'title = "Clerk"', f'password = "{own}"')
    check = FilePasswordCheck(company, FixedClock(MONDAY))

    assert check.check("anna", "of my own") is PasswordVerdict.ACCEPTED
    assert check.check("anna", PASSWORD) is PasswordVerdict.WRONG_PASSWORD


def test_without_any_hash_every_password_is_wrong(company: Path):
    edit(company, f'password = "{HASH}"', "")

    verdict = FilePasswordCheck(company, FixedClock(MONDAY)).check("anna", PASSWORD)

    assert verdict is PasswordVerdict.WRONG_PASSWORD


def test_a_broken_file_is_no_verdict(company: Path):
    company.write_text("[")

    with pytest.raises(SourceUnavailable):
        FilePasswordCheck(company).check("anna", PASSWORD)


@pytest.mark.parametrize(
    ("login", "verdict"),
    [
        ("alice.lind", PasswordVerdict.ACCEPTED),
        ("dan.ortiz", PasswordVerdict.ACCOUNT_DISABLED),
        ("eve.stone", PasswordVerdict.PASSWORD_EXPIRED),
        ("frank.meyer", PasswordVerdict.MUST_CHANGE_PASSWORD),
        ("henry.webb", PasswordVerdict.LOCKED_OUT),
        ("pavel.svoboda", PasswordVerdict.ACCOUNT_EXPIRED),
    ],
)
def test_the_sample_company_shows_each_state(login: str, verdict: PasswordVerdict):
    company = ROOT / "connector" / "demo" / "company.toml"
    clock = FixedClock(MONDAY + timedelta(days=1))

    assert FilePasswordCheck(company, clock).check(login, "northwind") is verdict


def test_who_must_change_the_password_does_so_beside_the_file(company: Path):
    edit(company, 'title = "Clerk"', "must_change = true")
    before = company.read_bytes()
    check = FilePasswordCheck(company, FixedClock(MONDAY))

    made = check.change("", "anna", PASSWORD, NEW)

    assert (made.verdict, made.sign_in) == (ChangeVerdict.CHANGED, PasswordVerdict.ACCEPTED)
    another_process = FilePasswordCheck(company, FixedClock(MONDAY))
    assert another_process.check("anna", NEW) is PasswordVerdict.ACCEPTED
    assert another_process.check("anna", PASSWORD) is PasswordVerdict.WRONG_PASSWORD
    assert company.read_bytes() == before


def test_what_the_file_says_anew_of_a_person_holds(company: Path):
    """Whoever resets a password by hand is obeyed."""
    edit(company, 'title = "Clerk"', "must_change = true")
    check = FilePasswordCheck(company, FixedClock(MONDAY))
    check.change("", "anna", PASSWORD, NEW)

    edit(company, "must_change = true", "password_expired = true")

    assert check.check("anna", NEW) is PasswordVerdict.WRONG_PASSWORD
    assert check.check("anna", PASSWORD) is PasswordVerdict.PASSWORD_EXPIRED


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        ("wrong", NEW, ChangeVerdict.WRONG_PASSWORD),
        (PASSWORD, "Ab1!", ChangeVerdict.TOO_SHORT),
        (PASSWORD, "summersummer", ChangeVerdict.NOT_COMPLEX),
        (PASSWORD, "Anna.is.2026", ChangeVerdict.CONTAINS_NAME),
        (PASSWORD, "northwind", ChangeVerdict.NOT_COMPLEX),
    ],
)
def test_a_file_has_rules_for_passwords_too(company: Path, old, new, verdict):
    check = FilePasswordCheck(company, FixedClock(MONDAY))

    assert check.change("", "anna", old, new).verdict is verdict
    assert check.check("anna", PASSWORD) is PasswordVerdict.ACCEPTED


def test_two_who_change_their_passwords_at_once_both_do(company: Path):
    company.write_text(COMPANY.replace("disabled = true\n", ""), encoding="utf-8")
    checks = [FilePasswordCheck(company, FixedClock(MONDAY)) for _ in range(8)]
    with ThreadPoolExecutor() as pool:
        made = pool.map(
            lambda check, login: check.change("", login, PASSWORD, NEW), checks, ["anna", "ben"] * 4
        )

    assert [one.verdict for one in made].count(ChangeVerdict.CHANGED) >= 2
    for login in ("anna", "ben"):
        assert checks[0].check(login, NEW) is PasswordVerdict.ACCEPTED


def test_a_damaged_file_of_chosen_passwords_is_no_verdict(company: Path):
    company.with_suffix(".passwords").write_text("{")

    with pytest.raises(SourceUnavailable, match="remove it"):
        FilePasswordCheck(company).check("anna", PASSWORD)


def test_a_file_remembers_the_latest_passwords(company: Path):
    check = FilePasswordCheck(company, FixedClock(MONDAY))
    chosen = [PASSWORD, *(f"Another.Word.{number}" for number in range(5))]
    for old, new in pairwise(chosen):
        assert check.change("", "anna", old, new).verdict is ChangeVerdict.CHANGED

    refused = check.change("", "anna", chosen[5], chosen[3])
    taken = check.change("", "anna", chosen[5], chosen[2])

    assert refused.verdict is ChangeVerdict.USED_BEFORE
    assert taken.verdict is ChangeVerdict.CHANGED


def test_a_file_tells_no_changes_and_a_watch_tells_that_it_was_written(company: Path):
    source = FileSource(company, FixedClock(MONDAY))
    watch = source.watch()
    before = watch.position()
    mark = read(company)[2].watermark

    company.write_text(COMPANY + "\n", encoding="utf-8")

    assert watch.position() != before
    with pytest.raises(WatermarkLost, match="read whole"):
        source.read_changes(mark)
    company.unlink()
    with pytest.raises(SourceUnavailable):
        watch.position()


def test_one_person_of_a_file_is_read_by_any_name(company: Path):
    entries, _, _ = read(company)
    login, entry = next(iter(entries.items()))
    source = FileSource(company, FixedClock(MONDAY))

    for name in (login.upper(), entry.external_id, entry.distinguished_name):
        (page,) = source.read_person(name)
        people = [one for one in page.entries if one.kind is EntryKind.USER]
        assert [one.external_id for one in people] == [entry.external_id]
    (page,) = source.read_person("00000000-0000-0000-0000-000000000001")
    assert [one.distinguished_name for one in page.departures] == [""]
    (page,) = source.read_person("nobody")
    assert not page.entries + page.departures
