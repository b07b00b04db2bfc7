"""Signing keys for tests: fast ones, kept in memory or in a database."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from connector.idp.keys.algorithm import KeyAlgorithm
from connector.idp.keys.certificate import make_pair
from connector.idp.keys.inventory import DATA_KEY, KeyInventory, KeyRecord, KeyState
from connector.idp.keys.rollover import activate, stage
from connector.idp.keys.seal import Seal
from connector.idp.keys.start import to_record
from tests.idp.bench import NOW

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

SEAL = Seal("file seal-key", bytes(range(32)))
OTHER = Seal("file other", bytes(32))
_numbers = itertools.count(1)


def number_bytes(size: int) -> bytes:
    """Return bytes that are different each time."""
    return next(_numbers).to_bytes(size)


def a_key(now: datetime = NOW, state: KeyState = KeyState.STAGED, seal: Seal = SEAL) -> KeyRecord:
    """Return a new key, on a curve because that is fast."""
    return to_record(make_pair(KeyAlgorithm.ECDSA_P256, now), seal, now, number_bytes, state)


def an_inventory(*keys: KeyRecord) -> KeyInventory:
    """Return an inventory with one active key, and these staged."""
    data_key = SEAL.close(bytes(32), DATA_KEY, number_bytes)
    inventory = stage(KeyInventory(data_key=data_key), a_key(state=KeyState.ACTIVE))
    for key in keys:
        inventory = stage(inventory, key)
    return inventory


@dataclass
class KeysInMemory:
    """A place where keys are kept, which counts how often it is asked."""

    inventory: KeyInventory = field(default_factory=an_inventory)
    versions_asked: int = 0
    loads: int = 0

    def version(self) -> int:
        self.versions_asked += 1
        return self.inventory.version

    def load(self) -> KeyInventory:
        self.loads += 1
        return self.inventory

    def change(self, step: Callable[[KeyInventory], KeyInventory]) -> KeyInventory:
        after = step(self.inventory)
        self.inventory = replace(after, version=self.inventory.version + 1)
        return self.inventory

    def activate(self, key: KeyRecord, *kept: str) -> None:
        self.change(lambda found: activate(found, found.find(key.fingerprint), NOW, kept=kept))


@dataclass
class Stopwatch:
    """Seconds that a test lets pass."""

    seconds: float = 100.0

    def __call__(self) -> float:
        return self.seconds
