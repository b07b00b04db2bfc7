"""What is said of a person is what the directory holds, under the name the application takes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.idp.application.attribute_path import values_at
from connector.idp.application.service_provider import AcsEndpoint, ServiceProvider
from connector.idp.message.assertion import choose_name_id
from connector.idp.names import EMAIL_FORMAT, PERSISTENT_FORMAT, TRANSIENT_FORMAT
from tests.idp.bench import a_user, an_application

ANN = a_user("ann-1", "ann.lind@corp.example")
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
DOCUMENT = {
    "userName": "ann",
    "active": True,
    "level": 7,
    "empty": "",
    "nothing": None,
    "name": {"givenName": "Ann"},
    "emails": [
        {"value": "home@x", "type": "home"},
        {"value": "work@x", "type": "work", "primary": True},
    ],
    "phoneNumbers": [{"value": "1", "type": "work"}, {"value": "2", "type": "mobile"}],
    ENTERPRISE: {"department": "IT", "manager": {"value": "m-1"}},
}


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("userName", ("ann",)),
        ("name.givenName", ("Ann",)),
        ("emails.value", ("work@x",)),
        ('emails[type eq "home"].value', ("home@x",)),
        ('emails[type eq "home"]', ("home@x",)),
        ('emails[type eq "fax"].value', ()),
        ("phoneNumbers.value", ("1", "2")),
        (f"{ENTERPRISE}:department", ("IT",)),
        (f"{ENTERPRISE}:manager.value", ("m-1",)),
        ("urn:other:department", ()),
        ("active", ("true",)),
        ("level", ("7",)),
        ("empty", ()),
        ("nothing", ()),
        ("name", ()),
        ("userName.x", ()),
        ("absent.value", ()),
    ],
)
def test_an_attribute_path_finds_its_values(path: str, values: tuple[str, ...]):
    assert values_at(DOCUMENT, path) == values


def test_the_usual_name_is_the_address():
    found = choose_name_id(ANN, an_application(), "", lambda: "fresh")

    assert (found.value, found.format) == ("ann.lind@corp.example", EMAIL_FORMAT)


def test_a_transient_name_is_a_fresh_one():
    found = choose_name_id(ANN, an_application(), TRANSIENT_FORMAT, lambda: "fresh")

    assert (found.value, found.format) == ("fresh", TRANSIENT_FORMAT)


def test_a_persistent_name_stays_and_differs_between_service_providers():
    other = ServiceProvider("other", (AcsEndpoint("https://o/acs"),))
    names = [
        choose_name_id(user, application, PERSISTENT_FORMAT, lambda: "fresh").value
        for user in (ANN, replace(ANN, login_names=("new@corp.example",)))
        for application in (an_application(), an_application(service_provider=other))
    ]

    assert names[0] == names[2] != names[1] == names[3]
    assert "ann" not in names[0]


def test_a_persistent_name_may_be_a_value_of_the_directory():
    application = an_application(name_id="userName", name_id_format=PERSISTENT_FORMAT)

    assert choose_name_id(ANN, application, PERSISTENT_FORMAT, lambda: "fresh").value == (
        "ann.lind@corp.example"
    )


@pytest.mark.parametrize("value", ["", "a\x00b@x", "a\nb@x", "a\ufffdb@x"])
def test_a_value_that_is_no_name_names_nobody(value: str):
    user = replace(ANN, document={"emails": [{"value": value}]})

    assert choose_name_id(user, an_application(), "", lambda: "fresh") is None


def test_a_name_that_is_no_address_is_not_passed_off_as_one():
    application = an_application(name_id="displayName", name_id_format=PERSISTENT_FORMAT)

    assert choose_name_id(ANN, application, EMAIL_FORMAT, lambda: "fresh") is None
