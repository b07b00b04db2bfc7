"""A logo that is none, or a colour that is none, is told when the configuration is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.errors import ConfigurationError
from connector.settings import load_settings
from connector.settings.branding import PICTURE_LIMIT_BYTES
from tests.parts.logo import LOGO, LOGO_PNG

BASE = """
[source]
kind = "file"
file = "company.toml"
[idp]
base_url = "https://sso.corp.example"
"""


@pytest.fixture
def write(tmp_path: Path):
    (tmp_path / "company.toml").write_text("")

    def write(keys: str, **files: bytes) -> Path:
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
        path = tmp_path / "connector.toml"
        path.write_text(BASE + keys)
        return path

    return write


def faults(path: Path) -> dict[str, str]:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(path)
    return {
        fault.key: fault.problem.replace(f"{path.parent}/", "") for fault in caught.value.faults
    }


def test_an_svg_and_a_png_are_taken_whatever_they_are_called(write):
    keys = 'logo = "one"\nlogo_dark = "two"\ncolour = "#0B5CAD"\nlanguage = "de"\n'
    idp = load_settings(write(keys, one=LOGO, two=LOGO_PNG)).idp

    assert (idp.logo.media_type, idp.logo.content) == ("image/svg+xml", LOGO)
    assert (idp.logo_dark.media_type, idp.logo_dark.content) == ("image/png", LOGO_PNG)
    assert (idp.colour, idp.language) == ("#0b5cad", "de")
    assert "rect" not in repr(idp)


def test_a_logo_for_dark_pages_alone_is_refused(write):
    """Nobody would see it."""
    assert faults(write('logo_dark = "one"', one=LOGO)) == {
        "idp": "logo_dark: only of use with logo"
    }


def test_an_svg_as_drawing_programs_write_it_is_taken(write):
    drawn = b'\xef\xbb\xbf<?xml version="1.0" encoding="UTF-8"?>\n<!-- by hand -->\n<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">\n'

    assert load_settings(write('logo = "one"', one=drawn + LOGO)).idp.logo


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "one is neither an SVG nor a PNG picture"),
        (b"GIF89a" + bytes(40), "one is neither an SVG nor a PNG picture"),
        (b"\xff\xd8\xff\xe0" + bytes(40), "one is neither an SVG nor a PNG picture"),
        (b"\x89PNG\r\n\x1a\n", "one is neither an SVG nor a PNG picture"),
        (b"<html><svg/></html>", "one is neither an SVG nor a PNG picture"),
        (b"<svg/>", "one is neither an SVG nor a PNG picture"),
        (LOGO[:-3], "one is neither an SVG nor a PNG picture"),
        (LOGO + b" " * PICTURE_LIMIT_BYTES, "one is larger than 256 kB: make the picture smaller"),
    ],
)  # fmt: skip
def test_what_is_no_picture_is_refused_in_plain_words(write, content, problem):
    assert faults(write('logo = "one"', one=content)) == {"idp.logo": problem}


@pytest.mark.parametrize(
    "colour", ["blue", "#0b5", "0b5cad", "#0b5cadff", "#0b5cag", "", "#0b5cad;"]
)
def test_a_colour_that_is_none_is_refused_in_plain_words(write, colour):
    assert faults(write(f'colour = "{colour}"')) == {
        "idp.colour": f'must be a colour such as "#0b5cad", not {colour!r}'
    }


def test_a_language_that_we_do_not_have_is_refused_with_those_that_we_have(write):
    assert faults(write('language = "fr"\nlogo = "none.svg"')) == {
        "idp.language": "input should be 'auto', 'en' or 'de'",
        "idp.logo": "no such file: none.svg",
    }
