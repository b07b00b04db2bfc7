"""Policies in `connector.toml`: what is wrong is said with its key, before anybody signs in."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from connector.bootstrap.policies import load_policies, rules_of
from connector.bootstrap.policy_check import lint_policies
from connector.bootstrap.policy_layers import make_policies, points_of
from connector.errors import ConfigurationError
from connector.idp.policy.points import Points
from connector.settings import PolicySettings, Rules, load_settings
from tests.parts.mmdb import write_mmdb

if TYPE_CHECKING:
    from connector.settings import Settings

FRAME = """
[source]
kind = "file"
file = "company.toml"
[idp]
base_url = "https://sso.corp.example"
session_lifetime = "8h"
{idp}
{policy}
[[application]]
name = "Payroll"
preset = "mimecast-personal-portal"
region = "us"
account_code = "CUSA1A1"
{application}
"""


@pytest.fixture
def load(tmp_path: Path):
    (tmp_path / "company.toml").write_text("")
    write_mmdb(tmp_path / "countries.mmdb", {"10.0.0.0/8": {"country": {"iso_code": "DE"}}})

    def load(policy: str = "", application: str = "", idp: str = "") -> Settings:
        path = tmp_path / "connector.toml"
        path.write_text(FRAME.format(policy=policy, application=application, idp=idp))
        return load_settings(path)

    return load


def fault(call, *arguments) -> dict[str, str]:
    with pytest.raises(ConfigurationError) as caught:
        call(*arguments)
    return {each.key: each.problem for each in caught.value.faults}


FULL = """
[policy]
authentication = "enforce"
new_users = "deny"
factors = ["passkey", "totp"]
phishing_resistant = true
second_factor = "4h"
remembered_devices = "shared"
remembered_for = "2w"
passwordless = false
session_lifetime = "6h"
session_idle = "30m"
[policy.networks]
without = ["10.0.0.0/8", "2001:db8::/32"]
require = ["192.0.2.7"]
refuse = ["10.66.0.0/16"]
others = "refuse"
enrol_from_without = false
[policy.countries]
without = ["de"]
require = ["FR"]
refuse = ["KP", "IR"]
others = "refuse"
[policy.browsers]
chrome = 120
firefox = 115
safari = 16
edge = 120
"""
LAYERS = """
[application.policy]
second_factor = "login"
[[application.group_policy]]
groups = ["CN=Board,DC=corp", "CN=Payroll,DC=corp"]
factors = ["passkey"]
[application.group_policy.networks]
without = []
"""


def test_every_key_reaches_its_point(load):
    settings = load(FULL, LAYERS, 'countries_file = "countries.mmdb"')
    policies = load_policies(settings)

    found = policies.general
    assert set(found.layers.values()) == {"global"}
    assert found.points.second_factor == timedelta(hours=4)
    assert found.points.countries_without == {"DE"}
    assert str(found.points.networks_without) == "10.0.0.0/8, 2001:db8::/32"
    differing = [
        name for name in Points.__slots__ if getattr(found.points, name) != getattr(Points(), name)
    ]
    assert sorted(differing) == sorted(set(Points.__slots__) - {"authentication"})


def test_an_application_and_its_groups_have_layers_of_their_own(load):
    policies = load_policies(load(FULL, LAYERS, 'countries_file = "countries.mmdb"'))

    some, board = (
        policies.effective_for("payroll", groups) for groups in ((), {"cn=board,dc=corp"})
    )
    assert some.layer_of("second_factor") == board.layer_of("second_factor")
    assert some.layer_of("second_factor") == "application Payroll"
    assert some.layer_of("factors") == "global"
    assert board.layer_of("factors") == "group CN=Board,DC=corp and 1 more on Payroll"
    assert not board.points.networks_without
    assert board.points.networks_require == some.points.networks_require
    assert policies.effective_for("payroll", {"cn=other,dc=corp"}) is some
    assert policies.effective_for("elsewhere", {"cn=board,dc=corp"}) is policies.general


def test_without_a_policy_nobody_is_asked_and_sessions_last_as_configured(load):
    found = load_policies(load()).effective_for("payroll", ())

    assert found.points.authentication == "bypass"
    assert found.points.session_lifetime == timedelta(hours=8)
    assert set(found.layers.values()) == {"default"}
    (finding,) = lint_policies(rules_of(load()))
    assert finding[0] == "policy"
    assert "nobody is asked for a second factor" in finding[1]


def test_an_empty_policy_asks_everybody_and_sessions_last_as_configured(load):
    found = load_policies(load("[policy]")).effective_for("payroll", ())

    assert found.points.authentication == "enforce"
    assert found.points.session_lifetime == timedelta(hours=8)
    assert list(lint_policies(rules_of(load("[policy]")))) == []


def test_the_defaults_of_the_keys_are_those_of_the_points():
    every = PolicySettings()
    for key in PolicySettings.model_fields:
        value = getattr(every, key)
        if isinstance(
            value, tuple(type(getattr(every, one)) for one in ("networks", "browsers", "countries"))
        ):
            value.model_fields_set.update(type(value).model_fields)
        every.model_fields_set.add(key)

    said = points_of(every)

    assert said == {name: getattr(Points(), name) for name in Points.__slots__}


def test_rules_read_back_from_json_are_the_same(load):
    rules = rules_of(load(FULL, LAYERS, 'countries_file = "countries.mmdb"'))

    again = Rules.model_validate_json(rules.to_json())

    assert again == rules
    assert make_policies(again) == make_policies(rules)
    assert again.to_json() == rules.to_json()


@pytest.mark.parametrize(
    ("policy", "key", "problem"),
    [
        ('factor = ["totp"]', "policy.factor", "unknown key; did you mean factors?"),
        ("factors = []", "policy.factors", "must name at least one"),
        ('factors = ["sms"]', "policy.factors[0]", "'passkey', 'duo', 'totp'"),
        (
            'factors = ["recovery-code"]',
            "policy",
            "factors must name one that people have: passkey, duo, totp",
        ),
        (
            'phishing_resistant = true\nfactors = ["totp"]',
            "policy",
            'phishing_resistant needs "passkey" in factors',
        ),
        (
            'second_factor = "often"',
            "policy.second_factor",
            'must be "session", "login" or a duration such as "4h", not \'often\'',
        ),
        ('remembered_for = "for ever"', "policy.remembered_for", "must be a number and a unit"),
        (
            'second_factor = "5218w"',
            "policy.second_factor",
            "must be at most 100 years, not '5218w'",
        ),
        (
            "remembered_devices = true",
            "policy.remembered_devices",
            "'off', 'application' or 'shared'",
        ),
        ('authentication = "off"', "policy.authentication", "'enforce', 'bypass' or 'deny'"),
        (
            '[policy.networks]\nwithout = ["10.0.0.1/8"]',
            "policy.networks.without[0]",
            "must be a network such as \"10.0.0.0/8\", not '10.0.0.1/8'",
        ),
        (
            '[policy.networks]\nwithout = ["10.1.0.0/16"]\nrefuse = ["10.0.0.0/8"]',
            "policy.networks",
            "10.1.0.0/16 in without would never count: 10.0.0.0/8 in refuse is the same or wider",
        ),
        (
            '[policy.networks]\nrequire = ["10.1.0.0/16"]\nwithout = ["10.1.0.0/16"]',
            "policy.networks",
            "10.1.0.0/16 in without would never count",
        ),
        ('[policy.networks]\nothers = "deny"', "policy.networks.others", "'ask' or 'refuse'"),
        (
            '[policy.countries]\nrefuse = ["Korea"]',
            "policy.countries.refuse[0]",
            "must be a code of two letters such as \"DE\", not 'Korea'",
        ),
        (
            '[policy.countries]\nrefuse = ["kp"]\nwithout = ["KP"]',
            "policy.countries",
            "each country belongs in one list; named twice: KP",
        ),
        ("[policy.browsers]\nchrome = -1", "policy.browsers.chrome", "greater than or equal to 0"),
        ("[policy.browsers]\nopera = 1", "policy.browsers.opera", "unknown key"),
    ],
)
def test_what_is_wrong_in_itself_is_said_with_its_key(load, policy: str, key: str, problem: str):
    found = fault(load, f"[policy]\n{policy}\n")

    assert list(found) == [key]
    assert problem in found[key]


@pytest.mark.parametrize(
    ("application", "key", "problem"),
    [
        ("[[application.group_policy]]\npasswordless = false", "application[0].group_policy[0].groups", "is missing"),
        ("[[application.group_policy]]\ngroups = []", "application[0].group_policy[0].groups", "must name at least one"),
        ('[[application.group_policy]]\ngroups = ["*"]', "application[0].group_policy[0].groups[0]", "must be a distinguished name"),
        ('[application.policy]\ngroups = ["CN=A,DC=b"]', "application[0].policy.groups", "unknown key"),
    ],
)  # fmt: skip
def test_a_layer_for_some_names_their_groups(load, application: str, key: str, problem: str):
    found = fault(load, "[policy]", application)

    assert list(found) == [key]
    assert problem in found[key]


@pytest.mark.parametrize(
    ("policy", "application", "key", "problem"),
    [
        (
            "",
            '[application.policy]\nsecond_factor = "login"',
            "application[0].policy",
            "needs a table [policy], which may be empty",
        ),
        (
            '[policy]\nfactors = ["totp"]',
            "[application.policy]\nphishing_resistant = true",
            "application[0].policy",
            "phishing_resistant (application Payroll) leaves no factor: factors (global) has no",
        ),
        (
            "[policy]\nphishing_resistant = true",
            '[[application.group_policy]]\ngroups = ["CN=A,DC=b"]\nfactors = ["totp"]',
            "application[0].group_policy[0]",
            "phishing_resistant (global) leaves no factor: factors (group CN=A,DC=b on Payroll)",
        ),
        (
            '[policy]\nfactors = ["duo", "recovery-code"]',
            '[application.policy]\nsecond_factor = "login"',
            "policy",
            "factors (global) asks for Duo, and there is no table [duo]",
        ),
        (
            "[policy]",
            '[application.policy.networks]\nothers = "refuse"',
            "application[0].policy",
            "networks.others (application Payroll) would refuse everybody: name networks",
        ),
        (
            "[policy]",
            '[application.policy.countries]\nrefuse = ["KP"]\nothers = "refuse"',
            "application[0].policy",
            "countries.others (application Payroll) would refuse everybody: name countries",
        ),
        (
            '[policy]\nsession_lifetime = "9h"',
            # What is wrong below is not said again by each layer above.
            LAYERS,
            "policy",
            "session_lifetime (global) must not be longer than session_lifetime in [idp]",
        ),
        (
            "[policy]",
            '[application.policy]\nsession_idle = "2h"',
            "application[0].policy",
            "session_idle (application Payroll) must not be longer than session_idle in [idp]",
        ),
        (
            '[policy.countries]\nrefuse = ["KP"]',
            "",
            "policy.countries",
            "needs countries_file in [idp]",
        ),
    ],
)
def test_what_is_wrong_together_is_said_with_both_layers(
    load, policy: str, application: str, key: str, problem: str
):
    idp = 'countries_file = "countries.mmdb"' if "countries_file" not in problem else ""
    found = fault(load_policies, load(policy, application, idp))

    assert list(found) == [key]
    assert problem in found[key]


def test_what_a_layer_adds_makes_the_one_below_right(load):
    """Only from networks that the application names itself."""
    policy = '[policy.networks]\nwithout = ["10.0.0.0/8"]'

    found = load_policies(load(policy, '[application.policy.networks]\nothers = "refuse"'))

    assert found.effective_for("payroll", ()).layer_of("networks_without") == "global"


def test_a_layer_for_groups_that_another_had_first_is_odd(load):
    board, staff = '"CN=Board,DC=corp"', '"CN=Staff,DC=corp"'
    layers = "".join(
        f"[[application.group_policy]]\ngroups = [{names}]\n"
        for names in (board, f"{staff}, {board}", staff.lower())
    )

    (finding,) = lint_policies(rules_of(load("[policy]", layers)))

    assert finding == (
        "application Payroll",
        "group_policy[2] never decides: its groups are in earlier ones",
    )


def test_a_policy_needs_an_identity_provider(tmp_path: Path):
    (tmp_path / "company.toml").write_text("")
    path = tmp_path / "connector.toml"
    path.write_text('[source]\nkind = "file"\nfile = "company.toml"\n[policy]\n')

    assert fault(load_settings, path) == {"": "policy: of use only with a section [idp]"}


def test_a_layer_without_passkeys_is_odd(load):
    """NIST SP 800-63B-4 section 2.2.2: one factor that resists phishing is to be offered."""
    layer = '[application.policy]\nfactors = ["totp"]\n'

    (finding,) = lint_policies(rules_of(load("[policy]", layer)))

    assert finding[0] == "policy"
    assert finding[1].startswith("application[0].policy.factors leaves out passkeys")
