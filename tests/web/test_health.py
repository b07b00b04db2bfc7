"""What the operations listener says."""

from __future__ import annotations

import asyncio

import httpx

from connector.web.health import Sample, operations_app


def ask(app, path):
    async def get():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://operations") as client:
            return await client.get(path)

    return asyncio.run(get())


def test_a_process_that_answers_is_healthy_whatever_else_fails():
    app = operations_app(faults=lambda: {"database": "locked"}, samples=list)

    assert ask(app, "/healthz").status_code == 200


def test_readiness_names_the_part_that_fails():
    app = operations_app(faults=lambda: {"source": "does not answer"}, samples=list)

    answer = ask(app, "/readyz")

    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "faults": {"source": "does not answer"}}


def test_without_faults_it_is_ready():
    answer = ask(operations_app(faults=dict, samples=list), "/readyz")

    assert (answer.status_code, answer.json()["ready"]) == (200, True)


def test_metrics_of_one_name_stand_together_under_one_heading():
    samples = [
        Sample("operations_total", 3, "Operations sent.", "counter", {"target": "a"}),
        Sample("cycles", 1, "Cycles."),
        Sample("operations_total", 1.5, "Operations sent.", "counter", {"target": "b\n"}),
    ]

    answer = ask(operations_app(faults=dict, samples=lambda: samples), "/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert answer.text.splitlines() == [
        "# HELP cycles Cycles.",
        "# TYPE cycles gauge",
        "cycles 1",
        "# HELP operations_total Operations sent.",
        "# TYPE operations_total counter",
        'operations_total{target="a"} 3',
        'operations_total{target="b\\n"} 1.5',
    ]


def test_operations_answers_carry_the_security_headers_too():
    answer = ask(operations_app(faults=dict, samples=list), "/nowhere")

    assert answer.status_code == 404
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
