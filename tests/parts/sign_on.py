"""A world to sign on in: our identity provider and four applications, by https under real names.

mod_auth_mellon under Apache, python3-saml, pysaml2, and our own sample application; each on a site
of its own, so that a browser treats what goes between them as it would on the net.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from connector.bootstrap.tls import trusting
from connector.clock import SystemClock
from connector.demo.sample_app import sample_app
from connector.demo.sample_saml import sp_metadata
from connector.idp.logout.soap_client import SoapClient
from connector.settings.values import Listen
from connector.web.server import Certificate, Listener, serving
from connector.web.words import Words, read_words
from state.engine import open_engine
from state.migrate import upgrade
from tests.parts.certificates import CertificateFiles, make_certificate, make_key_pems
from tests.parts.identity_provider import IdentityProvider, free_port, make_identity_provider
from tests.parts.mellon import Mellon, mellon_folder, running_mellon
from tests.parts.pysaml2_application import Pysaml2Application
from tests.parts.service_provider import ServiceProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Page


ENGLISH = read_words("en")


@dataclass
class Applications:
    """Four applications, with addresses and keys, and not yet running.

    Attributes:
        login_url: Where the identity provider is going to be.
        tls: A certificate for all of them.
        mellon_url: Apache; what is under /private/ needs a sign-in.
        mellon_files: Its folder.
        saml: python3-saml; its "/" begins a sign-in.
        pysaml2: pysaml2; likewise. Servers reach it at 127.0.0.1, for which `tls` is good too.
        intranet_url: The sample application.

    """

    login_url: str
    tls: CertificateFiles
    mellon_url: str
    mellon_files: Path
    saml: ServiceProvider
    pysaml2: Pysaml2Application
    intranet_url: str

    @property
    def metadata(self) -> dict[str, bytes]:
        """Return the SAML metadata of each by name."""
        return {
            "Mellon": (self.mellon_files / "sp.xml").read_bytes(),
            "Python SAML": self.saml.metadata(),
            "PySAML2": self.pysaml2.metadata(),
            "Northwind Intranet": sp_metadata(self.intranet_url).encode(),
        }


@dataclass
class SignOn:
    """What runs.

    Attributes:
        applications: The applications.
        mellon: Apache, with its log.
        idp: Our identity provider.

    """

    applications: Applications
    mellon: Mellon
    idp: IdentityProvider


@contextmanager
def prepared_applications(folder: Path) -> Iterator[Applications]:
    """Yield applications with free ports on 127.0.0.1 and fresh keys."""
    hosts = ("login.corp.test", "mellon.test", "saml.test", "pysaml2.test", "intranet.test")
    tls = make_certificate(folder, *hosts, "127.0.0.1")
    login, mellon, *others, intranet = (f"https://{host}:{free_port()}" for host in hosts)
    saml, pysaml2 = _service_provider(others[0]), _pysaml2(folder, others[1], tls)
    with mellon_folder(mellon) as files:
        yield Applications(login, tls, mellon, files, saml, pysaml2, intranet)


@contextmanager
def running_applications(
    applications: Applications, idp_metadata: Callable[[], bytes]
) -> Iterator[Mellon]:
    """Run the applications; the identity provider's metadata is known by now."""
    tls, saml, pysaml2 = applications.tls, applications.saml, applications.pysaml2
    saml.idp_metadata = pysaml2.idp_metadata = idp_metadata()
    certificate = Certificate(tls.certificate, tls.key)
    intranet = sample_app(applications.intranet_url, idp_metadata)
    listeners = [
        Listener(saml.app(), listen_of(saml.base_url), certificate),
        Listener(pysaml2.app(), listen_of(pysaml2.base_url), certificate),
        Listener(intranet, listen_of(applications.intranet_url), certificate),
    ]
    mellon = running_mellon(
        applications.mellon_files,
        applications.mellon_url,
        tls=tls,
        idp_metadata=saml.idp_metadata,
    )
    with serving(listeners), mellon as running:
        yield running


@contextmanager
def running_sign_on(folder: Path, groups: tuple[str, ...]) -> Iterator[SignOn]:
    """Yield the whole world, with people in memory; no groups: everybody may enter."""
    engine = open_engine(f"sqlite:///{folder}/sign-on.db")
    upgrade(engine)
    with prepared_applications(folder) as applications:
        idp = make_identity_provider(engine, folder, applications.login_url, SystemClock())
        idp.soap = SoapClient(trusting(applications.tls.authority))
        for name, metadata in applications.metadata.items():
            idp.register(name, metadata, *groups)
        with (
            idp.served(applications.tls),
            running_applications(applications, idp.metadata) as mellon,
        ):
            yield SignOn(applications, mellon, idp)
    engine.dispose()


def sign_in(
    page: Page,
    email: str = "alice@corp.test",
    password: str = "Passw0rd!",
    words: Words = ENGLISH,
) -> None:
    """Answer both questions of the login pages, which are in the language of these words."""
    give_email(page, email, words)
    give_password(page, password, words)


def give_email(page: Page, email: str = "alice@corp.test", words: Words = ENGLISH) -> None:
    page.get_by_label(words.text("email")).fill(email)
    page.get_by_role("button", name=words.text("continue")).click()


def give_password(page: Page, password: str = "Passw0rd!", words: Words = ENGLISH) -> None:
    page.get_by_label(words.text("password"), exact=True).fill(password)
    page.get_by_role("button", name=words.text("sign-in")).click()


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


def listen_of(url: str) -> Listen:
    """Return where a server of that URL listens."""
    return Listen("127.0.0.1", int(url.rpartition(":")[2]))


def _service_provider(base_url: str) -> ServiceProvider:
    """Return python3-saml with an RSA key of its own."""
    return ServiceProvider(base_url, *make_key_pems())


def _pysaml2(folder: Path, base_url: str, tls: CertificateFiles) -> Pysaml2Application:
    """Return pysaml2 with an RSA key of its own."""
    keys = folder / "pysaml2-keys"
    keys.mkdir()
    for name, content in zip(("sp.crt", "sp.key"), make_key_pems(), strict=True):
        (keys / name).write_text(content)
    local = f"https://127.0.0.1:{base_url.rpartition(':')[2]}"
    return Pysaml2Application(
        base_url,
        keys / "sp.key",
        keys / "sp.crt",
        back_channel_url=local,
        authority=tls.authority,
    )
