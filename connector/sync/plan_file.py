"""A plan in a file: written to be reviewed, read back to be sent exactly as it was."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson

from connector.errors import ConnectorError
from connector.planner.identity import identity_of
from connector.planner.render import to_json_values

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from connector.errors import UnsafePlanError
    from connector.planner.operation import Plan
    from connector.source.batch import Watermark

FORMAT = "connector-plan-1"


@dataclass(frozen=True, slots=True)
class PlanFile:
    """What a file says.

    Attributes:
        digest: SHA-256 over its contents, in hexadecimal; names the plan.
        made_at: When the plan was made.
        operations: By target: identities, each with a name for people.

    """

    digest: str
    made_at: datetime
    operations: Mapping[str, Mapping[bytes, str]]


def write_plan_file(
    path: Path,
    plans: Iterable[tuple[Plan, UnsafePlanError | None]],
    mark: Watermark,
    made_at: datetime,
) -> str:
    """Write plans down with the state that they were made from; return the digest.

    The file holds personal data, so only its owner may read it.

    Raises:
        ConnectorError: if it cannot be written; a former file of that name stays as it was.

    """
    contents = {
        "format": FORMAT,
        "made_at": made_at.isoformat(),
        "source": {
            "server": mark.server,
            "invocation_id": mark.invocation_id,
            "highest_usn": mark.highest_usn,
            "read_at": mark.read_at.isoformat(),
        },
        "targets": [_to_values(plan, objection) for plan, objection in plans],
    }
    digest = _digest(contents)
    text = orjson.dumps(contents | {"digest": digest}, option=orjson.OPT_INDENT_2)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text + b"\n")
        fresh.replace(path)
    except OSError as error:
        with suppress(OSError):
            fresh.unlink()
        message = f"{path} cannot be written: {error.strerror}"
        raise ConnectorError(message) from error
    return digest


def read_plan_file(path: Path) -> PlanFile:
    """Return what a file says.

    Raises:
        ConnectorError: if it cannot be read, is none, or has been edited.

    """
    try:
        contents = orjson.loads(path.read_bytes())
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise ConnectorError(message) from error
    except orjson.JSONDecodeError as error:
        message = f"{path} is no plan: it is not JSON"
        raise ConnectorError(message) from error
    if not isinstance(contents, dict) or contents.get("format") != FORMAT:
        message = f"{path} is no plan of this program; write one with: connector plan --out FILE"
        raise ConnectorError(message)
    digest = contents.pop("digest", None)
    if digest != _digest(contents):
        message = f"{path} is not as it was written; make a new plan"
        raise ConnectorError(message)
    operations = {one["target"]: _operations_of(one["operations"]) for one in contents["targets"]}
    return PlanFile(digest, datetime.fromisoformat(contents["made_at"]), operations)


def _to_values(plan: Plan, objection: UnsafePlanError | None) -> dict[str, Any]:
    values = to_json_values(plan)
    for operation, described in zip(plan.operations, values["operations"], strict=True):
        described["identity"] = identity_of(operation).hex()
    return values | {"held": str(objection) if objection else None}


def _operations_of(described: Sequence[Mapping[str, Any]]) -> dict[bytes, str]:
    return {bytes.fromhex(one["identity"]): f"{one['kind']} {one['name']}" for one in described}


def _digest(contents: Mapping[str, Any]) -> str:
    return sha256(orjson.dumps(contents, option=orjson.OPT_SORT_KEYS)).hexdigest()
