"""How long answers take to names that somebody has and to names that nobody has, told apart or not.

The names take turns by chance, each comes once, and addresses are spread, so that no limit holds.
"""

from __future__ import annotations

import random
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.parts.guesser import Guess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.parts.guesser import Guesser

PER_ADDRESS = 10
SHUFFLES = 2000
TYPING_SECONDS = 0.03


@dataclass(frozen=True)
class Times:
    """Seconds that answers took.

    Attributes:
        of: What was measured.
        known: To names that somebody has.
        unknown: To others.

    """

    of: str
    known: Sequence[float]
    unknown: Sequence[float]

    @property
    def difference(self) -> float:
        """Return by how much the medians differ."""
        return statistics.median(self.known) - statistics.median(self.unknown)

    @property
    def spread(self) -> float:
        """Return the range between the quartiles of all of them."""
        low, _, high = statistics.quantiles([*self.known, *self.unknown], n=4)
        return high - low

    @property
    def hit_share(self) -> float:
        """Return how often one of each is put in the right order by their times; 0.5 is by chance."""
        ordered = sorted(
            [(taken, True) for taken in self.known] + [(taken, False) for taken in self.unknown]
        )
        ranks = sum(rank for rank, (_, is_known) in enumerate(ordered, 1) if is_known)
        count = len(self.known)
        return (ranks - count * (count + 1) / 2) / (count * len(self.unknown))

    def chance(self, seed: int = 1) -> float:
        """Return how often the medians differ as much if the names are dealt anew by chance."""
        shuffler, found = random.Random(seed), 0
        everything = [*self.known, *self.unknown]
        for _ in range(SHUFFLES):
            shuffler.shuffle(everything)
            known, unknown = everything[: len(self.known)], everything[len(self.known) :]
            dealt = statistics.median(known) - statistics.median(unknown)
            found += abs(dealt) >= abs(self.difference)
        return found / SHUFFLES

    @property
    def are_alike(self) -> bool:
        """Return whether the difference is lost in what answers differ by anyway.

        It is never more than the range between the quartiles, whatever chance says of it.

        >>> unknown = [0.007 + each / 100_000 for each in range(100)]
        >>> later = {by: [each + by for each in unknown] for by in (0, 0.0001, 0.0004, 0.0008)}
        >>> [by for by, known in later.items() if Times("a page", known, unknown).are_alike]
        [0, 0.0001]

        """
        difference = abs(self.difference)
        if difference >= min(self.spread, 0.002):
            return False
        is_noise = difference < self.spread / 4 or self.chance() > 0.01
        return is_noise and abs(self.hit_share - 0.5) < 0.1

    def line(self) -> str:
        known, unknown = (statistics.median(each) * 1e3 for each in (self.known, self.unknown))
        return (
            f"  {self.of:<34}{known:8.2f}{unknown:9.2f}{self.difference * 1e3:11.2f}"
            f"{self.spread * 1e3:13.2f}{self.hit_share:11.1%}{self.chance():9.2f}"
        )


HEAD = (
    f"  {'':<34}{'exists':>8}{'does not':>9}{'difference':>11}{'quartiles':>13}"
    f"{'told apart':>11}{'chance':>9}"
)


def measure(guesser: Guesser, known: Sequence[str], unknown: Sequence[str]) -> list[Times]:
    """Measure the address, then the password in three ways.

    Each name is asked about three times, with another password each time, as the same one would
    not be asked about again.
    """
    names = [(name, True) for name in known] + [(name, False) for name in unknown]
    address = _addresses()
    chance = random.Random(7)

    def take(of: str, ask: Callable[[str, str], float]) -> Times:
        chance.shuffle(names)
        taken: dict[bool, list[float]] = {True: [], False: []}
        for name, is_known in names:
            taken[is_known].append(ask(name, next(address)))
        return Times(of, taken[True], taken[False])

    def at_once(name: str, where: str) -> float:
        guesser.look(name, where)
        return guesser.guess(Guess(name, "one", where))

    def by_hand(name: str, where: str) -> float:
        guesser.look(name, where)
        time.sleep(TYPING_SECONDS)
        return guesser.guess(Guess(name, "two", where))

    def after_nobody(name: str, where: str) -> float:
        """Bring the server to the state in which a refusal without Active Directory leaves it."""
        nobody = f"nobody-before-{name}"
        guesser.name_somebody(nobody, where)
        guesser.guess(Guess(nobody, "x", where))
        guesser.look(name, where)
        return guesser.guess(Guess(name, "three", where))

    return [
        take("e-mail address, until the next page", guesser.name_somebody),
        take("password, at once", at_once),
        take("password, typed for a moment", by_hand),
        take("password, after nobody's", after_nobody),
    ]


def _addresses() -> Iterator[str]:
    for network in range(256):
        for host in range(256):
            for _ in range(PER_ADDRESS):
                yield f"10.77.{network}.{host}"
