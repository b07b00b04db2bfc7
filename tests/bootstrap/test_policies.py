"""Policies are read, and read anew, together with the applications."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from connector.bootstrap.applications import (
    ApplicationFiles,
    call_for_reading,
    load_registry,
    make_follower,
)
from connector.bootstrap.policies import load_policies
from connector.clock import FixedClock
from connector.idp.application.catalogue import Catalogue
from connector.settings import load_settings
from tests.parts.mmdb import write_mmdb

if TYPE_CHECKING:
    from pathlib import Path

CLOCK = FixedClock(datetime(2026, 11, 29, 12, 0, tzinfo=UTC))
TEXT = """
[source]
kind = "file"
file = "company.toml"
[idp]
base_url = "https://sso.corp.example"
[policy]
[[application]]
name = "Payroll"
entity_id = "urn:payroll"
acs = ["https://payroll.example/acs"]
groups = "*"
"""
LOGIN = '[application.policy]\nsecond_factor = "login"\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "company.toml").write_text("")
    file = tmp_path / "connector.toml"
    file.write_text(TEXT)
    return file


def test_whoever_has_the_applications_has_what_is_asked_there(file: Path):
    settings = load_settings(file)

    registry = load_registry(settings, CLOCK, fetches=False).registry

    assert registry.policies == load_policies(settings)
    assert registry.policies.effective_for("payroll", ()).points.authentication == "enforce"


def test_a_policy_that_changed_is_taken_up_with_the_applications(file: Path):
    settings = load_settings(file)
    files = ApplicationFiles(settings, CLOCK, file)
    catalogue = Catalogue(files.load().registry)
    follower = make_follower(files, catalogue)

    file.write_text(TEXT + LOGIN)
    call_for_reading(settings, CLOCK)
    follower.look()

    found = catalogue.registry.policies.effective_for("payroll", ())
    assert found.points.second_factor == "login"


def test_a_policy_that_is_wrong_changes_nothing(file: Path):
    settings = load_settings(file)
    files = ApplicationFiles(settings, CLOCK, file)
    catalogue = Catalogue(files.load().registry)
    before = catalogue.registry

    file.write_text(TEXT + LOGIN + '[application.policy.networks]\nothers = "refuse"\n')
    call_for_reading(settings, CLOCK)
    make_follower(files, catalogue).look()

    assert catalogue.registry == before


DUO = """[duo]
host = "api-1234abcd.duosecurity.com"
client_id = "DI0123456789ABCDEFGH"
client_secret = { file = "duo-secret" }
"""
ONLY_DUO = TEXT.replace("[policy]", '[policy]\nfactors = ["duo"]')
ONLY_GERMANY = TEXT.replace(
    "[policy]", '[policy]\n[policy.countries]\nrequire = ["DE"]\nothers = "refuse"'
)
COUNTRIES = '[idp]\ncountries_file = "countries.mmdb"'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (ONLY_DUO + DUO, "policy: factors (global) asks for Duo, and there is no table [duo]"),
        (
            ONLY_GERMANY.replace("[idp]", COUNTRIES),
            "policy.countries: needs countries_file in [idp]",
        ),
        (
            TEXT.replace("[idp]", '[idp]\nsession_lifetime = "30h"').replace(
                "[policy]", '[policy]\nsession_lifetime = "24h"'
            ),
            "policy: session_lifetime (global) must not be longer than session_lifetime in [idp]",
        ),
    ],
)
def test_a_policy_that_needs_what_only_a_restart_brings_changes_nothing(
    file: Path, text: str, problem: str
):
    """Or nobody could do what is asked of them until then."""
    (file.parent / "duo-secret").write_text("k" * 40)
    write_mmdb(file.parent / "countries.mmdb", {"10.0.0.0/8": {"country": {"iso_code": "DE"}}})
    settings = load_settings(file)
    files = ApplicationFiles(settings, CLOCK, file)
    catalogue = Catalogue(files.load().registry)
    before, follower = catalogue.registry, make_follower(files, catalogue)

    file.write_text(text)
    call_for_reading(settings, CLOCK)
    with capture_logs() as log:
        follower.look()

    assert catalogue.registry == before
    (kept,) = (each for each in log if each["event"] == "applications.kept")
    assert problem in kept["reason"]
    assert kept["reason"].endswith("; restart: [idp] and [duo] are taken up at the start only")
    assert files.current() == settings
    # By itself it is right: whoever starts with it has it.
    assert ApplicationFiles(load_settings(file), CLOCK, file).load().registry.policies


def test_what_a_process_was_started_with_does_not_make_a_wrong_file_right(file: Path):
    (file.parent / "duo-secret").write_text("k" * 40)
    file.write_text(ONLY_DUO + DUO)
    settings = load_settings(file)
    files = ApplicationFiles(settings, CLOCK, file)
    catalogue = Catalogue(files.load().registry)
    before = catalogue.registry

    file.write_text(ONLY_DUO.replace("Payroll", "Wages"))
    call_for_reading(settings, CLOCK)
    make_follower(files, catalogue).look()

    assert catalogue.registry == before
