"""What a target holds against what was last written there (pure)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from connector.planner.diff import flatten

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Difference(NamedTuple):
    """One attribute that somebody else has changed.

    Attributes:
        attribute_path: SCIM attribute path (RFC 7644 section 3.10).
        ours: As last written.
        theirs: As found; None if it is not there.

    """

    attribute_path: str
    ours: Any
    theirs: Any


def differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[Difference]:
    """Yield what of our attributes is not there as we wrote it; what we never wrote is not ours.

    An externalId that is not there at all is no difference: there are targets that keep none, and
    we know our own by their id.

    >>> list(differences({"title": "Clerk"}, {"title": "Captain", "nickName": "Cap"}))
    [Difference(attribute_path='title', ours='Clerk', theirs='Captain')]

    """
    found = flatten(theirs)
    for path, value in sorted(flatten(ours).items()):
        is_kept = path != "externalId" or path in found
        if is_kept and not is_held(value, found.get(path)):
            yield Difference(path, value, found.get(path))


def modified_at(resource: Mapping[str, Any]) -> datetime | None:
    """Return when a resource was last changed, by whomever, if the target says (RFC 7643 s3.1).

    >>> modified_at({"meta": {"lastModified": "2026-11-02T08:11:00Z"}})
    datetime.datetime(2026, 11, 2, 8, 11, tzinfo=datetime.timezone.utc)
    >>> modified_at({"meta": {"lastModified": "yesterday"}}) is None
    True

    """
    said = _meta(resource).get("lastModified")
    try:
        moment = datetime.fromisoformat(str(said))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def version_of(resource: Mapping[str, Any]) -> str:
    """Return the version that the target gives a resource, or ""."""
    return str(_meta(resource).get("version") or "")


def _meta(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    meta = resource.get("meta")
    return meta if isinstance(meta, dict) else {}


def is_held(ours: Any, theirs: Any) -> bool:
    """Return whether a value is there, in the forms that targets give it.

    Targets add sub-attributes of their own, reorder values, say "True" for true and change the
    letter case of names.

    >>> is_held([{"value": "a@b"}], [{"value": "A@b", "primary": True}]), is_held(True, "True")
    (True, True)
    >>> is_held([], [{"value": "a@b"}]), is_held("a", None)
    (False, False)

    """
    match ours, theirs:
        case dict(), dict():
            return all(is_held(value, theirs.get(key)) for key, value in ours.items())
        case list(), list():
            is_each = all(any(is_held(one, other) for other in theirs) for one in ours)
            return is_each and len(ours) == len(theirs)
        case [], None:
            return True
        case ((str() | bool()), (str() | bool())):
            return str(ours).casefold() == str(theirs).casefold()
    return bool(ours == theirs)
