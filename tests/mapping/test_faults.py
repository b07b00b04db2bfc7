"""Everything that is wrong with a mapping file is said at once, with its key."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.errors import ConfigurationError
from connector.mapping.load import load_mapping, parse_mapping
from tests.mapping.entries import LOGIN, user_mapping

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def faults_of(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        parse_mapping("own.toml", text)
    return [f"{fault.key}: {fault.problem}" for fault in caught.value.faults]


def faults_of_rule(*lines: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        user_mapping(*lines)
    return [f"{fault.key}: {fault.problem}" for fault in caught.value.faults]


def test_all_faults_of_a_file_are_said_at_once():
    faults = faults_of("""
        resorce = "User"
        [attributes]
        userNam = "mail"
        active = "c"
        title = { from = "ti tle", transform = ["lowr"], defalt = "x" }
        [login]
        nams = ["mail"]
        bind = 3
        [[example]]
        in = {}
    """)

    assert faults == [
        "resorce: unknown key; did you mean resource?",
        'resource: must be "User" or "Group", not None',
        "attributes.userName: is missing; every resource needs it",
        "attributes.userNam: User has no such attribute; did you mean userName?",
        "attributes.active: active is not for a mapping to set",
        "attributes.title: unknown key defalt; did you mean default?",
        "attributes.title: 'ti tle' is not the name of an attribute",
        "attributes.title: no transform is called lowr; did you mean lower?",
        "login.nams: unknown key; did you mean names?",
        "login.names: must list the attributes that people may sign in by",
        "login.bind: 3 is not the name of an attribute",
        'example[0]: must be a pair of tables, "in" and "out"',
    ]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("title = 3", 'title: must be an attribute name or a table such as { from = "mail" }'),
        ("title = {}", "title: needs one of: from, constant, template"),
        ('title = { from = "a", constant = "b" }', "title: needs one of: from, constant, template"),
        ("title = { from = [] }", "title: from must name an attribute"),
        ("title = { from = [1] }", "title: 1 is not the name of an attribute"),
        ("title = { constant = 3 }", "title: constant must be text in quotes"),
        ('title = { from = "a", default = 3 }', "title: default must be text in quotes"),
        ('title = { from = "a", required = "yes" }', "title: required must be true or false"),
        (
            'title = { from = "a", lookup = { x = 3 } }',
            'title: lookup must be a table such as { "Berlin" = "BER" }',
        ),
        (
            'title = { from = "a", transform = ["lower:x"] }',
            "title: the transform lower takes no argument",
        ),
        (
            'title = { from = "a", transform = ["cut"] }',
            "title: cut needs a number after a colon, such as \"cut:64\", not ''",
        ),
        (
            'title = { from = "a", transform = ["prefix"] }',
            'title: prefix needs an argument after a colon, such as "prefix:x"',
        ),
        (
            'title = { from = "a", transform = ["replace:a"] }',
            "title: replace needs what and by what, such as \"replace:old=>new\", not 'a'",
        ),
        (
            "title = { from = \"a\", transform = ['substitute:(a)=>\\2'] }",
            "title: substitute: '\\\\2' does not fit the pattern: invalid group reference 2 at position 1",
        ),
        ('title = { from = "a", when = [] }', "title: when must say something"),
        (
            'title = { from = "a", when = "c" }',
            'title: when must be a table such as { attribute = "c", equals = "DE" }',
        ),
        (
            'title = { from = "a", when = { attribute = "c", equal = "x", present = true } }',
            "title: unknown key equal in when; did you mean equals?",
        ),
        (
            'title = { from = "a", when = { attribute = "c", xyzzy = 1, present = true } }',
            "title: unknown key xyzzy in when; there are: attribute, present, equals, in, matches",
        ),
        (
            'title = { from = "a", when = { attribute = "c" } }',
            'title: when must be a table such as { attribute = "c", equals = "DE" }',
        ),
        (
            'title = { from = "a", when = { attribute = "c", present = "x" } }',
            "title: present must be true or false",
        ),
        (
            'title = { from = "a", when = { attribute = "c", in = "DE" } }',
            'title: in must be a list such as ["DE", "AT"]',
        ),
        (
            'title = { from = "a", when = { attribute = "c", equals = 3 } }',
            "title: equals must be text in quotes",
        ),
        (
            'title = { from = "a", when = { attribute = "c", matches = "(" } }',
            "title: the pattern '(' is not well-formed: missing ), unterminated subpattern at position 0",
        ),
        (
            'name = "cn"',
            'name: has parts: map them one by one, in quotes, such as "name.familyName"',
        ),
        (
            'name.givenName = "cn"',
            'name: has parts: map them one by one, in quotes, such as "name.familyName"',
        ),
        ('emails = "mail"', "emails: must be a list of tables"),
        ('"emails.value" = "mail"', "emails.value: must be a list of tables"),
        ('title = ["title"]', "title: must be one rule, not a list"),
        ('members = "member"', "members: members is not for a mapping to set"),
        ('externalId = "objectGUID"', "externalId: externalId is not for a mapping to set"),
        (
            f'"{ENTERPRISE}:manager" = "manager"',
            f"{ENTERPRISE}:manager: manager is not for a mapping to set",
        ),
        (
            'emails = ["mail"]',
            'emails[0]: must be a table such as { value = "mail", type = "work" }',
        ),
        (
            'emails = [{ value = "mail", typ = "work" }]',
            "emails[0].typ: no such part; did you mean type?",
        ),
        (
            'emails = [{ value = { from = "a b" } }]',
            "emails[0].value: 'a b' is not the name of an attribute",
        ),
        ('emails = [{ type = "work" }]', 'emails[0]: needs a rule, such as value = "mail"'),
        ('emails = [{ value = "mail", type = 3 }]', "emails[0]: type must be text in quotes"),
        (
            'emails = [{ value = "mail", primary = "yes" }]',
            "emails[0]: primary must be true or false",
        ),
        (
            'emails = [{ value = "mail", display = "cn", each = true }]',
            "emails[0]: each makes an element of every value, so that there can be one rule only",
        ),
        (
            'emails = [{ value = "mail", each = true, primary = true }]',
            "emails[0]: each may make several elements, of which only one could be primary",
        ),
        (
            'emails = [{ value = "mail", primary = true }, { value = "x", primary = true }]',
            "emails: only one element may be primary",
        ),
    ],
)
def test_each_fault_of_a_rule_is_said_with_its_key(line: str, fault: str):
    assert faults_of_rule(line) == [f"attributes.{fault}"]


def test_an_unknown_transform_without_a_likeness_is_answered_by_the_names_there_are():
    (fault,) = faults_of_rule('title = { from = "a", transform = "xyzzy" }')

    assert "there are: ascii_only, common_name, cut, " in fault


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('attributes = "x"', "attributes: must be a table of attribute paths"),
        ('login = "x"', 'login: must be a table of "names" and "bind"'),
        ('example = "x"', "example: must be written as [[example]]"),
        (
            "example = [{ in = { a = 1 }, out = {} }]",
            "example[0]: in.a must be text in quotes, or a list of such",
        ),
    ],
)
def test_a_section_of_the_wrong_form_is_said(text: str, fault: str):
    assert fault in faults_of(f'{text}\nresource = "User"\n')


def test_logins_are_for_users_only():
    text = f'resource = "Group"\n{LOGIN}[attributes]\ndisplayName = "cn"\n'

    assert faults_of(text) == ["login: is for users only"]


def test_toml_that_is_broken_is_said_with_its_line():
    assert faults_of('resource = "User"\n[attributes\n') == [
        ": not valid TOML: Expected ']' at the end of a table declaration (at line 2, column 12)"
    ]


def test_the_operators_file_comes_before_ours(tmp_path: Path):
    own, ours = tmp_path / "own", tmp_path / "ours"
    for folder, title in ((own, "title"), (ours, "description")):
        folder.mkdir()
        text = f'resource = "Group"\n[attributes]\ndisplayName = "{title}"\n'
        (folder / "x.toml").write_text(text)

    assert load_mapping("x.toml", [own, ours]).wanted == ("title",)
    (own / "x.toml").unlink()
    assert load_mapping("x.toml", [own, ours]).wanted == ("description",)


def test_a_file_that_is_missing_or_unreadable_is_said_with_its_place(tmp_path: Path):
    with pytest.raises(ConfigurationError, match=f"no such mapping file in {tmp_path}"):
        load_mapping("x.toml", [tmp_path])
    (tmp_path / "x.toml").write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match="cannot be read: not UTF-8 text"):
        load_mapping("x.toml", [tmp_path])


def test_the_fingerprint_follows_the_meaning_and_not_the_comments():
    text = 'resource = "Group"\n[attributes]\ndisplayName = "cn"\n'
    example = "[[example]]\nin = {}\nout = {}\n"

    first, commented, other = (
        parse_mapping("x", one).fingerprint
        for one in (text, f"# words\n{text}{example}", text.replace("cn", "name"))
    )

    assert first == commented != other
