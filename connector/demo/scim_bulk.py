"""Bulk requests of the embedded SCIM service (RFC 7644 section 3.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from connector.demo.scim_store import NAMES, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from connector.demo.scim_behaviour import Behaviour

    CarryOut = Callable[[str, str, str, dict[str, Any]], tuple[int, Any]]

_RESPONSE: Final = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
_ERROR: Final = "urn:ietf:params:scim:api:messages:2.0:Error"


def answer_bulk(body: dict[str, Any], size: int, behaviour: Behaviour, do: CarryOut) -> Any:
    """Carry out what a bulk request holds, one by one; return the answer to all of it."""
    if behaviour.bulk in {"none", "refused"}:
        raise Refusal(501, "bulk is not supported")
    operations = body.get("Operations")
    if not isinstance(operations, list):
        raise Refusal(400, "a bulk request needs Operations", "invalidSyntax")
    if len(operations) > behaviour.bulk_operations or size > behaviour.bulk_bytes:
        raise Refusal(413, "more than is taken at once")
    parts = [_part(one, behaviour, do) for one in operations]
    if behaviour.bulk == "forgetful":
        parts = parts[::2]
    return {"schemas": [_RESPONSE], "Operations": parts}


def _part(operation: dict[str, Any], behaviour: Behaviour, do: CarryOut) -> dict[str, Any]:
    method, path = str(operation.get("method")), str(operation.get("path"))
    _, endpoint, target_id = (*path.split("/"), "", "")[:3]
    part: dict[str, Any] = {"method": method, "bulkId": operation.get("bulkId")}
    if endpoint not in NAMES:
        return part | {"status": "404"}
    try:
        status, resource = do(method, endpoint, target_id, operation.get("data") or {})
        target_id = target_id or resource["id"]
        part["location"] = f"/scim/v2/{endpoint}/{target_id}"
    except Refusal as refusal:
        status = refusal.status
        part["response"] = {"schemas": [_ERROR], "status": str(status), "detail": refusal.detail}
        if refusal.scim_type:
            part["response"]["scimType"] = refusal.scim_type
    part["status"] = {"code": str(status)} if behaviour.bulk == "status-object" else str(status)
    return part
