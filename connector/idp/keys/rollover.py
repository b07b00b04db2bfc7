"""What may be done to signing keys, and what comes of it. Pure.

The order is: stage (publish the next certificate), let every application see it, activate (sign
with it, for one application or for all), and, when nothing signed with the former key can be under
way any more, retire that one.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from connector.idp.keys.inventory import (
    DATA_KEY,
    KeyInventory,
    KeyRecord,
    KeyRefused,
    KeyState,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import datetime, timedelta

    from connector.idp.keys.seal import Seal


def stage(inventory: KeyInventory, key: KeyRecord) -> KeyInventory:
    """Return the inventory with one key more; a retired one of that name comes back by it.

    Raises:
        KeyRefused: if it is in use already.

    """
    known = next((one for one in inventory.keys if one.fingerprint == key.fingerprint), None)
    if known is not None and known.is_published:
        message = f"the key {known.short} is known already; it is {known.state}"
        raise KeyRefused(message)
    others = tuple(one for one in inventory.keys if one is not known)
    return replace(inventory, keys=(*others, key))


def choose_staged(inventory: KeyInventory) -> KeyRecord:
    """Return the staged key, if there is exactly one.

    Raises:
        KeyRefused: if there is none, or a choice.

    """
    staged = [key for key in inventory.keys if key.state is KeyState.STAGED]
    if len(staged) == 1:
        return staged[0]
    if not staged:
        message = "no key is staged; make the next one: connector key stage"
        raise KeyRefused(message)
    names = ", ".join(key.short for key in staged)
    message = f"{len(staged)} keys are staged; name one of: {names}"
    raise KeyRefused(message)


def activate(
    inventory: KeyInventory, key: KeyRecord, now: datetime, *, kept: Collection[str] = ()
) -> KeyInventory:
    """Return the inventory in which that key signs for every application.

    Args:
        inventory: As it is.
        key: Published, and its certificate has begun.
        now: The present moment.
        kept: Slugs of applications that stay at the key that signs for them now.

    Raises:
        KeyRefused: if the key must not sign.

    """
    _require_usable(key, now)
    assigned = {}
    for slug in kept:
        former = inventory.of_application(slug)
        if former is not None and former != key:
            assigned[slug] = former.fingerprint
    after = replace(
        inventory,
        keys=tuple(_after_activation(one, key, now) for one in inventory.keys),
        assigned=MappingProxyType(assigned),
    )
    return _note_ends(inventory, after, now)


def activate_for(
    inventory: KeyInventory, key: KeyRecord, slugs: Collection[str], now: datetime
) -> KeyInventory:
    """Return the inventory in which that key signs for these applications.

    Raises:
        KeyRefused: if the key must not sign.

    """
    _require_usable(key, now)
    assigned = {slug: one for slug, one in inventory.assigned.items() if slug not in slugs}
    if key != inventory.active:
        assigned |= dict.fromkeys(slugs, key.fingerprint)
    after = replace(inventory, assigned=MappingProxyType(assigned))
    return _note_ends(inventory, after, now)


def retire(
    inventory: KeyInventory,
    key: KeyRecord,
    now: datetime,
    *,
    slugs: Collection[str],
    settling: timedelta,
) -> KeyInventory:
    """Return the inventory in which that key is out of our metadata, its private half erased.

    Args:
        inventory: As it is.
        key: Signs for nobody.
        now: The present moment.
        slugs: Of the applications that there are; what was said of others does not count.
        settling: How long something that was signed may be under way.

    Raises:
        KeyRefused: if it still signs for an application, or did so just now, or is retired already.

    """
    if not key.is_published:
        message = f"the key {key.short} is retired already"
        raise KeyRefused(message)
    if key.state is KeyState.ACTIVE:
        message = f"the key {key.short} is the active one; activate another first"
        raise KeyRefused(message)
    assigned = {slug: one for slug, one in inventory.assigned.items() if slug in slugs}
    users = sorted(slug for slug, one in assigned.items() if one == key.fingerprint)
    if users:
        message = (
            f"the key {key.short} still signs for {', '.join(users)};"
            f" activate another for it first: connector key activate ID --app {users[0]}"
        )
        raise KeyRefused(message)
    if key.signed_until is not None and now < key.signed_until + settling:
        message = (
            f"answers that {key.short} signed may be under way until"
            f" {key.signed_until + settling:%H:%M:%S} UTC; retire it then, or with --now"
        )
        raise KeyRefused(message)
    return _without(inventory, {key.fingerprint}, assigned, now)


def reseal(
    inventory: KeyInventory, former: Seal, seal: Seal, random: Callable[[int], bytes]
) -> KeyInventory:
    """Return the inventory sealed by another sealing key.

    Raises:
        SealRefused: if the former one does not open it.

    """
    keys = (
        replace(
            key,
            sealed=seal.close(former.open(key.sealed, key.place), key.place, random),
        )
        if key.is_published
        else key
        for key in inventory.keys
    )
    data_key = seal.close(former.open(inventory.data_key, DATA_KEY), DATA_KEY, random)
    return replace(inventory, keys=tuple(keys), data_key=data_key)


def retire_lost(inventory: KeyInventory, seal: Seal, now: datetime) -> KeyInventory:
    """Return the inventory without what that sealing key does not open, whoever it signs for.

    With the data key, all that it had sealed is lost.
    """
    lost = {key.fingerprint for key, _ in inventory.unopened_by(seal)}
    assigned = {slug: one for slug, one in inventory.assigned.items() if one not in lost}
    data_key = inventory.data_key if inventory.has_data_for(seal) else b""
    return replace(_without(inventory, lost, assigned, now), data_key=data_key)


def _require_usable(key: KeyRecord, now: datetime) -> None:
    if not key.is_published:
        message = f"the key {key.short} is retired; stage another: connector key stage"
        raise KeyRefused(message)
    if key.not_before > now:
        message = f"the certificate of {key.short} only begins at {key.not_before:%Y-%m-%d %H:%M}"
        raise KeyRefused(message)
    if key.not_after <= now:
        message = f"the certificate of {key.short} ended on {key.not_after:%Y-%m-%d}"
        raise KeyRefused(message)


def _after_activation(one: KeyRecord, active: KeyRecord, now: datetime) -> KeyRecord:
    if one == active:
        return replace(one, state=KeyState.ACTIVE, activated_at=now)
    if one.state is KeyState.ACTIVE:
        return replace(one, state=KeyState.OUTGOING)
    return one


def _note_ends(before: KeyInventory, after: KeyInventory, now: datetime) -> KeyInventory:
    """Return the later inventory, with when keys that lost an application last signed for it."""
    named = {*before.assigned, *after.assigned, ""}
    lost: set[str] = set()
    for slug in named:
        was, is_now = before.of_application(slug), after.of_application(slug)
        if was is not None and (is_now is None or was.fingerprint != is_now.fingerprint):
            lost.add(was.fingerprint)
    keys = (
        replace(one, signed_until=now) if one.fingerprint in lost else one for one in after.keys
    )
    return replace(after, keys=tuple(keys))


def _without(
    inventory: KeyInventory, gone: Collection[str], assigned: Mapping[str, str], now: datetime
) -> KeyInventory:
    keys = tuple(
        replace(one, state=KeyState.RETIRED, retired_at=now, sealed=b"")
        if one.fingerprint in gone
        else one
        for one in inventory.keys
    )
    return replace(inventory, keys=keys, assigned=MappingProxyType(dict(assigned)))
