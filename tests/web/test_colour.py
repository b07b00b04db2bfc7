"""Whatever colour an operator chooses, everybody can read what is in it and on it."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connector.web.colour import DARK, LIGHT, accent, contrast
from connector.web.pages import STATIC_FOLDER

colours = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#ffffff", "#ffffff", 1.0), ("#000000", "#ffffff", 21.0), ("#777777", "#ffffff", 4.48), ("#767676", "#ffffff", 4.54), ("#ff0000", "#ffffff", 4.0)],
)  # fmt: skip
def test_contrast_is_that_of_wcag(one, other, ratio):
    assert contrast(one, other) == contrast(other, one) == pytest.approx(ratio, abs=0.005)


@given(colours)
@example("#000000")
@example("#ffffff")
@example("#ffff00")
@example("#0000ff")
@example("#777777")
@pytest.mark.parametrize("surface", [LIGHT, DARK])
def test_links_letters_and_buttons_can_be_read(surface, colour):
    made = accent(colour, surface)

    for ground in (surface.page, surface.card, made.tint):
        assert contrast(made.brand, ground) >= 4.5
    assert contrast(made.ink, made.fill) >= 4.5


@given(colours)
@pytest.mark.parametrize("surface", [LIGHT, DARK])
def test_a_button_that_the_pointer_dims_can_be_read_too(surface, colour):
    """`filter: brightness(.96)` is on everything in it."""
    made = accent(colour, surface)

    assert contrast(dimmed(made.ink), dimmed(made.fill)) >= 4.5


def dimmed(colour: str) -> str:
    return "#" + "".join(f"{round(channel * 0.96):02x}" for channel in bytes.fromhex(colour[1:]))


@given(colours)
@example("#0b5cad")
def test_a_colour_that_can_be_read_is_left_alone(colour):
    made = accent(colour, LIGHT)
    if min(contrast(colour, ground) for ground in (LIGHT.page, LIGHT.card, made.tint)) >= 4.95:
        assert made.brand == made.fill == colour


@pytest.mark.parametrize(
    ("colour", "ink"), [("#ffcc00", "#0f151c"), ("#f57c00", "#0f151c"), ("#0b5cad", "#ffffff"), ("#7a1fa2", "#ffffff")]
)  # fmt: skip
def test_on_light_pages_the_button_is_of_the_very_colour(colour, ink):
    made = accent(colour, LIGHT)

    assert (made.fill, made.ink) == (colour, ink)


def test_the_surfaces_are_those_of_the_sheet():
    sheet = (STATIC_FOLDER / "app.css").read_text(encoding="utf-8")
    pairs = re.findall(r"--bg: (#[0-9a-f]+); --card: (#[0-9a-f]+);", sheet)

    assert [(page, long(card)) for page, card in pairs] == [
        (surface.page, surface.card) for surface in (LIGHT, DARK)
    ]


def test_the_tokens_are_those_of_the_sheet():
    sheet = (STATIC_FOLDER / "app.css").read_text(encoding="utf-8")

    for token in ("brand", "focus", "tint", "fill", "brand-ink"):
        assert f"--{token}: " in sheet
        assert f"var(--{token})" in sheet


def long(colour: str) -> str:
    return colour if len(colour) == 7 else "#" + "".join(2 * digit for digit in colour[1:])
