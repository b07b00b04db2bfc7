"""Transcripts that were reviewed once; `CONNECTOR_GOLDEN=write` writes them anew."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def transcript(walk: Iterable[tuple[str, str]]) -> str:
    """The steps of a walk, each below its title."""
    return "\n\n".join(f"== {title}\n{content}" for title, content in walk) + "\n"


def assert_as_reviewed(text: str, golden: Path) -> None:
    """Compare with the transcript that was reviewed; a difference is reviewed, then written."""
    if os.environ.get("CONNECTOR_GOLDEN") == "write":
        golden.write_text(text, encoding="utf-8")

    assert text == golden.read_text(encoding="utf-8")
