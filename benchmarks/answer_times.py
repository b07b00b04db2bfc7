"""Whether the time of an answer tells that somebody has a name: 500 people, 500 names of nobody.

Run it as `python -m benchmarks.answer_times`. Over HTTP to `connector run`, in front of a real
Samba, on one connection, so that one process answers all: the e-mail address until the next page,
and a wrong password sent in three ways. Told are the medians in ms, their difference, the range
between the quartiles, how often one of each is put in the right order by its time (half of the
times: by chance), and how often names that are dealt anew by chance differ as much.

Bar: not told apart, that is, the difference is within a quarter of that range, or within the whole
of it and as likely by chance; it is below 2 ms; and no more than 60 of 100 are put in the right order.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from tests.parts.answer_times import HEAD, measure
from tests.parts.guesser import Guesser
from tests.parts.operator import Operator
from tests.parts.proxied import configured
from tests.parts.samba import Samba
from tests.parts.service import serving

COUNT = 500


def main(count: int) -> int:
    with closing(Samba()) as samba, tempfile.TemporaryDirectory() as name:
        samba.reset(users=count)
        operator = Operator(Path(name))
        base_url = configured(operator, samba, "max_failures_overall = 100000")
        operator.run("sync")
        known, unknown = (
            [f"user{number:06d}@corp.example" for number in range(first, first + count)]
            for first in (0, count)
        )
        with serving(operator.start("run")), closing(Guesser(base_url, "intranet")) as guesser:
            found = measure(guesser, known, unknown)
    print(f"Answers to {count} names that exist and {count} that do not, in ms")
    print(HEAD)
    for times in found:
        print(times.line() + ("" if times.are_alike else "   TOLD APART"))
    return int(not all(times.are_alike for times in found))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=COUNT)
    sys.exit(main(parser.parse_args().count))
