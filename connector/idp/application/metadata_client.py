"""Fetch metadata of others by https, and keep a copy for starts without a network."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import httpx

from connector.errors import ConfigurationError, Fault

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from pathlib import Path

Described_co = TypeVar("Described_co", covariant=True)
"""What a document describes: a service provider, or an identity provider."""

SIZE_LIMIT_BYTES = 1_048_576
_TIMEOUT_SECONDS = 10.0


class Reader(Protocol[Described_co]):
    """Turns a document into what it describes, as `metadata.parse_service_provider`."""

    def __call__(self, document: bytes, origin: str) -> Described_co:
        """Return what it describes, or raise ConfigurationError."""
        ...


@dataclass(frozen=True, slots=True)
class Fetched(Generic[Described_co]):
    """What a document describes, and how fresh that is.

    Attributes:
        described: A service provider, or whatever the reader makes of it.
        note: Why it is an older copy, in words for an operator; "" if it is fresh.

    """

    described: Described_co
    note: str = ""


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

    def fetch(self, url: str, read: Reader[Described_co]) -> Fetched[Described_co]:
        """Return what the document at a URL describes.

        A document that cannot be had, or has faults, does not replace an older one that was good.

        Raises:
            ConfigurationError: if there is neither a good document nor a good copy.

        """
        copy = self.folder / f"{hashlib.sha256(url.encode()).hexdigest()[:32]}.xml"
        try:
            document = self._get(url)
            described = read(document, url)
        except ConfigurationError as error:
            return self._from_copy(copy, url, read, error)
        _replace(copy, document)
        return Fetched(described)

    def _from_copy(
        self, copy: Path, url: str, read: Reader[Described_co], cause: ConfigurationError
    ) -> Fetched[Described_co]:
        try:
            return Fetched(read(copy.read_bytes(), url), f"an older copy is used: {cause}")
        except (OSError, ConfigurationError):
            raise cause from None

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


def _replace(path: Path, content: bytes) -> None:
    """Write the file whole or not at all."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(content)
        draft.replace(path)
    except OSError as error:
        raise _fault(str(path), f"cannot be written: {error.strerror}") from error


def _fault(where: str, problem: str) -> ConfigurationError:
    return ConfigurationError([Fault(where, "", problem)])
