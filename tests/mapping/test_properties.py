"""Whatever a directory holds: an entry is mapped or is a problem, and what is mapped is SCIM."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from scim2_models import EnterpriseUser, Group, User

from connector.mapping.load import load_mapping, shipped_folder
from connector.mapping.mapper import map_entry
from connector.mapping.resource import MappedResource, MappingProblem
from connector.mapping.transform import TRANSFORMS
from connector.source.entry import EntryKind
from tests.mapping.entries import entry, user_mapping

USERS = load_mapping("active_directory.user.toml", [shipped_folder()])
GROUPS = load_mapping("active_directory.group.toml", [shipped_folder()])

values = st.lists(st.text(max_size=40), max_size=3).map(tuple)


def attributes_of(mapping) -> st.SearchStrategy:
    return st.dictionaries(st.sampled_from(mapping.wanted), values)


@settings(max_examples=200, deadline=None)
@given(attributes_of(USERS))
def test_any_user_becomes_a_scim_user_or_a_problem(attributes):
    result = map_entry(entry(**attributes), USERS)

    if isinstance(result, MappedResource):
        User[EnterpriseUser].model_validate(result.document)
        assert result.document.keys().isdisjoint({"id", "meta", "active", "members", "password"})
        assert all(name == name.strip().casefold() for name in result.login_names)
    else:
        assert isinstance(result, MappingProblem)
        assert result.attribute_path in {"userName", "emails.value"}


@settings(max_examples=400, deadline=None)
@given(st.text("aB1.-_+@ ", max_size=20))
def test_an_address_that_is_taken_is_one_for_scim_too(text):
    try:
        (address,) = TRANSFORMS["email"]((text,)) or ("a@x.example",)
    except ValueError:
        return
    User.model_validate({"emails": [{"value": address}]})


@settings(max_examples=50, deadline=None)
@given(attributes_of(GROUPS))
def test_any_group_becomes_a_scim_group_or_a_problem(attributes):
    result = map_entry(entry(EntryKind.GROUP, **attributes), GROUPS)

    if isinstance(result, MappedResource):
        Group.model_validate(result.document)


ALL_TRANSFORMS = {
    name: user_mapping(f'title = {{ from = "x", transform = ["{name}"] }}')
    for name in [
        *(*TRANSFORMS, "prefix:a", "suffix:a", "cut:3", "join:-", "split:a", "replace:a=>b"),
        *("substitute:a+=>b", "keep:.*a.*", "drop:.*a.*", "e164:49"),
    ]
}


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(ALL_TRANSFORMS)), values)
def test_no_transform_fails_on_any_text(name, texts):
    result = map_entry(entry(x=texts), ALL_TRANSFORMS[name])

    if isinstance(result, MappedResource):
        assert result.document.get("title", "x").strip()
    else:
        assert result.problem.startswith("a value is")
