"""A short run of the fuzzer; `make fuzz` runs it for ten minutes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from connector.idp.authenticator.duo_token import verify_token
from tests.fuzz.doors import DUO, OF_DUO, QUICK, SLOW, knock
from tests.fuzz.seeds import TOKEN_OF_DUO, seeds
from tests.fuzz.world import NOW, as_redirect, opened_world, unsigned
from tests.parts.duo_tokens import CLIENT_SECRET, signed_bytes


def test_there_is_an_honest_message_for_every_door(tmp_path):
    with opened_world(tmp_path) as world:
        known = list(seeds(world))
        for seed in known:
            knock(world, seed)

    assert {(seed[0] > 0, seed[1]) for seed in known} == {
        *((False, number) for number in range(len(QUICK))),
        *((True, number) for number in range(len(SLOW))),
    }


def test_whoever_is_signed_in_gets_through(tmp_path):
    """Otherwise what comes behind the session would never be knocked at."""
    with opened_world(tmp_path) as world:
        query, session = as_redirect(unsigned("_mine")), (b"cookie", world.session)

        assert world.surface.get("/saml/sso", query).status == 303
        assert (
            world.surface.get("/saml/sso", as_redirect(unsigned("_two")), (session,)).status == 200
        )


def test_what_lies_behind_the_forms_of_factors_is_reached(tmp_path):
    """Otherwise only their outermost checks would be knocked at."""
    with opened_world(tmp_path) as world:
        for seed in seeds(world):
            knock(world, seed)
        known = world.parts.audit.recent(1000)

    happened = {(event.event, event.details.get("second", "")) for event in known}
    refused = {(event.details.get("factor"), event.reason) for event in known}
    assert happened >= {
        ("login.succeeded", "totp"),
        ("login.succeeded", "passkey"),
        ("device.remembered", ""),
        ("device.forgotten", ""),
        ("factor.added", ""),
        ("factor.renamed", ""),
        ("factor.removed", ""),
        ("recovery_codes.made", ""),
        ("session.ended", ""),
    }
    assert refused >= {
        ("duo", "duo-unavailable"),
        ("duo", "duo-denied"),
        ("totp", "code-malformed"),
    }


def test_an_honest_token_of_duo_is_taken():
    head, _, said = TOKEN_OF_DUO.partition(b"\n")

    verify_token(DUO, signed_bytes(head, said, CLIENT_SECRET), OF_DUO, NOW)


@pytest.mark.real
def test_bytes_of_strangers_are_refused_in_bounded_time_and_never_crash_anything():
    with tempfile.TemporaryDirectory() as corpus:
        command = [sys.executable, "-m", "tests.fuzz", "--seconds", "10", "--corpus", corpus]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        grown = len(list(Path(corpus).iterdir()))

    assert done.returncode == 0, done.stderr[-4000:]
    assert "Done " in done.stderr
    # It has found its way in, or it would prove nothing.
    assert grown > 40
