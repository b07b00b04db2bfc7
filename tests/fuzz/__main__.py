"""Fuzz for a while: `python -m tests.fuzz --seconds 600`; the exit code is 0 if nothing was found."""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from pathlib import Path

import atheris
import structlog

with atheris.instrument_imports(include=["connector"]):
    from tests.fuzz.doors import knock
    from tests.fuzz.seeds import WORDS, seeds
    from tests.fuzz.world import opened_world

SECONDS_PER_INPUT = 5
LONGEST_BYTES = 16_384


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--corpus", type=Path, help="Keeps what was found interesting.")
    parser.add_argument("--seed", type=int, default=0, help="0: another one each time.")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with tempfile.TemporaryDirectory() as name, opened_world(Path(name)) as world:
        corpus = given.corpus or Path(name) / "corpus"
        corpus.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(seeds(world)):
            (corpus / f"seed-{number}").write_bytes(seed)
        dictionary = Path(name) / "words"
        dictionary.write_text("".join(f'"{_escaped(word)}"\n' for word in WORDS))
        options = [
            sys.argv[0],
            f"-max_total_time={given.seconds}",
            f"-timeout={SECONDS_PER_INPUT}",
            f"-max_len={LONGEST_BYTES}",
            f"-dict={dictionary}",
            f"-seed={given.seed}",
            "-print_final_stats=1",
            str(corpus),
        ]
        atheris.Setup(options, lambda data: knock(world, data))
        atheris.Fuzz()


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace('"', '\\"')


if __name__ == "__main__":
    main()
