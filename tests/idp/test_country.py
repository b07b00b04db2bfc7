"""Countries of addresses, by files as publishers write them."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from connector.errors import ConfigurationError
from connector.idp.country import open_countries
from connector.idp.network import parse_address
from tests.parts.mmdb import write_mmdb

if TYPE_CHECKING:
    from pathlib import Path

RECORDS = {
    "81.2.69.0/24": {"country": {"iso_code": "GB", "geoname_id": 2_635_167}},
    "175.45.176.0/22": {"country": {"iso_code": "KP"}, "continent": {"code": "AS"}},
    "2001:db8::/32": {"country": {"iso_code": "DE"}},
    "198.51.100.0/24": {"country": "fr"},
    "203.0.113.0/24": {"registered_country": {"iso_code": "US"}},
    "192.0.2.0/24": {"country": {"names": {"en": "Nowhere"}}},
}


@pytest.mark.parametrize(
    ("address", "country"),
    [
        ("81.2.69.142", "GB"),
        ("::ffff:81.2.69.142", "GB"),
        ("175.45.178.1", "KP"),
        ("2001:db8::7", "DE"),
        ("198.51.100.1", "FR"),
        # Where it is registered is not where it is.
        ("203.0.113.1", ""),
        ("192.0.2.1", ""),
        ("10.0.0.1", ""),
        ("2001:db9::1", ""),
        ("not an address", ""),
    ],
)
def test_an_address_is_in_the_country_that_the_file_says(
    tmp_path: Path, address: str, country: str
):
    countries = open_countries(write_mmdb(tmp_path / "countries.mmdb", RECORDS))

    assert countries.of(parse_address(address)) == country


def test_a_file_of_ipv4_knows_no_other_addresses(tmp_path: Path):
    records = {"81.2.69.0/24": {"country": {"iso_code": "GB"}}}
    countries = open_countries(write_mmdb(tmp_path / "countries.mmdb", records, ip_version=4))

    assert countries.of(parse_address("81.2.69.1")) == "GB"
    assert countries.of(parse_address("2001:db8::1")) == ""


def test_without_a_file_no_country_is_known():
    assert open_countries(None).of(parse_address("81.2.69.142")) == ""


def test_without_the_library_it_is_said_how_to_get_it(tmp_path: Path):
    """It is an optional extra; here a process that does not have it."""
    path = write_mmdb(tmp_path / "countries.mmdb", RECORDS)
    program = (
        "import sys; from pathlib import Path; sys.modules['maxminddb'] = None\n"
        "from connector.idp.country import open_countries\n"
        "open_countries(None), open_countries(Path(sys.argv[1]))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "needs the extra `countries`: pip install 'connector[countries]'" in done.stderr


def test_what_is_no_such_file_is_a_fault_with_its_key(tmp_path: Path):
    path = tmp_path / "countries.mmdb"
    path.write_text("country,network\n")

    with pytest.raises(ConfigurationError, match=re.escape("idp.countries_file: ")) as caught:
        open_countries(path)
    assert str(caught.value).endswith("is no MaxMind file")


def test_a_file_that_is_not_there_is_a_fault(tmp_path: Path):
    with pytest.raises(ConfigurationError, match=r"cannot read .*: No such file"):
        open_countries(tmp_path / "nowhere.mmdb")


def test_a_damaged_file_does_not_pass_for_one_that_knows_no_country(tmp_path: Path):
    """Whoever refuses a country must not let it in because a disk failed."""
    path = write_mmdb(tmp_path / "countries.mmdb", RECORDS)
    octets = path.read_bytes()
    # The type of the first record becomes one that does not exist.
    at = octets.index(bytes(16)) + 16
    path.write_bytes(octets[:at] + b"\x01\x30" + octets[at + 2 :])

    with pytest.raises(ConfigurationError, match="the file is damaged"):
        open_countries(path).of(parse_address("81.2.69.142"))
