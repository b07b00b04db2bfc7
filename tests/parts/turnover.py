"""What happens to the people of a company in a life: they join, marry, move, leave, come back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.parts.in_step import search

if TYPE_CHECKING:
    import random

    from tests.parts.samba import Samba

FEWEST = 30  # fewer people than that, and somebody joins instead
ANYTHING = (
    "join",
    "leave",
    "recreate",
    "change",
    "rename",
    "disable",
    "disable",
    "enable",
    "move",
)
TITLES = ("Clerk", "Captain", "Cook", "Engineer", "Pilot")


@dataclass
class Turnover:
    """Changes a seeded Samba domain at random, one thing at a time.

    Attributes:
        samba: The domain.
        chance: Says what happens, and to whom.
        what: What may happen.
        happened: How often what happened.

    """

    samba: Samba
    chance: random.Random
    what: tuple[str, ...] = ANYTHING
    happened: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._unit = self.samba.people.unit("People")
        found = search(self.samba, "(sAMAccountName=user0*)", ["sAMAccountName"])
        self._names = {one["sAMAccountName"]: name for name, one in sorted(found)}
        groups = search(self.samba, "(&(objectClass=group)(cn=group0*))", ["cn"])
        self._groups = sorted(name for name, _ in groups)
        self._left: list[str] = []
        self._number = 0

    def happen(self, count: int) -> None:
        """Let so many things happen."""
        for _ in range(count):
            what = self.chance.choice(self.what)
            if len(self._names) < FEWEST:
                what = "join"
            self.happened[what] = self.happened.get(what, 0) + 1
            getattr(self, f"_{what}")()

    def _somebody(self) -> str:
        return self.chance.choice(list(self._names))

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _join(self) -> None:
        """Somebody new, or somebody back under the name they had."""
        if self._left and self.chance.random() < 0.3:
            login = self._left.pop(self.chance.randrange(len(self._left)))
        else:
            login = f"joiner{self._next():04d}"
        self._add(login)

    def _add(self, login: str) -> None:
        title = self.chance.choice(TITLES)
        name = self.samba.people.add_user(login, unit=self._unit, title=title)
        self._names[login] = name
        for group in self.chance.sample(self._groups, self.chance.randint(0, 2)):
            self.samba.people.add_members(group, name)

    def _leave(self) -> None:
        login = self._somebody()
        self.samba.people.delete(self._names.pop(login))
        self._left.append(login)

    def _recreate(self) -> None:
        """The same name and address, and yet another person: with another objectGUID."""
        login = self._somebody()
        self.samba.people.delete(self._names.pop(login))
        self._add(login)

    def _change(self) -> None:
        title = f"{self.chance.choice(TITLES)} {self._next()}"
        self.samba.people.modify(self._names[self._somebody()], title=title)

    def _rename(self) -> None:
        login, number = self._somebody(), self._next()
        name = self.samba.people.rename(self._names[login], f"Renamed {number}")
        self._names[login] = name
        self.samba.people.modify(name, sn=f"Married {number}")
        if self.chance.random() < 0.5:
            self.samba.people.modify(name, mail=f"married{number}@corp.example")

    def _disable(self) -> None:
        self.samba.people.disable(self._names[self._somebody()])

    def _enable(self) -> None:
        self.samba.people.enable(self._names[self._somebody()])

    def _move(self) -> None:
        """From one group to another."""
        old, new = self.chance.sample(self._groups, 2)
        held = [one for one in self.samba.people.values(old, "member") if one not in self._groups]
        if not held:
            return
        name = self.chance.choice(held)
        self.samba.people.remove_members(old, name)
        if name not in self.samba.people.values(new, "member"):
            self.samba.people.add_members(new, name)
