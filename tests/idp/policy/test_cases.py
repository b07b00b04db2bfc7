"""A table of policies and circumstances, each decided as it is written, and explained in one line."""

from __future__ import annotations

import os
import re
import tomllib
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from connector.bootstrap.policy_layers import make_policies
from connector.idp.factor import FactorKind
from connector.idp.network import parse_address
from connector.idp.policy import (
    Allow,
    Ask,
    Circumstances,
    Deny,
    Enrol,
    FirstFactor,
    SignInAgain,
    StepUp,
    decide,
    meet,
    rulings,
)
from connector.idp.policy.points import spelled
from connector.idp.reason import Reason
from connector.idp.standing import Status
from connector.settings import Rules
from connector.settings.values import parse_duration
from tests.parts.golden import assert_as_reviewed

HERE = Path(__file__).parent
FILE = HERE / "cases.toml"
CASES = tomllib.loads(FILE.read_text(encoding="utf-8"))["case"]
NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
STAFF = "CN=Board,DC=corp"


def effective_of(case: dict[str, Any]):
    """Return what the layers of a case make, for somebody in the group that one of them is for."""
    application = {"name": "Payroll"}
    if "application" in case:
        application["policy"] = case["application"]
    if "group" in case:
        application["group_policy"] = [{"groups": [STAFF], **case["group"]}]
    values = {"session_lifetime": "12h", "session_idle": "1h", "application": [application]}
    if "policy" in case:
        values["policy"] = case["policy"]
    rules = Rules.model_validate(values)
    return make_policies(rules).effective_for("payroll", {STAFF.casefold()})


def moment(when: dict[str, str], key: str) -> datetime | None:
    return NOW - parse_duration(when[key]) if key in when else None


def known_of(when: dict[str, str]) -> Circumstances:
    strange = when.keys() - {
        *("status", "barred", "from", "country", "browser", "first", "first_ago", "second"),
        *("second_ago", "session_began_ago", "session_used_ago", "remembered_ago"),
        "remembered_by",
    }
    assert not strange
    return Circumstances(
        now=NOW,
        status=Status(when.get("status", "active")),
        barred=Reason(when["barred"]) if "barred" in when else None,
        address=parse_address(when.get("from", "")),
        country=when.get("country", ""),
        user_agent=when.get("browser", ""),
        first=FirstFactor(when.get("first", "password")),
        first_at=moment(when, "first_ago") or NOW,
        second=FactorKind(when["second"]) if "second" in when else None,
        second_at=moment(when, "second_ago") or (NOW if "second" in when else None),
        is_in_session="session_began_ago" in when,
        session_began_at=moment(when, "session_began_ago"),
        session_used_at=moment(when, "session_used_ago"),
        remembered_at=moment(when, "remembered_ago"),
        remembered_by=FactorKind(when["remembered_by"]) if "remembered_by" in when else None,
    )


def in_words(decision: object) -> str:
    """Return a decision as the table has it."""
    match decision:
        case Allow(()):
            return "allow"
        case Allow(kinds):
            return f"allow; whoever has none enrols {', '.join(kinds)}"
        case Deny(reason):
            return f"deny: {reason}"
        case SignInAgain(reason):
            return f"sign in again: {reason}"
        case StepUp(kinds, None):
            return f"ask {', '.join(kinds)}"
        case StepUp(kinds, timedelta() as lasting, is_shared):
            shared = ", shared" if is_shared else ""
            return f"ask {', '.join(kinds)}; remember {spelled(lasting)}{shared}"
        case Ask(kinds):
            return f"ask {', '.join(kinds)}"
        case Enrol(kinds, ()):
            return f"enrol {', '.join(kinds)}"
        case Enrol(kinds, after):
            return f"enrol {', '.join(kinds)} after {', '.join(after)}"
    raise AssertionError(decision)


def outcome_of(case: dict[str, Any]) -> dict[str, str]:
    effective, known = effective_of(case), known_of(case.get("when", {}))
    decision = decide(known, effective)
    found = rulings(known, effective)
    outcome = {
        "decision": in_words(decision),
        "because": "; ".join(str(one) for one in found if one.decides),
    }
    if "enrolled" in case:
        assert isinstance(decision, Allow | StepUp)
        enrolled = frozenset(map(FactorKind, case["enrolled"]))
        outcome["met"] = in_words(meet(decision, enrolled, effective))
    return outcome


def written_anew() -> str:
    """Return the table with what is decided now."""
    outcomes = iter([outcome_of(case) for case in CASES])
    lines, outcome = [], {}
    for line in FILE.read_text(encoding="utf-8").splitlines():
        key = line.partition(" = ")[0]
        if line == "[[case]]":
            outcome = next(outcomes)
        lines.append(f"{key} = '{outcome[key]}'" if key in outcome else line)
    return "\n".join(lines) + "\n"


if os.environ.get("CONNECTOR_GOLDEN") == "write":
    FILE.write_text(written_anew(), encoding="utf-8")
    CASES = tomllib.loads(FILE.read_text(encoding="utf-8"))["case"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: re.sub(r"\W+", "-", case["name"]))
def test_each_case_is_decided_and_explained_as_written(case: dict[str, Any]):
    expected = {key: case[key] for key in ("decision", "because", "met") if key in case}

    assert outcome_of(case) == expected


def test_the_table_is_long_enough_and_names_each_case_once():
    names = [case["name"] for case in CASES]

    assert len(names) >= 60
    assert len(set(names)) == len(names)


PROOFS = {
    "nothing proved": {},
    "totp now": {"second": "totp"},
    "totp 5h ago": {
        "second": "totp",
        "second_ago": "5h",
        "session_began_ago": "5h",
        "session_used_ago": "1m",
    },
    "passkey signed in": {"first": "passkey"},
    "passkey 1h ago": {
        "first": "passkey",
        "first_ago": "1h",
        "session_began_ago": "1h",
        "session_used_ago": "1m",
    },
}
PLACES = {"elsewhere": "203.0.113.7", "without": "10.1.2.3", "require": "192.0.2.7"}
DEVICES = {"": {}, "remembered 1d": {"remembered_ago": "1d", "remembered_by": "totp"}}


def test_every_combination_of_proof_place_device_and_frequency_is_as_reviewed():
    """What is generated finds the corners that nobody thinks of; a change shows as a difference."""
    lines = []
    for frequency, place, device, proof in product(
        ("session", "login", "4h"), PLACES, DEVICES, PROOFS
    ):
        policy = {
            "second_factor": frequency,
            "remembered_devices": "application",
            "networks": {"without": ["10.0.0.0/8"], "require": ["192.0.2.0/24"]},
            "factors": ["passkey", "totp"],
        }
        when = {"from": PLACES[place]} | DEVICES[device] | PROOFS[proof]
        outcome = outcome_of({"policy": policy, "when": when})
        point = outcome["because"].partition(" = ")[0]
        lines.append(
            f"{frequency:8}{place:10}{device:15}{proof:19}{outcome['decision']}  [{point}]"
        )

    assert_as_reviewed("\n".join(lines) + "\n", HERE / "combinations.golden")
