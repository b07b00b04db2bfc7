"""What an operator's own look is made of: a sheet of tokens, and logos; all of it by our address.

The pages' policy allows no style within them, so the colour comes as a file like every other.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from starlette.responses import Response
from starlette.routing import Route

from connector.settings.branding import SVG
from connector.web.colour import DARK, LIGHT, Accent, accent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from connector.settings.branding import Picture
    from connector.web.site import Brand

_NAMES: Final = ("sheet", "logo", "logo_dark")
_FOLDER: Final = PurePosixPath("/static/brand")
_SHEET: Final = PurePosixPath("/static/brand.css")
# A browser that is sent to a picture itself would run the scripts in it.
_PICTURE_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:;"
    " frame-ancestors 'none'; sandbox"
)


@dataclass(frozen=True, slots=True)
class BrandFile:
    """A file that browsers get.

    Attributes:
        path: Where.
        content: Its bytes.
        media_type: Its Content-Type.

    """

    path: PurePosixPath
    content: bytes
    media_type: str

    @property
    def link(self) -> str:
        """Return its link; it changes with the file, so browsers may keep it."""
        return f"{self.path}?v={hashlib.sha256(self.content).hexdigest()[:12]}"


def brand_links(brand: Brand) -> Mapping[str, str]:
    """Return the links of "sheet", "logo" and "logo_dark"; "" for a file that there is not."""
    files = _files(brand)
    return {name: files[name].link if name in files else "" for name in _NAMES}


def brand_routes(brand: Brand) -> list[BaseRoute]:
    """Return the routes of the files."""
    return [_route(file) for file in _files(brand).values()]


def brand_sheet(colour: str) -> str:
    """Return the sheet that is laid over the tokens of `static/app.css`."""
    light, dark = (_tokens(accent(colour, surface)) for surface in (LIGHT, DARK))
    return (
        f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{\n  :root {{ {dark} }}\n}}\n"
    )


def _tokens(accent: Accent) -> str:
    return (
        f"--brand: {accent.brand}; --focus: {accent.brand}; --tint: {accent.tint};"
        f" --fill: {accent.fill}; --brand-ink: {accent.ink};"
    )


def _files(brand: Brand) -> dict[str, BrandFile]:
    pictures = {"logo": brand.logo, "logo_dark": brand.logo_dark}
    files = {name: _picture(name, each) for name, each in pictures.items() if each}
    if brand.colour:
        files["sheet"] = BrandFile(_SHEET, brand_sheet(brand.colour).encode(), "text/css")
    return files


def _picture(name: str, picture: Picture) -> BrandFile:
    suffix = ".svg" if picture.media_type == SVG else ".png"
    path = (_FOLDER / name.replace("_", "-")).with_suffix(suffix)
    return BrandFile(path, picture.content, picture.media_type)


def _route(file: BrandFile) -> BaseRoute:
    def show(request: Request) -> Response:
        del request
        headers = {} if file.path == _SHEET else {"content-security-policy": _PICTURE_POLICY}
        return Response(file.content, headers=headers, media_type=file.media_type)

    return Route(str(file.path), show)
