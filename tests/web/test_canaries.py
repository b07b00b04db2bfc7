"""Nothing secret is ever in the log or the audit, whatever happens, at the most talkative level."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from connector.audit import Audit
from connector.errors import SourceUnavailable
from connector.idp.policy.points import Remembering
from connector.log import start_logging
from connector.source.password import PasswordVerdict
from tests.parts.identity_provider import People
from tests.parts.log_fixtures import log_as_it_was  # noqa: F401 - a fixture
from tests.parts.policies import policies
from tests.parts.visitor import visit
from tests.test_log import FORGED, unseen
from tests.web.conftest import BASE_URL
from tests.web.holder import EMAIL, Holder, make_holder

if TYPE_CHECKING:
    from connector.directory.person import DirectoryUser
    from tests.parts.identity_provider import IdentityProvider

pytestmark = pytest.mark.usefixtures("log_as_it_was")

PASSWORDS = {
    "right": "Canary-Right-1!",
    "wrong": "Canary-Wrong-2!",
    "new": "Canary-New-3!",
    "broken": "Canary-Broken-4!",
}


@pytest.fixture
def idp(idp) -> IdentityProvider:
    idp.policies = policies(remembered_devices=Remembering.SHARED)
    idp.people.add("alice", PASSWORDS["right"])
    return idp


def go_wrong_and_right(alice: Holder) -> list[str]:
    """Sign in in every way, with mistakes; return the answers that went to the application."""
    page = alice.password("/open/payroll", PASSWORDS["wrong"])
    page = alice.visitor.submit(page, "/password", password=PASSWORDS["right"])
    answers = [alice.enrol(page)]
    alice.visitor.client.cookies.delete("__Host-sso")
    page = alice.password("/open/intranet", PASSWORDS["right"])
    page = alice.visitor.submit(page, "/code", code="000000")
    answers.append(alice.prove(page, remember="yes"))
    alice.visitor.client.cookies.delete("__Host-sso")
    alice.visitor.client.cookies.delete("__Host-device")
    page = alice.password("/open/intranet", PASSWORDS["right"])
    page = alice.choose(page, "/choose", "recovery-code")
    answers.append(alice.visitor.submit(page, "/code", code=alice.codes[0]))
    answers.append(alice.visitor.get("/open/payroll"))
    alice.visitor.client.cookies.delete("__Host-sso")
    alice.idp.people.verdicts[EMAIL] = PasswordVerdict.PASSWORD_EXPIRED
    page = alice.password("/open/payroll", PASSWORDS["right"])
    new = {"new_password": PASSWORDS["new"], "new_password_again": PASSWORDS["new"]}
    page = alice.visitor.submit(page, "/new-password", password=PASSWORDS["right"], **new)
    answers.append(alice.prove(page))
    return [each.form().fields["SAMLResponse"] for each in answers]


def break_everything(alice: Holder) -> None:
    """Have the forms of passwords and codes meet faults of ours, and a database that fails."""
    alice.visitor.client.cookies.delete("__Host-sso")
    proving = alice.password("/open/payroll", PASSWORDS["new"])
    other = visit(alice.visitor.client._transport._inner.app, BASE_URL)
    asked = other.submit(other.get("/open/payroll"), "/email", email=EMAIL)
    users, alice.idp.people.users = alice.idp.people.users, None
    broken = other.submit(asked, "/password", password=PASSWORDS["broken"])
    assert broken.status == 500
    assert alice.prove(proving).status == 500
    alice.idp.people.users = users
    with alice.idp.engine.begin() as connection:
        connection.execute(text("DROP TABLE password_attempt"))
    assert other.submit(asked, "/password", password=PASSWORDS["broken"]).status == 503


def forge(alice: Holder) -> None:
    """Bring text that would pass for a line of the log, or turn a terminal around."""
    agent = ("Forged-Agent" + 'x\x1b[2J \x9b31m "}{"event":"ok"').encode("latin-1")
    somebody = visit(alice.visitor.client._transport._inner.app, BASE_URL)
    path = '/open/Forged-Path%0a{"event":"ok"}%1b%e2%80%ae'
    somebody.client.get(path, headers={b"user-agent": agent})
    page = somebody.get("/open/payroll?x=Forged-Query%0a%1b")
    page = somebody.submit(page, "/email", email='Forged-Name\n{"event":"ok"}\u202e@corp.test')
    page = somebody.submit(page, "/email", email='Forged-Name{"event":"ok"}@corp.test')
    somebody.submit(page, "/password", password='Forged-Password\n{"event":"ok"}\u202e')


@dataclass
class Talkative(People):
    """A directory that breaks down, with whatever words those have whom it asks."""

    words: str = FORGED

    def find_login(self, name: str) -> DirectoryUser | None:
        raise SourceUnavailable(self.words)

    def check(self, bind_name: str, password: str) -> PasswordVerdict:
        raise RuntimeError(self.words)


@pytest.mark.parametrize("layout", ["json", "text"])
def test_no_password_code_cookie_or_assertion_is_in_the_log_or_the_audit(idp, capsys, layout):
    start_logging("debug", layout)
    alice = make_holder(idp)
    codes, given = [], alice.code
    alice.code = lambda: codes.append(given()) or codes[-1]

    assertions = go_wrong_and_right(alice)
    forge(alice)
    break_everything(alice)

    log, audit = capsys.readouterr().err, "\n".join(map(str, Audit(idp.engine).recent(1000)))
    assert log.count("http.failed") >= 3
    assert log.count("Traceback") >= 2 or log.count('"exception"') >= 2
    assert "password-expired" in audit
    cookies = {
        value.partition("=")[2].partition(";")[0]
        for seen in alice.visitor.seen
        for value in seen.headers.get_list("set-cookie")
    } - {"", '""'}
    assert len(cookies) >= 6  # of a browser, four sign-ons and a device
    typed = {*PASSWORDS.values(), alice.app.secret, *alice.codes}
    secrets = typed | cookies | {each[:40] for each in assertions} | {"SAMLResponse", "SAMLRequest"}
    for written in (log, audit):
        assert [each for each in secrets if each in written] == []
        found = [each for each in codes if re.search(rf"(?<![0-9a-f]){each}(?![0-9a-f])", written)]
        assert found == []


@pytest.mark.parametrize("layout", ["json", "text"])
def test_what_a_browser_says_is_not_in_the_log(idp, capsys, layout):
    start_logging("debug", layout)
    alice = make_holder(idp)

    forge(alice)

    log = capsys.readouterr().err
    assert log.count("http.answered") >= 5
    assert "forged" not in log.casefold()
    assert unseen(log) == set()


@pytest.mark.parametrize("layout", ["json", "text"])
def test_what_a_server_of_the_directory_says_makes_no_line_of_its_own(idp, capsys, layout):
    idp.check = Talkative()
    start_logging("debug", layout)
    asked = make_holder(idp).password("/open/payroll")
    assert asked.status == 500
    idp.directory = Talkative()
    assert make_holder(idp).password("/open/payroll").status == 503

    log = capsys.readouterr().err

    failed = [line for line in log.splitlines() if "http.failed" in line]
    assert len(failed) == 2
    assert log.count("owned") >= 2
    assert unseen(log) == set()
    for line in log.splitlines():
        is_ours = re.match(r'\{"|\x1b\[2m2|    ', line)
        assert is_ours, line
    if layout == "json":
        events = {json.loads(line)["event"] for line in log.splitlines()}
        assert events == {"http.answered", "http.failed"}
