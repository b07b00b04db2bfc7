"""What mapping gives: a SCIM resource, or what stood in its way (step 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class MappedResource:
    """One entry as a SCIM resource (RFC 7643), before any target has its say.

    Attributes:
        resource_type: "User" or "Group".
        external_id: The source's key, which becomes externalId.
        document: The resource as JSON values: schemas, externalId and the mapped attributes, with
            extension attributes nested under their schema URN. Never id, meta, active or members.
        digest: Of the document in canonical JSON (sorted keys).
        login_names: What the person may type as e-mail address to sign in, casefolded; users only.
        bind_name: What the source takes as user name for a password check; users only.

    """

    resource_type: str
    external_id: str
    document: Mapping[str, Any]
    digest: bytes
    login_names: tuple[str, ...] = ()
    bind_name: str = ""


@dataclass(frozen=True, slots=True)
class MappingProblem:
    """An entry that could not be mapped; it is counted and shown, and keeps its last good state.

    Attributes:
        external_id: Of the entry.
        distinguished_name: Of the entry, for the operator.
        attribute_path: The SCIM attribute whose rule failed.
        problem: What went wrong, in words, without the value.

    """

    external_id: str
    distinguished_name: str
    attribute_path: str
    problem: str
