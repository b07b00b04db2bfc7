"""Make pages out of templates, in the language of whoever asks; nothing here decides anything."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from connector.web.branding import brand_links
from connector.web.describing import browser_in_words, proof_in_words
from connector.web.language import language_of
from connector.web.words import LANGUAGES, Words, read_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import HTTPConnection

    from connector.web.site import Site

_FOLDER: Final = Path(__file__).parent
STATIC_FOLDER: Final = _FOLDER / "static"


# Compared by identity: the page of an application is kept by it.
@dataclass(frozen=True, slots=True, eq=False)
class Edition:
    """Every page of one installation in one language; a door to the template library.

    Attributes:
        site: Whose pages they are.
        words: What they say.
        environment: The templates; values are escaped, a missing one is an error.

    """

    site: Site
    words: Words
    environment: Environment

    def page(self, name: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """Return the answer that is the template's page with these values."""
        return self.answer(self.render(name, **values), status)

    def render(self, name: str, **values: Any) -> str:
        """Return the template's page with these values."""
        return self.environment.get_template(f"{name}.html").render(values)

    def answer(
        self, content: str | bytes, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> HTMLResponse:
        """Return the answer that is a page of this language."""
        language = {"content-language": self.words.language, "vary": "Accept-Language"}
        return HTMLResponse(content, status, {**language, **(headers or {})})

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
        heading, words = self.words.text(f"{key}-heading"), words or self.words.text(key)
        values = {"request_id": "", "link": "", "way_back": None} | more
        return self.page("notice", status=status, heading=heading, words=words, hint=hint, **values)


@dataclass(frozen=True, slots=True)
class Pages:
    """Every page of one installation, in each of its languages.

    Attributes:
        site: Whose pages they are.
        editions: By language; the first is for whoever asks for none of them.

    """

    site: Site
    editions: Mapping[str, Edition]

    def of(self, request: HTTPConnection) -> Edition:
        """Return the pages in the language of whoever asks."""
        return self.editions[language_of(request, tuple(self.editions))]


def make_pages(site: Site, *more_folders: Path) -> Pages:
    """Return the pages of that site; templates are compiled when first shown.

    Args:
        site: Whose pages they are.
        more_folders: Further templates, which may extend ours.

    """
    languages = LANGUAGES if site.language == "auto" else (site.language,)
    assets = _asset_links()
    editions = {each: _edition(site, each, more_folders, assets) for each in languages}
    return Pages(site, MappingProxyType(editions))


def _edition(
    site: Site, language: str, more_folders: tuple[Path, ...], assets: Mapping[str, str]
) -> Edition:
    environment = Environment(
        loader=FileSystemLoader([_FOLDER / "templates", *more_folders]),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words = read_words(language)
    environment.globals.update(
        site=site, asset=assets.__getitem__, brand=brand_links(site.brand), language=language,
        t=words.text, several=words.several, number=words.number,
        day=words.day, moment=words.moment,
        browser=partial(browser_in_words, words=words), how=partial(proof_in_words, words=words),
    )  # fmt: skip
    return Edition(site, words, environment)


def _asset_links() -> dict[str, str]:
    """Return the link of each static file; it changes with the file, so browsers may keep it."""
    return {
        path.name: f"/static/{path.name}?v={hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
        for path in STATIC_FOLDER.iterdir()
    }
