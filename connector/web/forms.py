"""Read what a browser posts: bounded, plain, and for our own pages only from our own pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from connector.web.site import Site

# An AuthnRequest with its certificate is 5 kB; base64 and percent signs add a half.
BODY_LIMIT_BYTES: Final = 256 * 1024
FIELD_LIMIT_COUNT: Final = 32
_FORM_TYPE: Final = "application/x-www-form-urlencoded"


async def read_form(request: Request) -> Mapping[str, str]:
    """Return the fields of a posted form.

    Raises:
        HTTPException: 413 if there is more than `BODY_LIMIT_BYTES`, announced or not; 400 if it
            is no form, has a field twice, or is not UTF-8.

    """
    body = await read_body(request)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM_TYPE:
        raise HTTPException(400)
    try:
        fields = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            max_num_fields=FIELD_LIMIT_COUNT,
            errors="strict",
        )
    except ValueError as error:
        raise HTTPException(400) from error
    if len({name for name, _ in fields}) < len(fields):
        raise HTTPException(400)
    return dict(fields)


async def read_body(request: Request) -> bytes:
    """Return what is posted, of whatever kind.

    Raises:
        HTTPException: 413 if there is more than `BODY_LIMIT_BYTES`, announced or not.

    """
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > BODY_LIMIT_BYTES:
        raise HTTPException(413)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT_BYTES:
            raise HTTPException(413)
    return bytes(body)


def require_same_origin(request: Request, site: Site) -> None:
    """Refuse a post that no page of ours made; a browser always says at least one of the two.

    Raises:
        HTTPException: 403.

    """
    fetch_site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    is_ours = fetch_site in {None, "same-origin"} and origin in {None, site.origin}
    if not is_ours or (fetch_site is None and origin is None):
        raise HTTPException(403)
