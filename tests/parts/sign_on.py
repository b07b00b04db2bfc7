"""A world to sign on in: our identity provider and three applications, by https under real names.

mod_auth_mellon under Apache, python3-saml, and our own sample application; each on a site of its
own, so that a browser treats what goes between them as it would on the net.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from connector.clock import SystemClock
from connector.demo.sample_app import sample_app
from connector.demo.sample_saml import sp_metadata
from connector.idp.keys import load_or_create_keys
from connector.settings.values import Listen
from connector.web.server import Certificate, Listener, serving
from state.engine import open_engine
from state.migrate import upgrade
from tests.parts.certificates import make_certificate
from tests.parts.identity_provider import IdentityProvider, free_port, make_identity_provider
from tests.parts.mellon import Mellon, mellon_folder, running_mellon
from tests.parts.service_provider import ServiceProvider

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page


@dataclass
class SignOn:
    """What runs.

    Attributes:
        idp: Our identity provider.
        mellon: Apache; open `mellon.base_url + "/private/"`.
        saml: python3-saml; open `saml.base_url`.
        intranet_url: The sample application.

    """

    idp: IdentityProvider
    mellon: Mellon
    saml: ServiceProvider
    intranet_url: str


@contextmanager
def running_sign_on(
    folder: Path, groups: tuple[str, ...], directory: Any = None, check: Any = None
) -> Iterator[SignOn]:
    """Yield the world.

    Args:
        folder: For state, keys and certificates.
        groups: Who may enter the applications; none: everybody.
        directory: Who exists; default: people in memory.
        check: What a password is asked of; default: the people in memory.

    """
    hosts = ("login.corp.test", "mellon.test", "saml.test", "intranet.test")
    tls = make_certificate(folder, *hosts)
    login, mellon_url, saml_url, intranet = (f"https://{host}:{free_port()}" for host in hosts)
    engine = open_engine(f"sqlite:///{folder}/sign-on.db")
    upgrade(engine)
    idp = make_identity_provider(engine, folder, login, SystemClock())
    idp.directory, idp.check = directory or idp.directory, check or idp.check
    saml = _service_provider(folder, saml_url, idp.metadata())
    certificate = Certificate(tls.certificate, tls.key)
    apps = {saml_url: saml.app(), intranet: sample_app(intranet, idp.metadata)}
    listeners = [Listener(app, _listen(url), certificate) for url, app in apps.items()]
    with mellon_folder(mellon_url) as mellon_files:
        idp.register("Mellon", (mellon_files / "sp.xml").read_bytes(), *groups)
        idp.register("Python SAML", saml.metadata(), *groups)
        idp.register("Northwind Intranet", sp_metadata(intranet).encode(), *groups)
        apache = running_mellon(mellon_files, mellon_url, tls=tls, idp_metadata=idp.metadata())
        with idp.served(tls), serving(listeners), apache as mellon:
            yield SignOn(idp, mellon, saml, intranet)
    engine.dispose()


def sign_in(page: Page, email: str = "alice@corp.test", password: str = "Passw0rd!") -> None:
    """Answer both questions of the login pages."""
    give_email(page, email)
    give_password(page, password)


def give_email(page: Page, email: str = "alice@corp.test") -> None:
    page.get_by_label("Work email").fill(email)
    page.get_by_role("button", name="Continue").click()


def give_password(page: Page, password: str = "Passw0rd!") -> None:
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()


def hold_the_answer(page: Page) -> None:
    """Keep the page that carries a Response from sending itself on, to look at it."""
    page.route("**/autopost.js*", lambda route: route.abort())


def read_answer(page: Page) -> str:
    """Return the Response, base64, of the page that carries it."""
    return page.locator("input[name=SAMLResponse]").input_value()


def send_answer(page: Page, saml_response: str) -> None:
    """Send the page's form on with this Response instead."""
    page.locator("input[name=SAMLResponse]").evaluate(
        "(field, it) => field.value = it", saml_response
    )
    page.locator("form").evaluate("form => form.submit()")


def _listen(url: str) -> Listen:
    return Listen("127.0.0.1", int(url.rpartition(":")[2]))


def _service_provider(folder: Path, base_url: str, idp_metadata: bytes) -> ServiceProvider:
    """Return python3-saml with an RSA key of its own."""
    keys = folder / "saml-keys"
    load_or_create_keys(keys, datetime.now(UTC))
    (file,) = (path for path in keys.iterdir() if path.suffix == ".pem")
    key, _, certificate = file.read_text().partition("-----BEGIN CERTIFICATE-----")
    certificate = f"-----BEGIN CERTIFICATE-----{certificate}"
    return ServiceProvider(base_url, certificate, key, idp_metadata)
