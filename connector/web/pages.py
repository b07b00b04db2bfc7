"""Make pages out of templates; nothing here decides anything."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from connector.web.texts import text

if TYPE_CHECKING:
    from connector.web.site import Site

_FOLDER: Final = Path(__file__).parent
STATIC_FOLDER: Final = _FOLDER / "static"


@dataclass(frozen=True, slots=True)
class Pages:
    """Every page of one installation; a door to the template library.

    Attributes:
        site: Whose pages they are.
        environment: The templates; values are escaped, a missing one is an error.

    """

    site: Site
    environment: Environment

    def page(self, name: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """Return the answer that is the template's page with these values."""
        return HTMLResponse(self.render(name, **values), status)

    def render(self, name: str, **values: Any) -> str:
        """Return the template's page with these values."""
        return self.environment.get_template(f"{name}.html").render(values)

    def notice(
        self, key: str, *, status: int, words: str = "", hint: str = "", **more: Any
    ) -> HTMLResponse:
        """Return a page that says one thing.

        Args:
            key: Of its heading, and of its words if there are no others.
            status: HTTP status code.
            words: What it says.
            hint: What to do now.
            more: `request_id` for the help desk; `link`, a path of ours where to go on; `way_back`,
                the `SendResponse` that a button posts to the application.

        """
        heading, words = text(f"{key}-heading"), words or text(key)
        values = {"request_id": "", "link": "", "way_back": None} | more
        return self.page("notice", status=status, heading=heading, words=words, hint=hint, **values)


def make_pages(site: Site, *more_folders: Path) -> Pages:
    """Return the pages of that site; templates are compiled when first shown.

    Args:
        site: Whose pages they are.
        more_folders: Further templates, which may extend ours.

    """
    environment = Environment(
        loader=FileSystemLoader([_FOLDER / "templates", *more_folders]),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(site=site, t=text, asset=_asset_links().__getitem__)
    return Pages(site, environment)


def _asset_links() -> dict[str, str]:
    """Return the link of each static file; it changes with the file, so browsers may keep it."""
    return {
        path.name: f"/static/{path.name}?v={hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
        for path in STATIC_FOLDER.iterdir()
    }
