"""The operator's colour, made so that everybody can read what is in it, and on it.

Contrast and luminance are those of WCAG 2.2, "contrast ratio" and "relative luminance". Colours are
"#rrggbb" in lower case.
"""

from __future__ import annotations

from colorsys import hls_to_rgb, rgb_to_hls
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# WCAG asks for 4.5; what the pointer is on is dimmed a little, and must keep that.
_ENOUGH: Final = 4.95
_STEPS: Final = 100
_TINT_SHARE: Final = 0.12


@dataclass(frozen=True, slots=True)
class Surface:
    """What the accent stands on; the tokens of that name in `static/app.css`.

    Attributes:
        page: `--bg`.
        card: `--card`.
        far: The lightness that the accent is moved towards until it can be read: that of black
            (0.0), or of white (1.0).

    """

    page: str
    card: str
    far: float


LIGHT: Final = Surface("#f4f6f9", "#ffffff", 0.0)
DARK: Final = Surface("#0f151c", "#18212b", 1.0)
# What is written on the filled button.
_INKS: Final = ("#ffffff", DARK.page)


@dataclass(frozen=True, slots=True)
class Accent:
    """The tokens that follow from the operator's colour.

    Attributes:
        brand: Of links, signs, borders and the ring around what has the focus.
        fill: Of the filled button.
        ink: What is written on it.
        tint: Behind the letter that stands for an application.

    """

    brand: str
    fill: str
    ink: str
    tint: str


def accent(colour: str, surface: Surface) -> Accent:
    """Return the tokens for that colour on light or on dark pages.

    On light pages the button keeps the very colour wherever white or black can be read on it; on
    dark ones it is as bright as the links.

    >>> accent("#0b5cad", LIGHT).brand, accent("#ffcc00", LIGHT).fill
    ('#0b5cad', '#ffcc00')

    """
    brand = next(each for each in _moved(colour, surface.far) if _is_readable(each, surface))
    fills = _moved(colour if surface is LIGHT else brand, surface.far)
    fill, ink = next(
        (fill, ink)
        for fill in fills
        for ink in sorted(_INKS, key=lambda ink: -contrast(ink, fill))
        if contrast(ink, fill) >= _ENOUGH
    )
    return Accent(brand, fill, ink, _tint(brand, surface))


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1.0 to 21.0.

    >>> contrast("#000000", "#ffffff")
    21.0

    """
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _is_readable(brand: str, surface: Surface) -> bool:
    grounds = (surface.page, surface.card, _tint(brand, surface))
    return all(contrast(brand, ground) >= _ENOUGH for ground in grounds)


def _tint(brand: str, surface: Surface) -> str:
    return _mixed(surface.card, brand, _TINT_SHARE)


def _moved(colour: str, far: float) -> Iterator[str]:
    """Yield the colour, and then what comes on the way to that lightness; its hue stays."""
    yield colour
    red, green, blue = _channels(colour)
    hue, lightness, saturation = rgb_to_hls(red / 255, green / 255, blue / 255)
    for step in range(1, _STEPS + 1):
        moved = lightness + (far - lightness) * step / _STEPS
        yield _hex(255 * channel for channel in hls_to_rgb(hue, moved, saturation))


def _mixed(one: str, other: str, share: float) -> str:
    """Return a colour with that share of another one in it."""
    pairs = zip(_channels(one), _channels(other), strict=True)
    return _hex(a + (b - a) * share for a, b in pairs)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def _hex(channels: Iterable[float]) -> str:
    return "#" + "".join(f"{round(channel):02x}" for channel in channels)


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))
