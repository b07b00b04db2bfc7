"""How results and progress look: tables and JSON on standard output, progress on the other."""

from __future__ import annotations

import sys
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Self

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

from connector.packed import Packed, values_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import TracebackType

    from connector.sync.ports import Progress

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
# What is not shown on a terminal is not broken into lines: somebody may search in it.
_BOUNDLESS = 100_000
_PHASES = {
    "read": "Reading",
    "plan": "Planning",
    "send": "Sending to",
    "compare": "Comparing",
    "wait": "Waiting for",
}


def print_json(values: Any) -> None:
    """Print values as JSON: dataclasses as objects, times in ISO 8601."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
    sys.stdout.buffer.write(orjson.dumps(_plain(values), option=options, default=_simple) + b"\n")
    sys.stdout.buffer.flush()


def print_line(values: Any) -> None:
    """Print values as JSON on one line, as `print_json` writes them."""
    sys.stdout.buffer.write(orjson.dumps(_plain(values), default=_simple) + b"\n")
    sys.stdout.buffer.flush()


def _plain(values: Any) -> Any:
    if is_dataclass(values) and not isinstance(values, type):
        return asdict(values)
    if isinstance(values, (list, tuple)):
        return [_plain(value) for value in values]
    return values


def _simple(value: Any) -> Any:
    """Return what JSON has a form for, of what it has none for."""
    return values_of(value) if isinstance(value, Packed) else str(value)


def print_text(text: str) -> None:
    """Print text as it is."""
    sys.stdout.write(text + "\n")


def print_error(text: str) -> None:
    """Print what went wrong, each line of it as an error."""
    for line in text.splitlines() or [""]:
        sys.stderr.write(f"error: {line.strip()}\n")


def print_note(text: str) -> None:
    """Print something to know, beside the result."""
    sys.stderr.write(f"{text}\n")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; columns whose title begins with "#" are numbers."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        is_number = column.startswith("#")
        table.add_column(column.removeprefix("#"), justify="right" if is_number else "left")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    console = Console(
        width=_BOUNDLESS if not sys.stdout.isatty() else None, highlight=False, markup=False
    )
    with console.capture() as drawn:
        console.print(table)
    print_text("\n".join(line.rstrip() for line in drawn.get().splitlines()))


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun.

    >>> counted(1, "joiner"), counted(3, "joiner"), counted(0, "entry", "entries")
    ('1 joiner', '3 joiners', '0 entries')

    """
    return f"{count} {noun}" if count == 1 else f"{count} {plural or noun + 's'}"


def reason_at(target: str, reason: str) -> str:
    """Return a reason with the name of its target, said once.

    >>> reason_at("mimecast", "target mimecast: cannot be reached")
    'target mimecast: cannot be reached'
    >>> reason_at("mimecast", "1 of 7 operations failed")
    'target mimecast: 1 of 7 operations failed'

    """
    start = f"target {target}: "
    return start + reason.removeprefix(start)


def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """Return how long ago something was, in the largest unit that fits.

    >>> ago(datetime(2026, 1, 1, 8, 0, tzinfo=UTC), datetime(2026, 1, 1, 8, 5, tzinfo=UTC))
    '5 min ago'

    """
    if moment is None:
        return "never"
    seconds = int(((now or datetime.now(UTC)) - moment).total_seconds())
    for size, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{max(seconds, 0)} s ago"


def utc(moment: datetime) -> str:
    """Return a moment to the minute.

    >>> utc(datetime(2026, 11, 2, 8, 11, tzinfo=UTC))
    '2026-11-02 08:11 UTC'

    """
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


class LiveProgress:
    """Shows how far a cycle is: a bar on a terminal, else one line a phase."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._bar: Bar | None = None
        self._last = ("", "")
        self._task: Any = None

    def __enter__(self) -> Self:
        """Start the bar, if there is a terminal to draw it on."""
        if self._console.is_terminal:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
            )
            self._bar = Bar(*columns, console=self._console, transient=True)
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, progress: Progress) -> None:
        """Show the latest."""
        words = f"{_PHASES[progress.phase]} {progress.subject}".rstrip()
        phase = (progress.phase, progress.subject)
        if self._bar is None:
            if phase != self._last:
                print_note(f"{words} ...")
        elif phase != self._last:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(words, total=progress.total_count)
        if self._bar is not None:
            done, total = progress.done_count, progress.total_count
            self._bar.update(self._task, completed=done, total=total)
        self._last = phase
