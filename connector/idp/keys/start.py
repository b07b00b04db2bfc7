"""The first start makes a signing key, or takes over the one that was kept in a file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from connector.idp.keys.algorithm import KeyAlgorithm
from connector.idp.keys.certificate import KeyPair, make_pair, read_pair
from connector.idp.keys.files import read_private
from connector.idp.keys.inventory import (
    DATA_KEY,
    KeyInventory,
    KeyRecord,
    KeyState,
    place_of,
)
from connector.idp.keys.rollover import stage
from connector.idp.keys.seal import KEY_BYTES, Seal, load_seal

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from connector.settings import Secret

FORMER_FILE = "signing-active.pem"


class KeyKeeper(Protocol):
    """Where keys are kept."""

    def load(self) -> KeyInventory:
        """Return everything."""
        ...

    def change(self, step: Callable[[KeyInventory], KeyInventory]) -> KeyInventory:
        """Replace everything by what a step makes of it, in one transaction; return that."""
        ...


@dataclass(frozen=True, slots=True)
class KeyFolder:
    """What the configuration says of keys.

    Attributes:
        path: The folder, `idp.keys`.
        seal: `idp.seal`, or None for the file in the folder.

    """

    path: Path
    seal: Secret | None = None

    @property
    def former_file(self) -> Path:
        """Return where the signing key was once kept."""
        return self.path / FORMER_FILE

    def load_seal(self, inventory: KeyInventory) -> Seal:
        """Return the sealing key; the very first is made.

        Raises:
            ConfigurationError: if it is lacking or not of the right form.

        """
        is_first = not any(key.is_published for key in inventory.keys)
        return load_seal(self.path, self.seal, is_first=is_first)


@dataclass(frozen=True, slots=True)
class Beginning:
    """How a start found the keys.

    Attributes:
        inventory: As it is now.
        seal: Opens it.
        event: "key.made" or "key.taken_over", or "" if there was a key already.

    """

    inventory: KeyInventory
    seal: Seal
    event: str = ""


def begin(
    keeper: KeyKeeper,
    folder: KeyFolder,
    now: datetime,
    random: Callable[[int], bytes],
    make: Callable[[KeyAlgorithm, datetime], KeyPair] = make_pair,
) -> Beginning:
    """Return the keys; if there is no active one, the former file's becomes it, or a new one.

    Args:
        keeper: Keeps them.
        folder: What the configuration says of them.
        now: The present moment.
        random: Returns that many unpredictable bytes.
        make: Makes the first key, which takes a tenth of a second.

    Raises:
        ConfigurationError: if a file cannot be read or written, or others can read it, or the
            sealing key is lacking.

    """
    # Before the file of the sealing key is looked for: who makes the first key writes that first.
    inventory = keeper.load()
    seal = folder.load_seal(inventory)
    if inventory.active is not None:
        return Beginning(_with_data_key(keeper, inventory, seal, random), seal)
    is_former = folder.former_file.exists()
    pair = _read_former(folder) if is_former else make(KeyAlgorithm.RSA_2048, now)
    first = to_record(pair, seal, now, random)
    after = keeper.change(lambda found: found if found.active else stage(found, first))
    after = _with_data_key(keeper, after, seal, random)
    if first not in after.keys:
        return Beginning(after, seal)
    return Beginning(after, seal, "key.taken_over" if is_former else "key.made")


def to_record(
    pair: KeyPair,
    seal: Seal,
    now: datetime,
    random: Callable[[int], bytes],
    state: KeyState = KeyState.ACTIVE,
) -> KeyRecord:
    """Return a key as it is kept, its private half sealed."""
    fingerprint = pair.fingerprint
    return KeyRecord(
        fingerprint=fingerprint,
        state=state,
        algorithm=pair.algorithm,
        certificate=pair.certificate_der(),
        sealed=seal.close(pair.private_der(), place_of(fingerprint), random),
        staged_at=now,
        activated_at=now if state is KeyState.ACTIVE else None,
    )


def _with_data_key(
    keeper: KeyKeeper, inventory: KeyInventory, seal: Seal, random: Callable[[int], bytes]
) -> KeyInventory:
    """Return the inventory with a data key; it is made once."""
    if inventory.data_key:
        return inventory
    made = seal.close(random(KEY_BYTES), DATA_KEY, random)
    return keeper.change(lambda found: found if found.data_key else replace(found, data_key=made))


def _read_former(folder: KeyFolder) -> KeyPair:
    path = folder.former_file
    return read_pair(read_private(path), str(path))
