"""The log: one JSON object a line for machines, readable text on a terminal.

Events are `noun.verb_past` with fields; people by external_id. Names, addresses, passwords,
assertions and tokens are never fields.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

import orjson
import structlog

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.dict_tracebacks
        if not as_text
        else structlog.processors.StackInfoRenderer(),
    ]
    renderer: Any = structlog.dev.ConsoleRenderer() if as_text else _to_json
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


def _to_json(logger: Any, method: str, event: Mapping[str, Any]) -> str:
    del logger, method
    return orjson.dumps(event, default=str).decode()
