"""What `connector check` says of Duo."""

from __future__ import annotations

import pickle
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
import pytest

from connector.bootstrap.duo import make_duo
from connector.bootstrap.tls import trusting
from connector.idp.authenticator.duo_answer import read_callback
from connector.settings import load_settings
from tests.cli.shell import IDP
from tests.parts.duo_fixtures import duo, shared_duo  # noqa: F401 - fixtures
from tests.parts.duo_tokens import CLIENT_ID, CLIENT_SECRET

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.shell import Shell
    from tests.parts.duo_simulator import DuoSimulator
    from tests.parts.scim_server import Simulator

DUO = """\
[duo]
host = "{host}"
client_id = "{client_id}"
client_secret = {{ file = "duo-secret" }}
ca_file = "{ca_file}"
"""


@pytest.fixture
def desk(shell: Shell, mimecast: Simulator, duo: DuoSimulator) -> Shell:
    (shell.folder / "duo-secret").write_text(CLIENT_SECRET)
    section = DUO.format(host=duo.host, client_id=CLIENT_ID, ca_file=duo.ca_file)
    shell.set_up(mimecast, "", IDP, section)
    return shell


def lines_on_duo(shell: Shell, *options: str) -> list[str]:
    said = shell.say("check", *options).output.splitlines()
    return [line for line in said if line[6:].startswith("duo:")]


def test_what_becomes_of_people_while_duo_is_away_is_said(desk: Shell):
    assert lines_on_duo(desk) == [
        "ok    duo: while it does not answer, nobody who needs it is let in"
    ]

    desk.edit("[duo]", '[duo]\nopen_for = ["Mimecast Personal Portal"]', "connector.toml")
    (line,) = lines_on_duo(desk)
    assert line.endswith("nobody who needs it is let in, but into Mimecast Personal Portal")

    desk.edit('open_for = ["Mimecast Personal Portal"]', 'fail = "open"', "connector.toml")
    assert lines_on_duo(desk) == [
        "warn  duo: while it does not answer, people are let in without it"
    ]


def test_online_duo_is_asked_whether_it_knows_us(desk: Shell, duo: DuoSimulator):
    assert lines_on_duo(desk, "--online")[1:] == [f"ok    duo: {duo.host} answers and knows us"]
    assert len(duo.requests) == 1


@pytest.mark.parametrize(("seconds", "words"), [(90, "ahead of"), (-90, "behind")])
def test_a_clock_that_is_not_duos_is_a_warning(
    desk: Shell, duo: DuoSimulator, seconds: int, words: str
):
    duo.seconds_ahead = seconds
    (line,) = lines_on_duo(desk, "--online")[2:]

    pattern = (
        rf"warn  duo: its clock is (89|9\d) s {words} ours: set ours right, or answers are refused"
    )
    assert re.fullmatch(pattern, line)


def test_a_clock_that_keeps_duo_from_knowing_us_is_said(desk: Shell, duo: DuoSimulator):
    duo.seconds_ahead = 1000
    (line,) = lines_on_duo(desk, "--online")[1:]

    assert line.startswith(f"fail  duo: {duo.host} answers with status 400: invalid_client")
    assert re.search(r"; its clock is (999|10\d\d) s ahead of ours; compare host", line)


def test_a_wrong_secret_and_a_duo_that_is_away_are_told_apart(desk: Shell, duo: DuoSimulator):
    duo.failure = "unavailable"
    assert lines_on_duo(desk, "--online")[1:] == [
        f"fail  duo: {duo.host} answers with status 503: unavailable"
    ]

    duo.failure = ""
    (desk.folder / "duo-secret").write_text("t" * 40)
    (line,) = lines_on_duo(desk, "--online")[1:]
    assert line.startswith(f"fail  duo: {duo.host} answers with status 400: invalid_client")
    assert line.endswith("compare host, client_id and client_secret with Duo's page")
    assert desk.say("check", "--online").code == 1


def test_a_name_that_nobody_can_have_at_duo_is_a_fault(desk: Shell, tmp_path: Path):
    desk.edit("[duo]", '[duo]\nuser_name = "username"', "connector.toml")
    said = desk.say("check")

    assert said.code == 1
    assert said.errors.startswith(
        "error: connector.toml: duo.user_name: people have no attribute 'username'"
    )

    (tmp_path / "ca.pem").write_text("nothing")
    desk.edit('user_name = "username"', 'ca_file = "ca.pem"', "connector.toml")
    text = (desk.folder / "connector.toml").read_text()
    kept = [line for line in text.splitlines() if not line.startswith('ca_file = "/')]
    (desk.folder / "connector.toml").write_text("\n".join(kept))
    assert "duo.ca_file: no certificates in PEM form" in desk.say("check").errors


def test_the_factor_is_what_is_configured(desk: Shell, duo: DuoSimulator):
    """As a serving process makes it: it gets the settings from the daemon."""
    desk.edit("[duo]", '[duo]\nuser_name = "emails.value"', "connector.toml")
    settings = pickle.loads(pickle.dumps(load_settings(desk.folder / "connector.toml")))
    factor, now = make_duo(settings), datetime.now(UTC)

    url = factor.ask("anna@corp.example", "s" * 24, "n" * 24, now)
    with httpx.Client(verify=trusting(duo.ca_file)) as browser:
        place, _, query = browser.get(url).headers["location"].partition("?")
    code = read_callback(query.encode()).require_code()

    assert place == "https://sso.corp.example/login/duo"
    assert factor.check(code, "n" * 24, "anna@corp.example", now, "anna").external_id == "anna"
    assert (factor.user_name, factor.fails_open) == ("emails.value", False)
    assert make_duo(settings.model_copy(update={"duo": None})) is None
