"""Somebody at Duo's prompt in Chromium, there and back; the prompt is the simulator's."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from connector.bootstrap.tls import trusting
from connector.errors import FactorRefused
from connector.idp.authenticator.duo import DuoFactor
from connector.idp.authenticator.duo_answer import read_callback
from connector.idp.authenticator.duo_client import DuoClient
from connector.idp.authenticator.duo_token import DuoApplication
from connector.idp.factor import FactorKind
from connector.idp.reason import Reason
from tests.parts.browser import accessibility_faults, open_context
from tests.parts.duo_simulator import running_duo
from tests.parts.duo_tokens import CLIENT_ID, CLIENT_SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from connector.idp.authenticator.duo_answer import DuoAnswer

pytestmark = pytest.mark.real

# Nobody is there; where the browser wants to go is all that matters.
BACK = "https://sso.corp.test:1/login/duo"
ANNA = "anna@corp.example"


@pytest.fixture
def factor(tmp_path) -> Iterator[DuoFactor]:
    with running_duo(tmp_path) as duo:
        duo.decision = "ask"
        application = DuoApplication(duo.host, CLIENT_ID, CLIENT_SECRET)
        client = DuoClient(application, secrets.token_bytes, trusting(duo.ca_file))
        yield DuoFactor(client, BACK)


def press(page: Page, button: str) -> DuoAnswer:
    """Press a button of the prompt; return what the browser is sent back with."""
    with page.expect_request(lambda request: request.url.startswith(BACK)) as sent:
        page.get_by_role("button", name=button).click(no_wait_after=True)
    return read_callback(urlsplit(sent.value.url).query.encode())


@pytest.mark.parametrize("has_script", [True, False])
def test_an_approval_comes_back_as_a_code(browser: Browser, factor: DuoFactor, has_script: bool):
    state, nonce = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    now = datetime.now(UTC)
    with open_context(browser, java_script_enabled=has_script) as context:
        page = context.new_page()
        page.goto(factor.ask(ANNA, state, nonce, now, application_name="Payroll"))
        expect(page.get_by_text(f"{ANNA} signs in to Payroll.")).to_be_visible()
        if has_script:
            assert accessibility_faults(page) == []
        answer = press(page, "Approve")

    assert answer.state == state
    proof = factor.check(answer.require_code(), nonce, ANNA, now, "anna")
    assert proof.kind is FactorKind.DUO


def test_a_refusal_comes_back_as_one(browser: Browser, factor: DuoFactor):
    state, nonce = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    with open_context(browser) as context:
        page = context.new_page()
        page.goto(factor.ask(ANNA, state, nonce, datetime.now(UTC)))
        answer = press(page, "Deny")

    with pytest.raises(FactorRefused) as refused:
        answer.require_code()
    assert refused.value.reason == Reason.DUO_DENIED
