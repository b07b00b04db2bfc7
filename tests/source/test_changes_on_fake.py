"""Reads of changes from a directory that misbehaves as Samba cannot."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest

from connector.errors import SourceUnavailable, WatermarkLost
from connector.source.batch import Watermark
from tests.parts.ldap_fake import BASE
from tests.source.reading import read, source_of, to_end

COPY = uuid.uuid5(uuid.NAMESPACE_OID, "copy")


@pytest.fixture
def since(fake):
    """Of the last read, at number 10; the fake takes every user for changed."""
    service = fake.add_group("service", invocationId=COPY.bytes_le)
    fake.root |= {
        "defaultNamingContext": [BASE.encode()],
        "highestCommittedUSN": [b"20"],
        "dsServiceName": [service.encode()],
    }
    for number in range(30):
        fake.add_user(f"user{number:03d}")
    return Watermark("dc1", str(COPY), 10, datetime(2026, 11, 2, tzinfo=UTC))


def changes(fake, since, **overrides):
    return to_end(source_of(fake.source_settings(**overrides)).read_changes(since))


@pytest.mark.parametrize("code", [3, 4, 11, 32])
@pytest.mark.parametrize("page", [1, 2])
def test_a_search_that_is_cut_loses_the_watermark(fake, since, code, page):
    assert len(changes(fake, since, page_size=10).users) == 30
    fake.search_ends["user"] = (code, "", page)

    with pytest.raises(WatermarkLost, match="cannot be told"):
        changes(fake, since, page_size=10)


@pytest.mark.parametrize("code", [1, 2, 51, 52, 53, 80])
def test_a_search_that_is_refused_breaks_the_read_off(fake, since, code):
    fake.search_ends["user"] = (code, "because", 2)

    with pytest.raises(SourceUnavailable, match="because") as caught:
        changes(fake, since, page_size=10)
    assert not isinstance(caught.value, WatermarkLost)


def test_a_number_that_fell_means_restored_from_a_backup(fake, since):
    fake.root["highestCommittedUSN"] = [b"9"]

    with pytest.raises(WatermarkLost, match="is 9, and was 10"):
        changes(fake, since)


def test_a_server_that_is_not_there_is_no_lost_watermark(fake, since):
    with pytest.raises(SourceUnavailable) as caught:
        changes(fake, since, servers=("ldaps://127.0.0.1:9",))
    assert not isinstance(caught.value, WatermarkLost)


def test_a_domain_that_is_another_loses_the_watermark(fake, since):
    fake.root["defaultNamingContext"] = [b"DC=other,DC=test"]

    with pytest.raises(WatermarkLost, match="DC=other,DC=test"):
        changes(fake, since)


def test_an_empty_answer_proves_nothing(fake):
    anna = fake.add_user("anna")
    known = read(fake.source_settings()).digests
    fake.delete(anna)

    reading = read(fake.source_settings(), known)

    assert not reading.proof.is_complete
    assert not reading.departures
    assert "0 users read" in reading.proof.reason
