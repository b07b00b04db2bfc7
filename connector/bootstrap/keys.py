"""The signing keys of an installation: found or made at a start, and what to say of them."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from connector.audit import Audit, AuditEvent
from connector.bootstrap.finding import Finding
from connector.idp.keys.expiry import ending, log_endings, next_step, words_of_end
from connector.idp.keys.inventory import KeyState
from connector.idp.keys.ring import KeyRing
from connector.idp.keys.start import FORMER_FILE, KeyFolder, begin
from connector.idp.store.signing_keys import SigningKeyStore

if TYPE_CHECKING:
    from datetime import datetime

    from connector.clock import Clock
    from connector.idp.keys.inventory import KeyInventory
    from connector.idp.keys.seal import Seal
    from connector.settings import IdpSettings
    from state.engine import Engine

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class OpenKeys:
    """The signing keys, once there is at least one.

    Attributes:
        store: Where they are kept.
        inventory: All of them, as they were found.
        seal: Opens them.

    """

    store: SigningKeyStore
    inventory: KeyInventory
    seal: Seal

    @property
    def data_seal(self) -> Seal:
        """Return what seals the other secrets of the state, such as seeds of authenticator apps.

        Raises:
            SealRefused: if the sealing key does not open it.

        """
        return self.inventory.data_seal(self.seal)

    def ring(self) -> KeyRing:
        """Return them as a process that signs has them.

        Raises:
            SealRefused: if the sealing key does not open them.

        """
        return KeyRing(self.store, self.seal, stopwatch=time.monotonic)


def key_folder(idp: IdpSettings) -> KeyFolder:
    """Return what the configuration says of keys."""
    return KeyFolder(idp.keys, idp.seal)


def open_keys(idp: IdpSettings, engine: Engine, clock: Clock, who: str = "") -> OpenKeys:
    """Return the signing keys; at the first start one is made, or taken over from its file.

    Args:
        idp: The configuration.
        engine: Their state.
        clock: Tells the time.
        who: User of the operating system, if a command asks; for the audit.

    Raises:
        ConfigurationError: if a file cannot be used, or the sealing key is lacking.

    """
    store, now = SigningKeyStore(engine), clock.now()
    begun = begin(store, key_folder(idp), now, secrets.token_bytes)
    active = begun.inventory.active
    if begun.event and active is not None:
        details = {"key": active.fingerprint, "algorithm": active.algorithm, "by": who}
        Audit(engine).record(AuditEvent(now, begun.event, "success", details=details))
        words = _words_of_former(idp) if begun.event == "key.taken_over" else ""
        log.info(begun.event, key=active.short, algorithm=active.algorithm, reason=words)
    return OpenKeys(store, begun.inventory, begun.seal)


def log_keys(idp: IdpSettings, engine: Engine, now: datetime) -> None:
    """Say in the log what an operator should know of the signing keys, at a start and daily."""
    if key_folder(idp).former_file.exists():
        log.warning("key.file_left", reason=_words_of_former(idp))
    log_endings(SigningKeyStore(engine).load(), now)


def check_keys(idp: IdpSettings, engine: Engine | None, now: datetime) -> list[Finding]:
    """Return what is right and wrong with the signing keys; nothing is made or changed.

    Args:
        idp: The configuration.
        engine: The state; None if there is none yet.
        now: The present moment.

    Raises:
        ConfigurationError: if the sealing key cannot be read, though something is sealed.

    """
    inventory = SigningKeyStore(engine).load() if engine is not None else None
    if inventory is None or inventory.active is None:
        return [Finding("ok", "signing key", "will be made at the first start")]
    findings = []
    if key_folder(idp).former_file.exists():
        findings.append(Finding("warn", "signing key", _words_of_former(idp)))
    seal = key_folder(idp).load_seal(inventory)
    for _, error in inventory.unopened_by(seal):
        findings.append(Finding("fail", "signing key", str(error)))
    return findings + _check_endings(inventory, now)


def _check_endings(inventory: KeyInventory, now: datetime) -> list[Finding]:
    found = ending(inventory, now)
    step = next_step(inventory, found)
    findings = [
        Finding(
            "fail" if key.not_after <= now else "warn",
            "signing key",
            f"{words_of_end(key, now)}; next: {step}",
        )
        for key in found
    ]
    if findings:
        return findings
    active = next(key for key in inventory.keys if key.state is KeyState.ACTIVE)
    words = (
        f"{active.short}, {active.algorithm}, its certificate ends on {active.not_after:%Y-%m-%d}"
    )
    return [Finding("ok", "signing key", words)]


def _words_of_former(idp: IdpSettings) -> str:
    return (
        f"signing keys are kept in the state database now; {idp.keys / FORMER_FILE} is not read"
        " any more and can be removed"
    )
