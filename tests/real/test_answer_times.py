"""How long an answer takes does not tell whether anybody has a name.

Over HTTP, at a real domain: 500 people, and 500 names that nobody has.
"""

from __future__ import annotations

from collections import Counter
from contextlib import closing

import pytest

from tests.parts.answer_times import HEAD, measure
from tests.parts.guesser import Guesser
from tests.parts.operator import Operator
from tests.parts.proxied import configured
from tests.parts.samba_fixtures import samba  # noqa: F401 - a fixture
from tests.parts.service import serving

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.timeout(900)]

COUNT = 500


def test_existing_and_unknown_names_are_answered_alike(samba, tmp_path):
    samba.reset(users=COUNT)
    samba.people.lock_after(5)
    operator = Operator(tmp_path)
    base_url = configured(operator, samba, "max_failures_overall = 100000")
    operator.run("sync")
    known = [f"user{number:06d}@corp.example" for number in range(COUNT)]
    unknown = [f"user{number:06d}@corp.example" for number in range(COUNT, 2 * COUNT)]

    with serving(operator.start("run")), closing(Guesser(base_url, "intranet")) as guesser:
        found = measure(guesser, known, unknown)

    print("\n".join([HEAD, *(times.line() for times in found)]))
    assert [times.of for times in found if not times.are_alike] == []
    lockouts = samba.people.lockouts(samba.people.unit("People"))
    assert Counter(lockouts.values()) == {(3, False): COUNT}, "each password has come to the domain"
