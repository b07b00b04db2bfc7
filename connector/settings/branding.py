"""What an operator's pages look like: a picture and a colour, looked at when the file is read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from lxml import etree
from pydantic import AfterValidator, PlainValidator, ValidationInfo

from connector.settings.values import existing_file

PICTURE_LIMIT_BYTES: Final = 256 * 1024
SVG: Final = "image/svg+xml"
PNG: Final = "image/png"
# PNG, third edition, s5.2 and s11.2.2: the signature, and then the header.
_PNG_BEGINNING: Final = re.compile(rb"\x89PNG\r\n\x1a\n....IHDR", re.DOTALL)
_SVG_ROOT: Final = "{http://www.w3.org/2000/svg}svg"
_COLOUR: Final = re.compile(r"#[0-9a-f]{6}")


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that browsers get from us.

    Attributes:
        content: Its bytes.
        media_type: "image/svg+xml" or "image/png".

    """

    content: bytes = field(repr=False)
    media_type: str


def read_picture(value: Any, info: ValidationInfo) -> Picture:
    """Return the picture that a path names.

    Raises:
        ValueError: if there is none, or it is too large, or of another kind.

    """
    if isinstance(value, Picture):
        return value
    path = existing_file(value, info)
    try:
        with path.open("rb") as file:
            content = file.read(PICTURE_LIMIT_BYTES + 1)
    except OSError as error:
        message = f"cannot read {path}: {error.strerror}"
        raise ValueError(message) from error
    if len(content) > PICTURE_LIMIT_BYTES:
        message = f"{path} is larger than 256 kB: make the picture smaller"
        raise ValueError(message)
    media_type = _media_type(content)
    if not media_type:
        message = f"{path} is neither an SVG nor a PNG picture"
        raise ValueError(message)
    return Picture(content, media_type)


def to_colour(value: str) -> str:
    """Return a colour in lower case.

    >>> to_colour("#0B5CAD")
    '#0b5cad'

    Raises:
        ValueError: if it is not "#" and six hexadecimal digits.

    """
    if not _COLOUR.fullmatch(value.lower()):
        message = f'must be a colour such as "#0b5cad", not {value!r}'
        raise ValueError(message)
    return value.lower()


def _media_type(content: bytes) -> str:
    if _PNG_BEGINNING.match(content):
        return PNG
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError:
        return ""
    return SVG if root.tag == _SVG_ROOT else ""


PictureField = Annotated[Picture, PlainValidator(read_picture)]
Colour = Annotated[str, AfterValidator(to_colour)]
