"""What a target says about itself (RFC 7643 section 5), merged with its dialect."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connector.target.dialect import Dialect

_FEW = 20


@dataclass(frozen=True, slots=True)
class Capability:
    """What a target announces in ServiceProviderConfig; None where it says nothing.

    Attributes:
        is_announced: Whether it has a ServiceProviderConfig that can be read.
        patch: Whether it takes PATCH.
        bulk_operations: Operations a bulk request at most; 0 without bulk.
        bulk_bytes: Bytes a bulk request at most.
        etag: Whether it has versions of resources.
        filter_results: Resources an answer at most.

    """

    is_announced: bool = False
    patch: bool | None = None
    bulk_operations: int | None = None
    bulk_bytes: int | None = None
    etag: bool | None = None
    filter_results: int | None = None


def parse_capability(document: Mapping[str, Any]) -> Capability:
    """Return what a ServiceProviderConfig announces; whatever is broken in it counts as unsaid.

    >>> parse_capability({"patch": {"supported": False}, "filter": "yes"}).patch
    False

    """
    bulk = _supported(document, "bulk")
    return Capability(
        is_announced=bool(document),
        patch=_supported(document, "patch"),
        # Who does it without saying how much takes what anybody takes.
        bulk_operations=(_count(document, "bulk", "maxOperations") or _FEW) if bulk else 0,
        bulk_bytes=_count(document, "bulk", "maxPayloadSize"),
        etag=_supported(document, "etag"),
        filter_results=_count(document, "filter", "maxResults"),
    )


def merged(dialect: Dialect, capability: Capability) -> Dialect:
    """Return the dialect without what the target says it does not have.

    The dialect's "put" stays even if PATCH is announced: somebody wrote it for a reason.
    """
    if capability.patch is False:
        dialect = replace(dialect, update=replace(dialect.update, verb="put"))
    if capability.filter_results:
        page_size = min(dialect.read.page_size, capability.filter_results)
        dialect = replace(dialect, read=replace(dialect.read, page_size=page_size))
    return dialect


def _supported(document: Mapping[str, Any], name: str) -> bool | None:
    section = document.get(name)
    value = section.get("supported") if isinstance(section, dict) else None
    return value if isinstance(value, bool) else None


def _count(document: Mapping[str, Any], name: str, key: str) -> int | None:
    section = document.get(name)
    value = section.get(key) if isinstance(section, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
