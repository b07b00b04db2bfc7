"""How a SCIM service may misbehave; each field was seen on a real one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Silence:
    """Requests that get no answer; the client has to give up by itself.

    Attributes:
        method: HTTP method of the requests.
        when: "before": nothing was done; "after": it was done all the same.
        count: So many, then no more.

    """

    method: str
    when: Literal["before", "after"]
    count: int = 1


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the service answers; the defaults are those of a service true to the standard.

    Attributes:
        requests_per_second: More are answered 429; None for any number.
        retry_after: What a 429 or 503 says: Retry-After in "seconds" or as a "date",
            X-RateLimit-Reset in "milliseconds", or "nothing".
        unavailable_count: So many writes are answered 503 first.
        silences: Requests that get no answer.
        failing_names: Writes of resources with these names are answered 500.
        requires_domain: User names of another domain are refused with 400; "" for any.
        default_page_size: Resources a page, unless the client asks for less.
        ignores_start_index: Every page is the first.
        finds_by_external_id: False: a filter on externalId finds nothing, and says 200.
        is_case_exact: userName "A" and "a" are two names.
        patch: Status of a PATCH that was done; 501 refuses all.
        heeds_members_in_create: Whether the members in the POST of a group count.
        member_removal: Which form is taken: by "filter", by "list", or "both". "filter" refuses
            lists with 400; "filter-silently" answers them with success and does nothing.
        can_delete: False: DELETE is answered 501.
        has_text_errors: Errors are text/plain.
        has_config: Whether there is a ServiceProviderConfig.
        bulk: Bulk requests: "none" are announced; or "standard" ones; "status-object" answers
            with {"code": "201"}; "refused" are announced and answered 501; "forgetful" answers
            tell of every second operation only.
        bulk_operations: Operations a bulk request at most.
        bulk_bytes: Bytes a bulk request at most.
        announced_bulk_bytes: What it says of that; None: the truth.

    """

    requests_per_second: int | None = None
    retry_after: Literal["seconds", "date", "milliseconds", "nothing"] = "seconds"
    unavailable_count: int = 0
    silences: tuple[Silence, ...] = ()
    failing_names: tuple[str, ...] = ()
    requires_domain: str = ""
    default_page_size: int = 100
    ignores_start_index: bool = False
    finds_by_external_id: bool = True
    is_case_exact: bool = False
    patch: Literal[200, 204, 501] = 200
    heeds_members_in_create: bool = True
    member_removal: Literal["filter", "filter-silently", "list", "both"] = "both"
    can_delete: bool = True
    has_text_errors: bool = False
    has_config: bool = True
    bulk: Literal["none", "standard", "status-object", "refused", "forgetful"] = "none"
    bulk_operations: int = 1000
    bulk_bytes: int = 1_048_576
    announced_bulk_bytes: int | None = None
