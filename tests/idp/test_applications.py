"""Applications come from presets, metadata and the operator; all that is wrong is said at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.errors import ConfigurationError
from connector.idp.application.attribute_set import SETS_FILE, load_attribute_sets
from connector.idp.application.load import ApplicationSources, load_applications
from connector.idp.application.metadata_client import MetadataClient
from connector.idp.application.preset import PRESETS_FILE, load_presets
from connector.idp.application.service_provider import Registry
from connector.idp.names import EMAIL_FORMAT, PERSISTENT_FORMAT, UNSPECIFIED_FORMAT
from connector.settings import ApplicationSettings
from tests.idp.bench import NOW
from tests.idp.test_metadata import key_descriptor, sp_metadata

SHIPPED = Path(__file__).parents[2] / "mappings"
PORTAL = {"preset": "mimecast-personal-portal", "region": "us", "account_code": "CUSA1A1"}
CONSOLE = PORTAL | {"preset": "mimecast-administration-console"}
ENTITY_ID = "us-api.mimecast.com.CUSA1A1"


def sources(folder: Path, client: MetadataClient | None = None, **changes) -> ApplicationSources:
    """Return sources whose own mapping files are in a folder."""
    folders = [folder, SHIPPED]
    client = client or MetadataClient(folder / "copies")
    presets, sets = load_presets(folders), load_attribute_sets(folders)
    return ApplicationSources(presets, sets, client, NOW, **changes)


def configured(folder: Path, *settings: dict) -> list[ApplicationSettings]:
    return [
        ApplicationSettings.model_validate(each, context={"folder": folder}) for each in settings
    ]


def load(folder: Path, *settings: dict) -> Registry:
    return load_applications(configured(folder, *settings), sources(folder)).registry


def load_one(folder: Path, **settings):
    (application,) = load(folder, {"name": "A", **settings}).applications
    return application


def faults_of(folder: Path, *settings: dict) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        load(folder, *settings)
    return [str(fault) for fault in refused.value.faults]


def test_the_personal_portal_needs_a_region_and_a_code(tmp_path):
    application = load_one(tmp_path, groups=["CN=Staff,DC=x"], **PORTAL)

    described = application.service_provider
    assert described.entity_id == ENTITY_ID
    assert described.default_acs().url == "https://us-api.mimecast.com/login/saml"
    assert application.portal_acs_url == "https://us-api.mimecast.com/login/sso/mpp"
    assert application.name_id_format == EMAIL_FORMAT
    assert "urn:federation:authentication:windows" in application.tolerated_contexts
    assert (application.slug, application.groups) == ("a", frozenset({"cn=staff,dc=x"}))


def test_portal_and_console_of_one_account_stand_side_by_side(tmp_path):
    """Mimecast has one entity ID for both; the address decides."""
    registry = load(tmp_path, {"name": "Portal", **PORTAL}, {"name": "Console", **CONSOLE})

    found = registry.of_issuer(ENTITY_ID)
    assert [one.slug for one in found] == ["portal", "console"]
    assert found[1].portal_acs_url == "https://us-api.mimecast.com/login/sso/adcon"
    assert registry.of_issuer("https://us-api.mimecast.com/sso/CUSA1A1") == found


def test_the_console_may_have_an_entity_id_of_its_own(tmp_path):
    own = {"entity_id": "{host}.{account_code}.adcon"}
    registry = load(tmp_path, {"name": "Portal", **PORTAL}, {"name": "Console", **CONSOLE, **own})

    (console,) = registry.of_issuer(f"{ENTITY_ID}.adcon")
    assert console.slug == "console"
    assert [one.slug for one in registry.of_issuer(ENTITY_ID)] == ["portal"]


@pytest.mark.parametrize("preset", ["mimecast-personal-portal", "mimecast-administration-console"])
def test_every_region_of_a_preset_fills_its_templates(tmp_path, preset: str):
    found = load_presets([SHIPPED])[preset]
    for region in found.regions:
        application = load_one(tmp_path, **PORTAL | {"preset": preset, "region": region})
        described = application.service_provider
        texts = [*described.names, *(acs.url for acs in described.acs_endpoints)]
        assert not any("{" in text for text in (*texts, application.portal_acs_url))


def test_every_region_of_mimecast_has_a_host_of_its_own():
    found = load_presets([SHIPPED])["mimecast-personal-portal"]

    assert len({region["host"] for region in found.regions.values()}) == len(found.regions) == 9


def test_region_and_code_may_be_typed_in_any_case(tmp_path):
    registry = load(tmp_path, {"name": "M", **PORTAL, "region": "US", "account_code": "cusa1a1"})

    assert registry.of_issuer(ENTITY_ID)


def test_what_the_operator_says_comes_before_the_preset(tmp_path):
    application = load_one(
        tmp_path,
        **PORTAL,
        entity_id="https://{host}/sso/{account_code}",
        acs="https://{host}/other/saml",
        portal_acs="https://{host}/other/mpp",
        name_id="userName",
        name_id_format=UNSPECIFIED_FORMAT,
        relay_state="mail",
        sign_response=False,
        tolerated_contexts=["urn:x"],
    )

    described = application.service_provider
    assert described.names == ("https://us-api.mimecast.com/sso/CUSA1A1",)
    assert [acs.url for acs in described.acs_endpoints] == [
        "https://us-api.mimecast.com/other/saml"
    ]
    assert application.portal_acs_url == "https://us-api.mimecast.com/other/mpp"
    assert (application.name_id, application.name_id_format) == ("userName", UNSPECIFIED_FORMAT)
    assert (application.relay_state, application.signs_response) == ("mail", False)
    assert application.tolerated_contexts == {"urn:x"}


def test_one_more_region_is_two_lines_in_a_file_of_ones_own(tmp_path):
    (tmp_path / PRESETS_FILE).write_text(
        '[regions.mimecast]\nxx = { host = "xx-api.mimecast.com" }\n'
    )

    for preset in (PORTAL, CONSOLE):
        application = load_one(tmp_path, **preset | {"region": "xx"})
        assert application.service_provider.entity_id == "xx-api.mimecast.com.CUSA1A1"
    assert load_one(tmp_path, **PORTAL).service_provider.entity_id == ENTITY_ID


def test_a_preset_of_ones_own_needs_neither_regions_nor_codes(tmp_path):
    (tmp_path / PRESETS_FILE).write_text(
        '[preset.travel]\ntitle = "Travel"\nentity_id = "urn:travel"\nacs = ["https://t.example/acs"]\n'
    )

    application = load_one(tmp_path, preset="travel")

    assert application.service_provider.entity_id == "urn:travel"
    faults = faults_of(tmp_path, {"name": "A", "preset": "travel", "region": "us"})
    assert faults == ["connector.toml: application[0].region: has no regions, not 'us'"]


def test_part_of_a_preset_may_be_corrected(tmp_path):
    (tmp_path / PRESETS_FILE).write_text(
        '[preset.mimecast-personal-portal]\nportal_acs = "https://{host}/login/sso/new"\n'
    )

    application = load_one(tmp_path, **PORTAL)

    assert application.portal_acs_url == "https://us-api.mimecast.com/login/sso/new"
    assert (
        application.service_provider.default_acs().url == "https://us-api.mimecast.com/login/saml"
    )


def test_metadata_comes_from_a_file_beside_the_configuration(tmp_path):
    (tmp_path / "sp.xml").write_text(sp_metadata())

    application = load_one(tmp_path, metadata="sp.xml", groups="*")

    assert application.service_provider.entity_id == "https://sp.example/md"
    assert application.admits_everybody


def test_a_service_provider_may_be_described_by_hand(tmp_path):
    application = load_one(
        tmp_path, entity_id="urn:crm", acs=["https://crm.example/a", "https://crm.example/b"]
    )

    described = application.service_provider
    assert (described.entity_id, described.default_acs().url) == (
        "urn:crm",
        "https://crm.example/a",
    )
    assert described.find_acs("https://crm.example/b", None)


def test_another_address_of_the_metadata_may_be_the_default(tmp_path):
    (tmp_path / "sp.xml").write_text(sp_metadata(acs=acs("a", 0, "true") + acs("b", 1)))

    chosen = load_one(tmp_path, metadata="sp.xml", acs="https://sp.example/b")

    assert chosen.service_provider.default_acs().url == "https://sp.example/b"
    assert (
        "must be one of the addresses in its metadata"
        in faults_of(tmp_path, {"name": "A", "metadata": "sp.xml", "acs": "https://evil.example/"})[
            0
        ]
    )


def acs(path: str, index: int, default: str = "") -> str:
    return (
        f'<md:AssertionConsumerService index="{index}" Location="https://sp.example/{path}"'
        f' Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"'
        f"{default and f' isDefault={default!r}'}/>"
    )


@pytest.mark.parametrize(
    ("listed", "chosen"),
    [
        ([], EMAIL_FORMAT),
        ([PERSISTENT_FORMAT, EMAIL_FORMAT], EMAIL_FORMAT),
        ([PERSISTENT_FORMAT, UNSPECIFIED_FORMAT], UNSPECIFIED_FORMAT),
        (["urn:x", PERSISTENT_FORMAT], PERSISTENT_FORMAT),
        (["urn:x"], EMAIL_FORMAT),
    ],
)
def test_the_format_of_names_is_one_that_the_service_provider_lists(tmp_path, listed, chosen):
    formats = "".join(f"<md:NameIDFormat>{each}</md:NameIDFormat>" for each in listed)
    (tmp_path / "sp.xml").write_text(sp_metadata(formats))

    assert load_one(tmp_path, metadata="sp.xml").name_id_format == chosen


ENCRYPTION = key_descriptor(use='use="encryption"')


@pytest.mark.parametrize(
    ("keys", "encrypt", "is_encrypted"),
    [
        (ENCRYPTION, "auto", True),
        (ENCRYPTION, "never", False),
        (key_descriptor(use=""), "auto", False),
        (key_descriptor(use=""), "always", True),
        ("", "auto", False),
    ],
)
def test_assertions_are_encrypted_if_there_is_a_key_meant_for_it(
    tmp_path, keys, encrypt, is_encrypted
):
    (tmp_path / "sp.xml").write_text(sp_metadata(keys))

    application = load_one(tmp_path, metadata="sp.xml", encrypt=encrypt)

    assert (application.recipient is not None) is is_encrypted


REQUESTED = (
    '<md:AttributeConsumingService index="{index}"{default}>'
    '<md:ServiceName xml:lang="en">S</md:ServiceName>{attributes}</md:AttributeConsumingService>'
)


def asking(*names: str, index: int = 1, default: str = "", required: str = "true") -> str:
    attributes = "".join(
        f'<md:RequestedAttribute Name="{name}" isRequired="{required}"/>' for name in names
    )
    return REQUESTED.format(index=index, default=default, attributes=attributes)


def test_what_the_metadata_asks_for_by_a_known_name_is_said(tmp_path):
    mail = "urn:oid:0.9.2342.19200300.100.1.3"
    (tmp_path / "sp.xml").write_text(
        sp_metadata(services=asking(mail, "urn:secret", "mail") + asking("title", index=2))
    )

    loaded = load_applications(
        configured(tmp_path, {"name": "A", "metadata": "sp.xml"}), sources(tmp_path)
    )

    (application,) = loaded.registry.applications
    usual = ["mail", "givenName", "sn", "displayName"]
    assert [rule.name for rule in application.attributes_for(None)] == [*usual, mail]
    assert [rule.name for rule in application.attributes_for(1)] == [*usual, mail]
    assert [rule.name for rule in application.attributes_for(2)] == [*usual, "title"]
    assert [rule.name for rule in application.attributes_for(9)] == usual
    assert loaded.notes == (
        "application A: it requires the attribute urn:secret, of which `attributes` says nothing",
    )


def test_who_says_what_is_told_tells_nothing_else(tmp_path):
    (tmp_path / "sp.xml").write_text(sp_metadata(services=asking("title")))

    application = load_one(tmp_path, metadata="sp.xml", attributes={"id": "userName"})

    assert [rule.name for rule in application.attributes_for(None)] == ["id"]


def test_a_set_of_attributes_is_taken_by_name_and_added_to(tmp_path):
    own = {"mail": {"from": "emails.value", "transform": ["lower"]}, "role": {"constant": "x"}}

    application = load_one(tmp_path, **PORTAL, attribute_set="basic", attributes=own)

    names = [rule.name for rule in application.attributes]
    assert names == ["givenName", "sn", "displayName", "mail", "role"]


def test_the_faults_of_all_applications_are_said_at_once(tmp_path):
    (tmp_path / "bad.xml").write_text("<x/>")
    (tmp_path / "signed.xml").write_text(sp_metadata(role='WantAssertionsSigned="true"'))

    faults = faults_of(
        tmp_path,
        {"name": "A", "preset": "mimecast-nothing", "region": "us", "account_code": "CUSA1A1"},
        {"name": "B", **PORTAL, "region": "mars", "account_code": "nine"},
        {"name": "C", "metadata": "bad.xml"},
        {"name": "D", "metadata": "http://sp.example/md"},
        {"name": "E", **PORTAL, "acs": "javascript:alert(1)", "portal_acs": "x", "name_id": "mail"},
        {"name": "F", **PORTAL, "attribute_set": "nope", "attributes": {"x": "mail"}},
        {"name": "G", "metadata": "signed.xml", "sign_assertion": False, "encrypt": "always"},
    )

    keys = [fault.split(": ")[1].removeprefix("application") for fault in faults]
    assert keys == [
        *(
            "[0].preset",
            "[1].region",
            "[1].account_code",
            "SPSSODescriptor",
            "must be an https URL",
        ),
        *("[4].acs", "[4].portal_acs", "[4].name_id", "[5].attribute_set", "[5].attributes.x"),
        *("[6].sign_assertion", "[6].encrypt"),
    ]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "needs metadata"),
        ({"entity_id": "x"}, "needs metadata"),
        ({"metadata": "https://x/", **PORTAL}, "either metadata"),
        ({"metadata": "https://x/", "region": "us"}, "region: only of use with preset"),
        ({**PORTAL, "sign_response": False, "sign_assertion": False}, "cannot both be false"),
        ({**PORTAL, "encrypt": "maybe"}, "'auto', 'always' or 'never'"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(tmp_path, settings, words):
    with pytest.raises(ValueError, match=words):
        configured(tmp_path, {"name": "A", **settings})


def test_two_applications_that_nobody_could_tell_apart_are_refused(tmp_path):
    faults = faults_of(tmp_path, {"name": "Mail", **PORTAL}, {"name": "MAIL!", **PORTAL})

    assert "too much alike (mail)" in faults[0]
    assert f"have the entity ID {ENTITY_ID}" in faults[1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nothing = ", "cannot be read"),
        ("[preset.x]", "preset.x.title: is missing"),
        ('[preset.x]\ntitle = 1\ncolour = "red"', "preset.x.colour: unknown key"),
        ('[preset.x]\ntitle = 1\ncolour = "red"', "preset.x.title: must be text"),
        ('[preset.x]\nacs = ["http://x"]', "https address"),
        ('[preset.x]\nacs = "https://x"', "list of texts"),
        ('[preset.x]\naccount_code = "("', "no regular expression"),
        ('[preset.x]\nentity_id = "{hots}"', "what {hots} stands for"),
        ('[preset.x]\nsteps = ["{oops}"]', "what {oops} stands for"),
        ('[preset.x]\nregions = { us = "x" }', "must be a table such as"),
    ],
)
def test_a_file_of_presets_with_faults_is_refused(tmp_path, text: str, words: str):
    (tmp_path / PRESETS_FILE).write_text(text)

    with pytest.raises(ConfigurationError) as refused:
        load_presets([tmp_path, SHIPPED])
    assert words in str(refused.value)
    assert str(tmp_path / PRESETS_FILE) in str(refused.value)


@pytest.mark.parametrize(
    ("load_data", "name"), [(load_presets, PRESETS_FILE), (load_attribute_sets, SETS_FILE)]
)
def test_a_data_file_that_is_not_there_is_said(tmp_path, load_data, name):
    with pytest.raises(ConfigurationError, match=f"{name}: cannot be read: no such file"):
        load_data([tmp_path])
