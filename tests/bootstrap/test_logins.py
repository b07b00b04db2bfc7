"""The identity provider as it is put together for real."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from connector.bootstrap.logins import make_identity_provider
from connector.clock import FixedClock
from connector.idp.network import parse_address
from connector.settings import load_settings
from tests.bootstrap.test_policies import TEXT, file  # noqa: F401 - a fixture
from tests.parts.mmdb import write_mmdb

CLOCK = FixedClock(datetime(2026, 11, 29, 12, 0, tzinfo=UTC))


def test_what_nobody_may_guess_comes_from_the_system(file, engine):
    parts = make_identity_provider(load_settings(file), engine, CLOCK).flow.parts

    made_by = [
        parts.random,
        parts.factors.random,
        parts.factors.passkeys.random,
        parts.factors.totp.random,
        parts.factors.recovery_codes.random,
        parts.factors.bypass_codes.random,
    ]
    assert made_by == [secrets.token_bytes] * 6
    assert len(parts.new_token(32)) == 43


def test_the_file_of_countries_tells_logins_where_somebody_is(file, engine):
    write_mmdb(file.parent / "c.mmdb", {"198.51.100.0/24": {"country": {"iso_code": "KP"}}})
    file.write_text(TEXT.replace("[idp]\n", '[idp]\ncountries_file = "c.mmdb"\n'))

    parts = make_identity_provider(load_settings(file), engine, CLOCK).flow.parts

    assert parts.countries.of(parse_address("198.51.100.7")) == "KP"
    assert parts.countries.of(parse_address("192.0.2.7")) == ""
