"""What we write is its own exclusive canonical form, by lxml's canonicaliser."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from connector.idp.xmldsig import Element, SigningKey, render, sign_enveloped
from tests.idp.bench import load_key

KEY: SigningKey = load_key("idp")

texts = st.text(max_size=20)
names = st.builds(
    "{}:{}".format, st.sampled_from(["saml", "samlp", "md"]), st.sampled_from(["A", "b", "C-1"])
)
attributes = st.dictionaries(st.sampled_from(["ID", "Value", "a", "B", "Z9"]), texts, max_size=4)


def elements(children):
    return st.builds(Element, names, attributes, st.lists(children, max_size=4).map(tuple))


trees = st.recursive(
    st.builds(Element, names, attributes, st.tuples(texts)),
    lambda inner: elements(st.one_of(inner, texts)),
    max_leaves=12,
).filter(lambda tree: isinstance(tree, Element))


def canonical(document: str) -> str:
    root = etree.fromstring(document.encode())
    return etree.tostring(root, method="c14n", exclusive=True, with_comments=False).decode()


@given(trees)
@settings(max_examples=300, deadline=None)
def test_what_is_written_is_its_own_canonical_form(tree: Element):
    written = render(tree)

    assert canonical(written) == written


@given(trees)
@settings(max_examples=40, deadline=None)
def test_what_is_signed_is_its_own_canonical_form_too(tree: Element):
    element = Element(tree.name, {**tree.attributes, "ID": "_1"}, tree.children)

    signed = sign_enveloped(element, KEY, position=0)

    assert canonical(signed) == signed


@given(st.text())
def test_every_text_comes_back_as_it_was_written_but_for_what_xml_cannot_hold(text: str):
    root = etree.fromstring(render(Element("saml:A", {"b": text}, (text,))).encode())

    held = "".join(char if _is_xml(char) else "\ufffd" for char in text)
    assert (root.text or "") == held
    assert root.get("b") == held


def _is_xml(char: str) -> bool:
    return (
        char in "\t\n\r"
        or " " <= char <= "\ud7ff"
        or "\ue000" <= char <= "\ufffd"
        or char > "\uffff"
    )
