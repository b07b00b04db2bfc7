"""`user factors`, `bypass-code`, `reset-factors`, `status` and `unlock`: what the help desk does."""

from __future__ import annotations

import getpass
import io
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import time_machine

from connector.audit import Audit
from connector.bootstrap.leavers import forget_leavers
from connector.directory.search import DirectorySearch
from connector.errors import FactorRefused
from connector.idp.authenticator.bypass_code import BypassCodes
from connector.idp.authenticator.recovery_code import RecoveryCodes
from connector.idp.authenticator.written_code import pepper_of
from connector.idp.factor import FactorKind
from connector.idp.keys.files import load_or_create_secret
from connector.idp.lockout import Attempt, LockoutPolicy
from connector.idp.reason import Reason
from connector.idp.standing import Standing, Status
from connector.idp.store.attempts import AttemptStore
from connector.idp.store.codes import CodeStore
from connector.idp.store.devices import DeviceStore, RememberedDevice
from connector.idp.store.factors import FactorStore
from connector.idp.store.sign_ons import SignOnStore
from connector.idp.store.standings import UserStandings
from tests.cli.shell import COMPANY
from tests.cli.test_users import ANNA, desk, engine, sign_in  # noqa: F401 - fixtures
from tests.idp.factors.subject import Passkeys, Totp

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from tests.cli.shell import Shell

BEN = "ben@corp.example"
MAIL = '[mail]\nserver = "smtps://mail.corp.example"\nfrom = "sso@corp.example"\n'
DAY = timedelta(days=1)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch):
    """Type an answer beforehand."""
    return lambda text: monkeypatch.setattr("sys.stdin", io.StringIO(text))


def id_of(engine: Engine, user: str = ANNA) -> str:
    (person,) = DirectorySearch(engine).people(user)
    return person.external_id


def enrol(engine: Engine, user: str = ANNA) -> str:
    """Have somebody enrol a passkey, an app and recovery codes; return who."""
    who, now = id_of(engine, user), datetime.now(UTC)
    Passkeys(engine, os.urandom).enrol(who, now)
    Totp(engine, os.urandom).enrol(who, now)
    RecoveryCodes(CodeStore(engine), b"pepper", os.urandom).issue(who, now)
    return who


def a_device(who: str, now: datetime) -> RememberedDevice:
    digest = who.encode().ljust(32)
    until = now + 30 * DAY
    return RememberedDevice(
        digest, "", who, FactorKind.TOTP, now, now, until, "192.0.2.7", "Mozilla/5.0"
    )


def last_event(engine: Engine, event: str):
    return next(one for one in Audit(engine).recent() if one.event == event)


def test_what_somebody_has_is_listed_with_its_state(desk: Shell, engine: Engine):
    who = enrol(engine)
    app = next(
        one
        for one in FactorStore(engine).of_person(who, datetime.now(UTC))
        if one.kind is FactorKind.TOTP
    )
    FactorStore(engine).disable(app.factor_id, Reason.TOO_MANY_FAILURES, datetime.now(UTC))

    said = desk.say("user", "factors", ANNA)
    values = desk.say("user", "factors", ANNA, "--json").values

    passkey, disabled, codes = said.output.splitlines()[1:]
    assert passkey.split()[:2] == ["Passkey", "passkey"]
    assert disabled.endswith("too-many-failures")
    assert codes.endswith("10 left")
    assert [(one["kind"], one["is_usable"]) for one in values["factors"]] == [
        ("passkey", True),
        ("totp", False),
        ("recovery-code", True),
    ]
    assert values["status"] == {"status": "active"}
    assert values["user"] == who


def test_who_has_none_is_said(desk: Shell, engine: Engine):
    assert desk.say("user", "factors", ANNA).output == "anna@corp.example has no second factor.\n"


def test_a_bypass_code_is_printed_alone_so_that_it_can_be_piped(desk: Shell, engine: Engine):
    said = desk.say("user", "bypass-code", ANNA, "--uses", "2", "--lifetime", "4h")

    code = said.output.strip()
    assert said.code == 0
    assert len(code.replace(" ", "")) == 9
    assert "It works 2 times for anna@corp.example, until" in said.errors
    secret = load_or_create_secret(desk.folder / "keys")
    codes = BypassCodes(CodeStore(engine), pepper_of(secret), os.urandom)
    now = datetime.now(UTC)
    for later in (now, now + timedelta(hours=3, minutes=59)):
        codes.check(id_of(engine), code, later)
    with pytest.raises(FactorRefused):
        codes.check(id_of(engine), code, now)


def test_the_audit_says_who_issued_it_and_not_the_code(desk: Shell, engine: Engine):
    code = desk.say("user", "bypass-code", ANNA).output.strip()

    event = last_event(engine, "factor.bypass_issued")

    assert event.actor == id_of(engine)
    assert (event.details["by"], event.details["uses"]) == (_operator(), 1)
    assert code not in str(event)
    assert code.replace(" ", "") not in (desk.folder / "state.db").read_bytes().decode("latin-1")


def _operator() -> str:
    return getpass.getuser()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--lifetime", "soon"), "must be a number and a unit"),
        (("--lifetime", "31d"), "is longer than 30 days"),
        (("--uses", "0"), "--uses"),
    ],
)
def test_a_bypass_code_has_its_bounds(desk: Shell, options: tuple[str, ...], words: str):
    said = desk.say("user", "bypass-code", ANNA, *options)

    assert (said.code, said.output) == (2, "")
    assert words in said.errors


def test_factors_are_reset_after_a_question_that_names_them(desk: Shell, engine: Engine, answers):
    who = enrol(engine)
    enrol(engine, BEN)

    answers("n\n")
    refused = desk.say("user", "reset-factors", ANNA)
    assert refused.code == 130
    assert "anna@corp.example has: Passkey (passkey), Authenticator app (" in refused.errors
    assert len(FactorStore(engine).of_person(who, datetime.now(UTC))) == 3

    said = desk.say("user", "reset-factors", ANNA, "--yes")

    assert said.output.startswith("Removed 3 factors of anna@corp.example.\n")
    assert FactorStore(engine).of_person(who, datetime.now(UTC)) == ()
    assert len(FactorStore(engine).of_person(id_of(engine, BEN), datetime.now(UTC))) == 3
    event = last_event(engine, "factor.reset")
    assert (event.actor, event.details["by"], len(event.details["factors"])) == (
        who,
        _operator(),
        3,
    )
    again = desk.say("user", "reset-factors", ANNA, "--yes")
    assert again.output == "anna@corp.example has no second factor; nothing is removed.\n"


@pytest.mark.parametrize(
    "command",
    [("reset-factors", ANNA, "--yes"), ("revoke", ANNA), ("status", ANNA, "disabled")],
    ids=lambda command: command[0],
)
def test_the_help_desk_ends_remembered_browsers_too(desk: Shell, engine: Engine, command):
    who, now = enrol(engine), datetime.now(UTC)
    devices = DeviceStore(engine)
    for one in (who, "somebody"):
        devices.remember(a_device(one, now))

    assert desk.say("user", *command).code == 0

    assert devices.of_person(who, now) == ()
    assert len(devices.of_person("somebody", now)) == 1


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (("reset-factors", "--yes"), "factors-reset"),
        (("bypass-code",), "bypass-code-issued"),
        (("status", "locked-out"), "account-locked-out"),
    ],
)
def test_the_owner_is_told_by_mail(desk: Shell, engine: Engine, command, kind: str):
    enrol(engine)
    desk.edit("[idp]", MAIL + "[idp]", "connector.toml")

    said = desk.say("user", command[0], ANNA, *command[1:])

    assert said.code == 0, said.errors
    (letter,) = desk.say("mail", "list", "--json").values
    assert (letter["notice"], letter["recipient"]) == (kind, ANNA)


def test_a_status_is_set_with_its_end_and_reason_and_shown(desk: Shell, engine: Engine):
    said = desk.say("user", "status", ANNA, "bypass", "--until", "8h", "--reason", "phone lost")

    assert said.code == 0
    assert said.output.startswith("anna@corp.example is bypass until ")
    assert said.output.endswith(f"by {_operator()}: phone lost.\n")
    values = desk.say("user", "status", ANNA, "--json").values
    assert (values["status"], values["reason"]) == ("bypass", "phone lost")
    now, standings = datetime.now(UTC), UserStandings(engine)
    assert standings.of(id_of(engine), now) is Status.BYPASS
    assert standings.of(id_of(engine), now + timedelta(hours=8, minutes=1)) is Status.ACTIVE
    assert last_event(engine, "user.status_set").details["status"] == "bypass"


def test_active_is_no_status_of_its_own(desk: Shell, engine: Engine):
    desk.say("user", "status", ANNA, "bypass")

    said = desk.say("user", "status", ANNA, "active")

    assert said.output == "anna@corp.example is active: the policies decide.\n"
    assert UserStandings(engine).all(datetime.now(UTC)) == ()


@pytest.mark.parametrize("status", ["disabled", "locked-out"])
def test_who_may_not_enter_is_signed_out_at_once(desk: Shell, engine: Engine, status: str):
    who = sign_in(engine, ANNA, "intranet")

    said = desk.say("user", "status", ANNA, status)

    assert SignOnStore(engine).sessions_of(who) == ()
    assert said.code == 4, "the application does not answer"
    assert f"is {status.replace('-', ' ')} since" in said.output


def test_a_bypass_signs_nobody_out(desk: Shell, engine: Engine):
    who = sign_in(engine)

    assert desk.say("user", "status", ANNA, "bypass").code == 0

    assert len(SignOnStore(engine).sessions_of(who)) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("bypass", "--until", "tomorrow"), "no duration such as 8h"),
        (("bypass", "--until", "2020-01-01"), "2020-01-01 is over"),
        (("bypass", "--until", "36526d"), "must be at most 100 years, not '36526d'"),
        (("--reason", "x"), "say which status"),
        (("enabled",), "'enabled'"),
    ],
)
def test_what_is_typed_wrongly_is_said(desk: Shell, engine: Engine, arguments, words: str):
    said = desk.say("user", "status", ANNA, *arguments)

    assert said.code == 2
    assert words in said.errors
    assert UserStandings(engine).all(datetime.now(UTC)) == ()


def test_a_moment_without_a_zone_is_utc(desk: Shell, engine: Engine):
    with time_machine.travel(datetime(2026, 12, 1, 8, tzinfo=UTC), tick=False):
        said = desk.say("user", "status", ANNA, "bypass", "--until", "2026-12-24T18:00")

    assert "until 2026-12-24 18:00 UTC since 2026-12-01 08:00 UTC" in said.output


def test_unlocking_forgets_wrong_passwords_and_the_lock(desk: Shell, engine: Engine):
    who, now = id_of(engine), datetime.now(UTC)
    attempts, policy = AttemptStore(engine), LockoutPolicy(account_count=2)
    for number in range(2):
        attempts.take_attempt(Attempt(who, "192.0.2.1", now, bytes([number])), policy)
    once_more = Attempt(who, "192.0.2.1", now, b"9")
    assert attempts.take_attempt(once_more, policy) == Reason.TOO_MANY_ATTEMPTS
    UserStandings(engine).set(Standing(who, Status.LOCKED_OUT, now, None, "dana"))

    said = desk.say("user", "unlock", ANNA)

    assert said.output == (
        "2 wrong passwords of anna@corp.example forgotten.\nThe status locked-out has ended.\n"
    )
    assert isinstance(attempts.take_attempt(once_more, policy), int)
    assert UserStandings(engine).of(who, now) is Status.ACTIVE
    assert last_event(engine, "user.unlocked").details["was_locked_out"] is True


def test_unlocking_leaves_who_was_disabled_disabled(desk: Shell, engine: Engine):
    desk.say("user", "status", ANNA, "disabled")

    desk.say("user", "unlock", ANNA)

    assert UserStandings(engine).of(id_of(engine), datetime.now(UTC)) is Status.DISABLED


def test_the_list_of_factors_says_how_somebody_stands(desk: Shell, engine: Engine):
    desk.say("user", "status", ANNA, "bypass", "--reason", "phone lost")

    said = desk.say("user", "factors", ANNA)
    values = desk.say("user", "factors", ANNA, "--json").values

    assert said.output.startswith("anna@corp.example is bypass since ")
    assert values["status"]["reason"] == "phone lost"


def test_check_warns_of_passkeys_that_another_host_has_made_useless(desk: Shell, engine: Engine):
    enrol(engine)
    enrol(engine, BEN)
    assert "passkeys" not in desk.say("check").output

    desk.edit("https://sso.corp.example", "https://login.corp.example", "connector.toml")
    said = desk.say("check")

    assert said.code == 0
    assert (
        "warn  passkeys: 2 made for sso.corp.example cannot be used while base_url names"
        " login.corp.example; their owners sign in by something else, or base_url names"
        " sso.corp.example again\n"
    ) in said.output


def test_check_warns_where_browsers_make_no_passkeys(desk: Shell):
    desk.edit("https://sso.corp.example", "https://192.0.2.7:8443", "connector.toml")

    assert "warn  passkeys: browsers make none for an address" in desk.say("check").output


def test_a_leavers_factors_are_kept_for_a_month(desk: Shell, engine: Engine):
    who = enrol(engine)
    desk.say("user", "status", ANNA, "bypass")
    _, ours, rest = COMPANY.partition('[[person]]\nlogin = "anna"')
    desk.company(COMPANY.replace(ours + rest.partition("[[person]]")[0], ""))
    assert desk.say("sync", "--full").code == 0
    now = datetime.now(UTC)

    forget_leavers(engine, now + 29 * DAY)
    assert len(FactorStore(engine).of_person(who, now)) == 3

    forget_leavers(engine, now + 31 * DAY)
    assert FactorStore(engine).of_person(who, now) == ()
    assert UserStandings(engine).all(now) == ()
