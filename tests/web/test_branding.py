"""The operator's logo and colour, as browsers get them."""

from __future__ import annotations

import dataclasses

import pytest

from connector.settings.branding import PNG, SVG, Picture
from connector.web.site import Brand
from tests.parts.logo import LOGO, LOGO_PNG
from tests.parts.visitor import visit
from tests.web.conftest import BASE_URL

BRAND = Brand("#7a1fa2", Picture(LOGO, SVG), Picture(LOGO_PNG, PNG))  # fmt: skip


@pytest.fixture
def branded(idp):
    idp.site = dataclasses.replace(idp.site, brand=BRAND)
    return visit(idp.app(), BASE_URL)


def test_every_page_wears_the_logo_and_names_the_organisation_in_its_place(branded, ask):
    branded.sign_in(ask(), "alice@corp.test", "Passw0rd!")
    for page in (branded.get("/"), branded.get("/nowhere"), branded.get(ask())):
        (logo,) = page.tree.xpath("//*[@class='brand']//img")
        assert logo.get("alt") == "Northwind"
        assert logo.get("src").startswith("/static/brand/logo.svg?v=")
        (dark,) = page.tree.xpath("//*[@class='brand']//source")
        assert dark.get("srcset").startswith("/static/brand/logo-dark.png?v=")
        assert page.tree.xpath("//style | //@style") == []


def test_a_logo_is_served_as_it_is_and_can_run_nothing(branded):
    (logo,) = branded.get("/").tree.xpath("//*[@class='brand']//img/@src")

    answer = branded.client.get(logo)

    assert (answer.content, answer.headers["content-type"]) == (LOGO, "image/svg+xml")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "script-src" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "public, max-age=604800"


def test_a_png_is_served_as_one(branded):
    answer = branded.client.get("/static/brand/logo-dark.png")

    assert (answer.content, answer.headers["content-type"]) == (LOGO_PNG, "image/png")


def test_the_colour_is_a_sheet_after_ours(branded):
    sheets = branded.get("/").tree.xpath("//link[@rel='stylesheet']/@href")

    assert [sheet.partition("?")[0] for sheet in sheets] == ["/static/app.css", "/static/brand.css"]
    answer = branded.client.get(sheets[1])
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert "--fill: #7a1fa2;" in answer.text
    assert "@media (prefers-color-scheme: dark)" in answer.text


def test_another_colour_has_another_link(idp, branded):
    before = branded.get("/").tree.xpath("//link[@rel='stylesheet']/@href")
    idp.site = dataclasses.replace(idp.site, brand=Brand("#7a1fa3"))

    assert (
        visit(idp.app(), BASE_URL).get("/").tree.xpath("//link[@rel='stylesheet']/@href") != before
    )


def test_without_a_brand_there_is_no_file_of_it(visitor):
    page = visitor.get("/")

    assert "brand.css" not in page.answer.text
    assert page.tree.xpath("//img | //picture") == []
    assert page.tree.xpath("//*[@class='brand']")[0].text_content().strip() == "Northwind"
    for path in ("brand.css", "brand/logo.svg", "brand/logo-dark.png", "brand/"):
        assert visitor.client.get(f"/static/{path}").status_code == 404
