"""What every answer has in common: headers, cookies, limits, and nothing that leaks."""

from __future__ import annotations

import dataclasses
import gc
import re
import tracemalloc

import pytest
import structlog
from sqlalchemy import text

from connector.demo.sample_saml import sp_metadata
from connector.web.forms import BODY_LIMIT_BYTES
from tests.parts.identity_provider import make_identity_provider
from tests.parts.visitor import visit
from tests.web.conftest import BASE_URL, INTRANET

STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self';"
    " img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none';"
    " base-uri 'none'; require-trusted-types-for 'script'"
)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/saml/metadata", 200),
        ("GET", "/static/app.css", 200),
        ("GET", "/static/../app.py", 404),
        ("GET", "/static/%2e%2e/app.py", 404),
        ("GET", "/nowhere", 404),
        ("GET", "/login/x/", 404),
        ("GET", "/login/unknown", 400),
        ("GET", "/open/unknown", 400),
        ("GET", "/sign-out", 405),
        ("DELETE", "/", 405),
        ("POST", "/sign-out", 403),
        ("GET", "/saml/sso", 400),
        ("GET", "/saml/slo", 400),
        ("GET", "/logout", 303),
        ("GET", "/logout/unknown", 400),
        ("POST", "/logout/x/go-on", 403),
        ("GET", "/metrics", 404),
        ("GET", "/healthz", 404),
        ("GET", "/readyz", 404),
        ("GET", "/docs", 404),
        ("GET", "/openapi.json", 404),
        ("GET", "/api/v1/", 404),
        ("GET", "/console", 404),
        ("HEAD", "/open/intranet", 405),
    ],
)
def test_every_answer_carries_the_security_headers(visitor, method, path, status):
    answer = visitor.client.request(method, path)

    assert answer.status_code == status
    assert answer.headers["content-security-policy"] == STRICT
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
    is_kept = path == "/static/app.css"
    assert answer.headers["cache-control"] == ("public, max-age=604800" if is_kept else "no-store")
    assert "server" not in answer.headers


def test_the_page_with_the_response_may_post_to_any_https_address_and_tells_nobody_whence(
    visitor, ask
):
    page = visitor.sign_in(ask(), "alice@corp.test", "Passw0rd!")

    assert "form-action https:;" in page.answer.headers["content-security-policy"]
    assert page.answer.headers["referrer-policy"] == "no-referrer"
    assert page.answer.headers["cache-control"] == "no-store"


def test_no_page_has_scripts_or_styles_of_its_own(visitor, ask):
    asked = visitor.get(ask())
    challenged = visitor.submit(asked, "/email", email="alice@corp.test")
    done = visitor.submit(challenged, "/password", password="Passw0rd!")

    for page in (asked, challenged, done, visitor.get("/"), visitor.get("/nowhere")):
        assert page.tree.xpath("//style | //@style | //script[not(@src)] | //@onclick") == []


def test_cookies_are_for_this_host_alone_secure_lax_and_out_of_reach_of_scripts(visitor, ask):
    visitor.sign_in(ask(), "alice@corp.test", "Passw0rd!")

    cookies = [value for seen in visitor.seen for value in seen.headers.get_list("set-cookie")]
    assert {cookie.partition("=")[0] for cookie in cookies} == {"__Host-browser", "__Host-sso"}
    for cookie in cookies:
        attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert attributes == {"httponly", "path=/", "samesite=lax", "secure"}
        assert len(cookie.partition("=")[2].partition(";")[0]) >= 43


def test_by_plain_http_on_this_machine_the_cookies_do_without_the_prefix(engine, tmp_path):
    idp = make_identity_provider(engine, tmp_path, "http://localhost:8443")
    idp.register("Intranet", sp_metadata("http://localhost:8081").encode())
    visitor = visit(idp.app(), "http://localhost:8443")

    visitor.get("/open/intranet")

    cookie = visitor.seen[-1].headers["set-cookie"]
    assert cookie.startswith("browser=")
    assert "secure" not in cookie.lower()
    assert "strict-transport-security" not in visitor.seen[-1].headers


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "null"},
        {"origin": INTRANET},
        {"origin": "https://sso.corp.test.evil.test"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "cross-site", "origin": BASE_URL},
        {"sec-fetch-site": "same-origin", "origin": INTRANET},
    ],
)
@pytest.mark.parametrize(
    "path", ["/login/x/email", "/login/x/password", "/login/x/forget", "/sign-out"]
)
def test_a_form_that_is_not_ours_is_refused(visitor, headers, path):
    answer = visitor.client.post(path, data={"email": "a@b"}, headers=headers)

    assert answer.status_code == 403
    assert "nothing was done" in answer.text


@pytest.mark.parametrize("headers", [{"origin": BASE_URL}, {"sec-fetch-site": "same-origin"}])
def test_one_of_the_two_headers_that_browsers_send_is_enough(visitor, headers):
    assert visitor.client.post("/sign-out", headers=headers).status_code == 303


@pytest.mark.parametrize("path", ["/saml/sso", "/login/x/password"])
@pytest.mark.parametrize("is_announced", [True, False])
def test_a_body_that_is_too_large_is_refused(visitor, path, is_announced):
    content = b"x" * (BODY_LIMIT_BYTES + 1)
    headers = {"origin": BASE_URL, "content-type": "application/x-www-form-urlencoded"}
    body = content if is_announced else iter([content])

    answer = visitor.client.post(path, content=body, headers=headers)

    assert answer.status_code == 413
    assert "larger than this service accepts" in answer.text


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"{}", "application/json"),
        (b"SAMLRequest=a&SAMLRequest=b", "application/x-www-form-urlencoded"),
        (b"SAMLRequest=%ff", "application/x-www-form-urlencoded"),
        (b"\xff=1", "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=1" % n for n in range(40)), "application/x-www-form-urlencoded"),
    ],
)
def test_a_body_that_is_no_plain_form_is_refused(visitor, content, content_type):
    answer = visitor.client.post(
        "/saml/sso", content=content, headers={"content-type": content_type}
    )

    assert answer.status_code == 400


def test_a_fault_of_ours_shows_a_page_with_a_number_and_no_traceback(idp, visitor, ask):
    idp.people.users = None  # whatever breaks here was not foreseen
    with structlog.testing.capture_logs() as log:
        page = visitor.sign_in(ask(), "alice@corp.test", "Passw0rd!")

    assert page.status == 500
    assert "Traceback" not in page.answer.text
    assert "TypeError" not in page.answer.text
    assert page.answer.headers["content-security-policy"] == STRICT
    assert re.search(r"<code>[0-9a-f]{16}</code>", page.answer.text)
    assert [entry["event"] for entry in log if entry["log_level"] == "error"] == ["http.failed"]


def test_a_database_that_cannot_be_used_is_a_plain_503(idp, visitor, ask, engine):
    path = ask()
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE login_transaction"))

    page = visitor.get(path)

    assert (page.status, page.answer.headers["retry-after"]) == (503, "30")
    assert re.search(r"<code>[0-9a-f]{16}</code>", page.answer.text)
    assert "login_transaction" not in page.answer.text


def test_the_log_has_no_query_no_transaction_no_secret(visitor, ask):
    with structlog.testing.capture_logs() as log:
        page = visitor.sign_in(ask(), "alice@corp.test", "Canary-Passw0rd")
        visitor.get("/?canary=%0a%1b")

    lines = [entry for entry in log if entry["event"] == "http.answered"]
    assert lines[0]["route"] == "/saml/sso"
    assert lines[1]["route"] == "/login/{transaction}"
    assert {"method", "status", "milliseconds", "address"} <= lines[0].keys()
    written = repr(log)
    for secret in ("SAMLRequest", "canary", "Canary", "alice", page.url.rsplit("/", 1)[-1]):
        assert secret not in written


def test_the_address_of_the_browser_is_believed_from_our_proxies_only(idp, ask):
    idp.site = dataclasses.replace(idp.site, trusted_proxies=("10.0.0.0/8",))
    app = idp.app()
    with structlog.testing.capture_logs() as log:
        visit(app, BASE_URL, peer="10.0.0.1").get(
            "/", **{"x-forwarded-for": "6.6.6.6, 203.0.113.9"}
        )
        visit(app, BASE_URL, peer="192.0.2.1").get("/", **{"x-forwarded-for": "6.6.6.6"})

    assert [entry["address"] for entry in log] == ["203.0.113.9", "192.0.2.1"]


def test_headers_of_strangers_are_not_kept(idp):
    """Where no proxy is believed; and where one is, the same."""
    for proxies in ((), ("192.0.2.0/24",)):
        idp.site = dataclasses.replace(idp.site, trusted_proxies=proxies)
        visitor = visit(idp.app(), BASE_URL)
        visitor.get("/", **{"x-forwarded-for": "203.0.113.1"})
        tracemalloc.start()
        for number in range(20):
            visitor.get("/static/icon.svg", **{"x-forwarded-for": f"{number}" * 500_000})
        visitor.seen.clear()
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert held < 5_000_000
