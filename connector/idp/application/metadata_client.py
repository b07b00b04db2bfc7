"""Fetch metadata of others by https, and keep copies: logins are served from those."""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx

from connector.errors import ConfigurationError, Fault

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from pathlib import Path

SIZE_LIMIT_BYTES = 1_048_576
_TIMEOUT_SECONDS = 10.0


class MetadataUnavailable(ConfigurationError):
    """A document cannot be had, or is not one that can be used."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A document as it was fetched last.

    Attributes:
        document: The XML.
        fetched_at: When it was last had from its URL, changed or not.

    """

    document: bytes
    fetched_at: datetime


@dataclass(frozen=True, slots=True)
class MetadataClient:
    """Fetches metadata.

    Attributes:
        folder: Where copies are kept.
        tls: Which certificates are believed; None for the system's.
        timeout_seconds: How long one fetch may take between two signs of life.

    """

    folder: Path
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    timeout_seconds: float = _TIMEOUT_SECONDS

    def path_of(self, url: str) -> Path:
        """Return where the copy is kept, if there is one."""
        return self.folder / f"{hashlib.sha256(url.encode()).hexdigest()[:32]}.xml"

    def copy_of(self, url: str) -> Copy | None:
        """Return what was fetched last; None if nothing ever was, or it cannot be read."""
        path = self.path_of(url)
        try:
            fetched_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            return Copy(path.read_bytes(), fetched_at)
        except OSError:
            return None

    def fetch(self, url: str, check: Callable[[bytes], object], now: datetime) -> bool:
        """Get the document anew; return whether it is another one than the copy was.

        One that cannot be had, or does not pass, does not replace a copy that was good.

        Args:
            url: https.
            check: Raises ConfigurationError if the document is of no use.
            now: Goes with the copy.

        Raises:
            MetadataUnavailable: saying why.

        """
        before = self.copy_of(url)
        document = self._get(url)
        try:
            check(document)
        except ConfigurationError as error:
            raise MetadataUnavailable(error.faults) from error
        _replace(self.path_of(url), document, now)
        return before is None or before.document != document

    def _get(self, url: str) -> bytes:
        if not url.startswith("https://"):
            raise _fault(url, "must be an https URL")
        try:
            # No redirects: they could lead to http, or to addresses that the operator never named.
            with (
                httpx.Client(
                    verify=self.tls or True, timeout=self.timeout_seconds, trust_env=False
                ) as client,
                client.stream("GET", url) as answer,
            ):
                if answer.is_redirect:
                    raise _fault(url, f"leads on to {answer.headers.get('location')!r}: use that")
                if answer.status_code != httpx.codes.OK:
                    raise _fault(url, f"answers with status {answer.status_code}")
                return _read(answer.iter_bytes, url)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _fault(url, f"cannot be fetched: {error}") from error


def _read(chunks: Callable[[], Iterator[bytes]], url: str) -> bytes:
    document = bytearray()
    for chunk in chunks():
        document += chunk
        if len(document) > SIZE_LIMIT_BYTES:
            raise _fault(url, f"is larger than {SIZE_LIMIT_BYTES} bytes")
    return bytes(document)


def _replace(path: Path, content: bytes, now: datetime) -> None:
    """Write the file whole or not at all, with that moment as its own."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(content)
        os.utime(draft, (now.timestamp(), now.timestamp()))
        draft.replace(path)
    except OSError as error:
        raise _fault(str(path), f"cannot be written: {error.strerror}") from error


def _fault(where: str, problem: str) -> MetadataUnavailable:
    return MetadataUnavailable([Fault(where, "", problem)])
