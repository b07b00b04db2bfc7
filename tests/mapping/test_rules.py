"""What a rule does with an entry's values."""

from __future__ import annotations

import pytest

from connector.mapping.mapper import map_entry
from connector.mapping.resource import MappedResource
from tests.mapping.entries import EXTERNAL_ID, entry, mapped, user_mapping

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
CORE = "urn:ietf:params:scim:schemas:core:2.0:User"


def test_the_first_attribute_that_has_a_value_counts():
    rule = 'title = ["x"]'.replace('["x"]', '{ from = ["title", "description"] }')

    assert mapped(rule, title="Clerk", description="x") == {"title": "Clerk"}
    assert mapped(rule, description="Clerk") == {"title": "Clerk"}
    assert mapped(rule) == {}


@pytest.mark.parametrize("blank", ["", " ", "\t\r\n", "\u00a0"])
def test_a_blank_value_counts_as_none(blank: str):
    rule = 'title = { from = ["title", "description"], default = "Staff" }'

    assert mapped(rule, title=blank, description="Clerk") == {"title": "Clerk"}
    assert mapped(rule, title=blank) == {"title": "Staff"}
    assert mapped('title = { from = "title", required = true }', title=blank) == (
        "title: is required and the entry has no value for it"
    )
    assert mapped('title = { from = "title", transform = ["cut:1"] }', title=" x") == {}


def test_attribute_names_are_the_same_in_any_case():
    assert mapped('title = "TITLE"', title="Clerk") == {"title": "Clerk"}
    assert mapped('title = { template = "{{ Title }}" }', title="Clerk") == {"title": "Clerk"}


def test_transforms_follow_each_other():
    rule = 'title = { from = "title", transform = ["split:;", "strip", "first", "upper"] }'

    assert mapped(rule, title=" clerk ;boss") == {"title": "CLERK"}


def test_a_lookup_exchanges_what_it_names_and_leaves_the_rest():
    rule = 'title = { from = "title", lookup = { "Sachbearbeiter" = "Clerk" } }'

    assert mapped(rule, title="SACHBEARBEITER") == {"title": "Clerk"}
    assert mapped(rule, title="Boss") == {"title": "Boss"}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ('{ attribute = "c", equals = "de" }', True),
        ('{ attribute = "c", equals = "AT" }', False),
        ('{ attribute = "c", in = ["AT", "DE"] }', True),
        ('{ attribute = "c", in = [] }', False),
        ('{ attribute = "c", matches = "d." }', True),
        ('{ attribute = "c", matches = "d" }', False),
        ('{ attribute = "c", present = true }', True),
        ('{ attribute = "co", present = true }', False),
        ('{ attribute = "co", present = false }', True),
        ('{ attribute = "st", present = false }', True),
        ('{ attribute = "c", equals = "DE", matches = "x" }', False),
        ('[{ attribute = "c", equals = "DE" }, { attribute = "st", present = false }]', True),
        ('[{ attribute = "c", equals = "DE" }, { attribute = "l", equals = "Bonn" }]', False),
    ],
)
def test_a_rule_applies_only_when_its_condition_holds(condition: str, holds: bool):
    rule = f'title = {{ from = "title", when = {condition} }}'

    document = mapped(rule, title="Clerk", c="DE", l="Berlin", st=" ")

    assert document == ({"title": "Clerk"} if holds else {})


def test_what_a_condition_looks_at_is_read_from_the_source():
    mapping = user_mapping(
        'title = { template = "{{ givenName }}", when = { attribute = "C", present = true } }'
    )

    assert mapping.wanted == ("c", "givenname", "mail", "userprincipalname")


def test_every_value_makes_an_element_and_equal_ones_are_there_once():
    rules = """emails = [
      { value = "mail", type = "work", primary = true },
      { value = { from = "proxyAddresses", transform = ["smtp_aliases"] }, type = "other", each = true },
    ]"""
    proxies = ("SMTP:a@x.example", "smtp:A@X.example", "smtp:b@x.example", "smtp:B@x.example")

    assert mapped(rules, mail="a@x.example", proxyAddresses=proxies)["emails"] == [
        {"value": "a@x.example", "type": "work", "primary": True},
        {"value": "b@x.example", "type": "other"},
    ]
    assert mapped(rules) == {}


def test_an_element_has_the_parts_that_have_values():
    rule = 'addresses = [{ locality = "l", country = "c", type = "work" }]'

    assert mapped(rule, c="DE") == {"addresses": [{"country": "DE", "type": "work"}]}
    assert mapped(rule) == {}


def test_a_required_part_of_an_element_is_missed_by_its_path():
    rule = 'emails = [{ value = { from = "mail", required = true } }]'

    assert mapped(rule) == "emails.value: is required and the entry has no value for it"


def test_an_extension_is_announced_only_if_something_of_it_is_there():
    mapping = user_mapping(f'"{ENTERPRISE}:department" = "department"')

    with_department = map_entry(entry(department="Sales"), mapping)
    without = map_entry(entry(), mapping)

    assert isinstance(with_department, MappedResource)
    assert isinstance(without, MappedResource)
    assert with_department.document == {
        "schemas": [CORE, ENTERPRISE],
        "externalId": EXTERNAL_ID,
        "userName": "somebody",
        ENTERPRISE: {"department": "Sales"},
    }
    assert without.document["schemas"] == [CORE]


def test_a_value_that_a_transform_cannot_read_is_a_problem_and_is_not_repeated():
    """Also for an attribute that is not required: nothing passes in silence."""
    rules = {
        'title = { from = "x", transform = ["filetime"] }': "title: a value is not a file time",
        'title = { from = "x", transform = ["generalized_time"] }': (
            "title: a value is not a generalized time"
        ),
        'title = { from = "x", transform = ["common_name"] }': (
            "title: a value is not a distinguished name"
        ),
        'phoneNumbers = [{ value = { from = "x", transform = ["e164:49"] } }]': (
            "phoneNumbers.value: a value is not a telephone number with its country or area"
        ),
        f'"{ENTERPRISE}:department" = {{ template = "{{{{ x < 3 }}}}" }}': (
            f"{ENTERPRISE}:department: the template cannot be computed (TypeError)"
        ),
    }

    for rule, problem in rules.items():
        assert mapped(rule, x="secret") == problem


@pytest.mark.parametrize("ticks", ["0", "9223372036854775807", "9223372036854775806"])
def test_a_file_time_that_means_never_is_no_value(ticks: str):
    assert mapped('title = { from = "x", transform = ["filetime"] }', x=ticks) == {}


def test_a_value_too_long_for_a_pattern_is_a_problem():
    long = "x" * 257
    for rule in (
        'title = { from = "x", transform = ["keep:x+"] }',
        'title = { from = "x", transform = ["drop:x+"] }',
        'title = { from = "x", transform = ["substitute:x+=>y"] }',
        'title = { from = "x", when = { attribute = "x", matches = "x+" } }',
    ):
        assert mapped(rule, x=long) == (
            "title: a value is longer than the 256 characters that a pattern may see"
        )


def test_a_value_that_transforms_make_huge_is_a_problem():
    grow = ", ".join(['"replace:x=>xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"'] * 6)
    rule = f'title = {{ from = "x", transform = [{grow}] }}'

    assert mapped(rule, x="x") == "title: a value becomes longer than 4000 characters"


def test_the_digest_changes_with_the_document_and_with_nothing_else():
    mapping = user_mapping('title = "title"')
    results = [
        map_entry(entry(**attributes), mapping)
        for attributes in ({"title": "a", "mail": "m"}, {"mail": "m", "title": "a"}, {"title": "b"})
    ]

    first, same, other = (result.digest for result in results)
    assert first == same != other
    assert len(first) == 16


def test_people_sign_in_by_every_name_in_any_case():
    person = entry(
        mail=(" Anna@X.example ", "", "ANNA@x.example"), userPrincipalName=("Anna@corp",)
    )

    result = map_entry(person, user_mapping())

    assert (result.login_names, result.bind_name) == (("anna@x.example",), "Anna@corp")
    assert map_entry(entry(), user_mapping()).bind_name == ""
