"""People are told at the address that the directory has, in their language, if a server is configured."""

from __future__ import annotations

from email import message_from_bytes, policy

import pytest
from structlog.testing import capture_logs

from connector.idp.notices import Mailed, Silent, address_of
from connector.mail.notice import FactorAdded, Occasion
from connector.mail.outbox import Outbox
from tests.idp.bench import NOW, a_user
from tests.mail.desk import LETTERHEAD

ADDED = FactorAdded(Occasion(NOW, "192.0.2.7"), "passkey", "Laptop")


@pytest.fixture
def outbox(engine) -> Outbox:
    return Outbox(engine)


@pytest.fixture
def notices(outbox: Outbox, clock) -> Mailed:
    clock.moment = NOW
    return Mailed(outbox, LETTERHEAD, clock, lambda count: bytes(range(count)))


def anna(**document: object):
    user = a_user("ann-1", "anna.berg@corp.example")
    return a_user("ann-1", "anna.berg@corp.example", document={**user.document, **document})


def told(outbox: Outbox):
    letter = outbox.claim(NOW)
    return message_from_bytes(letter.message, policy=policy.default)


def test_a_person_is_told_at_their_primary_address(notices: Mailed, outbox: Outbox):
    emails = [{"value": "other@corp.example"}, {"value": "anna@corp.example", "primary": True}]

    with capture_logs() as lines:
        notices.tell(anna(emails=emails), ADDED)

    message = told(outbox)
    assert message["To"] == "anna@corp.example"
    assert message["Subject"] == "Northwind: A passkey was added to your sign-on"
    assert message["Message-ID"] == "<000102030405060708090a0b0c0d0e0f@corp.example>"
    assert message.get_content().startswith("Hello Anna Berg,")
    # The log knows no address.
    queued = {"event": "mail.queued", "external_id": "ann-1", "notice": "factor-added"}
    assert lines == [queued | {"log_level": "info"}]


@pytest.mark.parametrize(
    ("document", "language"),
    [
        ({}, "en"),
        ({"preferredLanguage": "de"}, "de"),
        ({"preferredLanguage": "de-AT, en;q=0.5"}, "de"),
        ({"preferredLanguage": "en-GB, de", "locale": "de-DE"}, "en"),
        ({"locale": "de_DE"}, "de"),
        ({"preferredLanguage": "den"}, "en"),
        ({"preferredLanguage": "fr"}, "en"),
    ],
)
def test_a_person_is_told_in_their_language(
    notices: Mailed, outbox: Outbox, document: dict[str, str], language: str
):
    notices.tell(anna(**document), ADDED)

    assert told(outbox)["Content-Language"] == language


@pytest.mark.parametrize(
    "emails",
    [None, [], [{}], [{"value": "anna"}], [{"value": "a@x.test\r\nBcc: eve@evil.test"}], ["a@x"]],
)
def test_who_has_no_address_is_not_told_and_that_is_said(
    notices: Mailed, outbox: Outbox, emails: object
):
    with capture_logs() as lines:
        notices.tell(anna(emails=emails), ADDED)

    assert outbox.claim(NOW) is None
    (entry,) = outbox.entries(NOW)
    assert entry.given_up == "mail-no-address"
    assert [(line["event"], line["reason"]) for line in lines] == [
        ("mail.given_up", "mail-no-address")
    ]


def test_an_address_that_can_be_used_comes_before_one_that_cannot():
    emails = [{"value": "not an address", "primary": True}, {"value": "anna@corp.example"}]

    assert address_of({"emails": emails}) == "anna@corp.example"


def test_without_a_mail_server_nobody_is_told(outbox: Outbox):
    Silent().tell(anna(), ADDED)

    assert outbox.tally()["queued"] == 0
