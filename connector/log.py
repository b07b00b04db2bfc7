"""The log: one JSON object a line for machines, readable text on a terminal.

Events are `noun.verb_past` with fields; people by external_id. Names, addresses, passwords,
assertions and tokens are never fields, and tracebacks show no values of variables. Whatever others
have written comes as visible characters: it forges no line, and turns no terminal around.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog
from structlog.tracebacks import ExceptionDictTransformer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

    from structlog.typing import ExcInfo

EVENTS = frozenset(
    {
        "applications.kept",
        "applications.noted",
        "applications.replaced",
        "cycle.ended",
        "cycle.failed",
        "cycle.started",
        "cycle.waiting",
        "daemon.reload_failed",
        "daemon.started",
        "daemon.stopped",
        "daemon.stopping",
        "drift.compared",
        "drift.failed",
        "drift.found",
        "duo.answered",
        "duo.failed",
        "entry.rejected",
        "factors.forgotten",
        "factors.kept",
        "http.answered",
        "http.failed",
        "key.changed",
        "key.ends",
        "key.file_left",
        "key.made",
        "key.taken_over",
        "key.unusable",
        "login.limited",
        "login.refused",
        "mail.failed",
        "mail.kept",
        "mail.given_up",
        "mail.postponed",
        "mail.queued",
        "mail.sent",
        "metadata.fetch_failed",
        "metadata.fetched",
        "plan.held",
        "policy.taken_up",
        "policy.unkept",
        "sign_off.ended",
        "sign_off.failed",
        "target.ended",
        "upstreams.kept",
        "upstreams.replaced",
        "worker.ended",
    }
)
"""Every event that the program logs; the manual lists them."""

# Libraries that log addresses with filter values, or every call.
_QUIET = ("httpx", "httpcore", "apscheduler", "uvicorn.access", "aiohttp.access")


def start_logging(level: str, layout: str) -> None:
    """Send our events and those of libraries to standard error.

    Args:
        level: The least that is written: "debug", "info", "warning" or "error".
        layout: "json", "text", or "auto": text if standard error is a terminal.

    """
    as_text = layout == "text" or (layout == "auto" and sys.stderr.isatty())
    # The library would add what local variables hold, passwords among them.
    tracebacks = structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _make_visible if as_text else tracebacks,
    ]
    in_text = structlog.dev.ConsoleRenderer(exception_formatter=_write_traceback)
    renderer: Any = in_text if as_text else _to_json
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        # A line in one piece: several processes write to the same place.
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    foreign = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    stream = logging.StreamHandler(sys.stderr)
    stream.setFormatter(foreign)
    root = logging.getLogger()
    root.handlers[:] = [stream]
    root.setLevel(max(number, logging.WARNING))
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _to_plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


# Everything beyond visible ASCII is escaped. To make one costs as much as to use it.
_JSON = json.JSONEncoder(default=_to_plain, separators=(",", ":"))


def _to_json(logger: Any, method: str, event: Mapping[str, Any]) -> str:
    del logger, method
    return _JSON.encode(event)


def _make_visible(logger: Any, method: str, event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Escape what a terminal would obey; values other than text are written by `repr` anyway."""
    del logger, method
    return {
        key: visible(value) if isinstance(value, str) else value for key, value in event.items()
    }


def _write_traceback(stream: TextIO, exc_info: ExcInfo) -> None:
    """Write a traceback without values of variables, indented: no line of it passes for ours."""
    lines = "".join(traceback.format_exception(*exc_info)).splitlines()
    stream.write("".join(f"\n    {visible(line)}" for line in lines))


def visible(text: str) -> str:
    r"""Return a text on one line, whose characters that are not seen are escaped.

    >>> print(visible("alice\n\x1b[2J \u202e ü"))
    alice\n\x1b[2J \u202e ü

    """
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )
