"""What is said of people: rules as in mapping files, of SCIM attributes and of groups."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from connector.errors import ConfigurationError
from connector.idp.application.attribute import (
    NAME_FORMAT,
    Person,
    compile_attribute,
    plain_attributes,
)
from connector.idp.application.attribute_path import find_path_fault
from connector.idp.application.attribute_set import SETS_FILE, load_attribute_sets

SHIPPED = Path(__file__).parents[2] / "mappings"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ANNA = Person(
    {
        "userName": "anna@corp.example",
        "externalId": "6f1c",
        "displayName": "Anna Berg",
        "name": {"givenName": "Anna", "familyName": "Berg"},
        "emails": [
            {"value": "a.berg@corp.example", "type": "other"},
            {"value": "Anna@Corp.example", "type": "work", "primary": True},
        ],
        ENTERPRISE: {"department": "IT", "employeeNumber": "0042"},
    },
    (
        "CN=Admins,OU=Groups,DC=corp,DC=example",
        "CN=App-Wiki Editors,OU=Groups,DC=corp,DC=example",
        r"CN=Mail\, all,OU=Groups,DC=corp,DC=example",
    ),
)

# The rules of docs/applications.md, and what comes of them.
GOLDEN = {
    "emails.value": ("Anna@Corp.example",),
    "department": ("IT",),
    f"{ENTERPRISE}:department": ("IT",),
    'emails[type eq "other"].value': ("a.berg@corp.example",),
    "title": (),
    "groups": ANNA.groups,
}
GOLDEN_TABLES = [
    ({"from": ["title", "displayName"]}, ("Anna Berg",)),
    ({"from": "emails.value", "transform": ["lower"]}, ("anna@corp.example",)),
    ({"from": "emails.value", "transform": ["local_part", "upper"]}, ("ANNA",)),
    (
        {"from": "userName", "transform": ["prefix:CORP\\", "suffix:!"]},
        ("CORP\\anna@corp.example!",),
    ),
    ({"from": "employeeNumber", "transform": ["substitute:^0+=>"]}, ("42",)),
    ({"from": "displayName", "transform": ["split: ", "join:;"]}, ("Anna;Berg",)),
    ({"template": "{{ name.familyName | upper }}, {{ name.givenName }}"}, ("BERG, Anna",)),
    ({"template": "{{ department }}/{{ title }}"}, ()),
    ({"template": "{{ title | default('no title') }}"}, ("no title",)),
    ({"constant": "Northwind"}, ("Northwind",)),
    ({"from": "department", "lookup": {"it": "Technology"}}, ("Technology",)),
    ({"from": "title", "default": "Staff"}, ("Staff",)),
    ({"groups": "*", "transform": ["common_name"]}, ("Admins", "App-Wiki Editors", "Mail, all")),
    (
        {"groups": "CN=App-.*", "transform": ["common_name", "substitute:^App-=>"]},
        ("Wiki Editors",),
    ),
    (
        {"groups": {"CN=Admins,OU=Groups,DC=corp,DC=example": ["admin", "user"]}},
        ("admin", "user"),
    ),
    ({"groups": {"cn=nobody,dc=corp": "x"}, "default": "guest"}, ("guest",)),
    (
        {"constant": "yes", "when": {"attribute": "groups", "matches": "cn=admins,.*"}},
        ("yes",),
    ),
    ({"constant": "yes", "when": {"attribute": "title", "present": True}}, ()),
    ({"from": "groups", "transform": ["keep:cn=mail.*"]}, (ANNA.groups[2],)),
]


@pytest.mark.parametrize(("written", "values"), [*GOLDEN.items(), *GOLDEN_TABLES], ids=str)
def test_a_rule_gives_what_the_manual_says(written, values):
    assert compile_attribute("x", written).evaluate(ANNA) == values


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("mail", "people have no attribute 'mail'"),
        ("emails", "did you mean emails.value?"),
        ("name.givenname", "did you mean name.givenName?"),
        (3, "must be a SCIM attribute path or a table"),
        ({}, "needs one of: from, constant, template"),
        ({"frm": "title"}, "unknown key frm; did you mean from?"),
        ({"from": "title", "groups": "*"}, "needs one of: from, groups"),
        ({"from": "title", "transform": ["lowr"]}, "no transform is called lowr"),
        ({"template": "{{ nope.it }}"}, "people have no attribute 'nope.it'"),
        ({"constant": "x", "when": {"attribute": "c", "equals": "DE"}}, "no attribute 'c'"),
        ({"groups": "("}, "not well-formed"),
        ({"groups": 3}, "a table of names and values"),
        ({"groups": {"Admins": "x"}}, "must be a distinguished name"),
        ({"groups": {"CN=A,DC=x": 1}}, "must be text in quotes, or a list of such"),
        ({"from": "title", "name_format": "short"}, "name_format must be basic, uri"),
        ({"from": "title", "friendly_name": 1}, "friendly_name must be text"),
    ],
)
def test_a_rule_that_cannot_work_is_refused_with_its_fault(written, fault):
    with pytest.raises(ValueError, match=re.escape(fault)):
        compile_attribute("x", written)


@pytest.mark.parametrize(
    ("name", "written", "name_format"),
    [
        ("mail", "title", f"{NAME_FORMAT}basic"),
        ("urn:oid:1.2", "title", f"{NAME_FORMAT}uri"),
        ("mail", {"from": "title", "name_format": "unspecified"}, f"{NAME_FORMAT}unspecified"),
        ("mail", {"from": "title", "name_format": "urn:x:y"}, "urn:x:y"),
    ],
)
def test_the_format_of_the_name_is_that_of_its_kind_unless_it_is_said(name, written, name_format):
    assert compile_attribute(name, written).name_format == name_format


def test_a_name_that_is_too_long_for_a_pattern_matches_none():
    rule = compile_attribute("x", {"groups": "cn=.*"})

    assert rule.evaluate(Person({}, ("CN=" + "x" * 300, "CN=short"))) == ("CN=short",)


def test_rules_are_the_same_if_they_were_written_the_same():
    """A reload that changes nothing is no news."""
    first, again = (plain_attributes({"mail": "emails.value"}) for _ in range(2))

    assert first == again
    assert first != plain_attributes({"mail": "userName"})


def test_a_rule_is_shown_as_it_was_written():
    rule = compile_attribute("x", {"groups": {"CN=A,DC=x": "a"}, "transform": ["upper"]})

    assert rule.written == '{ groups = { "CN=A,DC=x" = "a" }, transform = ["upper"] }'


def test_what_a_value_cannot_be_read_as_is_no_value_of_another_kind():
    rule = compile_attribute("x", {"from": "userName", "transform": ["filetime"]})

    with pytest.raises(ValueError, match="not a file time"):
        rule.evaluate(ANNA)


def blocks_of_toml(manual: str) -> list[dict]:
    """Return the indented examples of a manual that are tables of attributes."""
    found, lines = [], []
    for line in [*manual.splitlines(), "end"]:
        if line.startswith("    ") or not line:
            lines.append(line.removeprefix("    "))
        else:
            if any(each.startswith("[application.attributes") for each in lines):
                found.append(tomllib.loads("\n".join(lines)))
            lines = []
    return found


def test_the_examples_of_the_manual_work():
    manual = (SHIPPED.parent / "docs" / "applications.md").read_text(encoding="utf-8")

    (block,) = blocks_of_toml(manual)
    rules = {
        name: compile_attribute(name, written)
        for name, written in block["application"]["attributes"].items()
    }

    assert rules["fullName"].evaluate(ANNA) == ("Berg, Anna (IT)",)
    assert rules["displayName"].evaluate(ANNA) == ("ANNA BERG",)
    assert rules["role"].evaluate(ANNA) == ("admin",)
    assert len(rules) == 8


def test_every_shipped_set_does_what_its_examples_say():
    sets = load_attribute_sets([SHIPPED])

    assert list(sets.failures()) == []
    assert {example.set_name for example in sets.examples} == set(sets.sets)


def test_every_shipped_rule_reads_something_that_there_is():
    for rules in load_attribute_sets([SHIPPED]).sets.values():
        for rule in rules:
            if not rule.written.startswith("{"):
                assert find_path_fault(rule.written) == ""


OWN = """
[set.basic]
mail = { from = "emails.value", transform = ["lower"] }
[set.crm]
who = "userName"
[[example]]
set = "basic"
user = { emails = [{ value = "Anna@Corp.example" }], displayName = "Anna" }
out = { mail = "anna@corp.example", displayName = "Anna" }
[[example]]
set = "crm"
user = { userName = "anna" }
groups = ["CN=A,DC=x"]
out = { who = "ben" }
"""


def test_sets_of_ones_own_are_laid_over_ours_and_their_examples_run(tmp_path):
    (tmp_path / SETS_FILE).write_text(OWN)

    sets = load_attribute_sets([tmp_path, SHIPPED])

    assert sets.find("who").written == "userName"
    (failure,) = sets.failures()
    assert (failure.key, failure.problem) == ("example[1]", "expected who = ben, got who = anna")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[set.x]\na = 1", "set.x.a: must be a SCIM attribute path"),
        ("[set]\nx = 1", "set.x: must be a table"),
        ("colour = 1", "colour: unknown key"),
        ('[[example]]\nset = "basic"', 'example[0]: must have "set"'),
    ],
)
def test_a_file_of_sets_with_faults_is_refused(tmp_path, text, words):
    (tmp_path / SETS_FILE).write_text(text)

    with pytest.raises(ConfigurationError) as refused:
        load_attribute_sets([tmp_path, SHIPPED])
    assert words in str(refused.value)
