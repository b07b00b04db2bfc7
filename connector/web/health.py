"""What operators' machines ask: is it alive, is it ready, how is it doing.

Served on the operations listener only. The numbers are in the text format of Prometheus,
version 0.0.4, which needs no library.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Literal

from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from connector.web.headers import with_headers

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp


@dataclass(frozen=True, slots=True)
class Sample:
    """One number.

    Attributes:
        name: With its unit, such as "connector_sync_last_success_timestamp_seconds".
        value: The number; times are Unix seconds.
        explanation: What it counts; one line.
        kind: "gauge" goes up and down, "counter" only up.
        labels: Such as {"target": "mimecast"}; never a person's name.

    """

    name: str
    value: float
    explanation: str
    kind: Literal["gauge", "counter"] = "gauge"
    labels: Mapping[str, str] = field(default_factory=dict)


# What fails, by the name of the part ("database", "source", "target mimecast"); empty: ready.
Faults = Mapping[str, str]


def operations_app(
    faults: Callable[[], Faults], samples: Callable[[], Iterable[Sample]]
) -> ASGIApp:
    """Return the application of the operations listener.

    Args:
        faults: Looks at each part; called in a thread for every /readyz.
        samples: Gives the numbers; called in a thread for every /metrics.

    """

    def healthz(request: Request) -> Response:
        del request
        return PlainTextResponse("ok\n")

    def readyz(request: Request) -> Response:
        del request
        found = dict(faults())
        return JSONResponse({"ready": not found, "faults": found}, 503 if found else 200)

    def metrics(request: Request) -> Response:
        del request
        return PlainTextResponse(to_text(samples()), media_type="text/plain; version=0.0.4")

    app = Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics),
        ]
    )
    return with_headers(app, is_https=False)


def to_text(samples: Iterable[Sample]) -> str:
    r"""Return the numbers in the text format, those of one name together.

    >>> print(to_text([Sample("up", 1, "Whether it runs.", labels={"part": "a\"b"})]), end="")
    # HELP up Whether it runs.
    # TYPE up gauge
    up{part="a\"b"} 1

    """
    lines = []
    for name, group in groupby(sorted(samples, key=lambda each: each.name), lambda each: each.name):
        same = list(group)
        lines += [f"# HELP {name} {same[0].explanation}", f"# TYPE {name} {same[0].kind}"]
        lines += [f"{name}{_labels(each.labels)} {each.value:.17g}" for each in same]
    return "\n".join(lines) + "\n" if lines else ""


def _labels(labels: Mapping[str, str]) -> str:
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
