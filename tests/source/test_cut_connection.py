"""Row 4 of what the product must show: a connection that breaks in the middle of a page."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.clock import SystemClock
from connector.errors import SourceUnavailable
from connector.source.reader import LdapSource
from connector.source.roll_call import RollCall
from tests.source.reading import WANTED, read, source_of, to_end

pytestmark = pytest.mark.real
PAGE_SIZE = 25


@pytest.fixture(scope="module")
def seeded(samba):
    samba.reset(users=120, groups=12)
    return samba


def through(proxy, samba):
    return samba.source_settings(servers=(proxy.url,), ca_file=proxy.ca_file, page_size=PAGE_SIZE)


def count_pages(proxy, settings):
    proxy.mend()
    read(settings)
    return proxy.page_count


@pytest.mark.parametrize("after_entries", [0, 1, 10])
def test_a_cut_in_any_page_breaks_the_read_off_loudly(proxy, seeded, after_entries):
    settings = through(proxy, seeded)
    whole = read(settings)
    page_count = count_pages(proxy, settings)
    assert page_count > 6

    for page in range(1, page_count + 1):
        proxy.cut_in_page(page, after_entries)
        batch = LdapSource(settings, WANTED, SystemClock()).read_full(
            RollCall(dict(whole.digests)), None
        )
        with pytest.raises(SourceUnavailable):
            list(batch)
        with pytest.raises(RuntimeError):
            _ = batch.proof

    proxy.mend()
    assert read(settings, whole.digests).unchanged


def test_a_cut_in_any_page_of_a_read_of_changes_breaks_it_off_loudly(proxy, seeded):
    settings = through(proxy, seeded)
    since = replace(read(settings).proof.watermark, cookie=b"")
    for number in range(60):
        seeded.people.modify(seeded.people.find(f"user{number:06d}"), title="changed")
    proxy.mend()
    assert len(to_end(source_of(settings).read_changes(since)).users) == 60
    page_count = proxy.page_count
    assert page_count >= 3

    ends = []
    for page in range(1, page_count + 1):
        proxy.cut_in_page(page)
        ends.append(end_of(source_of(settings).read_changes(since)))
    assert set(ends) <= {None, SourceUnavailable}  # a page without entries cannot be cut
    assert ends.count(SourceUnavailable) >= 3


def end_of(batch):
    try:
        list(batch)
    except SourceUnavailable as error:
        return type(error)
    return None


def test_no_page_of_a_broken_read_holds_an_entry_twice(proxy, seeded):
    settings = through(proxy, seeded)
    proxy.cut_in_page(3, 5)
    seen = []

    with pytest.raises(SourceUnavailable):
        for page in LdapSource(settings, WANTED, SystemClock()).read_full(RollCall({}), None):
            seen += [entry.external_id for entry in page.entries]

    assert len(seen) == 2 * PAGE_SIZE
    assert len(set(seen)) == len(seen)


def test_a_reader_that_stops_early_hangs_up(proxy, seeded):
    batch = LdapSource(through(proxy, seeded), WANTED, SystemClock()).read_full(RollCall({}), None)

    pages = iter(batch)
    next(pages)
    pages.close()

    assert proxy.page_count <= 2  # the next page may have been asked for already
