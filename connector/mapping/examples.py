"""Run a mapping file's own examples, so that its author sees what it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from connector.errors import Fault
from connector.mapping.mapper import map_entry
from connector.mapping.resource import MappingProblem
from connector.source.entry import EntryKind, SourceEntry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from connector.mapping.rules import ResourceMapping

EXAMPLE_ID = "00000000-0000-0000-0000-000000000000"


def check_examples(mapping: ResourceMapping) -> list[Fault]:
    """Return each example that does not come out as written, with both values."""
    return list(_faults(mapping))


def _faults(mapping: ResourceMapping) -> Iterator[Fault]:
    kind = EntryKind.USER if mapping.resource_type == "User" else EntryKind.GROUP
    for number, (values, expected) in enumerate(mapping.examples):
        entry = SourceEntry(
            kind,
            EXAMPLE_ID,
            "CN=example",
            values,
            is_enabled=True,
            expires_at=None,
            member_names=(),
            digest=b"",
        )
        mapped = map_entry(entry, mapping)
        key = f"example[{number}]"
        if isinstance(mapped, MappingProblem):
            got = {"problem": f"{mapped.attribute_path} {mapped.problem}"}
        else:
            got = _without_frame(mapped.document)
            problem = _schema_problem(mapped.document, mapping.resource_type)
            if problem:
                yield Fault(mapping.name, key, problem)
        if got != expected:
            yield Fault(mapping.name, key, f"expected {_shown(expected)}, got {_shown(got)}")


def _without_frame(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in ("schemas", "externalId")}


def _shown(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _schema_problem(document: Mapping[str, Any], resource_type: str) -> str:
    """Return what scim2-models has against a document, or ""."""
    from pydantic import ValidationError  # noqa: PLC0415 - only checking examples needs these
    from scim2_models import EnterpriseUser, Group, User  # noqa: PLC0415

    model = User[EnterpriseUser] if resource_type == "User" else Group
    try:
        model.model_validate(document)
    except ValidationError as error:
        return "; ".join(
            f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}"
            for one in error.errors()
            # Addresses of an inner domain such as corp.local are well-formed.
            if "special-use" not in one["msg"]
        )
    return ""
