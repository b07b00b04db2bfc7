"""The identity provider as it is put together for real."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from connector.bootstrap.logins import make_identity_provider
from connector.clock import FixedClock
from connector.settings import load_settings
from tests.bootstrap.test_policies import file  # noqa: F401 - a fixture


def test_what_nobody_may_guess_comes_from_the_system(file, engine):
    clock = FixedClock(datetime(2026, 11, 29, 12, 0, tzinfo=UTC))

    parts = make_identity_provider(load_settings(file), engine, clock).flow.parts

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
