"""How signing keys look: which signs for whom, who has seen the next one, when they end."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connector.cli.show import ago, counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from connector.cli.context import CommandContext
    from connector.idp.keys.inventory import KeyInventory, KeyRecord
    from connector.idp.keys.seen import MetadataFetch

NEVER = "never: paste the certificate there, or activate for it later"


@dataclass(frozen=True, slots=True)
class KeyView:
    """Everything that is said of signing keys, as of one moment.

    Attributes:
        inventory: The keys.
        fetches: Which application was shown which.
        applications: Names by slug, in the operator's order; upstreams that verify what we ask
            are among them, as "upstream/SLUG".
        now: That moment.

    """

    inventory: KeyInventory
    fetches: tuple[MetadataFetch, ...]
    applications: Mapping[str, str]
    now: datetime

    @property
    def slugs(self) -> tuple[str, ...]:
        """Return the applications."""
        return tuple(self.applications)

    def seen(self, slug: str, key: KeyRecord) -> MetadataFetch | None:
        """Return when an application was shown a certificate; "" for the URL without a name."""
        of_key = (one for one in self.fetches if one.fingerprint == key.fingerprint)
        return next((one for one in of_key if one.application == slug), None)

    def words_of_seen(self, slug: str, key: KeyRecord) -> str:
        """Return whether an application has fetched a certificate since it was staged."""
        fetch = self.seen(slug, key)
        return NEVER if fetch is None else f"{ago(fetch.last_at, self.now)} by {fetch.address}"

    def unseen_by(self, key: KeyRecord, slugs: Sequence[str]) -> list[str]:
        """Return those of the applications that have not fetched a certificate."""
        return [slug for slug in slugs if self.seen(slug, key) is None]

    def users_of(self, key: KeyRecord) -> tuple[str, ...]:
        """Return the applications that are signed for with a key."""
        return self.inventory.applications_of(key, self.slugs) if key.is_published else ()

    def short_of(self, slug: str) -> str:
        """Return which key signs for an application."""
        key = self.inventory.of_application(slug)
        return key.short if key else ""

    def next_keys(self) -> tuple[KeyRecord, ...]:
        """Return the staged keys."""
        return tuple(key for key in self.inventory.keys if key.state == "staged")

    def rows(self, *, with_retired: bool = False) -> Iterator[tuple[str, ...]]:
        """Yield the keys as rows of a table."""
        for key in self._keys(with_retired=with_retired):
            users = self.users_of(key)
            yield (
                key.short,
                key.state,
                key.algorithm,
                self.words_of_end(key),
                counted(len(users), "application") if users else "nobody",
            )

    def words_of_end(self, key: KeyRecord) -> str:
        """Return when a certificate ends, with the days left if they are few."""
        from connector.idp.keys.expiry import WARNING

        left = key.not_after - self.now
        day = f"{key.not_after:%Y-%m-%d}"
        if left >= WARNING:
            return day
        return f"{day}, in {left.days} days" if left.total_seconds() > 0 else f"{day}: ended"

    def values(self, *, with_retired: bool = False) -> list[dict[str, Any]]:
        """Return the keys as JSON values."""
        return [self.values_of(key) for key in self._keys(with_retired=with_retired)]

    def values_of(self, key: KeyRecord) -> dict[str, Any]:
        """Return a key as JSON values."""
        return {
            "id": key.short,
            "state": key.state.value,
            "algorithm": key.algorithm,
            "sha256": key.fingerprint,
            "not_before": key.not_before,
            "not_after": key.not_after,
            "staged_at": key.staged_at,
            "activated_at": key.activated_at,
            "signed_until": key.signed_until,
            "retired_at": key.retired_at,
            "signs_for": list(self.users_of(key)),
            "seen": {slug: _seen_values(self.seen(slug, key)) for slug in self.slugs},
            "seen_without_name": _seen_values(self.seen("", key)),
        }

    def _keys(self, *, with_retired: bool) -> list[KeyRecord]:
        keys = [*self.inventory.published()]
        return keys + [k for k in self.inventory.keys if with_retired and not k.is_published]


def view_keys(command: CommandContext) -> KeyView:
    """Return what is said of signing keys; nothing is made, opened or fetched."""
    from connector.clock import SystemClock
    from connector.idp.application.service_provider import to_slug
    from connector.idp.store.signing_keys import SigningKeyStore
    from connector.idp.upstream.identity_provider import key_name

    store = SigningKeyStore(command.engine)
    settings = command.settings
    readers = {to_slug(one.name): one.name for one in settings.application}
    # Other identity providers verify what we ask, as applications do what we answer.
    readers |= {
        key_name(to_slug(one.name)): f"{one.name} (upstream)"
        for one in settings.upstream
        if one.sign_requests
    }
    return KeyView(store.load(), store.fetches(), readers, SystemClock().now())


def to_pem(key: KeyRecord) -> str:
    """Return a certificate as it is pasted."""
    return ssl.DER_cert_to_PEM_cert(key.certificate)


def in_pairs(fingerprint: str) -> str:
    """Return a fingerprint as certificates' owners compare it.

    >>> in_pairs("3f2a91")
    '3F:2A:91'

    """
    return fingerprint.upper()[:2] + "".join(
        f":{fingerprint[at : at + 2].upper()}" for at in range(2, len(fingerprint), 2)
    )


def words_of_status(view: KeyView) -> Iterator[str]:
    """Yield how the signing keys are, in lines; nothing if there is none yet."""
    from connector.idp.keys.expiry import ending, next_step, words_of_end

    active = view.inventory.active
    if active is None:
        return
    yield f"Signing key: {active.short}, its certificate ends on {view.words_of_end(active)}."
    for key in view.next_keys():
        seen = len(view.slugs) - len(view.unseen_by(key, view.slugs))
        yield (
            f"  Next: {key.short}, staged {ago(key.staged_at, view.now)}, seen by {seen} of"
            f" {counted(len(view.slugs), 'application')}; see: connector key list"
        )
    soon = ending(view.inventory, view.now)
    for key in soon:
        yield f"  {words_of_end(key, view.now)}; next: {next_step(view.inventory, soon)}"


def words_of_application(view: KeyView, slug: str) -> Iterator[str]:
    """Yield what an application has to take over of the next certificate, in lines."""
    for key in view.next_keys():
        yield f"Next certificate {key.short}, staged {ago(key.staged_at, view.now)}:"
        yield f"  Seen there:   {view.words_of_seen(slug, key)}"
        yield f"  To paste it:  connector key show {key.short} --pem"


def _seen_values(fetch: MetadataFetch | None) -> dict[str, Any] | None:
    if fetch is None:
        return None
    return {"first_at": fetch.first_at, "last_at": fetch.last_at, "address": fetch.address}
