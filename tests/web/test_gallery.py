"""Every page in every language, light, dark and on a telephone: for everybody, and nothing breaks."""

from __future__ import annotations

import pytest

from connector.settings.branding import SVG, Picture
from connector.settings.values import Listen
from connector.web.pages import make_pages
from connector.web.server import Listener, serving
from connector.web.site import Brand, Site
from tests.parts.browser import LOOKS, accessibility_faults, open_context, pictures
from tests.parts.gallery import ELSEWHERE, ROOMS, gallery
from tests.parts.identity_provider import free_port
from tests.parts.logo import LOGO
from tests.parts.sign_on import hold_the_answer

LONG = pytest.mark.long
LOCALES = {"en": "en-GB", "de": "de-AT"}
# Neither can be read where it is put, until it is made darker or lighter.
BRANDS = {"yellow": Brand("#ffd400", Picture(LOGO, SVG)), "navy": Brand("#0a1f44", None)}


def test_every_template_is_shown():
    edition = make_pages(Site("https://sso.corp.test")).editions["en"]
    for show in ROOMS.values():
        show(edition)

    shown = {name for _, name in edition.environment.cache}
    assert sorted(set(edition.environment.list_templates()) - shown) == []


def _walk(browser, brand, look, language, names, folder):
    port = free_port()
    site = Site(f"http://localhost:{port}", "Northwind", "https://help.corp.test/", brand=brand)
    served = serving([Listener(gallery(site), Listen("127.0.0.1", port))])
    faults = {}
    with served, open_context(browser, look, locale=LOCALES[language]) as context:
        page = context.new_page()
        hold_the_answer(page)
        # The page that goes on by itself stays.
        page.route(f"{ELSEWHERE}*", lambda route: route.fulfill(status=204))
        for name in names:
            page.goto(f"{site.base_url}/{name}")
            page.evaluate("document.fonts.ready")
            if folder:
                page.screenshot(path=folder / f"{name}-{language}-{look}.png", full_page=True)
            assert page.locator("html").get_attribute("lang") == language
            if found := accessibility_faults(page):
                faults[name] = found
    assert faults == {}


@pytest.mark.real
@pytest.mark.parametrize(
    ("look", "language"),
    # Colours have no language; what is long is German, and what is narrow a telephone.
    [("light", "en"), ("dark", "en"), ("phone", "de"), pytest.param("phone", "en", marks=LONG)],
)
def test_every_page_is_accessible_and_none_scrolls_sideways(browser, look, language):
    _walk(browser, Brand(), look, language, ROOMS, pictures())


@pytest.mark.real
def test_a_logo_runs_no_script_even_if_somebody_is_sent_to_it(browser):
    script = b"<script>document.documentElement.setAttribute('ran', 'yes')</script></svg>"
    port = free_port()
    logo = Picture(LOGO.replace(b"</svg>", script), SVG)
    site = Site(f"http://localhost:{port}", brand=Brand(logo=logo))
    with serving([Listener(gallery(site), Listen("127.0.0.1", port))]):
        page = browser.new_page()
        page.goto(f"{site.base_url}/static/brand/logo.svg")

        assert page.locator("svg").get_attribute("viewBox") == "0 0 320 80"
        assert page.locator("svg").get_attribute("ran") is None
        page.close()


@pytest.mark.real
@pytest.mark.parametrize("colour", BRANDS)
@pytest.mark.parametrize("look", LOOKS)
def test_so_it_is_in_the_colour_of_an_operator(browser, look, colour):
    names = ("email", "password-failed", "handoff", "portal", "logout-complete", "500")
    _walk(browser, BRANDS[colour], look, "de", names, pictures(colour))
