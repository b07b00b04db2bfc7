"""The mappings that we ship: their examples, their documentation, and what people do to them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from connector.clock import FixedClock
from connector.mapping.condition import TESTS
from connector.mapping.examples import check_examples
from connector.mapping.load import load_mapping, parse_mapping, shipped_folder
from connector.mapping.mapper import map_entry
from connector.mapping.resource import MappingProblem
from connector.mapping.rules import RULE_KEYS
from connector.mapping.template import FILTERS
from connector.mapping.transform import TRANSFORMS
from connector.mapping.transform_with import TRANSFORMS_WITH_ARGUMENT
from connector.source.file import FileSource
from connector.source.roll_call import RollCall
from tests.mapping.entries import LOGIN

ROOT = Path(__file__).parents[2]
SHIPPED = ("active_directory.user.toml", "active_directory.group.toml")


@pytest.mark.parametrize("name", SHIPPED)
def test_the_examples_of_our_mappings_come_out_as_written(name: str):
    mapping = load_mapping(name, [shipped_folder()])

    assert len(mapping.examples) >= 3
    assert [str(fault) for fault in check_examples(mapping)] == []


def test_an_example_that_comes_out_otherwise_is_shown_with_both_values():
    text = f"""
        resource = "User"
        {LOGIN}
        [attributes]
        userName = {{ from = "mail", required = true }}
        emails = [{{ value = "mail" }}]
        [[example]]
        in = {{ mail = "a@x.example" }}
        out = {{ userName = "b@x.example", emails = [{{ value = "a@x.example" }}] }}
        [[example]]
        in = {{}}
        out = {{ userName = "b" }}
        [[example]]
        in = {{ mail = "a@corp.local" }}
        out = {{ userName = "a@corp.local", emails = [{{ value = "a@corp.local" }}] }}
    """

    faults = [str(fault) for fault in check_examples(parse_mapping("own.toml", text))]

    emails = '"emails":[{"value":"a@x.example"}]'
    first = f'{{{emails},"userName":"b@x.example"}}, got {{{emails},"userName":"a@x.example"}}'
    missing = '{"problem":"userName is required and the entry has no value for it"}'
    assert faults == [
        f"own.toml: example[0]: expected {first}",
        f'own.toml: example[1]: expected {{"userName":"b"}}, got {missing}',
    ]


def test_an_example_whose_document_breaks_the_schema_is_a_fault():
    text = f"""
        resource = "User"
        {LOGIN}
        [attributes]
        userName = "mail"
        photos = [{{ value = "url", type = "nonsense" }}]
        x509Certificates = [{{ value = "cert" }}]
        [[example]]
        in = {{ mail = "a", cert = "not base64!" }}
        out = {{ userName = "a", x509Certificates = [{{ value = "not base64!" }}] }}
    """

    (fault,) = check_examples(parse_mapping("own.toml", text))

    assert fault.key == "example[0]"
    assert "base64" in fault.problem.lower()


def test_the_sample_company_maps_but_for_the_one_who_has_no_name():
    mappings = {
        kind: load_mapping(f"active_directory.{kind}.toml", [shipped_folder()])
        for kind in ("user", "group")
    }
    company = FileSource(ROOT / "connector" / "demo" / "company.toml", FixedClock(None))

    results = [
        map_entry(entry, mappings[entry.kind])
        for page in company.read_full(RollCall({}), None)
        for entry in page.entries
    ]

    problems = [one for one in results if isinstance(one, MappingProblem)]
    assert [one.distinguished_name.partition(",")[0] for one in problems] == ["CN=Temp Account"]
    assert len({one.document.get("userName") for one in results if one not in problems}) > 290


@pytest.mark.parametrize(
    "name",
    [*TRANSFORMS, *TRANSFORMS_WITH_ARGUMENT, *RULE_KEYS, *TESTS, *FILTERS, "each", "primary"],
)
def test_everything_that_a_mapping_may_say_is_explained(name: str):
    readme = (ROOT / "mappings" / "README.md").read_text(encoding="utf-8")

    assert re.search(rf"`{name}\b", readme)


def test_the_pieces_of_the_explanation_work():
    readme = (ROOT / "mappings" / "README.md").read_text(encoding="utf-8")
    pieces = re.findall(r"```toml\n(.*?)```", readme, flags=re.DOTALL)

    for piece in pieces:
        text = piece
        if "[attributes]" not in piece:
            text = f'resource = "User"\n{LOGIN}[attributes]\nuserName = "mail"\n{piece}'
        assert check_examples(parse_mapping("README.md", text)) == []
    assert len(pieces) >= 4
