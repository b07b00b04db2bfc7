"""The numbers of the operations listener: how the program is doing."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from connector.directory.store import DirectoryStore
from connector.idp.store.logouts import LogoutStore
from connector.idp.store.signing_keys import SigningKeyStore
from connector.mail.outbox import Outbox
from connector.sync.findings import Findings
from connector.sync.history import History
from connector.sync.ports import Status
from connector.web.health import Sample

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from connector.idp.keys.inventory import KeyInventory
    from state.engine import Engine


def read_numbers(engine: Engine, targets: Iterable[str]) -> Iterable[Sample]:
    """Return all numbers as they are now; of these targets.

    Raises:
        StateError: if the state cannot be read.

    """
    keys = SigningKeyStore(engine).load()
    parts = (_samples(engine), _drift(engine, targets), _keys(keys), _untold(engine))
    return chain(*parts, _mail(engine))


def _samples(engine: Engine) -> Iterator[Sample]:
    history = History(engine)
    success_at = history.last_success_at()
    yield Sample(
        "connector_sync_last_success_timestamp_seconds",
        success_at.timestamp() if success_at else 0,
        "When the last cycle without any fault ended.",
    )
    failed_count = 0
    for cycle in history.cycles(100):
        if cycle.status == Status.DONE:
            break
        failed_count += cycle.status != "running"
    yield Sample(
        "connector_sync_failed_cycles", failed_count, "Cycles with faults since the last without."
    )
    counts = DirectoryStore(engine).counts()
    yield Sample("connector_directory_users", counts.users, "People in the directory.")
    yield Sample("connector_directory_groups", counts.groups, "Groups in the directory.")
    yield Sample("connector_directory_problems", counts.problems, "Entries that cannot be mapped.")
    for target, by_type in history.linked_counts().items():
        for resource_type, count in by_type.items():
            labels = {"target": target, "resource_type": resource_type}
            yield Sample(
                "connector_target_resources", count, "Resources of ours at a target.", labels=labels
            )


def _untold(engine: Engine) -> Iterator[Sample]:
    for application, count in LogoutStore(engine).waiting_counts().items():
        yield Sample(
            "connector_logout_waiting",
            count,
            "Sign-outs that an application has not answered, and is told again.",
            labels={"application": application},
        )


def _mail(engine: Engine) -> Iterator[Sample]:
    outbox = Outbox(engine)
    waiting_count = outbox.waiting_count()
    yield Sample("connector_mail_waiting", waiting_count, "Messages that wait to be sent.")
    for outcome, count in outbox.tally().items():
        yield Sample(
            "connector_mail_messages_total",
            count,
            "Messages to people that were queued, sent and given up.",
            kind="counter",
            labels={"outcome": outcome},
        )


def _drift(engine: Engine, names: Iterable[str]) -> Iterator[Sample]:
    for name in names:
        last = Findings(engine).of(name)
        if last is None or last.compared_at is None:
            continue
        labels = {"target": name}
        yield Sample(
            "connector_target_drift_differences",
            last.found_count,
            "Attributes of ours at a target that others have changed.",
            labels=labels,
        )
        yield Sample(
            "connector_target_drift_compared_timestamp_seconds",
            last.compared_at.timestamp(),
            "When a target was last compared with what was written there.",
            labels=labels,
        )
        yield Sample(
            "connector_target_foreign_accounts",
            last.foreign_count,
            "Accounts at a target that are not ours.",
            labels=labels,
        )


def _keys(inventory: KeyInventory) -> Iterator[Sample]:
    for key in inventory.published():
        yield Sample(
            "connector_signing_key_not_after_timestamp_seconds",
            key.not_after.timestamp(),
            "When the certificate of a signing key ends.",
            labels={"key": key.short, "state": key.state.value},
        )
