"""What the section [duo] takes, and how it says what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.errors import ConfigurationError
from connector.settings import check_settings

CLIENT_ID, SECRET = "DI0123456789ABCDEFGH", "k" * 40
HOST = "api-1234abcd.duosecurity.com"
BASE = {
    "source": {"kind": "file", "file": "company.toml"},
    "idp": {"base_url": "https://sso.corp.example"},
    "application": [
        {"name": "Payroll", "entity_id": "https://p", "acs": "https://p/acs"},
        {"name": "Canteen", "entity_id": "https://c", "acs": "https://c/acs"},
    ],
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "company.toml").write_text("")
    (tmp_path / "duo-secret").write_text(f"{SECRET}\n")
    (tmp_path / "duo-id").write_text(f"{CLIENT_ID}\n")
    (tmp_path / "short").write_text("k" * 39)
    monkeypatch.setenv("DUO_ID", CLIENT_ID)
    return tmp_path


def load(folder: Path, base: dict | None = None, **keys):
    duo = {"host": HOST, "client_id": CLIENT_ID, "client_secret": {"file": "duo-secret"}} | keys
    return check_settings((base or BASE) | {"duo": duo}, name="connector.toml", folder=folder)


def faults(folder: Path, base: dict | None = None, **keys) -> dict[str, str]:
    with pytest.raises(ConfigurationError) as caught:
        load(folder, base, **keys)
    return {fault.key: fault.problem for fault in caught.value.faults}


def test_three_keys_are_enough_and_duo_fails_closed(folder: Path):
    settings = load(folder)

    assert settings.duo.host == HOST
    assert (settings.duo.fail, settings.duo.open_for) == ("closed", ())
    assert settings.duo.user_name == "userName"
    assert settings.duo.client_secret.reveal() == SECRET
    assert SECRET not in repr(settings)


@pytest.mark.parametrize("written", [CLIENT_ID, {"file": "duo-id"}, {"env": "DUO_ID"}])
def test_a_client_id_may_be_written_or_kept_elsewhere(folder: Path, written):
    assert load(folder, client_id=written).duo.client_id == CLIENT_ID


def test_a_host_is_a_name_in_lower_case_and_may_have_a_port(folder: Path):
    assert load(folder, host=" API-1.DuoSecurity.com ").duo.host == "api-1.duosecurity.com"
    assert load(folder, host="localhost:8443").duo.host == "localhost:8443"


@pytest.mark.parametrize(
    ("keys", "key", "problem"),
    [
        ({"host": f"https://{HOST}"}, "duo.host", "API hostname that Duo shows"),
        ({"host": f"{HOST}/oauth"}, "duo.host", "API hostname"),
        ({"host": f"someone@{HOST}"}, "duo.host", "API hostname"),
        ({"host": "a..b"}, "duo.host", "API hostname"),
        ({"host": ""}, "duo.host", "API hostname"),
        ({"client_id": CLIENT_ID[:-1]}, "duo.client_id", f"and digits, not {CLIENT_ID[:-1]!r}"),
        ({"client_id": SECRET}, "duo.client_id", "20 letters and digits; the key holds 40 char"),
        ({"client_id": f" {SECRET}\n"}, "duo.client_id", "digits; the key holds 42 characters"),
        ({"client_id": {"file": "duo-secret"}}, "duo.client_id", "duo-secret holds 40 characters"),
        ({"client_id": {"file": "short"}}, "duo.client_id", "short holds 39 characters"),
        ({"client_id": {"env": "NOT_SET"}}, "duo.client_id", "empty or not set"),
        ({"client_secret": SECRET}, "duo.client_secret", "secrets are never written here"),
        ({"client_secret": {"file": "short"}}, "duo.client_secret", "short holds 39"),
        ({"fail": "ajar"}, "duo.fail", "'closed' or 'open'"),
        ({"fail": "open", "open_for": ["Canteen"]}, "duo", "open_for is only of use"),
        ({"open_for": ["Cantine"]}, "", "must name applications (Payroll, Canteen), not Cantine"),
        ({"ca_file": "nowhere.pem"}, "duo.ca_file", "no such file"),
        ({"timeout": "1s"}, "duo.timeout", "unknown key"),
    ],
)
def test_each_fault_is_said_with_its_key(folder: Path, keys: dict, key: str, problem: str):
    found = faults(folder, **keys)

    assert list(found) == [key]
    assert problem in found[key]
    assert SECRET[:20] not in str(found)


def test_duo_needs_an_identity_provider(folder: Path):
    found = faults(folder, {"source": BASE["source"]})

    assert found == {"": "duo: of use only with a section [idp]"}
