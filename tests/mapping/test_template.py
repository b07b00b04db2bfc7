"""Templates compute a value of others, and nothing else."""

from __future__ import annotations

import pytest

from connector.mapping.template import compile_template
from tests.mapping.entries import mapped

ANNA = {"givenname": ("Anna",), "sn": ("Berg",), "title": (" ",)}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ givenName }} {{ sn }}", "Anna Berg"),
        ("{{ givenName[0] }}. {{ sn | upper }}", "A. BERG"),
        ("{{ sn }}{% if title %}, {{ title }}{% endif %}", "Berg"),
        ("{{ title | default('-') }} {{ sn }}", "- Berg"),
        ("{{ 'x' if title is defined else sn ~ '!' }}", "Berg!"),
        ("{{ givenName | replace('n', 'm') }}", "Amma"),
        ("  {{ sn }}  ", "Berg"),
        ("{{ title }} {{ sn }}", None),
        ("{{ title | upper }}", None),
        ("{{ givenName[9] }}", None),
        ("   ", None),
    ],
)
def test_a_template_gives_text_or_nothing_if_an_attribute_is_missing(template: str, text: str):
    render, _ = compile_template(template)

    assert render(ANNA) == text


@pytest.mark.parametrize(
    "template",
    [
        "{% for x in sn %}{{ x }}{% endfor %}",
        "{% set x = sn ~ sn %}{{ x }}",
        "{% macro m() %}{% endmacro %}",
        "{% include 'x' %}",
        "{{ sn.__class__ }}",
        "{{ sn() }}",
        "{{ 9 ** 9 ** 9 ** 9 }}",
        "{{ 'x' * 999999999 }}",
        "{{ '%999999999d' % 1 }}",
        "{{ sn | format(1) }}",
        "{{ sn | map('upper') }}",
        "{{ [sn] }}",
        "{{ sn is callable }}",
        "{{ sn",
        "x" * 501,
    ],
)
def test_a_template_that_does_more_is_refused_before_it_runs(template: str):
    with pytest.raises(ValueError, match=r"template"):
        compile_template(template)


def test_a_template_cannot_grow_without_bound():
    chain = "".join([" | replace('A', 'AAAAAAAAAAAAAAAA')"] * 12)
    rule = f'title = {{ template = "{{{{ x{chain} }}}}" }}'

    assert mapped(rule, x="A") == "title: the template gives more than 2000 characters"
    assert mapped('title = { template = "{{ x }}!" }', x="A" * 2000) == (
        "title: the template gives more than 2000 characters"
    )


def test_markup_in_values_stays_what_it_is():
    assert mapped('title = { template = "{{ x | trim }}" }', x="{{ 7 }} <b>&") == {
        "title": "{{ 7 }} <b>&"
    }
