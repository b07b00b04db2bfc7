"""What the help desk says of people, and what is forgotten of those who left."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from connector.idp.coverage import measure
from connector.idp.factor import FactorKind, usable_kinds
from connector.idp.leaving import delete_orphans
from connector.idp.standing import Standing, Status
from connector.idp.store.devices import DeviceStore, RememberedDevice
from connector.idp.store.factors import FactorStore
from connector.idp.store.standings import UserStandings
from tests.idp.bench import NOW
from tests.idp.factors.subject import Bypass, Passkeys, Recovery, Totp

if TYPE_CHECKING:
    from sqlalchemy import Engine

ANN, BEN = "ann", "ben"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def standings(engine: Engine) -> UserStandings:
    return UserStandings(engine)


@pytest.fixture
def devices(engine: Engine) -> DeviceStore:
    return DeviceStore(engine)


def remembered(who: str, lasting: timedelta) -> RememberedDevice:
    token = f"{who} {lasting}".encode()
    until = NOW + lasting
    return RememberedDevice(token, "", who, FactorKind.TOTP, NOW, NOW, until, "", "")


def test_who_has_no_status_is_active(standings: UserStandings):
    assert standings.of(ANN, NOW) is Status.ACTIVE
    assert standings.find(ANN, NOW) is None
    assert standings.all(NOW) == ()


@pytest.mark.parametrize("status", [Status.BYPASS, Status.DISABLED, Status.LOCKED_OUT])
def test_a_status_is_kept_until_its_end(standings: UserStandings, status: Status):
    standing = Standing(ANN, status, NOW, NOW + HOUR, "dana", "phone lost")
    standings.set(standing)

    assert standings.of(ANN, NOW + HOUR - timedelta(seconds=1)) is status
    assert standings.find(ANN, NOW) == standing
    assert standings.of(ANN, NOW + HOUR) is Status.ACTIVE
    assert standings.of(BEN, NOW) is Status.ACTIVE
    assert standings.all(NOW + HOUR) == ()


def test_the_latest_status_counts_and_active_ends_it(standings: UserStandings):
    for status in (Status.BYPASS, Status.DISABLED):
        standings.set(Standing(ANN, status, NOW, None, "dana"))
    assert standings.of(ANN, NOW) is Status.DISABLED
    assert len(standings.all(NOW)) == 1

    standings.set(Standing(ANN, Status.ACTIVE, NOW, None, "dana"))
    assert standings.find(ANN, NOW) is None


def test_everybody_with_a_status_is_listed_the_latest_first(standings: UserStandings):
    standings.set(Standing(ANN, Status.BYPASS, NOW, None, "dana"))
    standings.set(Standing(BEN, Status.DISABLED, NOW + HOUR, None, "dana"))

    assert [one.external_id for one in standings.all(NOW + DAY)] == [BEN, ANN]


class Gone:
    """Says that Ann left at a moment."""

    def __init__(self, left_at: datetime) -> None:
        self.left_at = left_at

    def left_before(self, moment: datetime) -> list[str]:
        return [ANN] if self.left_at <= moment else []


def test_what_leavers_had_is_kept_for_a_month(
    engine: Engine, standings: UserStandings, devices: DeviceStore
):
    factors = FactorStore(engine)
    for who in (ANN, BEN):
        Totp(engine, os.urandom).enrol(who, NOW)
        standings.set(Standing(who, Status.BYPASS, NOW, None, "dana"))
        devices.remember(remembered(who, 90 * DAY))

    assert delete_orphans(Gone(NOW), factors, standings, devices, NOW + 29 * DAY) == 0
    assert len(factors.of_person(ANN, NOW)) == 1
    assert len(devices.of_person(ANN, NOW)) == 1

    assert delete_orphans(Gone(NOW), factors, standings, devices, NOW + 30 * DAY) == 1
    assert devices.of_person(ANN, NOW) == ()
    assert len(devices.of_person(BEN, NOW)) == 1
    assert factors.of_person(ANN, NOW) == ()
    assert standings.of(ANN, NOW) is Status.ACTIVE
    assert len(factors.of_person(BEN, NOW)) == 1
    assert standings.of(BEN, NOW) is Status.BYPASS


def test_codes_and_devices_that_are_over_go_with_the_day(
    engine: Engine, standings: UserStandings, devices: DeviceStore
):
    Bypass(engine, os.urandom).enrol(ANN, NOW)
    Recovery(engine, os.urandom).enrol(ANN, NOW)

    for lasting in (DAY, 2 * DAY):
        devices.remember(remembered(ANN, lasting))

    delete_orphans(Gone(NOW + DAY), FactorStore(engine), standings, devices, NOW + DAY)

    assert [one.expires_at for one in devices.of_person(ANN, NOW)] == [NOW + 2 * DAY]
    left = FactorStore(engine).of_person(ANN, NOW)
    assert [one.kind for one in left] == [FactorKind.RECOVERY_CODE]


def test_kinds_come_strongest_first_and_only_those_that_work(engine: Engine):
    subjects = [kind(engine, os.urandom) for kind in (Bypass, Recovery, Totp, Passkeys)]
    made = [subject.enrol(ANN, NOW) for subject in subjects]
    factors = FactorStore(engine)

    everything = usable_kinds(factors.of_person(ANN, NOW))
    factors.remove(ANN, made[2].factor_id, NOW)
    subjects[0].check(ANN, subjects[0].answer(ANN, NOW), NOW)

    assert everything == ("passkey", "totp", "recovery-code", "bypass-code")
    assert usable_kinds(factors.of_person(ANN, NOW)) == ("passkey", "recovery-code")


def test_of_nobody_everybody_is_enrolled():
    nothing = measure("none", [], {})

    assert (nothing.people_count, nothing.percent, nothing.without) == (0, 100, ())
    assert (
        measure(
            "almost",
            [str(n) for n in range(1000)],
            {str(n): {FactorKind.PASSKEY: 2} for n in range(999)},
        ).percent
        == 99
    )
