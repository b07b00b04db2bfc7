"""Policies are read, and read anew, together with the applications."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

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
