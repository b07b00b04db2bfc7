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
from tests.parts.in_step import search
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
# Half of the guesses come from these ten, the others from the other forty.
BUSY, QUIET = ADDRESSES[:10], ADDRESSES[10:]
HOME = "192.0.2.1"


@dataclass(frozen=True)
class Profile:
    """An attack to be made, and what has to come of it; the same sentences hold of each.

    Attributes:
        people: How many are attacked.
        limits: Keys of [idp].
        reasons: How many guesses fail why; wrong passwords have come to the directory.
        are_met_alone: Who is kept off by nothing but the limit of accounts: numbers of people.

    """

    people: int
    limits: str
    reasons: dict[Reason, int]
    are_met_alone: range


# Few enough that each limit is met: 100 people have three guesses each from addresses that are
# quiet, 15 come from each of the ten that are busy, and then there were as many as may be.
ALL_LIMITS = Profile(
    200,
    "max_failures_address = 15\nmax_failures_overall = 450",
    {
        Reason.WRONG_PASSWORD: 100 * 3 + 10 * 15,
        Reason.TOO_MANY_ATTEMPTS: 100 * 7,
        Reason.TOO_MANY_FROM_ADDRESS: 100 * 9 - 10 * 15,
        Reason.TOO_MANY_OVERALL: 100,
    },
    range(0, 200, 2),
)
# Accounts have to be safe without the others: an attacker has as many addresses as they like.
ACCOUNTS_ALONE = Profile(
    1000,
    "max_failures_address = 100000\nmax_failures_overall = 100000",
    {Reason.WRONG_PASSWORD: 1000 * 3, Reason.TOO_MANY_ATTEMPTS: 1000 * 7},
    range(1000),
)
# 30 from each address. At 40 of them everybody has had two by then, and 200 people a third.
USUAL_LIMITS = Profile(
    1000,
    "",
    {
        Reason.WRONG_PASSWORD: 50 * 30,
        Reason.TOO_MANY_ATTEMPTS: 200 * 7,
        Reason.TOO_MANY_FROM_ADDRESS: 10 * 1000 - 50 * 30 - 200 * 7,
    },
    range(0),
)


@dataclass(frozen=True)
class Attack:
    """An attack, and what came of it.

    Attributes:
        profile: What was wanted.
        keys: objectGUIDs of those who are attacked, by login.
        made: The guesses.
        lockouts: Wrong passwords at the directory, and whether locked, by login.
        failures: What the audit has of it.
        seconds: How long the guesses took.
        service: The daemon, still running.
        keyholder: Somebody with a passkey, among those who were attacked.
        regular: Somebody whose browser was remembered, likewise.

    """

    profile: Profile
    keys: dict[str, str]
    made: list[Guess]
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


def login_of(number: int) -> str:
    return f"user{number:06d}"


def email_of(number: int) -> str:
    return f"{login_of(number)}@corp.example"


@contextmanager
def attacked(samba, folder: Path, profile: Profile) -> Iterator[Attack]:
    """Guess at everybody; yield what came of it while the daemon runs on."""
    samba.reset(users=profile.people)
    samba.people.lock_after(THRESHOLD)
    operator = Operator(folder)
    base_url = configured(operator, samba, profile.limits)
    operator.run("sync")
    keyholder, regular = (
        Owner(base_url, "/open/intranet", email_of(n), SEEDED_PASSWORD) for n in (0, 2)
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
        guesser.prepare(map(email_of, range(profile.people)), HOME)
        made = guesses(profile.people)
        begun = time.monotonic()
        guesser.guess_all(made)
        seconds = time.monotonic() - begun
        engine = open_engine(f"sqlite:///{folder}/state.db")
        recent = Audit(engine).recent(len(made) + 100)
        engine.dispose()
        names = ["sAMAccountName", "objectGUID"]
        yield Attack(
            profile,
            {
                values["sAMAccountName"]: values["objectGUID"]
                for _, values in search(samba, "(sAMAccountName=user*)", names)
            },
            made,
            samba.people.lockouts(samba.people.unit("People")),
            [event for event in recent if event.event == "login.failed"],
            seconds,
            service,
            guesser,
            keyholder,
            regular,
        )


def guesses(people: int) -> list[Guess]:
    """Try one password with everybody, then the next; everybody's last comes from a quiet address."""
    made = []
    for round_number in range(GUESSES):
        for number in range(people):
            is_busy = number % 2 and round_number < GUESSES - 1
            addresses = BUSY if is_busy else QUIET
            address = addresses[(number // 2 + round_number) % len(addresses)]
            made.append(Guess(email_of(number), f"Season-{round_number}!", address))
    return made


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(ALL_LIMITS, id="200 people, all limits"),
        pytest.param(ACCOUNTS_ALONE, id="1000 people, accounts alone", marks=pytest.mark.long),
        pytest.param(USUAL_LIMITS, id="1000 people, usual limits", marks=pytest.mark.long),
    ],
)
def attack(request, samba, tmp_path_factory):
    with attacked(samba, tmp_path_factory.mktemp("daemon"), request.param) as done:
        print(f"{len(done.made)} guesses in {done.seconds:.1f} s: {dict(done.reasons)}")
        yield done


def test_nobody_is_locked_in_the_directory(attack):
    profile = attack.profile
    assert attack.lockouts.keys() == {login_of(number) for number in range(profile.people)}
    assert [login for login, (_, is_locked) in attack.lockouts.items() if is_locked] == []
    counts = {login: count for login, (count, _) in attack.lockouts.items()}
    limit = 3
    assert limit < THRESHOLD
    assert [login for login, count in counts.items() if count > limit] == []
    assert {counts[login_of(number)] for number in profile.are_met_alone} <= {limit}
    assert sum(counts.values()) == profile.reasons[Reason.WRONG_PASSWORD]


def test_every_guess_is_in_the_audit_with_its_reason_and_address(attack):
    made = Counter(
        (attack.keys[each.email.partition("@")[0]], each.address) for each in attack.made
    )
    assert made.total() == attack.profile.people * GUESSES
    assert Counter((event.actor, event.address) for event in attack.failures) == made
    assert attack.reasons == attack.profile.reasons
    # What the directory has counted is what we have asked it, and nothing else.
    asked = Counter(
        event.actor for event in attack.failures if event.reason == Reason.WRONG_PASSWORD
    )
    assert asked == Counter(
        {attack.keys[login]: count for login, (count, _) in attack.lockouts.items()}
    )


def test_the_log_says_that_limits_hold_and_not_at_each_guess(attack):
    said = attack.service.told("login.limited")
    by_reason = Counter(line["reason"] for line in said)

    assert set(by_reason) == set(attack.reasons) - {Reason.WRONG_PASSWORD}
    processes = 2
    assert by_reason[Reason.TOO_MANY_ATTEMPTS] <= processes * attack.profile.people
    assert by_reason[Reason.TOO_MANY_FROM_ADDRESS] <= processes * len(ADDRESSES)
    assert by_reason[Reason.TOO_MANY_OVERALL] <= processes


def test_whoever_is_kept_waiting_is_told_how_long(attack):
    answer = attack.guesser.look(email_of(4), BUSY[0])

    assert answer.status == 429
    assert 60 < int(answer.headers["retry-after"]) <= 31 * 60


def test_the_owner_of_a_passkey_comes_in_from_the_attackers_address(attack):
    owner = attack.keyholder

    page = owner.use_passkey(owner.visitor(BUSY[0]))

    assert "SAMLResponse" in dict(page.form().fields)


def test_the_owner_of_a_remembered_browser_comes_in_by_the_password(attack):
    owner = attack.regular
    stranger = owner.type_password(owner.visitor(BUSY[0]))
    assert stranger.status == 429

    page = owner.type_password(owner.visitor(BUSY[0], owner.device))

    assert "SAMLResponse" in dict(page.form().fields)
