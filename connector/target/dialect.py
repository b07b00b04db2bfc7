"""What one target takes and how it wants it, from its dialect file (`mappings/scim.toml`)."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError, with_config

from connector.errors import ConfigurationError, Fault
from connector.planner.view import AttributeView

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_EVERYTHING = ("*",)
_NAME = r"[A-Za-z$][\w$-]*"
# RFC 7644 figure 1: an optional schema URN, an attribute, at most one sub-attribute.
_ATTRIBUTE_PATH = re.compile(rf"(?:urn:[\w.:-]+:)?{_NAME}(?:\.{_NAME})?")
_KNOWN_KEYS_ONLY = with_config(ConfigDict(extra="forbid"))


def _check_paths(paths: tuple[str, ...]) -> tuple[str, ...]:
    wrong = [path for path in paths if paths != _EVERYTHING and not _ATTRIBUTE_PATH.fullmatch(path)]
    if wrong or not paths:
        message = f'must be attribute paths such as "name.givenName", or ["*"]; wrong: {wrong}'
        raise ValueError(message)
    return paths


Paths = Annotated[tuple[str, ...], AfterValidator(_check_paths)]
Positive = Annotated[int, Field(ge=1)]
ErrorStatus = Annotated[int, Field(ge=400, le=599)]


@_KNOWN_KEYS_ONLY
@dataclass(frozen=True, slots=True)
class ResourceDialect:
    """How a target takes one type of resource.

    Attributes:
        attributes: Attribute paths it takes; ("*",) for all.
        match: Attribute by which an existing resource is found and adopted.
        letter_case: "lower" if the target wants the value of `match` in lower case.

    """

    attributes: Paths = _EVERYTHING
    match: Literal["userName", "displayName"] = "userName"
    letter_case: Literal["keep", "lower"] = "keep"


@_KNOWN_KEYS_ONLY
@dataclass(frozen=True, slots=True)
class UpdateDialect:
    """How a target takes changes.

    Attributes:
        verb: "patch" (RFC 7644 section 3.5.2), or "put": read, change, and replace the whole.
        form: PATCH with one operation a "path", or one operation whose "value" is an object.
        booleans: "text" for a target that wants "True" and "False" as strings.

    """

    verb: Literal["patch", "put"] = "patch"
    form: Literal["path", "value"] = "path"
    booleans: Literal["json", "text"] = "json"


@_KNOWN_KEYS_ONLY
@dataclass(frozen=True, slots=True)
class MemberDialect:
    """How a target takes the members of groups.

    Attributes:
        removal: `members[value eq "x"]` ("filter"), or path members with a "list" of values.
        in_create: Whether a POST of a group may carry its first members.
        max_per_request: Members added and removed by one request at most.

    """

    removal: Literal["filter", "list"] = "filter"
    in_create: bool = False
    max_per_request: Positive = 100


@_KNOWN_KEYS_ONLY
@dataclass(frozen=True, slots=True)
class ReadDialect:
    """How a target answers questions.

    Attributes:
        page_size: Resources a page at most.
        reliable_filters: Attributes for which an empty answer to `eq` means that there is none.

    """

    page_size: Positive = 100
    reliable_filters: tuple[Literal["externalId", "userName", "displayName"], ...] = ()


@_KNOWN_KEYS_ONLY
@dataclass(frozen=True, slots=True)
class WriteDialect:
    """What a target does with writes.

    Attributes:
        delete: Whether it deletes; if not, a deletion is refused without asking.
        conflict_statuses: HTTP status codes that mean: there is one already.

    """

    delete: bool = True
    conflict_statuses: tuple[ErrorStatus, ...] = (409,)


@_KNOWN_KEYS_ONLY
@dataclass(frozen=True, slots=True)
class BulkDialect:
    """How a target takes many changes in one request (RFC 7644 section 3.7).

    Attributes:
        use: "never" for a target that announces it and had better not be asked.
        max_operations: Changes a request at most, whatever the target announces.
        max_bytes: Bytes a request at most; None: what the target announces.

    """

    use: Literal["announced", "never"] = "announced"
    max_operations: Positive = 200
    max_bytes: Positive | None = None


@_KNOWN_KEYS_ONLY
@dataclass(frozen=True, slots=True)
class PaceDialect:
    """How fast a target may be asked.

    Attributes:
        concurrency: Requests in flight at most, whatever the configuration allows; None: no hint.
        rate: Requests a second at most, unless the configuration names a rate; None: no hint.
        reset_unit: What X-RateLimit-Reset counts: "seconds" or "milliseconds" from now, or the
            second since 1970 ("epoch").

    """

    concurrency: Positive | None = None
    rate: Annotated[float, Field(gt=0)] | None = None
    reset_unit: Literal["seconds", "milliseconds", "epoch"] = "seconds"


@_KNOWN_KEYS_ONLY
@dataclass(frozen=True, slots=True)
class Dialect:
    """Everything that is particular to one target; the defaults suit a server true to the RFCs.

    Attributes:
        user: How it takes users.
        group: How it takes groups.
        update: How it takes changes.
        members: How it takes members.
        read: How it answers questions.
        write: What it does with writes.
        bulk: How it takes many changes at once.
        pace: How fast it may be asked.

    """

    user: ResourceDialect = ResourceDialect()
    group: ResourceDialect = ResourceDialect(match="displayName")
    update: UpdateDialect = UpdateDialect()
    members: MemberDialect = MemberDialect()
    read: ReadDialect = ReadDialect()
    write: WriteDialect = WriteDialect()
    bulk: BulkDialect = BulkDialect()
    pace: PaceDialect = PaceDialect()

    def view(self) -> AttributeView:
        """Return how much of a resource the target takes, for the planner."""
        return AttributeView(
            user_paths=_selection(self.user.attributes),
            group_paths=_selection(self.group.attributes),
            max_members_per_request=self.members.max_per_request,
            members_in_create=self.members.in_create,
        )

    def of(self, resource_type: str) -> ResourceDialect:
        """Return how the target takes this type of resource."""
        return self.group if resource_type == "Group" else self.user


def _selection(paths: tuple[str, ...]) -> tuple[str, ...] | None:
    return None if paths == _EVERYTHING else paths


def load_dialect(name: str, folders: Sequence[Path]) -> Dialect:
    """Return the dialect of that file name, from the first folder that has it.

    Raises:
        ConfigurationError: with every fault of the file, each with its key.

    """
    for folder in folders:
        path = folder / name
        if path.is_file():
            return _check(name, _read(name, path))
    problem = "no such dialect file, neither among your mappings nor among those that come with it"
    raise ConfigurationError([Fault(name, "", problem)])


def _read(name: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        problem = f"cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8 text'}"
        raise ConfigurationError([Fault(name, "", problem)]) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError([Fault(name, "", f"not valid TOML: {error}")]) from error


def _check(name: str, values: dict[str, Any]) -> Dialect:
    group = values.get("group", {})
    if isinstance(group, dict):
        # A file that does not say how groups are found still means displayName.
        values = values | {"group": {"match": "displayName"} | group}
    try:
        return _adapter().validate_python(values)
    except ValidationError as error:
        faults = [
            Fault(name, _key(detail["loc"]), _problem(detail["type"], detail["msg"]))
            for detail in error.errors()
        ]
        raise ConfigurationError(faults) from None


@cache
def _adapter() -> TypeAdapter[Dialect]:
    return TypeAdapter(Dialect)


def _key(location: Sequence[int | str]) -> str:
    """Return the location as an operator would write it, such as "read.reliable_filters[0]"."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in location]
    return "".join(parts).removeprefix(".")


def _problem(kind: str, message: str) -> str:
    if kind == "unexpected_keyword_argument":
        return "unknown key"
    if kind in {"dataclass_type", "dataclass_exact_type"}:
        return "must be a table"
    text = message.removeprefix("Value error, ")
    return text[:1].lower() + text[1:]
