"""Time to a decision: policies of 20 applications and a directory of 100,000 in place.

Run it as `python -m benchmarks.decision_speed`. Measured is what a login does, for another person
each time: who they are and all their groups, what the help desk says, which policy holds for them
at the application, and what it decides; by processor time, in a fresh process, with everything set
that a policy can say. What the policy alone takes is told beside it. Bar: 1 ms.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.noop_cycle import one_cycle
from benchmarks.synthetic import BASE
from connector.bootstrap.policies import entrance_of, load_policies
from connector.clock import SystemClock
from connector.directory.store import DirectoryStore
from connector.idp.application.service_provider import to_slug
from connector.idp.country import open_countries
from connector.idp.factor import FactorKind
from connector.idp.network import parse_address
from connector.idp.policy import Circumstances, Deny, decide, may_enter
from connector.idp.store.standings import UserStandings
from connector.settings import load_settings
from state.engine import open_engine
from tests.parts.mmdb import write_mmdb

if TYPE_CHECKING:
    from collections.abc import Callable

BAR_MS = 1.0
USERS, GROUPS, APPLICATIONS, GROUP_POLICIES = 100_000, 2_000, 20, 5
DECISIONS, WARM_UP = 5_000, 500
BROWSER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0"
)
FRAME = """
[source]
kind = "file"
file = "company.toml"
[state]
url = "sqlite:///state.db"
[idp]
base_url = "https://sso.corp.example"
countries_file = "countries.mmdb"
[policy]
second_factor = "4h"
remembered_devices = "shared"
[policy.networks]
without = {without}
require = {require}
refuse = {refuse}
[policy.countries]
without = ["DE"]
require = ["FR"]
refuse = ["KP", "IR"]
[policy.browsers]
chrome = 120
firefox = 115
safari = 16
edge = 120
"""


def _networks(first: int) -> str:
    return json.dumps([f"{first}.{number}.0.0/16" for number in range(100)])


def _group(number: int) -> str:
    return json.dumps([f"CN=Group {number % GROUPS:05d},OU=Groups,{BASE}"])


def configuration() -> str:
    text = FRAME.format(without=_networks(10), require=_networks(11), refuse=_networks(12))
    for number in range(APPLICATIONS):
        text += (
            f'[[application]]\nname = "Application {number}"\nentity_id = "urn:{number}"\n'
            f'acs = ["https://app{number}.example/acs"]\ngroups = "*"\n'
            '[application.policy]\nremembered_for = "7d"\n'
        )
        for step in range(GROUP_POLICIES):
            text += f"[[application.group_policy]]\ngroups = {_group(number * 97 + step)}\n"
            text += 'second_factor = "8h"\n'
    return text


def measure(folder: Path) -> dict[str, list[float]]:
    """Return the processor time of each decision in ms: as a whole, and of the policy alone."""
    settings = load_settings(folder / "connector.toml")
    assert settings.idp is not None
    engine = open_engine(settings.state.url)
    directory, standings = DirectoryStore(engine), UserStandings(engine)
    policies, countries = load_policies(settings), open_countries(settings.idp.countries_file)
    applications = [(to_slug(one.name), entrance_of(one)) for one in settings.application]
    everybody = [head.external_id for head in directory.user_heads()]
    chance, now = random.Random(7), SystemClock().now()

    def one_decision() -> float:
        external_id, (slug, entrance) = chance.choice(everybody), chance.choice(applications)
        standing = directory.standing(external_id)
        status = standings.of(external_id, now)
        assert standing is not None
        begun = time.thread_time()
        user, groups = standing
        entry = may_enter(user, groups, entrance, now)
        address = parse_address(f"203.0.113.{chance.randrange(256)}")
        known = Circumstances(
            now=now,
            status=status,
            barred=entry.reason if isinstance(entry, Deny) else None,
            address=address,
            country=countries.of(address),
            user_agent=BROWSER,
            second=FactorKind.TOTP,
            second_at=now - timedelta(hours=5),
            is_in_session=True,
            session_began_at=now - timedelta(hours=6),
            session_used_at=now - timedelta(minutes=5),
            remembered_at=now - timedelta(days=10),
            remembered_by=FactorKind.TOTP,
        )
        decide(known, policies.effective_for(slug, groups))
        return time.thread_time() - begun

    for _ in range(WARM_UP):
        one_decision()
    alone = [one_decision() * 1000 for _ in range(DECISIONS)]
    whole = [_timed(one_decision) * 1000 for _ in range(DECISIONS)]
    return {"whole": whole, "alone": alone}


def _timed(call: Callable[[], object]) -> float:
    begun = time.thread_time()
    call()
    return time.thread_time() - begun


def in_fresh_process(folder: Path, step: str) -> dict[str, list[float]]:
    command = [sys.executable, "-m", "benchmarks.decision_speed", step, str(folder)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "company.toml").write_text("")
        (folder / "connector.toml").write_text(configuration())
        record = {"country": {"iso_code": "US"}}
        write_mmdb(folder / "countries.mmdb", {"203.0.113.0/24": record})
        in_fresh_process(folder, "fill")
        found = in_fresh_process(folder, "measure")
    print(
        f"Time to a decision, {USERS:,} users, {GROUPS:,} groups, {APPLICATIONS} applications with"
        f" {GROUP_POLICIES} group policies each, {DECISIONS:,} decisions"
    )
    worst = 0.0
    for words, measured in (("all of it", found["whole"]), ("policy alone", found["alone"])):
        times = sorted(measured)
        median, share = statistics.median(times), times[int(0.99 * len(times))]
        worst = max(worst, share)
        print(f"  {words:<14} median {median:7.3f} ms, 99 in 100 below {share:7.3f} ms")
    verdict = "" if worst < BAR_MS else "   ABOVE THE BAR"
    print(f"  {'bar':<14} {BAR_MS:14.3f} ms{verdict}")
    return int(worst >= BAR_MS)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("step", nargs="?", choices=["fill", "measure"])
    parser.add_argument("folder", nargs="?", type=Path)
    given = parser.parse_args()
    if given.step == "fill":
        one_cycle(given.folder, USERS, GROUPS)
        print("{}")
    elif given.step == "measure":
        print(json.dumps(measure(given.folder)))
    else:
        sys.exit(main())
