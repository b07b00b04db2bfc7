"""The first walk, word for word, with the mappings that we ship: what Mimecast is sent, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from connector.sync.ports import Status
from tests.parts.golden import assert_as_reviewed, transcript
from tests.walks.walker import Walker

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from connector.clock import FixedClock

HERE = Path(__file__).parent
ANNA = """
[[person]]
login = "anna"
guid = "0e8b1c0e-9d2f-4c2a-8a53-0c6f3f0f6a11"
given = "Anna"
family = "Berg"
aliases = ["a.berg@corp.example"]
title = "Clerk"
department = "Sales"
groups = ["Sales"]
"""
BEN = """
[[person]]
login = "ben"
guid = "1e8b1c0e-9d2f-4c2a-8a53-0c6f3f0f6a12"
given = "Ben"
family = "Lund"
"""
DOMAIN = 'domain = "corp.example"\n'
SALES = """
[[group]]
name = "Sales"
guid = "2e8b1c0e-9d2f-4c2a-8a53-0c6f3f0f6a13"
members = []
"""
MOVED = ANNA.replace('"Berg"', '"Lund"').replace('"Clerk"', '"Captain"')


@pytest.fixture
def walker(engine: Engine, clock: FixedClock, tmp_path: Path) -> Walker:
    walker = Walker(engine, clock, tmp_path)
    walker.write(DOMAIN + BEN + SALES)
    walker.cycle()
    return walker


def walk(walker: Walker, company: str, golden: str) -> None:
    walker.write(DOMAIN + company)
    report = walker.cycle()
    assert report.status is Status.DONE
    assert_as_reviewed(transcript(walker.steps), HERE / f"{golden}.golden")


def test_a_joiner(walker: Walker):
    walk(walker, ANNA + BEN + SALES, "joiner")


def test_a_mover(walker: Walker):
    walker.write(DOMAIN + ANNA + BEN + SALES)
    walker.cycle()

    walk(walker, MOVED + BEN + SALES, "mover")


def test_a_leaver(walker: Walker):
    walker.write(DOMAIN + ANNA + BEN + SALES)
    walker.cycle()

    walk(walker, BEN + SALES, "leaver")


def test_a_group_with_a_new_name_and_another_member(walker: Walker):
    walker.write(DOMAIN + ANNA + BEN + SALES)
    walker.cycle()

    shop = SALES.replace('"Sales"', '"Shop"').replace("[]", '["ben"]')
    walk(walker, ANNA.replace('groups = ["Sales"]', "groups = []") + BEN + shop, "group")
