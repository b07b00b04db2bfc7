"""A wrong configuration is told as a whole, each fault with its key."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from connector.errors import ConfigurationError
from connector.settings import Limit, Settings, load_settings
from tests.parts.settings_keys import keys_of

GOOD = """
[source]
servers = ["ldaps://dc1.corp.example"]
bind_dn = "svc@corp.example"
password = { file = "ad-password" }
base = "DC=corp,DC=example"
[[target]]
name = "mimecast"
base_url = "https://scim.example/v2/"
token = { env = "TOKEN" }
groups = ["CN=Mimecast Users,DC=corp,DC=example"]
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "ad-password").write_text("s3cret\n")
    monkeypatch.setenv("TOKEN", "t0ken")

    def write(text: str) -> Path:
        path = tmp_path / "connector.toml"
        path.write_text(text)
        return path

    return write


def faults(path: Path) -> dict[str, str]:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(path)
    return {fault.key: fault.problem for fault in caught.value.faults}


def test_a_good_file_has_every_value_typed_and_every_secret_read(write, tmp_path: Path):
    settings = load_settings(write(GOOD))

    assert settings.source.password.reveal() == "s3cret"
    assert "s3cret" not in repr(settings)
    assert "t0ken" not in repr(settings)
    assert settings.target[0].base_url == "https://scim.example/v2"
    assert settings.target[0].limits.max_disables == Limit(share=0.1)
    assert settings.schedule.every == timedelta(minutes=5)
    assert settings.state.url == f"sqlite:///{tmp_path}/state.db"


def test_no_key_turns_the_verification_of_certificates_off():
    """Authorities may be added (`ca_file`); nothing makes us believe whoever answers."""
    keys = keys_of(Settings)

    assert {"source.ca_file", "target.ca_file", "idp.ca_file", "mail.ca_file"} <= keys
    words = re.compile(r"insecure|unsafe|verif|trust_all|skip|ignore|no_tls|check_host|plain")
    assert {key for key in keys if words.search(key)} == set()


def test_what_others_change_is_reported_once_a_day_unless_told_otherwise(write):
    (target,) = load_settings(write(GOOD)).target
    assert (target.drift, target.drift_every, target.leave) == ("report", timedelta(days=1), ())

    more = 'drift = "repair"\ndrift_every = "6h"\nleave = ["title", "name"]\n'
    (target,) = load_settings(write(GOOD + more)).target
    assert (target.drift, target.drift_every) == ("repair", timedelta(hours=6))
    assert target.leave == ("title", "name")


def test_five_faults_are_five_lines_each_with_its_key(write):
    text = GOOD.replace("ldaps://dc1", "http://dc1").replace('{ file = "ad-password" }', '"x"')
    text = text.replace('groups = ["', 'grops = ["').replace("https://scim", "http://scim")
    path = write(text + '[schedule]\nevery = "5 fortnights"\n')

    with pytest.raises(ConfigurationError) as caught:
        load_settings(path)

    assert str(caught.value).splitlines() == [
        (
            'connector.toml: source.servers[0]: must be an LDAP URL such as "ldaps://dc1.corp.example",'
            " not 'http://dc1.corp.example'"
        ),
        (
            'connector.toml: source.password: must be { file = "path" } or { env = "NAME" };'
            " secrets are never written here"
        ),
        (
            "connector.toml: schedule.every: must be a number and a unit (s, m, h, d, w),"
            " such as \"5m\", not '5 fortnights'"
        ),
        "connector.toml: target[0].base_url: must be an https URL, not 'http://scim.example/v2/'",
        "connector.toml: target[0].grops: unknown key; did you mean groups?",
    ]


@pytest.mark.parametrize(
    "every", ["3155760001s", "36526d", "5218w", "99999999999999d", f"{'9' * 5000}w"]
)
def test_a_duration_of_more_than_a_hundred_years_is_refused_by_its_key(write, every):
    path = write(GOOD + f'[schedule]\nevery = "{every}"\n')

    assert faults(path) == {"schedule.every": f"must be at most 100 years, not {every!r}"}


def test_a_duration_of_a_hundred_years_is_taken(write):
    path = write(GOOD + '[schedule]\nevery = "36525d"\nfull_every = "0003155760000s"\n')

    schedule = load_settings(path).schedule

    assert schedule.every == schedule.full_every == timedelta(days=36525)


@pytest.mark.parametrize("every", ["0m", "00s", "m", "", "-5m", "5"])
def test_what_is_no_duration_is_refused_by_its_key(write, every):
    path = write(GOOD + f'[schedule]\nevery = "{every}"\n')

    assert list(faults(path)) == ["schedule.every"]
    assert faults(path)["schedule.every"].startswith("must be a number and a unit")


def test_an_application_needs_somewhere_to_come_from(write):
    text = GOOD + '[idp]\nbase_url = "https://sso.example"\n[[application]]\nname = "A"\n'

    assert faults(write(text)) == {
        "application[0]": "needs metadata (a file or an https URL), or preset, or entity_id and acs"
    }


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('{ file = "ad-password" }', '{ file = "nowhere" }', "source.password"),
        ('{ env = "TOKEN" }', '{ env = "NOT_SET" }', "target[0].token"),
        ('name = "mimecast"', 'name = ""', "target[0].name"),
        ("[[target]]", '[idp]\nbase_url = "ftp://x"\n[[target]]', "idp.base_url"),
        ("[[target]]", "[target.limits]", ""),
        ('base = "DC=corp,DC=example"', "", "source"),
        (
            "[[target]]",
            '[[target]]\nlimits = { max_deletes = "5 %%" }',
            "target[0].limits.max_deletes",
        ),
        ("[[target]]", "[[target]]\nconcurrency = 0", "target[0].concurrency"),
        ("[[target]]", '[[target]]\ndrift = "mend"', "target[0].drift"),
        ("[[target]]", '[[target]]\ndrift_every = "0h"', "target[0].drift_every"),
        ("[[target]]", '[[target]]\nleave = "title"', "target[0].leave"),
        ("[[target]]", '[[target]]\nleave = ["title", "externalId"]', "target[0].leave[1]"),
        ("[[target]]", '[[target]]\nleave = ["members"]', "target[0].leave[0]"),
        ("[[target]]", '[[target]]\nmode = "create-only"\ndrift = "repair"', "target[0]"),
    ],
)
def test_each_fault_names_its_key(write, old: str, new: str, key: str):
    assert old in GOOD
    found = faults(write(GOOD.replace(old, new)))

    assert any(name.startswith(key) for name in found), found


def test_broken_toml_says_the_line(write):
    assert "line 3" in faults(write("[source]\nservers = [\n]]"))[""]


def test_a_missing_file_says_how_to_get_one(tmp_path: Path):
    assert "connector init" in faults(tmp_path / "connector.toml")[""]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("CN=Mimecast Users, DC=corp, DC=example", "CN=Mimecast Users,DC=corp,DC=example"),
        (r"CN=Users\\2C EU,DC=corp", r"CN=Users\, EU,DC=corp"),
        (r"CN=Users\\, EU ,DC=corp", r"CN=Users\, EU,DC=corp"),
        (r"CN=a\\=b\\\\,DC=corp", r"CN=a\=b\\,DC=corp"),
        ("CN=Größe (alle)+x,DC=corp", "CN=Größe (alle)+x,DC=corp"),
    ],
)
def test_a_group_is_named_as_the_directory_names_it(write, written: str, meant: str):
    text = GOOD.replace("CN=Mimecast Users,DC=corp,DC=example", written)

    assert load_settings(write(text)).target[0].groups == (meant,)


@pytest.mark.parametrize("written", ["Mimecast Users", "*", "", "CN=,DC=corp", "CN=a,,DC=b"])
def test_a_group_that_is_no_distinguished_name_is_a_fault(write, written: str):
    found = faults(write(GOOD.replace("CN=Mimecast Users,DC=corp,DC=example", written)))

    assert "distinguished name" in found["target[0].groups[0]"]


API = """
kind = "mimecast-api"
name = "mimecast"
client_id = "id"
client_secret = { env = "TOKEN" }
folder = "Directory groups"
"""


def api(old: str = "", new: str = "", more: str = "") -> str:
    """Return a good file, with a target of Mimecast's API that was edited."""
    head, _, _ = GOOD.partition("[[target]]")
    return head + "[[target]]" + API.replace(old, new) + more


def test_a_target_of_the_api_has_defaults_of_its_own(write):
    (target,) = load_settings(write(api())).target

    assert target.base_url == "https://api.services.mimecast.com"
    assert target.mapping == "mimecast_api.toml"
    assert target.client_secret.reveal() == "t0ken"
    assert "t0ken" not in repr(target)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (api('client_id = "id"'), 'kind "mimecast-api" also needs: client_id'),
        (api(more='token = { env = "TOKEN" }\n'), 'kind "mimecast-api" has no: token'),
        (
            api(more='deprovision = "delete"\n'),
            'deprovision must be "disable": this API deletes nobody',
        ),
        (api('kind = "mimecast-api"'), 'kind "scim" also needs: base_url, token'),
        (
            GOOD + 'client_id = "id"\nfolder = "x"\n',
            'kind "scim" has no: client_id, folder',
        ),
    ],
)
def test_what_does_not_suit_the_kind_is_one_fault(write, text: str, problem: str):
    assert faults(write(text)) == {"target[0]": problem}


@pytest.mark.parametrize("value", ['"inline"', '{ file = "nowhere" }', '{ env = "NOT_SET" }'])
def test_a_client_secret_is_never_inline_and_must_be_there(write, value: str):
    text = api('{ env = "TOKEN" }', value)

    assert list(faults(write(text))) == ["target[0].client_secret"]
