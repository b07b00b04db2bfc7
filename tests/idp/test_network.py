"""Addresses and networks, those of IPv4 within IPv6 included."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.idp.network import NetworkSet, parse_address

networks = st.one_of(
    st.builds(
        lambda number, bits: ip_network((number >> (32 - bits) << (32 - bits), bits)),
        st.integers(0, 2**32 - 1),
        st.integers(0, 32),
    ),
    st.builds(
        lambda number, bits: ip_network((number >> (128 - bits) << (128 - bits), bits)),
        st.integers(2**33, 2**128 - 1),
        st.integers(1, 128),
    ),
)
addresses = st.ip_addresses()


@given(st.lists(networks, max_size=8), addresses)
def test_an_address_is_in_a_set_as_it_is_in_one_of_its_networks(some, address):
    plain = getattr(address, "ipv4_mapped", None) or address

    assert (address in NetworkSet(tuple(some))) == any(plain in one for one in some)


@given(st.lists(networks, min_size=1, max_size=8), st.data())
def test_the_ends_of_each_network_are_in_it(some, data):
    one = data.draw(st.sampled_from(some))

    for address in (one[0], one[-1]):
        if getattr(address, "ipv4_mapped", None) is None:
            assert address in NetworkSet(tuple(some))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("::ffff:a01:203", "10.1.2.3"),
        ("2001:DB8::1", "2001:db8::1"),
    ],
)
def test_an_address_is_what_it_means(text: str, address: str):
    assert parse_address(text) == ip_address(address)


@pytest.mark.parametrize(
    "text", ["", "unix:", "10.1.2", "10.1.2.3:80", "10.1.2.3, 10.1.2.4", "anna"]
)
def test_what_is_no_address_is_none(text: str):
    assert parse_address(text) is None


def test_an_address_that_is_not_known_is_in_no_network():
    assert None not in NetworkSet((ip_network("0.0.0.0/0"), ip_network("::/0")))


def test_a_set_reads_as_it_was_written():
    some = NetworkSet((ip_network("10.9.0.0/16"), ip_network("10.0.0.0/8")))

    assert str(some) == "10.9.0.0/16, 10.0.0.0/8"
    assert some == NetworkSet(some.networks)
    assert not NetworkSet()
