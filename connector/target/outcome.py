"""What became of an operation (step 11)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Applied:
    """The target did it.

    Attributes:
        target_id: The `id` of the resource at the target.
        was_adopted: True if the resource was already there and was taken over.
        member_ids: The target's ids of the members that a group held when it was taken over.

    """

    target_id: str
    was_adopted: bool = False
    member_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """The target refused this operation; sending it again unchanged is of no use.

    Attributes:
        status: HTTP status code.
        reason: The target's words, cut to one line; no secrets, no values of ours.

    """

    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The target did not take the operation now, for certain; it may be sent again later."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The request went out and no answer came; the target must be asked before it is repeated."""

    reason: str


Outcome = Applied | Rejected | Unavailable | Unknown
