"""The target's ids of what is ours: of a few who are looked at, or of everything if need be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from connector.planner.operation import Operation
    from connector.sync.ledger import Ledger

# From so many on, all are loaded at once.
MANY = 1000


class Addresses(Mapping[str, str]):
    """The target's id by external_id, as the ledger has it; it follows what a cycle does.

    For a plan of few operations only their own ids are loaded; whoever looks at all of them has
    all of them loaded.
    """

    def __init__(self, ledger: Ledger, target: str) -> None:
        self._ledger = ledger
        self._target = target
        self._ids: dict[str, str] = {}
        self._loaded: set[str] = set()
        self._is_whole = False

    def load_for(self, operations: Iterable[Operation]) -> None:
        """Load what the operations will ask for."""
        keys = set[str]()
        for one in operations:
            keys.update((one.external_id, one.succeeds, *one.members_added, *one.members_removed))
            if len(keys) > MANY:
                self._load_all()
                return
        self._load(keys)

    def learn(self, external_id: str, target_id: str) -> None:
        """Note the id of a resource."""
        self._loaded.add(external_id)
        self._ids[external_id] = target_id

    def forget(self, external_id: str) -> None:
        """Note that a resource is ours no more."""
        self._loaded.add(external_id)
        self._ids.pop(external_id, None)

    def __getitem__(self, external_id: str) -> str:
        """Return the target's id; raise KeyError if nothing of that key is ours."""
        if not self._is_whole and external_id not in self._loaded:
            self._load({external_id})
        return self._ids[external_id]

    def __iter__(self) -> Iterator[str]:
        """Yield the keys of everything that is ours, as of one moment."""
        self._load_all()
        return iter(tuple(self._ids))

    def __len__(self) -> int:
        """Return how much is ours."""
        self._load_all()
        return len(self._ids)

    def _load(self, keys: set[str]) -> None:
        missing = set[str]() if self._is_whole else keys - self._loaded
        self._ids |= self._ledger.target_ids(self._target, missing)
        self._loaded |= missing

    def _load_all(self) -> None:
        if self._is_whole:
            return
        found = self._ledger.target_ids(self._target)
        # What this cycle has learnt is newer.
        own = {key: value for key, value in self._ids.items() if key in self._loaded}
        gone = self._loaded - own.keys()
        self._ids = {key: value for key, value in (found | own).items() if key not in gone}
        self._is_whole = True
