"""Our client of Duo and Duo's own library, through the same cases, at the simulator.

What Duo's library takes and refuses says that the simulator is like Duo; that ours does the same
says that ours is right. Where they differ is written down at the end, each with its reason.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qs, urlsplit

import duo_universal
import httpx
import pytest

from connector.bootstrap.tls import trusting
from connector.errors import DuoUnavailable, FactorRefused
from connector.idp.authenticator.duo import DuoFactor
from connector.idp.authenticator.duo_answer import read_callback
from connector.idp.authenticator.duo_client import DuoClient
from connector.idp.authenticator.duo_token import DuoApplication
from tests.parts.duo_fixtures import duo, shared_duo  # noqa: F401 - fixtures
from tests.parts.duo_tokens import CLIENT_ID, CLIENT_SECRET, LIES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.parts.duo_simulator import DuoSimulator

BACK = "https://sso.corp.test/login/duo"
ANNA = "anna@corp.example"
# Duo's keys are shorter than the library underneath its own would like.
pytestmark = pytest.mark.filterwarnings("ignore:The HMAC key is 40 bytes long")


class Refused(Exception):
    """A client does not take what it is given."""


class Client(Protocol):
    """Whoever has somebody prove themselves at Duo."""

    def check_health(self) -> None: ...

    def url(self, user_name: str, state: str, nonce: str) -> str: ...

    def check(self, code: str, user_name: str, nonce: str) -> None: ...


class Ours:
    """The product."""

    def __init__(self, host: str, ca_file: Path | None, secret: str = CLIENT_SECRET) -> None:
        application = DuoApplication(host, CLIENT_ID, secret)
        client = DuoClient(application, secrets.token_bytes, trusting(ca_file))
        self._factor = DuoFactor(client, BACK)

    def check_health(self) -> None:
        try:
            self._factor.client.check_health(datetime.now(UTC))
        except DuoUnavailable as error:
            raise Refused(error) from error

    def url(self, user_name: str, state: str, nonce: str) -> str:
        return self._factor.ask(user_name, state, nonce, datetime.now(UTC))

    def check(self, code: str, user_name: str, nonce: str) -> None:
        try:
            self._factor.check(code, nonce, user_name, datetime.now(UTC), "anna")
        except (DuoUnavailable, FactorRefused) as error:
            raise Refused(error) from error


class Theirs:
    """Duo's own library."""

    def __init__(self, host: str, ca_file: Path | None, secret: str = CLIENT_SECRET) -> None:
        certificates = {"duo_certs": str(ca_file)} if ca_file else {}
        self._client = duo_universal.Client(CLIENT_ID, secret, host, BACK, **certificates)

    def check_health(self) -> None:
        try:
            self._client.health_check()
        except duo_universal.DuoException as error:
            raise Refused(error) from error

    def url(self, user_name: str, state: str, nonce: str) -> str:
        return self._client.create_auth_url(user_name, state, nonce)

    def check(self, code: str, user_name: str, nonce: str) -> None:
        try:
            self._client.exchange_authorization_code_for_2fa_result(code, user_name, nonce)
        except duo_universal.DuoException as error:
            raise Refused(error) from error


@pytest.fixture(params=[Ours, Theirs], ids=["ours", "theirs"])
def kind(request: pytest.FixtureRequest) -> type[Ours | Theirs]:
    return request.param


@pytest.fixture
def client(kind: type[Ours | Theirs], duo: DuoSimulator) -> Client:
    return kind(duo.host, duo.ca_file)


def new_token() -> str:
    return secrets.token_urlsafe(24)


def come_back(duo: DuoSimulator, url: str) -> str:
    """Be the browser: follow the way to Duo; return the query that comes back from there."""
    with httpx.Client(verify=trusting(duo.ca_file)) as browser:
        answer = browser.get(url)
    assert answer.status_code == 302, answer.text
    place, _, query = answer.headers["location"].partition("?")
    assert place == BACK
    return query


def approved(duo: DuoSimulator, client: Client, nonce: str, user_name: str = ANNA) -> str:
    """Have somebody approve; return the code."""
    state = new_token()
    answer = read_callback(come_back(duo, client.url(user_name, state, nonce)).encode())
    assert answer.state == state
    return answer.require_code()


def test_an_approval_is_believed_once(duo: DuoSimulator, client: Client):
    nonce = new_token()
    code = approved(duo, client, nonce)

    client.check(code, ANNA, nonce)
    with pytest.raises(Refused):
        client.check(code, ANNA, nonce)


def test_the_question_is_what_duo_wants(duo: DuoSimulator, client: Client):
    state, nonce = new_token(), new_token()
    come_back(duo, client.url(ANNA, state, nonce))

    asked = duo.questions[-1]
    assert (asked["duo_uname"], asked["state"], asked["nonce"]) == (ANNA, state, nonce)
    assert asked["redirect_uri"] == BACK


def test_a_code_that_nobody_was_given_is_refused(client: Client):
    with pytest.raises(Refused):
        client.check("a-code-that-nobody-was-given", ANNA, new_token())


def test_a_code_for_another_question_is_refused(duo: DuoSimulator, client: Client):
    """Somebody brings the code of their own, earlier question to another login."""
    code = approved(duo, client, new_token())

    with pytest.raises(Refused):
        client.check(code, ANNA, new_token())


def test_a_code_of_another_person_is_refused(duo: DuoSimulator, client: Client):
    nonce = new_token()
    code = approved(duo, client, nonce, "ben@corp.example")

    with pytest.raises(Refused):
        client.check(code, ANNA, nonce)


@pytest.mark.parametrize("change", ["nonce", "duo_uname"])
def test_who_changes_the_question_on_the_way_is_not_believed(
    duo: DuoSimulator, client: Client, change: str
):
    """Duo lets the address win over what is signed in it."""
    nonce = new_token()
    url = client.url(ANNA, new_token(), nonce)
    value = {"nonce": "x" * 24, "duo_uname": "mallory"}[change]
    signed_only = "&".join(part for part in url.split("&") if not part.startswith("nonce="))
    query = come_back(duo, f"{signed_only}&{change}={value}")
    code = read_callback(query.encode()).require_code()

    with pytest.raises(Refused):
        client.check(code, ANNA, nonce)


@pytest.mark.parametrize("lie", LIES)
def test_a_token_that_lies_is_refused(duo: DuoSimulator, client: Client, lie: str):
    nonce = new_token()
    code = approved(duo, client, nonce)
    duo.lie = lie

    with pytest.raises(Refused):
        client.check(code, ANNA, nonce)


def test_a_refusal_comes_back_as_an_error(duo: DuoSimulator, client: Client):
    duo.decision = "deny"
    state = new_token()
    query = parse_qs(come_back(duo, client.url(ANNA, state, new_token())))

    assert (query["error"], query["state"]) == (["access_denied"], [state])


def test_health_is_asked_before(duo: DuoSimulator, client: Client):
    client.check_health()

    for failure in ("unavailable", "hangs up", "not JSON", "empty"):
        duo.failure = failure
        with pytest.raises(Refused):
            client.check_health()


def test_who_has_another_secret_is_not_known(kind: type[Ours | Theirs], duo: DuoSimulator):
    stranger = kind(duo.host, duo.ca_file, "t" * 40)

    with pytest.raises(Refused):
        stranger.check_health()
    with pytest.raises(Refused):
        stranger.check("a-code-of-some-length", ANNA, new_token())


def test_a_certificate_of_a_strange_authority_is_refused(
    kind: type[Ours | Theirs], duo: DuoSimulator
):
    with pytest.raises(Refused):
        kind(duo.host, None).check_health()


def test_clocks_that_differ_by_half_a_minute_do_not_matter(duo: DuoSimulator, client: Client):
    for seconds in (-30, 30):
        duo.seconds_ahead = seconds
        nonce = new_token()
        client.check(approved(duo, client, nonce), ANNA, nonce)


# -- where they differ --------------------------------------------------------------------------


def test_names_are_compared_as_duo_keeps_them_which_its_library_does_not(duo: DuoSimulator):
    """An alias comes back in lower case (duosecurity/duo_universal_csharp#47)."""
    duo.rename = str.lower
    taken = {}
    for kind in (Ours, Theirs):
        client, nonce = kind(duo.host, duo.ca_file), new_token()
        code = approved(duo, client, nonce, "Anna@Corp.Example")
        try:
            client.check(code, "Anna@Corp.Example", nonce)
            taken[kind] = True
        except Refused:
            taken[kind] = False

    assert taken == {Ours: True, Theirs: False}


def test_what_is_secret_travels_in_the_body_which_its_library_puts_into_the_address(
    duo: DuoSimulator,
):
    addresses = {}
    for kind in (Ours, Theirs):
        client, nonce = kind(duo.host, duo.ca_file), new_token()
        client.check(approved(duo, client, nonce), ANNA, nonce)
        _, addresses[kind], _ = duo.requests[-1]

    assert addresses[Ours] == "/oauth/v1/token"
    assert "code=" in urlsplit(addresses[Theirs]).query


def test_the_nonce_is_signed_which_its_library_leaves_beside(duo: DuoSimulator):
    queries = {}
    for kind in (Ours, Theirs):
        url = kind(duo.host, duo.ca_file).url(ANNA, new_token(), new_token())
        queries[kind] = set(parse_qs(urlsplit(url).query))

    assert queries[Ours] == {"response_type", "client_id", "request"}
    assert queries[Theirs] == queries[Ours] | {"nonce"}
