"""Ten wrong passwords for everybody, from 50 addresses, while Active Directory locks at five.

Everything is real: Samba as the directory, the daemon as a service manager has it, and guesses that
come by HTTP through a proxy that says where they come from. Afterwards owners come, from an address
of the attacker's.
"""

from __future__ import annotations

import time
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from connector.audit import Audit
from connector.idp.reason import Reason
from state.engine import open_engine
from tests.parts.guesser import Guess, Guesser
from tests.parts.operator import Operator
from tests.parts.owner import Owner
from tests.parts.proxied import configured
from tests.parts.samba import SEEDED_PASSWORD
from tests.parts.samba_fixtures import samba  # noqa: F401 - a fixture
from tests.parts.service import Service, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from connector.audit import AuditEvent

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

THRESHOLD, GUESSES = 5, 10
ADDRESSES = tuple(f"198.51.100.{number}" for number in range(50))
HOME = "192.0.2.1"
# Accounts have to be safe without the others: an attacker has as many addresses as they like.
ACCOUNTS_ALONE = "max_failures_address = 100000\nmax_failures_overall = 100000"
# So few that each of them is met.
ALL_SOON = "max_failures_address = 15\nmax_failures_overall = 500"


@dataclass(frozen=True)
class Attack:
    """An attack, and what came of it.

    Attributes:
        people: How many are attacked.
        lockouts: Wrong passwords at the directory, and whether locked, by login.
        failures: What the audit has of it.
        seconds: How long the guesses took.
        service: The daemon, still running.
        keyholder: Somebody with a passkey, among those who were attacked.
        regular: Somebody whose browser was remembered, likewise.

    """

    people: int
    lockouts: dict[str, tuple[int, bool]]
    failures: list[AuditEvent]
    seconds: float
    service: Service
    guesser: Guesser
    keyholder: Owner
    regular: Owner

    @property
    def reasons(self) -> Counter[str]:
        return Counter(event.reason for event in self.failures)


def email_of(number: int) -> str:
    return f"user{number:06d}@corp.example"


@contextmanager
def attacked(samba, folder: Path, people: int, limits: str) -> Iterator[Attack]:
    """Guess at everybody; yield what came of it while the daemon runs on."""
    samba.reset(users=people)
    samba.people.lock_after(THRESHOLD)
    operator = Operator(folder)
    base_url = configured(operator, samba, limits)
    operator.run("sync")
    keyholder, regular = (
        Owner(base_url, "/open/intranet", email_of(n), SEEDED_PASSWORD) for n in range(2)
    )
    guesser = Guesser(base_url, "intranet")
    with (
        serving(operator.start("run")) as service,
        closing(keyholder),
        closing(regular),
        closing(guesser),
    ):
        keyholder.enrol_passkey(HOME)
        regular.enrol_app(HOME)
        regular.have_remembered(HOME, time.time() + 30)
        emails = [email_of(number) for number in range(people)]
        guesser.prepare(emails, HOME)
        begun = time.monotonic()
        guesser.guess_all(guesses(emails))
        seconds = time.monotonic() - begun
        engine = open_engine(f"sqlite:///{folder}/state.db")
        recent = Audit(engine).recent(people * GUESSES + 100)
        engine.dispose()
        yield Attack(
            people,
            samba.people.lockouts(samba.people.unit("People")),
            [event for event in recent if event.event == "login.failed"],
            seconds,
            service,
            guesser,
            keyholder,
            regular,
        )


def guesses(emails: list[str]) -> list[Guess]:
    """Try one password with everybody, then the next; half of it comes from ten addresses."""
    made = []
    for round_number in range(GUESSES):
        for number, email in enumerate(emails, round_number):
            address = number // 2 % (10 if number % 2 else len(ADDRESSES))
            made.append(Guess(email, f"Season-{round_number}!", ADDRESSES[address]))
    return made


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(
            (1000, ACCOUNTS_ALONE), id="1000 people, accounts alone", marks=pytest.mark.long
        ),
        pytest.param((200, ALL_SOON), id="200 people, all limits"),
        pytest.param((1000, ""), id="1000 people, usual limits", marks=pytest.mark.long),
    ],
)
def attack(request, samba, tmp_path_factory):
    people, limits = request.param
    with attacked(samba, tmp_path_factory.mktemp("daemon"), people, limits) as done:
        print(f"{people * GUESSES} guesses in {done.seconds:.1f} s: {dict(done.reasons)}")
        yield done


def test_nobody_is_locked_in_the_directory(attack):
    assert len(attack.lockouts) == attack.people
    assert [login for login, (_, is_locked) in attack.lockouts.items() if is_locked] == []
    counts = Counter(count for count, _ in attack.lockouts.values())
    assert max(counts) <= 3
    if attack.reasons.keys() == {Reason.WRONG_PASSWORD, Reason.TOO_MANY_ATTEMPTS}:
        assert counts == {3: attack.people}  # nothing but the limit of accounts has kept them off


def test_every_guess_is_in_the_audit_with_its_reason_and_address(attack):
    assert len(attack.failures) == attack.people * GUESSES
    assert {event.address for event in attack.failures} == set(ADDRESSES)
    assert all(event.actor for event in attack.failures)
    sent = sum(count for count, _ in attack.lockouts.values())
    # What the directory has counted is what we have asked it, and nothing else.
    assert attack.reasons[Reason.WRONG_PASSWORD] == sent
    kept = set(attack.reasons) - {Reason.WRONG_PASSWORD}
    assert kept <= {
        Reason.TOO_MANY_ATTEMPTS,
        Reason.TOO_MANY_FROM_ADDRESS,
        Reason.TOO_MANY_OVERALL,
    }


def test_the_log_says_that_limits_hold_and_not_at_each_guess(attack):
    said = attack.service.told("login.limited")
    by_reason = Counter(line["reason"] for line in said)

    assert set(by_reason) == set(attack.reasons) - {Reason.WRONG_PASSWORD}
    processes = 2
    assert by_reason[Reason.TOO_MANY_ATTEMPTS] <= processes * attack.people
    assert by_reason[Reason.TOO_MANY_FROM_ADDRESS] <= processes * len(ADDRESSES)
    assert by_reason[Reason.TOO_MANY_OVERALL] <= processes


def test_whoever_is_kept_waiting_is_told_how_long(attack):
    answer = attack.guesser.look(email_of(2), ADDRESSES[0])

    assert answer.status == 429
    assert 60 < int(answer.headers["retry-after"]) <= 31 * 60


def test_the_owner_of_a_passkey_comes_in_from_the_attackers_address(attack):
    owner = attack.keyholder

    page = owner.use_passkey(owner.visitor(ADDRESSES[0]))

    assert "SAMLResponse" in dict(page.form().fields)


def test_the_owner_of_a_remembered_browser_comes_in_by_the_password(attack):
    owner = attack.regular
    stranger = owner.type_password(owner.visitor(ADDRESSES[0]))
    assert stranger.status == 429

    page = owner.type_password(owner.visitor(ADDRESSES[0], owner.device))

    assert "SAMLResponse" in dict(page.form().fields)
