"""An identity provider with two applications, and a way to ask it for a login."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from connector.demo.sample_saml import authn_request_url, read_idp_metadata, sp_metadata
from tests.parts.browser_fixtures import browser, page  # noqa: F401 - fixtures
from tests.parts.identity_provider import STAFF, IdentityProvider, make_identity_provider
from tests.parts.visitor import Visitor, visit

if TYPE_CHECKING:
    from collections.abc import Callable

BASE_URL = "https://sso.corp.test"
INTRANET = "https://intranet.corp.test"
PAYROLL = "https://payroll.corp.test"


@pytest.fixture
def idp(engine, tmp_path) -> IdentityProvider:
    provider = make_identity_provider(engine, tmp_path, BASE_URL)
    provider.register("Intranet", sp_metadata(INTRANET).encode(), STAFF)
    provider.register("Payroll", sp_metadata(PAYROLL).encode())
    provider.people.add("alice")
    return provider


@pytest.fixture
def visitor(idp) -> Visitor:
    return visit(idp.app(), idp.site.base_url)


@pytest.fixture
def ask(idp) -> Callable[..., str]:
    """Return the path and query of a new AuthnRequest of an application."""

    def make(base_url: str = INTRANET) -> str:
        provider = read_idp_metadata(idp.metadata())
        request_id = f"_{secrets.token_hex(16)}"
        url = authn_request_url(provider, base_url, request_id=request_id, now=datetime.now(UTC))
        return url.removeprefix(BASE_URL)

    return make
